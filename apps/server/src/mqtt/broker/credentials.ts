/**
 * Device authentication: SHA-256 of a token compared in constant time, records cached for a short while, lookups of a
 * reconnecting fleet joined into few queries. Does not decide what an authenticated device may do (access.ts).
 */
import { createHash, hash, timingSafeEqual } from 'node:crypto';
import type { CredentialRecord, DeviceDirectory, DeviceRecord } from '@tinyfleet/telemetry';
import type { DeviceAddress } from '@tinyfleet/wire';
import { isFleetError } from '@tinyfleet/errors';
import type { Refusal, RefusalFacts } from './refusals.js';

/** Unknown and suspended names are remembered this long: repeating one costs no query, one that was let in hardly waits. */
/** The longest that setTimeout takes: Infinity would be a millisecond. */
const longestTimerMs = 2 ** 31 - 1;
const unknownTtlMs = 1_000;
/** A cached record that refuses is asked for again when it is older: a credential may be new. */
const freshMs = 50;
/** Of one that is held up for its failures: once a second and name, however often it comes. */
const heldFreshMs = 1_000;
/** Refused certificates of those that are held up, remembered as long. */
const maxRefused = 10_000;
/** Cached names beyond this push out the oldest. */
const maxEntries = 200_000;
/** Lookups wait this long for company. */
const gatherMs = 2;
const maxGathered = 500;
/** Queries at a time: while they are under way a reconnecting fleet gathers into few large ones. */
const maxAsking = 2;

/** After a lookup that failed the record before it serves so long, then the database is asked again. */
const staleTtlMs = 5_000;

interface Entry {
  /** Of who was let in; what it may fall back to. */
  last: DeviceRecord | undefined;
  readonly record: Promise<DeviceRecord | undefined>;
  readonly since: number;
  expiresAt: number;
}
interface Waiting {
  readonly address: DeviceAddress;
  resolve(record: DeviceRecord | undefined): void;
  reject(error: unknown): void;
}

export interface Admitted {
  readonly device: DeviceRecord;
  readonly credential: CredentialRecord;
}
/** Who came in, or why not. */
export type Verdict = Admitted | { readonly refusal: Refusal; readonly facts?: RefusalFacts };

/** Decides about certificates that no device is known to hold; on success the device holds it. */
export interface CertificateAdmission {
  /** @throws FleetError of area `mqtt` */
  admit(
    address: DeviceAddress,
    chain: readonly Uint8Array[],
    peer: { readonly source: string; readonly skewMs: number },
  ): Promise<void>;
}

export class DeviceCredentials {
  private readonly entries = new Map<string, Entry>();
  /** Projects of cached records by id, and until when one of them is trusted. */
  private readonly projects = new Map<string, { readonly name: string; readonly until: number }>();
  /** Client id and digest of the chain -> why it was refused, and until when that is believed of who is held up. */
  private readonly refused = new Map<string, { readonly verdict: Verdict; readonly until: number }>();
  private waiting: Waiting[] = [];
  private timer: NodeJS.Timeout | undefined;
  private asking = 0;

  constructor(
    private readonly directory: DeviceDirectory,
    private readonly ttlMs: number,
    private readonly now: () => number = () => performance.now(),
    /** Without it certificates are refused. */
    private readonly admission?: CertificateAdmission,
    /** Clocks of those who sign may be wrong by so much. */
    private readonly skewMs: number = 0,
    /** A lookup that takes longer is answered from what was known before, if anything was. */
    private readonly waitMs: number = longestTimerMs,
  ) {}

  /** Rejects when the database is away. */
  async authenticate(
    address: DeviceAddress,
    token: Uint8Array,
    { isHeld = false }: { readonly isHeld?: boolean } = {},
  ): Promise<Verdict> {
    const given = hash('sha256', token, 'buffer');
    return await this.decide(address, isHeld, (device) => {
      let found: CredentialRecord | undefined;
      // All are compared, and an unknown name takes the same path: the time of an answer tells nothing.
      for (const one of device?.credentials ?? nobody)
        if (one.hash.length === given.length && timingSafeEqual(given, one.hash) && one.kind === 'token')
          found = one;
      return found && !hasEnded(found) ? found : undefined;
    });
  }

