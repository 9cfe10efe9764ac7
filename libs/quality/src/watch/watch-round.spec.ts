import { describe, expect, it } from '@jest/globals';
import { QualitySettings, projectScope } from '@tinyfleet/contracts';
import type { AlertChange, AlertIncident, AlertStores, HeldAlert, NewAlert } from '../alerts/ports.js';
import { BuildComparison } from '../drift/build-comparison.js';
import { FleetWatch } from '../drift/fleet-watch.js';
import { parseBudget } from '../drift/page-budget.js';
import { Random } from '../statistics/random.js';
import { comparedStreams } from './build-reference.js';
import type { WatchBuild, WatchMember, WatchRow } from './ports.js';
import { streamsOf, type WatchReference } from './reference.js';
import { WatchRound } from './watch-round.js';

const hour = 3_600_000;
const scope = projectScope('p', 'p');
const reference: WatchReference = {
  ...{ bins: 2, labels: [], classes: [], confidence: null, ood: null, n: 10_000, presence: 1 },
  ...{ features: [{ mean: 0, sd: 1 }], counters: [0.01, 0.01, 0.01, 0.01] },
};

/** Alerts as storage keeps them. */
function alertsInMemory() {
  const kept: (HeldAlert & { title: string; released: boolean; openedAtMs: number })[] = [];
  const of = (number: number) => kept[number - 1]!;
  const change = (number: number, changes: object) => (kept[number - 1] = { ...of(number), ...changes });
  const alerts = {
    held: async () => Promise.resolve(kept.filter(({ released }) => !released)),
    lock: async (_: unknown, number: number) => Promise.resolve(of(number)),
    change: async (_: unknown, number: number, { state, accepted, released }: AlertChange) =>
      Promise.resolve(
        change(number, {
          state,
          ...(accepted === undefined ? {} : { accepted }),
          ...(released === undefined ? {} : { released }),
        }),
      ),
    setIncident: async (_: unknown, number: number, incident: AlertIncident) =>
      Promise.resolve(change(number, { incident })),
    open: async (_: unknown, alert: NewAlert) => {
      const { kind, scope: who, subject, title, incident, atMs } = alert;
      kept.push({
        ...{ number: kept.length + 1, kind, scope: who, subject, title, incident, openedAtMs: atMs },
        ...{ state: 'open', accepted: false, released: false, reopened: 0 },
      });
      return Promise.resolve({ number: kept.length, reopened: 0 });
    },
    seen: async () => Promise.resolve(),
    note: async () => Promise.resolve(),
    addActions: async () => Promise.resolve(),
    queue: async () => Promise.resolve(),
  };
  const stores = { alerts, events: { emit: async () => Promise.resolve() } } as unknown as AlertStores;
  return { stores, kept, change };
}

interface Fleet {
  readonly rounds: number;
  readonly attributes: readonly Readonly<Record<string, string>>[];
  /** In standard deviations of an observation. */
  readonly shiftOf: (round: number, device: number, stream: number) => number;
  /** Judged against validation data instead of its own first 48 rounds. */
  readonly isAgainstBuild?: boolean;
}
/** Alerts, each of which a person resolves as soon as it is there when `isResolved` says so. */
async function toldOf(
  { rounds, attributes, shiftOf, isAgainstBuild = false }: Fleet,
  isResolved: (number: number) => boolean,
) {
  const { stores, kept, change } = alertsInMemory();
  const devices = attributes.length;
  const streams = streamsOf(reference);
  const members = attributes.map((_, j): WatchMember => [`d${j}`, 'v1', 0]);
  const budget = parseBudget('at most one false page a week');
  const watch = isAgainstBuild ? undefined : new FleetWatch({ devices, streams, healthyRounds: 48, budget });
  const comparison = new BuildComparison({ devices, streams: comparedStreams(reference) });
  const build = { reference, release: 'kws@1.0.0' } as WatchBuild;
  const randoms = [new Random(11), new Random(12)];
  for (let t = 0; t < rounds; t++) {
    for (let j = 0; j < devices; j++) {
      const values = streams.map((_, s) => (randoms[s] ? 0.1 * randoms[s].normal() + shiftOf(t, j, s) : 0));
      const variances = streams.map(() => 0.01);
      if (watch) watch.observe(t, j, values, variances);
      else comparison.observe(t, j, values);
    }
    if (watch && t < 48) {
      watch.close(t);
      continue;
    }
    const round = new WatchRound(stores, {
      project: { scope, settings: QualitySettings.parse({}), roundMs: hour, baseline: null },
      row: {
        ...{ id: 'w', model: 'kws', closedRound: t - 1, quietUntil: null, reference, baseline: null },
        ...{ build: null, state: 'watching' },
        frame: {
          fromMs: 0,
          roundMs: hour,
          healthyRounds: 48,
          watermark: 6,
          season: 'day',
          conditionBy: null,
        },
      } as unknown as WatchRow,
      ...{ watch, members, attributes, groups: [], rounds: [] },
      ...{ name: (j: number) => `d${j}`, isOutage: false, elsewhere: new Set() },
      against: isAgainstBuild ? { comparison, build, arl0: 50_000 } : undefined,
    });
    await round.begin();
    await round.judge(t);
    for (const { number, state } of [...kept])
      if (state === 'open' && isResolved(number)) change(number, { state: 'resolved' });
  }
  return kept.map(({ subject, incident, openedAtMs }) => ({
    ...{ subject, stream: incident.stream },
    openedRound: openedAtMs / hour - 1,
  }));
}

