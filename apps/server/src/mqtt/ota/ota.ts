/**
 * Answers devices: every hello with what is desired, every request for chunks with chunks of the one bundle that is
 * desired of that very device, or of the payload that brings it (docs/design/transfer.md). Keeps nothing that a restart
 * could lose; what it holds per connection is a cache.
 */
import type { BegunTransfer, DesiredBundle, DesiredRecord, DesiredStore } from '@tinyfleet/rollouts';
import { FleetError, isFleetError } from '@tinyfleet/errors';
import {
  DEFAULT_CHUNK_BYTES,
  DEFAULT_PACKET_BYTES,
  encode,
  type Desired,
  type Hello,
  type Transfer,
  type Want,
} from '@tinyfleet/wire';
import { TOPIC_ROOT } from '../broker/access.js';
import { RateLimit } from '../broker/rate-limit.js';
import type { DeviceSession } from '../broker/session.js';
import { BlobCache, type BlobReader } from './blob-cache.js';
import { ByteRates } from './byte-rates.js';
import { OfferPace, type Turn } from './offer-pace.js';
import type { OnlineManifests } from './online-manifests.js';
import type { OtaOptions } from './options.js';

/** The chunk's own CBOR around its data. */
const chunkOverheadBytes = 32;
/** Devices program flash in units of up to 32 bytes. */
const chunkUnitBytes = 32;

/** The platform cannot make a device an offer: what the device would have said, had it been asked. */
export type OfferRefused = (
  session: DeviceSession,
  of: { readonly revision: number; readonly deployment: number; readonly error: number },
) => void;

export interface OtaCounters {
  hellos: number;
  /** `down/desired` sent, answers and pushes. */
  desired: number;
  pushed: number;
  wants: number;
  /** Requests for something that is not desired of the device. */
  refusedWants: number;
  chunks: number;
  chunkBytes: number;
  /** Transfers begun, by method. */
  fullTransfers: number;
  compressedTransfers: number;
  deltaTransfers: number;
  /** Bytes that these will not need, for being smaller than the bundle. */
  savedBytes: number;
  /** Manifests with a MAC made; how often one had to wait for its turn. */
  macs: number;
  macWaits: number;
  /** Offers that could not be made to a device: no key of it is kept, or its packets are too small. */
  refusedOffers: number;
  failures: number;
}

const transferCounter = {
  full: 'fullTransfers',
  compressed: 'compressedTransfers',
  delta: 'deltaTransfers',
} as const;

/** What is remembered of a connection. */
interface Known {
  maxPacketBytes: number;
  desired: DesiredRecord | undefined;
  /** What the device has asked for first, in this connection or before it. */
  begun: Buffer | undefined;
  /** Rises with each request: an older one still being answered stops. */
  serving: number;
  /** What a signed manifest became for this device: saying hello often makes no work. */
  made: { readonly from: Buffer; readonly manifest: Buffer } | undefined;
  /** Its key was missing once: it may have come with this very connection, and is looked for again. */
  keyMissed: boolean;
  /** When its offer may go out, where the rollout has a rate. */
  turn: Turn | undefined;
  /** The newest revision that waits for its turn. */
  held: number;
}

interface Waiting {
  readonly session: DeviceSession;
  resolve(record: DesiredRecord): void;
  reject(error: unknown): void;
}

export class Ota {
  readonly counters: OtaCounters = {
    hellos: 0,
    desired: 0,
    pushed: 0,
    wants: 0,
    refusedWants: 0,
    chunks: 0,
    chunkBytes: 0,
    fullTransfers: 0,
    compressedTransfers: 0,
    deltaTransfers: 0,
    savedBytes: 0,
    macs: 0,
    macWaits: 0,
    refusedOffers: 0,
    failures: 0,
  };
  private readonly known = new WeakMap<DeviceSession, Known>();
  private readonly blobs: BlobCache;
  private waiting: Waiting[] = [];
  private begun: BegunTransfer[] = [];
  private timer: NodeJS.Timeout | undefined;
  private readonly macRate: RateLimit;
  private readonly byteRates = new ByteRates();
  private readonly offerPace = new OfferPace();

