/**
 * Takes the messages of devices from the broker: decodes them, telemetry when its batch is committed, gathers telemetry and reports
 * into batches and releases each acknowledgement after its commit. Payloads that are no valid message are counted with a sample and acknowledged:
 * a device that sent rubbish once would send it again for ever. Chunk requests go straight to ota.
 */
import { FleetError, isFleetError } from '@tinyfleet/errors';
import {
  cborOfTelemetryJson,
  packFeatures,
  parseNrfObservability,
  readTelemetry,
  TelemetryPayload,
  type BatchSink,
  type DeviceRecord,
  type HelloReport,
  type IngestStore,
  type Refusal,
  type SampleReport,
  type SourceMessage,
  type StateReport,
  type WindowSource,
} from '@tinyfleet/telemetry';
import { decode, readEnvelope, type Hello, type Sample, type Want } from '@tinyfleet/wire';
import type { DeviceSession } from '../broker/session.js';
import { Batcher, NotTaken } from './batcher.js';
import { Closings } from './closings.js';
import { isTransient, isUnstorable } from './database-errors.js';
import type { IngestOptions } from './options.js';
import type { Sequences } from './sequences.js';

/** What is kept of a message until its commit, beside its payload. Measured of decoded ones, which reports are: 0.6 to 1.1 KB. */
const itemBytes = 1_024;

type Item =
  | { readonly kind: 'telemetry'; readonly of: TelemetryPayload }
  | { readonly kind: 'windows'; readonly of: readonly WindowSource[] }
  | { readonly kind: 'hello'; readonly of: HelloReport }
  | { readonly kind: 'state'; readonly of: StateReport }
  | { readonly kind: 'sample'; readonly of: SampleReport }
  | { readonly kind: 'refusal'; readonly of: Refusal };

export interface IngestCounters {
  windows: number;
  duplicates: number;
  hellos: number;
  states: number;
  wants: number;
  /** Parts of samples that came, kept or not. */
  samples: number;
  sampleBytes: number;
  /** Decoded well, but too old, ahead of time or inconsistent. */
  refusedWindows: number;
  /** Payloads, by registered code. */
  refused: Map<string, number>;
}

/** Topics whose payloads hold sums and states. Of others nothing is kept: what a device measured may be in them. */
const evidenceOfLeaves = new Set(['hello', 'state', 'telemetry', 'telemetry.json', 'telemetry.nrf', 'want']);
const noEvidence = Buffer.alloc(0);
const evidenceOf = (leaf: string, payload: Buffer): Buffer =>
  evidenceOfLeaves.has(leaf) ? payload : noEvidence;

export interface IngestListeners {
  /** A hello is committed: its device waits for an answer. */
  greeted(session: DeviceSession, hello: Hello): void;
  wanted(session: DeviceSession, want: Want): void;
}

export class Ingest implements BatchSink<DeviceSession> {
  readonly counters: IngestCounters = {
    windows: 0,
    duplicates: 0,
    hellos: 0,
    states: 0,
    wants: 0,
    samples: 0,
    sampleBytes: 0,
    refusedWindows: 0,
    refused: new Map(),
  };
  readonly batcher: Batcher<Item>;
  /** Connections to be closed whose messages could not be taken. */
  readonly closings: Closings;

  constructor(
    private readonly store: IngestStore,
    private readonly sequences: Sequences,
    private readonly listeners: IngestListeners,
    private readonly options: IngestOptions,
  ) {
    this.batcher = new Batcher<Item>((items) => this.commit(items), isTransient, options);
    this.closings = new Closings(options.closingsPerSecond);
  }

  get isAway(): boolean {
    return this.batcher.isAway;
  }

  take(session: DeviceSession, { leaf, payload, will }: SourceMessage, done: (error?: Error) => void): void {
    const { device } = session;
    const receivedAtMs = Date.now();
    let item: Item;
    try {
      const found = this.read(session, { leaf, payload, will, receivedAtMs });
      if (!found) {
        done();
        return;
      }
      item = found;
    } catch (error) {
      if (!isFleetError(error)) throw error;
      item = { kind: 'refusal', of: this.refuse(device, error.code, evidenceOf(leaf, payload)) };
    }
    const bytes = payload.length + itemBytes;
    const settle = (error?: Error): void => {
      if (error instanceof NotTaken) this.closings.add(session, error, done);
      else if (error && isUnstorable(error) && item.kind !== 'refusal') {
        item = {
          kind: 'refusal',
          of: this.refuse(device, 'telemetry.unstorable', evidenceOf(leaf, payload)),
        };
        this.batcher.add(item, bytes, settle);
      } else {
        done(error);
        if (!error && item.kind === 'hello') this.listeners.greeted(session, item.of.message);
      }
    };
    this.batcher.add(item, bytes, settle);
  }

  /** Resolves when everything that came is committed, or given back. */
  async drain(): Promise<void> {
    await this.batcher.drain();
    this.closings.flush();
  }

  /**
   * What a device would report if it could be made the offer: stored like its own word, so that it is seen at the device and
   * at its deployment, and counts in the rollout.
   */
  noteRefusal(
    device: DeviceRecord,
    {
      deployment,
      revision,
      error,
    }: { readonly deployment: number; readonly revision: number; readonly error: number },
  ): void {
    const envelope = { component: 'model' as const, bootId: 0n, sequence: 0, uptimeMs: 0 };
    const message = { ...envelope, deployment, revision, updateState: 'failed' as const, error };
    this.batcher.add({ kind: 'state', of: { device, message, receivedAtMs: Date.now() } }, itemBytes, () => {
      // Lost with the database: the next hello finds it again.
    });
  }

