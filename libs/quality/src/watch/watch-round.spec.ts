import { describe, expect, it } from '@jest/globals';
import { QualitySettings, projectScope } from '@tinyfleet/contracts';
import type { AlertChange, AlertIncident, AlertStores, HeldAlert, NewAlert } from '../alerts/ports.js';
import { FleetWatch } from '../drift/fleet-watch.js';
import { parseBudget } from '../drift/page-budget.js';
import { Random } from '../statistics/random.js';
import type { WatchMember, WatchRow } from './ports.js';
import { streamsOf, type WatchReference } from './reference.js';
import { WatchRound } from './watch-round.js';

const hour = 3_600_000;
const devices = 6;
const scope = projectScope('p', 'p');
const reference: WatchReference = {
  ...{ bins: 2, labels: [], classes: [], confidence: null, ood: null, n: 10_000, presence: 1 },
  ...{ features: [{ mean: 0, sd: 1 }], counters: [0.01, 0.01, 0.01, 0.01] },
};
const members = Array.from({ length: devices }, (_, j): WatchMember => [`d${j}`, 'v1', 0]);

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
    note: async () => Promise.resolve(),
    addActions: async () => Promise.resolve(),
    queue: async () => Promise.resolve(),
  };
  const stores = { alerts, events: { emit: async () => Promise.resolve() } } as unknown as AlertStores;
  return { stores, kept, change };
}

/**
 * Rounds in which alerts were opened. A person resolves the first one as soon as it is there.
 * @param isShifted whether the first device is 1.5 sd off in a round
 */
async function openedIn(rounds: number, isShifted: (round: number) => boolean): Promise<number[]> {
  const { stores, kept, change } = alertsInMemory();
  const watch = new FleetWatch({
    ...{ devices, streams: streamsOf(reference), healthyRounds: 48 },
    budget: parseBudget('at most one false page a week'),
  });
  const random = new Random(11);
  for (let t = 0; t < rounds; t++) {
    for (let j = 0; j < devices; j++) {
      const mean = 0.1 * random.normal() + (j === 0 && isShifted(t) ? 1.5 : 0);
      const others = new Array<number>(streamsOf(reference).length - 1).fill(0);
      watch.observe(t, j, [mean, ...others], [0.01, ...others.map(() => 0.01)]);
    }
    if (t < 48) {
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
      ...{ watch, members, attributes: members.map(() => ({})), groups: [], rounds: [] },
      ...{ name: String, isOutage: false, elsewhere: new Set(), against: undefined },
    });
    await round.begin();
    await round.judge(t);
    if (kept[0]?.state === 'open') change(1, { state: 'resolved' });
  }
  return kept.map(({ openedAtMs }) => openedAtMs / hour - 1);
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
});
