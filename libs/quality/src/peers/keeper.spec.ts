import { beforeEach, describe, expect, it } from '@jest/globals';
import { QualitySettings, projectScope, type Resource } from '@tinyfleet/contracts';
import type { Alert, HeldAlert, NewAlert } from '../alerts/ports.js';
import { Random } from '../statistics/random.js';
import type { WatchRow } from '../watch/ports.js';
import { PeerKeeper } from './keeper.js';
import type { PeerDeviceWindow, PeerReader, PeerRecord, PeerStores } from './ports.js';

const ROUND_MS = 60_000;
const N = 40;
const scope = projectScope('project', 'project');
const schema = {
  ...{ modelId: 'm', model: 'motion', schemaCrc: 1, confidenceBins: 8, classCount: 2 },
  ...{ labels: ['a', 'b'], firstHourMs: 0 },
};
const baseline: Resource<'Baseline'> = {
  ...{ samples: 100, accuracy: 1, histogram: [], correct: [], confusion: [], ood: null },
  features: [
    {
      ...{ name: 'mean', edges: [], counts: [], correct: [], scale: 1, zeroPoint: 0, centre: 0 },
      ...{ n: 100, sum: 0, sumSquares: 2_500, min: -20, max: 20 },
      classes: [
        { n: 50, sum: 0 },
        { n: 50, sum: 0 },
      ],
    },
  ],
};

