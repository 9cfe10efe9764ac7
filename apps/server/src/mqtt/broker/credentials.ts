/**
 * Device authentication by token: SHA-256 compared in constant time, records cached for a short while, lookups of a
 * reconnecting fleet joined into few queries. Does not decide what an authenticated device may do (access.ts).
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { DeviceDirectory, DeviceRecord } from '@tinyfleet/telemetry';
import type { DeviceAddress } from '@tinyfleet/wire';

/** Unknown and suspended names are remembered this long: repeating one costs no query, one that was let in hardly waits. */
const unknownTtlMs = 1_000;
/** Cached names beyond this push out the oldest. */
const maxEntries = 200_000;
/** Lookups wait this long for company. */
const gatherMs = 2;
const maxGathered = 500;

interface Entry {
  readonly record: Promise<DeviceRecord | undefined>;
  expiresAt: number;
}
interface Waiting {
  readonly address: DeviceAddress;
  resolve(record: DeviceRecord | undefined): void;
  reject(error: unknown): void;
}

export class DeviceCredentials {
  private readonly entries = new Map<string, Entry>();
  private waiting: Waiting[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly directory: DeviceDirectory,
    private readonly ttlMs: number,
    /** Told of every device that proved its token. */
    private readonly learn: (record: DeviceRecord, token: Uint8Array) => void = () => {},
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** The device when the token is its own and it is enabled, else undefined. Rejects when the database is away. */
  async authenticate(address: DeviceAddress, token: Uint8Array): Promise<DeviceRecord | undefined> {
    const given = createHash('sha256').update(token).digest();
    const record = await this.lookup(address);
    // An unknown name takes the same path, so that the time of an answer tells nothing.
    const stored = record?.tokenHash.length === given.length ? record.tokenHash : nobody;
    if (!timingSafeEqual(given, stored) || record?.enabled !== true) return undefined;
    this.learn(record, token);
    return record;
  }

  /** The record as cached or stored. */
  lookup(address: DeviceAddress): Promise<DeviceRecord | undefined> {
    const key = `${address.project}/${address.device}`;
    const known = this.entries.get(key);
    if (known && known.expiresAt > this.now()) return known.record;
    const record = new Promise<DeviceRecord | undefined>((resolve, reject) => {
      this.waiting.push({ address, resolve, reject });
      if (this.waiting.length >= maxGathered) this.flush();
      else this.timer ??= setTimeout(() => this.flush(), gatherMs);
    });
    const entry: Entry = { record, expiresAt: this.now() + this.ttlMs };
    this.entries.delete(key);
    this.entries.set(key, entry);
    if (this.entries.size > maxEntries) this.entries.delete(this.entries.keys().next().value!);
    record.then(
      (found) => {
        if (found?.enabled !== true) entry.expiresAt = this.now() + unknownTtlMs;
      },
      () => {
        if (this.entries.get(key) === entry) this.entries.delete(key);
      },
    );
    return record;
  }

  /** Forgets one device, or with no device all of a project. */
  invalidate(project: string, device?: string): void {
    if (device !== undefined) {
      this.entries.delete(`${project}/${device}`);
      return;
    }
    for (const key of this.entries.keys()) if (key.startsWith(`${project}/`)) this.entries.delete(key);
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const asked = this.waiting;
    this.waiting = [];
    this.directory.find(asked.map(({ address }) => address)).then(
      (found) => asked.forEach((one, i) => one.resolve(found[i])),
      (error: unknown) => asked.forEach((one) => one.reject(error)),
    );
  }
}

/** No token hashes to this in practice; it only gives the comparison something to compare. */
const nobody = new Uint8Array(32);