/** Rounds in which alerts were opened; the first device is 1.5 sd off in some. */
async function openedIn(rounds: number, isShifted: (round: number) => boolean): Promise<number[]> {
  const attributes = Array.from({ length: 6 }, () => ({}));
  const shiftOf = (t: number, j: number, s: number) => (j === 0 && s === 0 && isShifted(t) ? 1.5 : 0);
  const told = await toldOf({ rounds, attributes, shiftOf }, (number) => number === 1);
  return told.map(({ openedRound }) => openedRound);
}

describe('what a person resolved', () => {
  it('should not be told again while it goes on, for a day', async () => {
    const [first, second, ...more] = await openedIn(100, (t) => t >= 56);
    expect(first).toBeLessThan(62);
    expect(second! - first!).toBeGreaterThan(24);
    expect(second! - first!).toBeLessThan(32);
    expect(more).toEqual([]);
  });

  it('should be told when it comes again after it was calm', async () => {
    const [first, second, ...more] = await openedIn(84, (t) => t >= 56 && !(t >= 64 && t < 72));
    expect(first).toBeLessThan(62);
    expect(second).toBeGreaterThanOrEqual(72);
    expect(second).toBeLessThan(80);
    expect(more).toEqual([]);
  });

  const attributes = Array.from({ length: 24 }, (_, j) => ({
    site: j < 6 ? 'a' : 'b',
    version: j % 2 === 0 ? 'kws@1.0.0' : 'kws@1.1.0',
  }));
  const first = (number: number) => number === 1;

  it('should hide no other stream of the fleet', async () => {
    const told = await toldOf(
      { rounds: 80, attributes, shiftOf: (t, _, s) => (t >= (s === 0 ? 56 : 68) ? 1.5 : 0) },
      first,
    );
    expect(told.map(({ subject, stream }) => [subject, stream])).toEqual([
      ['everyone', 0],
      ['everyone', 1],
    ]);
  });

  it('should hide no other stream of a device at a site', async () => {
    const isShifted = (t: number, j: number, s: number) => (s === 0 ? j < 5 && t >= 56 : j === 5 && t >= 68);
    const told = await toldOf(
      { rounds: 80, attributes, shiftOf: (...of) => (isShifted(...of) ? 1.5 : 0) },
      first,
    );
    expect(told.map(({ subject, stream }) => [subject, stream])).toEqual([
      ['site=a', 0],
      ['device=d5', 1],
    ]);
  });

  it('should hide no version that moves when everyone had moved', async () => {
    // The fleet's mean stays where it is: one version is back, the other is twice as far.
    const shiftOf = (t: number, j: number, s: number) => (s > 0 ? 0 : t < 5 ? 1 : j % 2 === 1 ? 2 : 0);
    const told = await toldOf({ rounds: 20, attributes, isAgainstBuild: true, shiftOf }, first);
    expect(told.map(({ subject, stream }) => [subject, stream])).toEqual([
      ['everyone', 0],
      ['version=kws@1.1.0', 0],
    ]);
  });
});
