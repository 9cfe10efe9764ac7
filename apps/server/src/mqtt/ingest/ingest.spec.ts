/** Messages that say who they are and nothing else that can be read: what becomes of them, and of those in the same batch. */
import { describe, expect, it } from '@jest/globals';
import { FleetError } from '@tinyfleet/errors';
import type { IngestBatch, IngestOutcome } from '@tinyfleet/telemetry';
import { encode, packHistogram } from '@tinyfleet/wire';
import type { DeviceSession } from '../broker/session.js';
import { Ingest } from './ingest.js';
import { ingestDefaults } from './options.js';
import { Sequences } from './sequences.js';

const device = { projectId: 'p', deviceId: 'i', device: 'd' };
const telemetry = (sequence: number): Buffer =>
  Buffer.from(
    encode('telemetry', {
      ...{ component: 'model', bootId: 1n, sequence, uptimeMs: 1, build: new Uint8Array(8), schema: 0 },
      ...{ startMs: 0, lengthMs: 1_000, n: 1, classes: packHistogram([1, 0]) },
    }),
  );

function start(commit: (batch: IngestBatch) => void) {
  const store = {
    async commit(batch: IngestBatch): Promise<IngestOutcome> {
      commit(batch);
      return await Promise.resolve({ stored: batch.windows.length, duplicates: 0, refusedWindows: [] });
    },
  };
  const sequences = new Sequences();
  const options = { ...ingestDefaults, retryMs: 1 };
  const ingest = new Ingest(store, sequences, { greeted() {}, wanted() {} }, options);
  const send = async (payload: Buffer, leaf = 'telemetry'): Promise<void> =>
    await new Promise((resolve, reject) => {
      const message = { leaf, payload, will: false };
      ingest.take({ device } as unknown as DeviceSession, message, (error) =>
        error ? reject(error) : resolve(),
      );
    });
  return { ingest, sequences, send };
}

describe('telemetry that cannot be read', () => {
  it('should be refused with its bytes when its batch is committed, once, and hold up nobody', async () => {
    const batches: IngestBatch[] = [];
    const { ingest, sequences, send } = start((batch) => {
      batches.push(batch);
      if (batches.length === 1) throw new FleetError('storage.unreachable', { target: 't', reason: 'r' });
    });
    const broken = telemetry(1).subarray(0, -1);
    await Promise.all([send(telemetry(0)), send(broken), send(telemetry(2))]);
    await ingest.drain();
    expect(batches).toHaveLength(2);
    expect(batches[1]!.windows.map(({ message }) => message.sequence)).toEqual([0, 2]);
    expect(batches[1]!.refusals).toEqual([
      { projectId: 'p', deviceId: 'i', code: 'wire.truncated', sample: broken },
    ]);
    expect(ingest.counters.windows).toBe(2);
    expect([...ingest.counters.refused]).toEqual([['wire.truncated', 1]]);
    // It came, so nothing is missing.
    expect(sequences.take('i')).toMatchObject({ last: 2, gaps: 0 });
  });

  it('should be refused with its JSON when it came as that', async () => {
    const batches: IngestBatch[] = [];
    const { ingest, send } = start((batch) => void batches.push(batch));
    const window = {
      ...{ bootId: '0000000000000007', sequence: 1, uptimeMs: 1, build: 'AQIDBAUGBwg=', schema: 0 },
      ...{ startMs: 0, lengthMs: 1_000, n: 1, classes: [1, 0] },
    };
    const json = (more: object): Buffer => Buffer.from(JSON.stringify({ ...window, ...more }));
    await send(json({}), 'telemetry.json');
    expect(batches[0]).toMatchObject({ refusals: [], windows: [{ message: { sequence: 1 } }] });
    const feature = { histogram: [1], n: 1, sum: 0, sumSquares: 0, min: 0, max: 0 };
    const wrong = json({ sequence: 2, features: [feature] });
    await send(wrong, 'telemetry.json');
    await ingest.drain();
    expect(batches[1]).toMatchObject({
      refusals: [{ code: 'wire.histogram-invalid', sample: wrong }],
      windows: [],
    });
  });

  it('should be refused at once when it does not even say which message it is', async () => {
    const batches: IngestBatch[] = [];
    const { ingest, sequences, send } = start((batch) => void batches.push(batch));
    await send(Buffer.from([0xa1, 0x01]));
    await ingest.drain();
    expect(batches[0]!.refusals).toMatchObject([{ code: 'wire.truncated' }]);
    expect(sequences.take('i')).toBeUndefined();
  });
});