describe('the comparison of new devices', () => {
  let now = 0;
  let windows: PeerDeviceWindow[] = [];
  let record: PeerRecord | undefined;
  let watches: (typeof schema & Pick<WatchRow, 'state'>)[] = [];
  let opened: NewAlert[] = [];
  let held: HeldAlert[] = [];
  let resolved: number[] = [];
  let random = new Random(1);

  const reader: PeerReader = {
    projects: async () =>
      Promise.resolve([{ scope, settings: QualitySettings.parse({}), roundMs: ROUND_MS, baseline: null }]),
    schemas: async () => Promise.resolve([schema]),
    build: async () => Promise.resolve({ release: 'motion@1.0.0', schemaCrc: 1, baseline }),
    devices: async (_, ids) =>
      Promise.resolve(ids.map((id) => ({ id, name: `name-${id}`, type: 't', site: '', attributes: {} }))),
    watches: async () => Promise.resolve(watches as unknown as WatchRow[]),
    record: async () => Promise.resolve(record),
    windowCounts: async () => {
      const counts = new Map<string, number>();
      for (const { device } of windows) counts.set(device, (counts.get(device) ?? 0) + 1);
      return Promise.resolve([...counts].map(([device, count]) => ({ device, windows: count })));
    },
    newest: async (_, __, { count, devices }) =>
      Promise.resolve(devices.flatMap((id) => windows.filter(({ device }) => device === id).slice(-count))),
  };
  const stores = {
    alerts: {
      open: async (_: unknown, alert: NewAlert) => {
        if (held.some(({ subject, state }) => subject === alert.subject && state !== 'resolved'))
          return Promise.resolve(undefined);
        const number = opened.push(alert);
        const { kind, scope: of, subject, incident } = alert;
        held.push({
          number,
          kind,
          scope: of,
          subject,
          incident,
          state: 'open',
          accepted: false,
          reopened: 0,
        });
        return Promise.resolve({ number, reopened: 0 });
      },
      held: async () => Promise.resolve([...held]),
      lock: async (_: unknown, number: number) =>
        Promise.resolve({
          ...held.find((one) => one.number === number)!,
          severity: 'warning',
        } as unknown as Alert),
      change: async (_: unknown, number: number) => {
        resolved.push(number);
        held = held.filter((one) => one.number !== number);
        return Promise.resolve();
      },
      note: async () => Promise.resolve(),
      addActions: async () => Promise.resolve(),
      queue: async () => Promise.resolve(),
    },
    events: { emit: async () => Promise.resolve() },
    peers: {
      put: async (_: unknown, __: unknown, one: PeerRecord) => {
        record = one;
        return Promise.resolve();
      },
    },
  } as unknown as PeerStores;
  let keeper: PeerKeeper;

  /** So many windows of each; device 0 has stuck samples in some of its own. */
  function send(count: number, given: { devices?: number; stuck?: number } = {}): void {
    const { devices = 12, stuck = 0 } = given;
    for (let w = 0; w < count; w++)
      for (let d = 0; d < devices; d++) {
        const values = Array.from({ length: N }, () => Math.round(5 * random.normal()));
        windows.push({
          ...{ device: String(d), atMs: now + w * ROUND_MS, n: N, classes: [20, 20] },
          counters: [0, d === 0 ? stuck : 0, 0, 0],
          features: [
            {
              ...{ n: N, sum: values.reduce((sum, x) => sum + x, 0) },
              ...{ min: Math.min(...values), max: Math.max(...values) },
            },
          ],
        });
      }
    now += count * ROUND_MS;
  }
  async function turn(): Promise<void> {
    now += ROUND_MS;
    await keeper.turn();
  }
  beforeEach(() => {
    [now, windows, record, watches, opened, held, resolved] = [0, [], undefined, [], [], [], []];
    random = new Random(3);
    keeper = new PeerKeeper(
      reader,
      async (work) => await work(stores),
      () => 'peers',
      () => now,
    );
  });

  it('should name the stranger when no more devices come, and once', async () => {
    send(7, { stuck: 5 });
    await turn();
    expect(record).toBeUndefined();
    send(1, { stuck: 5 });
    // Somebody may still come.
    await turn();
    expect(record).toBeUndefined();
    for (let i = 0; i < 4; i++) await turn();
    expect(opened).toHaveLength(1);
    expect(opened[0]).toMatchObject({
      ...{ kind: 'drift', verdict: 'sensor', scope: 'device', subject: 'device=name-0', watch: 'peers' },
      evidence: {
        shifts: [{ stream: 'share of stuck inferences', windows: 8 }],
        ...{ deviceCount: 1, formula: 'counter-against-other-devices' },
      },
    });
    expect(opened[0]!.evidence.statements.join('\n')).toContain(
      '8 windows were compared with as many of 11 others',
    );
    expect(record).toEqual({
      id: 'peers',
      looks: Object.fromEntries(windows.map(({ device }) => [device, 1])),
    });
  });

  it('should end it when a later look finds nothing', async () => {
    send(8, { stuck: 5 });
    for (let i = 0; i < 2; i++) await turn();
    expect(opened).toHaveLength(1);
    send(16);
    for (let i = 0; i < 2; i++) await turn();
    expect(resolved).toEqual([1]);
    expect(record!.looks['0']).toBe(2);
  });

  it('should not hold against a device what a person has accepted', async () => {
    send(8, { stuck: 5 });
    for (let i = 0; i < 2; i++) await turn();
    held = held.map((one) => ({ ...one, state: 'resolved', accepted: true }));
    send(16, { stuck: 5 });
    for (let i = 0; i < 2; i++) await turn();
    expect(opened).toHaveLength(1);
    expect(record!.looks['0']).toBe(3);
  });

  it('should not tell with the next look what a person has resolved', async () => {
    send(8, { stuck: 5 });
    for (let i = 0; i < 2; i++) await turn();
    held = held.map((one) => ({ ...one, state: 'resolved' }));
    send(16, { stuck: 5 });
    for (let i = 0; i < 2; i++) await turn();
    expect(record!.looks['0']).toBe(2);
    expect(opened).toHaveLength(1);
    send(32, { stuck: 5 });
    for (let i = 0; i < 2; i++) await turn();
    expect(record!.looks['0']).toBe(3);
    expect(opened).toHaveLength(2);
  });

  it('should leave devices alone that a watch knows, and wait for enough of them', async () => {
    send(8, { stuck: 5, devices: 8 });
    for (let i = 0; i < 3; i++) await turn();
    expect(record).toBeUndefined();
    send(8, { stuck: 5 });
    watches = [{ ...schema, state: 'watching' }];
    for (let i = 0; i < 3; i++) await turn();
    expect(record).toBeUndefined();
    watches = [{ ...schema, state: 'starting' }];
    for (let i = 0; i < 3; i++) await turn();
    expect(opened).toHaveLength(1);
  });
});
