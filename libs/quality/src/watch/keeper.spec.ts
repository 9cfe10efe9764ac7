import { expect, it } from '@jest/globals';
import { QualitySettings, projectScope } from '@tinyfleet/contracts';
import { WatchKeeper, keeperDefaults } from './keeper.js';
import type { WatchMark, WatchReader } from './ports.js';

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