  /** `chain` DER: the certificate, then what came with it. Rejects when the database is away. */
  async authenticateByCertificate(
    address: DeviceAddress,
    chain: readonly Uint8Array[],
    { source, isHeld = false }: { readonly source: string; readonly isHeld?: boolean },
  ): Promise<Verdict> {
    const fingerprint = hash('sha256', chain[0]!, 'buffer');
    const find = (device: DeviceRecord | undefined): CredentialRecord | undefined =>
      device?.credentials.find(
        (one) => one.kind === 'certificate' && fingerprint.equals(one.hash) && this.isInTime(one),
      );
    const verdict = await this.decide(address, isHeld, find);
    if (!('refusal' in verdict) || verdict.refusal !== 'mqtt.credentials-wrong') return verdict;
    if (!this.admission) return verdict;
    const key = `${address.project}/${address.device} ${digestOf(chain)}`;
    const before = this.refused.get(key);
    if (isHeld && before && before.until > this.now()) return before.verdict;
    const refusal = await this.judge(this.admission, address, chain, source);
    if (refusal) {
      this.refused.delete(key);
      this.refused.set(key, { verdict: refusal, until: this.now() + heldFreshMs });
      if (this.refused.size > maxRefused) this.refused.delete(this.refused.keys().next().value!);
      return refusal;
    }
    this.invalidate(address.project, address.device);
    return await this.decide(address, isHeld, find);
  }

  /** Why an unknown certificate is refused; undefined: the device holds it from now on. */
  private async judge(
    admission: CertificateAdmission,
    address: DeviceAddress,
    chain: readonly Uint8Array[],
    source: string,
  ): Promise<Verdict | undefined> {
    try {
      await admission.admit(address, chain, { source, skewMs: this.skewMs });
      return undefined;
    } catch (error) {
      if (!isFleetError(error)) throw error;
      if (error.code.startsWith('mqtt.'))
        return { refusal: error.code as Refusal, facts: error.data as RefusalFacts };
      // No certificate that can be read, or a device that may not have one.
      const clientId = `${address.project}/${address.device}`;
      if (error.status < 500)
        return { refusal: 'mqtt.certificate-unsuitable', facts: { clientId, reason: error.message } };
      throw error;
    }
  }

  private isInTime({ startsAt, expiresAt }: CredentialRecord): boolean {
    const now = Date.now();
    return (startsAt ?? 0) - this.skewMs <= now && now < (expiresAt ?? Infinity) + this.skewMs;
  }

  private async decide(
    address: DeviceAddress,
    isHeld: boolean,
    find: (device: DeviceRecord | undefined) => CredentialRecord | undefined,
  ): Promise<Verdict> {
    let device = await this.lookup(address);
    let credential = find(device);
    // A new credential is good at once: what does not fit the cache is compared with the database, 20 times a second and name at
    // most, once when it is held up.
    if (
      (!credential || !device || refusalOf(device)) &&
      this.forgetOlder(address, isHeld ? heldFreshMs : freshMs)
    ) {
      device = await this.lookup(address);
      credential = find(device);
    }
    if (!device || !credential) return { refusal: 'mqtt.credentials-wrong' };
    const refusal = refusalOf(device);
    return refusal === undefined ? { device, credential } : { refusal };
  }

  /** @returns whether the cached record was older, and is forgotten now */
  private forgetOlder({ project, device }: DeviceAddress, ageMs: number): boolean {
    const known = this.entries.get(`${project}/${device}`);
    if (known && this.now() - known.since < ageMs) return false;
    this.invalidate(project, device);
    return true;
  }

  /** Whether what was admitted once would still be, as cached or stored. Rejects when the database is away. */
  async stillAdmitted({ device, credential }: Admitted): Promise<Admitted | undefined> {
    const record = await this.lookup(device);
    if (record?.deviceId !== device.deviceId || refusalOf(record) !== undefined) return undefined;
    const same = record.credentials.find(({ id }) => id === credential.id);
    const isGood = same?.kind === 'certificate' ? this.isInTime(same) : same && !hasEnded(same);
    return same && isGood ? { device: record, credential: same } : undefined;
  }

