import { describe, expect, it } from '@jest/globals';
import { projectScope } from '@tinyfleet/contracts';
import { parseBudget } from '../drift/page-budget.js';
import { Random } from '../statistics/random.js';
import type { WatchFrame } from './frame.js';
import { learnWatch, mostLearned, type LearnLimits } from './learn.js';
import type { WatchReader, WatchWindow } from './ports.js';
import { streamsOf } from './reference.js';

const frame: WatchFrame = {
  ...{ fromMs: 0, roundMs: 1_000, healthyRounds: 30, watermark: 2 },
  ...{ season: 'day', conditionBy: null },
};
const schema = {
  ...{ modelId: 'm', model: 'kws', schemaCrc: 9, confidenceBins: 2, classCount: 2, labels: ['yes', 'no'] },
};
const random = new Random(2);
const windows: WatchWindow[] = Array.from({ length: 30 * 5 }, (_, i) => ({
  ...{ device: `d${i % 5}`, version: 'v', atMs: Math.floor(i / 5) * 1_000, receivedAtMs: 0, n: 10 },
  classes: [3, 3, 2, 2],
  ood: null,
  features: [{ n: 10, sum: Math.round(20 * random.normal()), sumSquares: 500 }],
  counters: [0, 0, 0, 0],
}));

/** Rows of these five devices, and how many were read at a time. */
function readerOf(reads: number[]): WatchReader {
  const reader: Pick<WatchReader, 'windows' | 'devices' | 'releases'> = {
    windows: async (_, __, { fromMs, toMs }) => {
      const found = windows.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
      reads.push(found.length);
      return Promise.resolve(found);
    },
    devices: async (_, ids) =>
      Promise.resolve(ids.map((id) => ({ id, name: id, type: 'm4', site: '', attributes: {} }))),
    releases: async () => Promise.resolve(new Map([['v', 'kws@1.0.0']])),
  };
  return reader as WatchReader;
}
async function learn(limits: LearnLimits) {
  const reads: number[] = [];
  const given = {
    ...{ scope: projectScope('p', 'p'), schema, frame, members: [], now: 0 },
    devices: ['d0', 'd1', 'd2', 'd3', 'd4'],
    budget: parseBudget('one page a week'),
  };
  return { ...(await learnWatch(readerOf(reads), given, limits)), reads };
}
const wide = { maxWindows: 1_000, learnBytes: 1e9 };

describe('learning a watch', () => {
  it('should read no more windows at a time than the bound, and learn the same', async () => {
    const whole = await learn(wide);
    expect(whole.reads).toEqual([150, 150]);
    const parts = await learn({ ...wide, maxWindows: 50 });
    expect(parts.reads).toEqual([50, 50, 50, 50, 50, 50]);
    expect((await learn({ ...wide, maxWindows: 49 })).reads).toContain(45);
    expect(parts.reference).toEqual(whole.reference);
    expect(parts.watch!.save()).toEqual(whole.watch!.save());
  });

  it('should have so many devices teach it as the bound of memory has room for, and the others begin as their groups', async () => {
    const streams = streamsOf((await learn(wide)).reference).length;
    const room = 5 * 16 * streams * frame.healthyRounds;
    const known = async (learnBytes: number) => {
      const { watch, members } = await learn({ ...wide, learnBytes });
      return members.map((_, j) => watch!.lastRoundOf(j));
    };
    expect(await known(room)).toEqual([29, 29, 29, 29, 29]);
    expect(await known(room - 1)).toEqual([29, 29, 29, 29, -1]);
    expect(mostLearned(1, streams, 30)).toBe(1);
  });

  it('should keep nothing of the rounds that taught it', async () => {
    const { watch } = await learn(wide);
    const size = watch!.save().length;
    const longer = { ...frame, healthyRounds: 24 };
    const given = {
      scope: projectScope('p', 'p'),
      schema,
      members: [],
      now: 0,
      budget: parseBudget('one page a day'),
    };
    const devices = ['d0', 'd1', 'd2', 'd3', 'd4'];
    const shorter = await learnWatch(readerOf([]), { ...given, frame: longer, devices }, wide);
    expect(Math.abs(shorter.watch!.save().length - size)).toBeLessThan(64);
  });
});
