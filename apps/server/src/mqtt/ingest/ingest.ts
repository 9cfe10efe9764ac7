/**
 * Takes the messages of devices from the broker: decodes them, gathers telemetry and reports into batches and releases
 * each acknowledgement after its commit. Payloads that are no valid message are counted with a sample and acknowledged:
 * a device that sent rubbish once would send it again for ever. Chunk requests go straight to ota.
 */
import { FleetError, isFleetError } from '@tinyfleet/errors';
import {
  packFeatures,
  parseTelemetryJson,
  type DeviceRecord,
  type HelloReport,
  type IngestStore,
  type Refusal,
  type StateReport,
  type WindowSource,
} from '@tinyfleet/telemetry';
import { decode, type Hello, type Telemetry, type Want } from '@tinyfleet/wire';
import type { MessageHandler } from '../broker/broker.js';
import type { DeviceSession } from '../broker/session.js';
import { Batcher } from './batcher.js';
import { isTransient, isUnstorable } from './database-errors.js';
import type { IngestOptions } from './options.js';
import type { Sequences } from './sequences.js';

type Item =
  | { readonly kind: 'window'; readonly of: WindowSource }
  | { readonly kind: 'hello'; readonly of: HelloReport }
  | { readonly kind: 'state'; readonly of: StateReport }
  | { readonly kind: 'refusal'; readonly of: Refusal };

export interface IngestCounters {
  windows: number;
  duplicates: number;
  hellos: number;
  states: number;
  wants: number;
  /** Samples are acknowledged and counted; nothing keeps them yet. */
  samples: number;
  sampleBytes: number;
  /** Decoded well, but too old, ahead of time or inconsistent. */
  refusedWindows: number;
  /** Payloads, by registered code. */
  refused: Map<string, number>;
}

export interface IngestListeners {
  /** A hello is committed: its device waits for an answer. */
  greeted(session: DeviceSession, hello: Hello): void;
  wanted(session: DeviceSession, want: Want): void;
}

export class Ingest {
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

  constructor(
    private readonly store: IngestStore,
    private readonly sequences: Sequences,
    private readonly listeners: IngestListeners,
    private readonly options: IngestOptions,
  ) {
    this.batcher = new Batcher<Item>((items) => this.commit(items), isTransient, options);
  }

  readonly handle: MessageHandler = (session, { leaf, payload, will }, done) => {
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
      item = { kind: 'refusal', of: this.refuse(device, error.code, payload) };
    }
    this.batcher.add(item, (error) => {
      if (error && isUnstorable(error) && item.kind !== 'refusal') {
        const of = this.refuse(device, 'telemetry.unstorable', payload);
        this.batcher.add({ kind: 'refusal', of }, done);
        return;
      }
      done(error);
      if (!error && item.kind === 'hello') this.listeners.greeted(session, item.of.message);
    });
  };

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
    this.batcher.add({ kind: 'state', of: { device, message, receivedAtMs: Date.now() } }, () => {
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
        const { maxTelemetryBytes } = this.options;
        if (payload.length > maxTelemetryBytes) {
          throw new FleetError('wire.too-large', {
            message: leaf,
            bytes: payload.length,
            limit: maxTelemetryBytes,
          });
        }
        const telemetry: Telemetry =
          leaf === 'telemetry' ? decode('telemetry', payload) : parseTelemetryJson(payload);
        this.sequences.observe(device, telemetry);
        const features = telemetry.features ? packFeatures(telemetry.features) : null;
        return { kind: 'window', of: { device, message: telemetry, features, receivedAtMs } };
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
        return { kind: 'state', of: { device, message: state, receivedAtMs } };
      }
      case 'want': {
        const want = decode('want', payload);
        this.sequences.observe(device, want);
        this.counters.wants++;
        this.listeners.wanted(session, want);
        return undefined;
      }
      case 'sample': {
        const { maxSampleBytes } = this.options;
        if (payload.length > maxSampleBytes) {
          throw new FleetError('wire.too-large', {
            message: leaf,
            bytes: payload.length,
            limit: maxSampleBytes,
          });
        }
        const sample = decode('sample', payload);
        this.sequences.observe(device, sample);
        this.counters.samples++;
        this.counters.sampleBytes += sample.data.length;
        return undefined;
      }
      default:
        throw new FleetError('telemetry.topic-unknown', { topic: leaf });
    }
  }

  private refuse(device: DeviceRecord, code: string, payload: Buffer): Refusal {
    this.counters.refused.set(code, (this.counters.refused.get(code) ?? 0) + 1);
    return { projectId: device.projectId, deviceId: device.deviceId, code, sample: payload };
  }

  private async commit(items: readonly Item[]): Promise<void> {
    const hellos: HelloReport[] = [];
    const states: StateReport[] = [];
    const windows: WindowSource[] = [];
    const refusals: Refusal[] = [];
    for (const { kind, of } of items) {
      if (kind === 'window') windows.push(of);
      else if (kind === 'hello') hellos.push(of);
      else if (kind === 'state') states.push(of);
      else refusals.push(of);
    }
    const outcome = await this.store.commit({ hellos, states, windows, refusals });
    this.counters.windows += outcome.stored;
    this.counters.duplicates += outcome.duplicates;
    this.counters.refusedWindows += outcome.refused;
  }
}