  constructor(
    private readonly store: DesiredStore,
    blobs: BlobReader,
    private readonly manifests: OnlineManifests,
    private readonly refused: OfferRefused,
    private readonly options: OtaOptions,
    private readonly now: () => number = Date.now,
  ) {
    this.blobs = new BlobCache(blobs, options.cacheBytes);
    this.macRate = new RateLimit(options.macsPerSecond, options.macBurst, performance.now());
  }

  /** Called after the hello is committed. */
  greet(session: DeviceSession, hello: Hello): void {
    this.counters.hellos++;
    const known = this.of(session);
    known.maxPacketBytes = hello.maxPacketBytes;
    known.serving++;
    void this.tell(session, 0);
  }

  /** The desired state of a connected device may have changed: tells it when it has not been told this revision. */
  async push(session: DeviceSession, revision: number): Promise<void> {
    const known = this.known.get(session);
    // Not greeted yet: the answer to its hello will carry it.
    if (!known || (known.desired?.revision ?? -1) >= revision) return;
    await this.tell(session, revision);
  }

  want(session: DeviceSession, want: Want): void {
    this.counters.wants++;
    void this.serve(session, want).catch(() => {
      // The device asks again after its timeout.
      this.counters.failures++;
    });
  }

  private of(session: DeviceSession): Known {
    let known = this.known.get(session);
    if (!known) {
      known = {
        maxPacketBytes: DEFAULT_PACKET_BYTES,
        desired: undefined,
        begun: undefined,
        serving: 0,
        made: undefined,
        keyMissed: false,
        turn: undefined,
        held: 0,
      };
      this.known.set(session, known);
    }
    return known;
  }

  /** Sends `down/desired`; waits for the database as long as the connection lives. */
  private async tell(session: DeviceSession, atLeastRevision: number): Promise<void> {
    const known = this.of(session);
    while (!session.closed) {
      try {
        const record = await this.load(session);
        if (record.revision < (known.desired?.revision ?? 0) || record.revision < atLeastRevision) return;
        if (!this.mayOffer(known, record)) {
          await pause(this.options.retryMs);
          continue;
        }
        if (atLeastRevision > 0) this.counters.pushed++;
        if (atLeastRevision > 0 && this.waitMs(known, record) > 0) {
          // Nobody waits for it: other devices are told meanwhile.
          void this.tellInTurn(session, known, record);
          return;
        }
        await this.send(session, known, record);
        return;
      } catch {
        this.counters.failures++;
        await pause(this.options.retryMs);
      }
    }
  }

  /** What was loaded may be told without another look at the database, which would blur its turn: news come as another push. */
  private async tellInTurn(session: DeviceSession, known: Known, record: DesiredRecord): Promise<void> {
    known.held = Math.max(known.held, record.revision);
    // Of two that wait only the newer may: they would take each other's turn.
    const isOver = (): boolean =>
      session.closed || known.held > record.revision || (known.desired?.revision ?? -1) >= record.revision;
    for (let waitMs = 1; !isOver(); await pause(waitMs)) {
      waitMs = this.waitMs(known, record);
      if (waitMs === 0) break;
    }
    if (isOver()) return;
    await this.send(session, known, record).catch(() => {
      this.counters.failures++;
      return this.tell(session, record.revision);
    });
  }

  private async send(session: DeviceSession, known: Known, record: DesiredRecord): Promise<void> {
    this.learn(known, record);
    const payload = this.encodeDesired(session, known, record);
    this.counters.desired++;
    await session.send('desired', payload, 1);
  }

  /** Until a new offer of a rollout with a rate has its turn. Who says hello is answered at once. */
  private waitMs(known: Known, { rate, deployment }: DesiredRecord): number {
    if (!rate || known.desired?.deployment === deployment) return 0;
    const now = performance.now();
    known.turn = this.offerPace.turn({ ...rate, deployment }, known.turn, now);
    return Math.max(0, Math.ceil(known.turn.atMs - now));
  }

