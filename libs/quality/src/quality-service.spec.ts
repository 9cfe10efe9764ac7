/** Quality answers from counts: totals, intervals, and falling back to sums when a range is too large. */
import { describe, expect, it } from '@jest/globals';
import { projectScope, type Transact } from '@tinyfleet/contracts';
import type { LabelStore, LabelStores, QualityStore } from './ports.js';
import { QualityService } from './quality-service.js';

const scope = projectScope('id', 'demo');
const DAY_MS = 86_400_000;
const nowMs = Date.parse('2026-06-01T12:00:00Z');

function storeOf(overrides: Partial<QualityStore>): QualityStore & { buckets: number[] } {
  const buckets: number[] = [];
  return {
    buckets,
    labelledCounts: () => Promise.resolve([]),
    classCounts: (_scope, query) => {
      buckets.push(query.bucketSeconds);
      return Promise.resolve([]);
    },
    deviceCounts: (_scope, query) => {
      buckets.push(query.bucketSeconds);
      return Promise.resolve([]);
    },
    hasMoreWindows: (_scope, _range, limit) => Promise.resolve(limit < 1_000),
    ...overrides,
  };
}
const noLabels: LabelStore = {
  add: (_scope, labels) => Promise.resolve({ accepted: labels.length - 1 }),
  check: () => Promise.resolve([]),
};
const transact: Transact<LabelStores> = async (work) =>
  await work({ labels: noLabels, audit: { append: () => Promise.resolve() } });
const service = (store: QualityStore, limit = 1_000) =>
  new QualityService(store, transact, () => nowMs, {
    ...{ classWindows: limit, deviceWindows: limit, deviceRangeMs: DAY_MS },
  });

describe('QualityService', () => {
  it('should add buckets up to totals and give each its interval', async () => {
    const store = storeOf({
      labelledCounts: () =>
        Promise.resolve([
          { atMs: 0, release: 'a@1.0.0', labels: 10, correct: 9 },
          { atMs: 3_600_000, release: 'a@1.0.0', labels: 30, correct: 21 },
        ]),
    });
    const series = await service(store).accuracy(scope, {});
    expect(series.totals).toHaveLength(1);
    expect(series.totals[0]).toMatchObject({ labels: 40, correct: 30, accuracy: 0.75 });
    expect(series.points[0]?.low).toBeLessThan(0.9);
    expect(series.points[0]?.high).toBeGreaterThan(0.9);
  });

  it('should read single windows up to the limit and sums above it', async () => {
    const request = { from: '2026-06-01T11:00:00Z' };
    const few = storeOf({});
    await service(few, 1_000).classMix(scope, request);
    await service(few, 1_000).versionShare(scope, request);
    expect(few.buckets).toEqual([30, 30]);
    const many = storeOf({});
    await service(many, 999).classMix(scope, request);
    await service(many, 999).versionShare(scope, request);
    expect(many.buckets).toEqual([3_600, 86_400]);
  });

  it('should look at no window of a range above the limit, and count devices by days then', async () => {
    const bucketsOf = async (rangeMs: number, bucketSeconds?: number) => {
      let looked = 0;
      const store = storeOf({ hasMoreWindows: () => Promise.resolve(++looked < 0) });
      const from = new Date(nowMs - rangeMs).toISOString();
      const { bucketSeconds: given } = await service(store).versionShare(scope, { from, bucketSeconds });
      expect(store.buckets).toEqual([given]);
      return { looked, given };
    };
    expect(await bucketsOf(DAY_MS)).toEqual({ looked: 1, given: 3_600 });
    expect(await bucketsOf(DAY_MS + 1)).toEqual({ looked: 0, given: 86_400 });
    // Days do not add up to the devices of a week.
    expect(await bucketsOf(14 * DAY_MS, 604_800)).toEqual({ looked: 0, given: 86_400 });
  });

  it('should count labels that were known already as duplicates', async () => {
    const one = { device: 'd', bootId: '00000001deadbeef', inferenceIndex: 1, label: 0 };
    const result = await service(storeOf({})).addLabels('test', scope, { labels: [one, one], source: 'api' });
    expect(result).toEqual({ accepted: 1, duplicates: 1 });
  });
});
