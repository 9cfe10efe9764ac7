import { expect, it } from '@jest/globals';
import { QualitySettings, projectScope } from '@tinyfleet/contracts';
import type { AlertStores } from '../alerts/ports.js';
import type { WatchFrame } from './frame.js';
import { WatchKeeper, keeperDefaults } from './keeper.js';
import type { NewWatch, WatchMark, WatchReader, WatchRow, WatchState, WatchWindow } from './ports.js';
import { emptyReference } from './reference.js';

it('should go on with other projects where one fails, and say so', async () => {
  const asked: string[] = [];
  const reader: Pick<WatchReader, 'mark' | 'projects' | 'watches' | 'schemas'> = {
    projects: async () =>
      Promise.resolve(
        ['bad', 'good'].map((name) => ({
          scope: projectScope(name, name),
          settings: QualitySettings.parse({}),
          roundMs: 1_000,
          baseline: { number: 1, fromMs: 0, toMs: 48_000 },
        })),
      ),
    mark: async () => Promise.resolve({ mark: '', unwatched: [] }),
    schemas: async () => Promise.resolve([]),
    watches: async ({ name }) => {
      asked.push(name);
      return name === 'bad' ? Promise.reject(new Error('of the bad one')) : Promise.resolve([]);
    },
  };
  const keeper = new WatchKeeper(
    reader as WatchReader,
    async () => Promise.resolve(undefined as never),
    () => 'id',
    () => 0,
  );
  await expect(keeper.turn()).rejects.toThrow('of the bad one');
  expect(asked).toEqual(['bad', 'good']);
});

it('should read nothing until a clock is due, or somebody set something up', async () => {
  let [now, mark, looks] = [0, 'a', 0];
  const reader: Pick<WatchReader, 'mark' | 'projects' | 'watches' | 'schemas'> = {
    mark: async () => Promise.resolve({ mark, unwatched: [] }),
    projects: async () => {
      looks++;
      const settings = QualitySettings.parse({ settleSeconds: 10 });
      const baseline = { number: 1, fromMs: 0, toMs: 50_000 };
      return Promise.resolve([{ scope: projectScope('p', 'p'), settings, roundMs: 1_000, baseline }]);
    },
    schemas: async () => Promise.resolve([]),
    watches: async () => Promise.resolve([]),
  };
  const keeper = new WatchKeeper(
    reader as WatchReader,
    async () => Promise.resolve(undefined as never),
    () => 'id',
    () => now,
  );
  const turnAt = async (ms: number) => {
    now = ms;
    await keeper.turn();
    return looks;
  };
  expect(await turnAt(0)).toBe(1);
  // The declared period and the time that its last round waits.
  expect(await turnAt(59_999)).toBe(1);
  expect(await turnAt(60_000)).toBe(2);
  expect(await turnAt(61_000)).toBe(2);
  mark = 'b';
  expect(await turnAt(61_000)).toBe(3);
  expect(await turnAt(61_000 + keeperDefaults.lookMs - 1)).toBe(3);
  expect(await turnAt(61_000 + keeperDefaults.lookMs)).toBe(4);
  keeper.forget();
  expect(await turnAt(61_000 + keeperDefaults.lookMs)).toBe(5);
});

it('should look at once for a model that sums show and no watch has, however long its windows are', async () => {
  const hour = 3_600_000;
  let now = 100 * hour;
  let unwatched: WatchMark['unwatched'] = [];
  const asked: number[] = [];
  const reader: Pick<WatchReader, 'mark' | 'projects' | 'watches' | 'schemas'> = {
    mark: async () => Promise.resolve({ mark: '', unwatched }),
    projects: async () =>
      Promise.resolve([
        { scope: projectScope('p', 'p'), settings: QualitySettings.parse({}), roundMs: hour, baseline: null },
      ]),
    schemas: async (_, fromMs) => {
      asked.push(now - fromMs);
      return Promise.resolve([]);
    },
    watches: async () => Promise.resolve([]),
  };
  const keeper = new WatchKeeper(
    reader as WatchReader,
    async () => Promise.resolve(undefined as never),
    () => 'id',
    () => now,
  );
  const turnAfter = async (ms: number) => {
    now += ms;
    await keeper.turn();
    return asked.length;
  };
  expect(await turnAfter(0)).toBe(1);
  expect(await turnAfter(5_000)).toBe(1);
  unwatched = [{ projectId: 'p', schema: 'm/1/8' }];
  expect(await turnAfter(5_000)).toBe(2);
  // Its windows began at least an hour ago.
  expect(asked[1]).toBeGreaterThan(hour);
  // One that cannot be watched is not looked for again and again.
  expect(await turnAfter(5_000)).toBe(2);
  unwatched = [...unwatched, { projectId: 'p', schema: 'other/1/8' }];
  expect(await turnAfter(5_000)).toBe(3);
  expect(await turnAfter(keeperDefaults.lookMs)).toBe(4);
});