  /** False: later. Its key may be on its way to the database, or too many MACs were made in this second. */
  private mayOffer(known: Known, { bundle, hmac }: DesiredRecord): boolean {
    if (!bundle || !hmac || known.made?.from.equals(bundle.manifest)) return true;
    if (!hmac.sealedKey) {
      const again = known.keyMissed;
      known.keyMissed = true;
      return again;
    }
    if (this.macRate.take(performance.now())) return true;
    this.counters.macWaits++;
    return false;
  }

  /** What there is to do, or that there is nothing when no offer can be made; that is then noted as the device's failure. */
  private encodeDesired(session: DeviceSession, known: Known, record: DesiredRecord): Buffer {
    const { pickEvery } = session.device;
    const windowS = record.windowS ?? session.device.windowS;
    const { bundle, revision, deployment } = record;
    const base = { serverTimeMs: this.now(), revision, deployment: 0 };
    const whole = { ...base, windowS, pickEvery };
    const limit = known.maxPacketBytes;
    const fit = (...variants: Desired[]): Buffer => {
      let bytes = 0;
      for (const variant of variants) {
        const payload = Buffer.from(encode('desired', variant));
        bytes = packetBytes(session, 'desired', payload.length);
        if (bytes <= limit) return payload;
      }
      throw new FleetError('wire.packet-too-small', { bytes, device: session.device.device, limit });
    };
    if (bundle) {
      try {
        const offer = {
          deployment,
          manifest: this.manifestFor(session, known, record, bundle),
          transfer: { ...transferOf(bundle), chunkBytes: this.chunkBytes(session, undefined) },
          ...(record.shadowEvery !== null && { shadowEvery: record.shadowEvery }),
        };
        return fit({ ...whole, ...offer }, { ...base, windowS, ...offer }, { ...base, ...offer });
      } catch (error) {
        if (!isFleetError(error) || error.number === undefined) throw error;
        this.counters.refusedOffers++;
        this.refused(session, { revision, deployment, error: error.number });
      }
    }
    return Buffer.from(encode('desired', whole));
  }

  /** A device with public keys gets what the project signed, one without gets a MAC and nothing else. */
  private manifestFor(
    session: DeviceSession,
    known: Known,
    { hmac }: DesiredRecord,
    bundle: DesiredBundle,
  ): Buffer {
    if (!hmac) return bundle.manifest;
    if (!known.made?.from.equals(bundle.manifest)) {
      known.made = { from: bundle.manifest, manifest: this.manifests.make(session, bundle, hmac) };
      this.counters.macs++;
    }
    return known.made.manifest;
  }

  private learn(known: Known, record: DesiredRecord): void {
    known.desired = record;
    known.begun = record.bundle?.begunDigest;
  }

  /** The first request of a transfer: it is offered from now on, whatever better payload appears meanwhile. */
  private noteBegin(session: DeviceSession, known: Known, digest: Buffer): void {
    const { bundle, revision } = known.desired ?? {};
    if (!bundle || revision === undefined || known.begun?.equals(digest)) return;
    known.begun = digest;
    const payload = bundle.payload?.digest.equals(digest) ? bundle.payload : undefined;
    this.counters[transferCounter[payload?.method ?? 'full']]++;
    if (payload) this.counters.savedBytes += bundle.bytes - payload.bytes;
    const { projectId, deviceId } = session.device;
    this.begun.push({ projectId, deviceId, revision, digest });
    this.timer ??= setTimeout(() => this.flush(), this.options.gatherMs);
  }

  /** @throws wire.packet-too-small for a device that takes no chunk at all */
  private chunkBytes(session: DeviceSession, asked: number | undefined): number {
    const { maxPacketBytes: limit } = this.of(session);
    const least = packetBytes(session, 'chunk', chunkOverheadBytes + chunkUnitBytes);
    if (limit < least)
      throw new FleetError('wire.packet-too-small', { bytes: least, device: session.device.device, limit });
    const fits = limit - least + chunkUnitBytes;
    const wanted = Math.max(chunkUnitBytes, asked ?? DEFAULT_CHUNK_BYTES);
    const length = Math.min(wanted, this.options.maxChunkBytes, fits);
    return length - (length % chunkUnitBytes);
  }

