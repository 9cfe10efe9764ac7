/**
 * Answers devices: every hello with what is desired, every request for chunks with chunks of the one bundle that is
 * desired of that very device, or of the payload that brings it (docs/design/transfer.md). Keeps nothing that a restart
 * could lose; what it holds per connection is a cache.
 */
import type { BegunTransfer, DesiredBundle, DesiredRecord, DesiredStore } from '@tinyfleet/rollouts';
import {
  DEFAULT_CHUNK_BYTES,
  DEFAULT_PACKET_BYTES,
  encode,
  type Hello,
  type Transfer,
  type Want,
} from '@tinyfleet/wire';
import type { DeviceSession } from '../broker/session.js';
import { BlobCache, type BlobReader } from './blob-cache.js';
import type { OtaOptions } from './options.js';

/** Fixed header, topic of two 63-character names, packet id and the chunk's own CBOR. */
const chunkOverheadBytes = 5 + 2 + 160 + 2 + 40;
const minChunkBytes = 64;

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
    failures: 0,
  };
  private readonly known = new WeakMap<DeviceSession, Known>();
  private readonly blobs: BlobCache;
  private waiting: Waiting[] = [];
  private begun: BegunTransfer[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly store: DesiredStore,
    blobs: BlobReader,
    private readonly options: OtaOptions,
    private readonly now: () => number = Date.now,
  ) {
    this.blobs = new BlobCache(blobs, options.cacheBytes);
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
    this.counters.pushed++;
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
      known = { maxPacketBytes: DEFAULT_PACKET_BYTES, desired: undefined, begun: undefined, serving: 0 };
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
        this.learn(known, record);
        this.counters.desired++;
        await session.send('desired', this.encodeDesired(session, record), 1);
        return;
      } catch {
        this.counters.failures++;
        await new Promise((resolve) => setTimeout(resolve, this.options.retryMs));
      }
    }
  }

  private encodeDesired(session: DeviceSession, record: DesiredRecord): Buffer {
    const { windowS, pickEvery } = session.device;
    const { bundle } = record;
    return Buffer.from(
      encode('desired', {
        serverTimeMs: this.now(),
        revision: record.revision,
        deployment: bundle ? record.deployment : 0,
        windowS,
        pickEvery,
        ...(bundle && {
          manifest: bundle.manifest,
          transfer: { ...transferOf(bundle), chunkBytes: this.chunkBytes(session, undefined) },
        }),
      }),
    );
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

  private chunkBytes(session: DeviceSession, asked: number | undefined): number {
    const fits = this.of(session).maxPacketBytes - chunkOverheadBytes;
    const wanted = Math.min(asked ?? DEFAULT_CHUNK_BYTES, this.options.maxChunkBytes);
    const length = Math.max(minChunkBytes, Math.min(wanted, fits));
    // Devices program flash in units of up to 32 bytes.
    return length - (length % 32);
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
    for (let i = 0; i < count && known.serving === ticket; i++) {
      const payload = blob.chunk(want.offset + i * length, length);
      if (!payload) return;
      this.counters.chunks++;
      this.counters.chunkBytes += payload.length;
      // One chunk at a time: a slow link holds back its own transfer and nobody else's memory.
      if (!(await session.send('chunk', payload, 0))) return;
    }
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
    this.store.load(asked.map(({ session }) => session.device)).then(
      (records) => asked.forEach((one, i) => one.resolve(records[i]!)),
      (error: unknown) => asked.forEach((one) => one.reject(error)),
    );
  }
}

/** What a device may have: the payload that is offered, and the bundle itself. */
function wanted(bundle: DesiredBundle | undefined, transfer: Uint8Array): Buffer | undefined {
  if (bundle?.payload && startsWith(bundle.payload.digest, transfer)) return bundle.payload.digest;
  return bundle && startsWith(bundle.digest, transfer) ? bundle.digest : undefined;
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