it('should begin with the first window that is no longer than rounds, which may come after a history', async () => {
  const hour = 3_600_000;
  let now = 100 * hour;
  let firstMs = Infinity;
  const schema = {
    ...{ modelId: 'm', model: 'm', schemaCrc: 1, confidenceBins: 8, classCount: 2, labels: ['a', 'b'] },
    firstHourMs: now - 24 * hour,
  };
  const asked = new Set<number>();
  const reader: Partial<WatchReader> = {
    mark: async () => Promise.resolve({ mark: '', unwatched: [] }),
    projects: async () =>
      Promise.resolve([
        {
          scope: projectScope('p', 'p'),
          settings: QualitySettings.parse({}),
          roundMs: 10_000,
          baseline: null,
        },
      ]),
    schemas: async () => Promise.resolve([schema]),
    watches: async () => Promise.resolve([]),
    heard: async () => Promise.resolve(['d']),
    build: async () => Promise.resolve(undefined),
    firstWindow: async (_, __, { fromMs, toMs, mostMs }) => {
      asked.add(mostMs);
      return Promise.resolve(firstMs >= fromMs && firstMs < toMs ? firstMs : undefined);
    },
  };
  const made: { readonly frame: { readonly fromMs: number } }[] = [];
  const stores = {
    watches: { add: async (_: unknown, watch: (typeof made)[number]) => Promise.resolve(made.push(watch)) },
  };
  const keeper = new WatchKeeper(
    reader as WatchReader,
    async (work) => await work(stores as never),
    () => 'id',
    () => now,
  );
  await keeper.turn();
  expect(made).toEqual([]);
  expect(asked).toEqual(new Set([20_000]));
  firstMs = now + 12_345;
  now += keeperDefaults.fitLookMs;
  await keeper.turn();
  expect(made.map(({ frame }) => frame.fromMs)).toEqual([100 * hour + 10_000]);
});

it('should begin anew with what comes now when nobody was heard in most of the rounds that may teach', async () => {
  const roundMs = 10_000;
  const frame: WatchFrame = {
    ...{ fromMs: 0, roundMs, healthyRounds: 2_000, watermark: 6 },
    ...{ season: 'day' as const, conditionBy: null },
  };
  const schema = {
    modelId: 'm',
    model: 'm',
    schemaCrc: 1,
    confidenceBins: 2,
    classCount: 2,
    labels: ['a', 'b'],
  };
  const row: WatchRow = {
    ...{ ...schema, id: 'w', baseline: null, part: '', state: 'starting', reason: '', frame, build: null },
    ...{ reference: emptyReference({ bins: 2, labels: ['a', 'b'] }), closedRound: 1_999 },
    ...{ readAtMs: 0, streamCount: 0, quietUntil: null },
  };
  const windowOf = (i: number): WatchWindow => ({
    ...{ device: 'd', version: 'v', atMs: i * roundMs, receivedAtMs: 0, n: 10, classes: [3, 3, 2, 2] },
    ...{ ood: null, features: null, counters: [0, 0, 0, 0] },
  });
  let heard = 1_499;
  const scope = projectScope('p', 'p');
  const state: WatchState = {
    ...{ members: [['d', 'v', 0]], learned: null, compared: null, closedRound: 1_999 },
    ...{ readAtMs: 0, streamCount: 0, arl0: 0, tooLate: 0 },
  };
  const reader: Partial<WatchReader> = {
    mark: async () => Promise.resolve({ mark: '', unwatched: [] }),
    projects: async () =>
      Promise.resolve([{ scope, settings: QualitySettings.parse({}), roundMs, baseline: null }]),
    schemas: async () => Promise.resolve([]),
    watches: async () => Promise.resolve([row]),
    state: async () => Promise.resolve(state),
    build: async () => Promise.resolve(undefined),
    windows: async (_, __, { fromMs, toMs }) =>
      Promise.resolve(
        Array.from({ length: heard }, (___, i) => windowOf(i)).filter(
          ({ atMs }) => atMs >= fromMs && atMs < toMs,
        ),
      ),
    devices: async (_, ids) =>
      Promise.resolve(ids.map((id) => ({ id, name: id, type: 't', site: '', attributes: {} }))),
    releases: async () => Promise.resolve(new Map([['v', 'm@1']])),
  };
  const now = 2_100 * roundMs + 3;
  const done: unknown[] = [];
  const stores = {
    watches: {
      lock: async () => Promise.resolve(true),
      remove: async () => Promise.resolve(),
      add: async (_: unknown, watch: NewWatch) => Promise.resolve(void done.push(watch)),
      advance: async (_: unknown, __: string, ___: unknown, learned: unknown) =>
        Promise.resolve(void done.push(learned)),
    },
    alerts: { held: async () => Promise.resolve([]) },
    audit: { append: async () => Promise.resolve() },
  };
  const turn = async () =>
    new WatchKeeper(
      reader as WatchReader,
      async (work) => work(stores as unknown as AlertStores),
      () => 'id',
      () => now,
    ).turn();
  await turn();
  const fromMs = 2_100 * roundMs;
  expect(done).toMatchObject([
    {
      state: 'starting',
      closedRound: -1,
      frame: { fromMs, healthyRounds: 2_000 },
      reason: 'begun anew for too few rounds with windows, 1499 of 2000',
    },
  ]);
  heard = 1_500;
  await turn();
  expect(done[1]).toMatchObject({ state: 'watching', frame: { fromMs: 0 } });
});