  /** The item to store; undefined when the message is dealt with. */
  private read(
    session: DeviceSession,
    message: {
      readonly leaf: string;
      readonly payload: Buffer;
      readonly will: boolean;
      readonly receivedAtMs: number;
    },
  ): Item | undefined {
    const { device } = session;
    const { leaf, payload, will, receivedAtMs } = message;
    switch (leaf) {
      case 'telemetry':
      case 'telemetry.json': {
        this.requireSize(leaf, payload, this.options.maxTelemetryBytes);
        const isCbor = leaf === 'telemetry';
        const bytes = isCbor ? payload : cborOfTelemetryJson(payload);
        // What cannot be read is refused with the bytes that came: JSON now, as it is not kept.
        const envelope = (isCbor ? readEnvelope(bytes) : undefined) ?? readTelemetry(bytes).message;
        const isNew = this.sequences.observe(device, envelope) === 'new';
        return { kind: 'telemetry', of: new TelemetryPayload(device, bytes, receivedAtMs, isNew) };
      }
      case 'telemetry.nrf': {
        this.requireSize(leaf, payload, this.options.maxTelemetryBytes);
        const of = parseNrfObservability(payload).map((message) => ({
          ...{ device, message, receivedAtMs, isTimedByArrival: true },
          features: message.features ? packFeatures(message.features) : null,
        }));
        return of.length > 0 ? { kind: 'windows', of } : undefined;
      }
      case 'hello': {
        const hello = decode('hello', payload);
        this.sequences.observe(device, hello);
        this.counters.hellos++;
        return { kind: 'hello', of: { device, message: hello, receivedAtMs } };
      }
      case 'state': {
        const state = decode('state', payload);
        // A will was made when the connection was, so its number says nothing about losses.
        if (!will) this.sequences.observe(device, state);
        this.counters.states++;
        // The row that is updated anyway; without a commit the next message brings them.
        const sequence = will ? undefined : this.sequences.take(device.deviceId);
        return { kind: 'state', of: { device, message: state, receivedAtMs, sequence } };
      }
      case 'want': {
        const want = decode('want', payload);
        this.sequences.observe(device, want);
        this.counters.wants++;
        this.listeners.wanted(session, want);
        return undefined;
      }
      case 'sample': {
        this.requireSize(leaf, payload, this.options.maxSampleBytes);
        const sample = decode('sample', payload);
        this.sequences.observe(device, sample);
        this.counters.samples++;
        this.counters.sampleBytes += sample.data.length;
        this.requireWhole(sample);
        return { kind: 'sample', of: { device, message: sample, receivedAtMs } };
      }
      default:
        throw new FleetError('telemetry.topic-unknown', { topic: leaf });
    }
  }

  private requireSize(message: string, { length: bytes }: Buffer, limit: number): void {
    if (bytes > limit) throw new FleetError('wire.too-large', { message, bytes, limit });
  }

  private requireWhole({ offset, bytes, data }: Sample): void {
    const limit = this.options.maxWholeSampleBytes;
    const reason =
      bytes < 1 || bytes > limit
        ? `the whole has ${bytes} bytes, 1 to ${limit} are taken`
        : offset + data.length > bytes
          ? `it ends ${offset + data.length - bytes} bytes behind the whole`
          : undefined;
    if (reason !== undefined) throw new FleetError('telemetry.sample-invalid', { reason });
  }

  private refuse(device: DeviceRecord, code: string, payload: Buffer): Refusal {
    this.countRefused(code);
    return { projectId: device.projectId, deviceId: device.deviceId, code, sample: payload };
  }

  private countRefused(code: string): void {
    this.counters.refused.set(code, (this.counters.refused.get(code) ?? 0) + 1);
  }

  private async commit(items: readonly Item[]): Promise<void> {
    const hellos: HelloReport[] = [];
    const states: StateReport[] = [];
    const windows: WindowSource[] = [];
    const refusals: Refusal[] = [];
    const samples: SampleReport[] = [];
    const unreadable: Refusal[] = [];
    for (const { kind, of } of items) {
      if (kind === 'telemetry') {
        const refusal = refusalOf(of);
        if (refusal) unreadable.push(refusal);
        else windows.push(of);
      } else if (kind === 'windows') windows.push(...of);
      else if (kind === 'hello') hellos.push(of);
      else if (kind === 'state') states.push(of);
      else if (kind === 'sample') samples.push(of);
      else refusals.push(of);
    }
    refusals.push(...unreadable);
    const outcome = await this.store.commit({ hellos, states, windows, refusals, samples });
    for (const { code } of unreadable) this.countRefused(code);
    this.counters.windows += outcome.stored;
    this.counters.duplicates += outcome.duplicates;
    this.counters.refusedWindows += outcome.refusedWindows.length;
  }
}

/** Reads it. @returns undefined when it is telemetry */
function refusalOf(telemetry: TelemetryPayload): Refusal | undefined {
  try {
    telemetry.read();
    return undefined;
  } catch (error) {
    if (!isFleetError(error)) throw error;
    const { projectId, deviceId } = telemetry.device;
    return { projectId, deviceId, code: error.code, sample: telemetry.payload };
  }
}