  private async serve(session: DeviceSession, want: Want): Promise<void> {
    const known = this.of(session);
    const ticket = ++known.serving;
    let digest = wanted(known.desired?.bundle, want.transfer);
    if (!digest) {
      // After a restart of this process the device goes on with its transfer and says no hello.
      this.learn(known, await this.load(session));
      digest = wanted(known.desired?.bundle, want.transfer);
    }
    if (!digest) {
      this.counters.refusedWants++;
      return;
    }
    this.noteBegin(session, known, digest);
    const blob = await this.blobs.get(digest);
    const length = this.chunkBytes(session, want.chunkBytes);
    const count = Math.min(want.count, this.options.maxChunksPerWant);
    // Where bytes are rationed a chunk goes alone.
    const maxBytes = (known.desired?.bytesPerSecond ?? null) === null ? this.options.maxWriteBytes : 0;
    for (let sent = 0; sent < count && known.serving === ticket;) {
      const chunks = blob.chunks(want.offset + sent * length, { length, count: count - sent, maxBytes });
      if (chunks.length === 0) return;
      const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
      if (!(await this.mayServe(session, known, ticket, bytes))) return;
      sent += chunks.length;
      this.counters.chunks += chunks.length;
      this.counters.chunkBytes += bytes;
      // One write at a time: a slow link holds back its own transfer and nobody else's memory.
      if (!(await session.sendAll('chunk', chunks))) return;
    }
  }

  /** Waits for the project's share of bytes. False: the device has asked anew meanwhile. */
  private async mayServe(
    session: DeviceSession,
    known: Known,
    ticket: number,
    bytes: number,
  ): Promise<boolean> {
    const rate = known.desired?.bytesPerSecond;
    if (rate === undefined || rate === null) return true;
    const { projectId } = session.device;
    const waitMs = this.byteRates.take(projectId, rate, bytes, performance.now());
    if (waitMs > 0) await pause(waitMs);
    if (known.serving === ticket && !session.closed) return true;
    this.byteRates.giveBack(projectId, bytes);
    return false;
  }

  /** The lookups of many devices in few queries. */
  private load(session: DeviceSession): Promise<DesiredRecord> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ session, resolve, reject });
      this.timer ??= setTimeout(() => this.flush(), this.options.gatherMs);
    });
  }

  private flush(): void {
    this.timer = undefined;
    const [asked, begun] = [this.waiting, this.begun];
    this.waiting = [];
    this.begun = [];
    // Without the note a device may be offered another payload after a reconnect and starts over: dearer, not wrong.
    if (begun.length > 0) this.store.begin(begun).catch(() => this.counters.failures++);
    if (asked.length === 0) return;
    const devices = asked.map(({ session: { device, credential } }) => {
      const { projectId, deviceId } = device;
      return { projectId, deviceId, credentialId: credential.id };
    });
    this.store.load(devices).then(
      (records) => asked.forEach((one, i) => one.resolve(records[i]!)),
      (error: unknown) => asked.forEach((one) => one.reject(error)),
    );
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

/** What a device may have: the payload that is offered, and the bundle itself. */
function wanted(bundle: DesiredBundle | undefined, transfer: Uint8Array): Buffer | undefined {
  if (bundle?.payload && startsWith(bundle.payload.digest, transfer)) return bundle.payload.digest;
  return bundle && startsWith(bundle.digest, transfer) ? bundle.digest : undefined;
}

/** Of a packet to a device: fixed header (a length of up to 3 bytes), topic, packet id, payload. */
function packetBytes(session: DeviceSession, leaf: string, payloadBytes: number): number {
  return 4 + 2 + `${TOPIC_ROOT}${session.clientId}/down/${leaf}`.length + 2 + payloadBytes;
}

function transferOf({ digest, bytes, payload }: DesiredBundle): Transfer {
  if (!payload) return { method: 'full', payloadBytes: bytes, payloadDigest: digest, resultDigest: digest };
  return {
    method: payload.method,
    payloadBytes: payload.bytes,
    payloadDigest: payload.digest,
    resultDigest: digest,
    resultBytes: bytes,
    ...(payload.baseDigest && { baseDigest: payload.baseDigest }),
  };
}

function startsWith(digest: Buffer, prefix: Uint8Array): boolean {
  return digest.subarray(0, prefix.length).equals(prefix);
}