  /** The record as cached or stored. */
  lookup(address: DeviceAddress): Promise<DeviceRecord | undefined> {
    const key = `${address.project}/${address.device}`;
    const known = this.entries.get(key);
    if (known && known.expiresAt > this.now()) return known.record;
    const asked = new Promise<DeviceRecord | undefined>((resolve, reject) => {
      this.waiting.push({ address, resolve, reject });
      if (this.waiting.length >= maxGathered) this.flush();
      else this.timer ??= setTimeout(() => this.flush(), gatherMs);
    });
    const last = known?.last;
    let isStale = false;
    const record = last
      ? this.orElse(asked, () => {
          isStale = true;
          return last;
        })
      : asked;
    const entry: Entry = { record, last, since: this.now(), expiresAt: this.now() + this.ttlMs };
    this.entries.delete(key);
    this.entries.set(key, entry);
    if (this.entries.size > maxEntries) this.entries.delete(this.entries.keys().next().value!);
    record.then(
      (found) => {
        if (found?.enabled !== true) entry.expiresAt = this.now() + unknownTtlMs;
        else if (isStale) entry.expiresAt = this.now() + staleTtlMs;
        entry.last = found?.enabled === true ? found : undefined;
        if (found) this.projects.set(found.projectId, { name: found.project, until: entry.expiresAt });
      },
      () => {
        if (this.entries.get(key) === entry) this.entries.delete(key);
      },
    );
    return record;
  }

  /** What was asked for, or the record before it when the database fails or says nothing. */
  private orElse(
    asked: Promise<DeviceRecord | undefined>,
    last: () => DeviceRecord,
  ): Promise<DeviceRecord | undefined> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(last()), this.waitMs);
      asked.then(
        (found) => resolve(found),
        () => resolve(last()),
      );
      void asked.finally(() => clearTimeout(timer)).catch(() => {});
    });
  }

  /** Names, by id, of the projects whose devices a cached record may let in: what changes in them has to be followed. */
  cachedProjects(): ReadonlyMap<string, string> {
    const now = this.now();
    for (const [id, { until }] of this.projects) if (until <= now) this.projects.delete(id);
    return new Map([...this.projects].map(([id, { name }]) => [id, name]));
  }

  /** Forgets one device, or with no device all of a project. */
  invalidate(project: string, device?: string): void {
    if (device !== undefined) {
      this.entries.delete(`${project}/${device}`);
      return;
    }
    for (const key of this.entries.keys()) if (key.startsWith(`${project}/`)) this.entries.delete(key);
    for (const [id, { name }] of this.projects) if (name === project) this.projects.delete(id);
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.asking >= maxAsking) return;
    const asked = this.waiting.splice(0, maxGathered);
    if (asked.length === 0) return;
    this.asking++;
    this.directory
      .find(asked.map(({ address }) => address))
      .then(
        (found) => asked.forEach((one, i) => one.resolve(found[i])),
        (error: unknown) => asked.forEach((one) => one.reject(error)),
      )
      .finally(() => {
        this.asking--;
        this.flush();
      });
  }
}

/** Why a device that proved who it is may not come in all the same. */
export function refusalOf({ enabled, enrolment }: DeviceRecord): Refusal | undefined {
  if (!enabled) return 'mqtt.device-disabled';
  if (enrolment === 'pending') return 'mqtt.device-pending';
  return enrolment === 'rejected' ? 'mqtt.device-rejected' : undefined;
}

/** Of all of them: another chain may lead to an authority. */
function digestOf(chain: readonly Uint8Array[]): string {
  const digest = createHash('sha256');
  for (const der of chain) digest.update(der);
  return digest.digest('base64');
}

const hasEnded = ({ expiresAt }: CredentialRecord): boolean => expiresAt !== null && expiresAt <= Date.now();

/** No token hashes to this in practice; it only gives the comparison something to compare. */
const nobody: readonly CredentialRecord[] = [
  {
    id: '',
    kind: 'token',
    hash: new Uint8Array(32),
    hasKey: false,
    startsAt: null,
    expiresAt: null,
    usedAt: null,
  },
];
