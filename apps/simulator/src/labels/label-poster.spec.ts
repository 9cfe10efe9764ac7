// Posting ground truth: batches, delays, waiting devices, a server that is away, and refused labels.
import { afterEach, describe, expect, it } from '@jest/globals';
import { createClient } from '@tinyfleet/contracts';
import type { Observation } from '../device/device.js';
import { LabelPoster, type LabelPosterOptions } from './label-poster.js';

interface Posted {
  device: string;
  bootId: string;
  inferenceIndex: number;
  label: string;
}

let poster: LabelPoster | null = null;
afterEach(() => poster?.stop());

function setup(options: Partial<LabelPosterOptions> = {}) {
  const batches: Posted[][] = [];
  const server = { answer: 201, refusedDevice: '' };
  const fetch = (async (_url: string, init: RequestInit) => {
    if (server.answer === 0) throw new TypeError('fetch failed');
    const { labels } = JSON.parse(init.body as string) as { labels: Posted[] };
    if (labels.some(({ device }) => device === server.refusedDevice)) {
      return Response.json({ code: 'telemetry.label-unknown', detail: 'no' }, { status: 422 });
    }
    if (server.answer !== 201)
      return Response.json({ code: 'server.overloaded', detail: 'no' }, { status: server.answer });
    batches.push(labels);
    return Response.json({ accepted: labels.length, duplicates: 0 }, { status: 201 });
  }) as unknown as typeof globalThis.fetch;
  const client = createClient({ baseUrl: 'http://127.0.0.1:1', token: 't', fetch });
  poster = new LabelPoster({ client, project: 'demo', ...options });
  return { poster, batches, server };
}

const seen = (index: number, device = 'd1'): Observation => ({
  device,
  bootId: '0000000100000002',
  index,
  truth: 'bearing',
  predicted: 0,
  past: false,
});

describe('LabelPoster', () => {
  it('should post in batches of the given size', async () => {
    const { poster, batches } = setup({ batch: 10 });
    for (let i = 0; i < 25; i++) poster.add(seen(i), true);
    await poster.send(false);
    expect(batches.map((batch) => batch.length)).toEqual([10, 10, 5]);
    expect(batches[0]![0]).toEqual({
      device: 'd1',
      bootId: '0000000100000002',
      inferenceIndex: 0,
      label: 'bearing',
    });
    expect(poster.stats).toMatchObject({ posted: 25, accepted: 25 });
  });

  it('should hold a label back for its delay, and the past for none', async () => {
    const { poster, batches } = setup({ delayMs: 60_000 });
    poster.add(seen(1));
    poster.add(seen(2), true);
    await poster.send(false);
    expect(batches.flat().map((label) => label.inferenceIndex)).toEqual([2]);
    expect(poster.pending).toBe(1);
    await poster.stop();
    expect(batches.flat()).toHaveLength(2);
  });

  it('should let labels of a device wait until the platform knows what it runs', async () => {
    const known = new Set(['d2']);
    const { poster, batches } = setup({ ready: (device) => known.has(device) });
    poster.add(seen(1, 'd1'), true);
    poster.add(seen(1, 'd2'), true);
    await poster.send(false);
    expect(batches.flat().map(({ device }) => device)).toEqual(['d2']);
    known.add('d1');
    await poster.send(false);
    expect(batches.flat().map(({ device }) => device)).toEqual(['d2', 'd1']);
  });

  it.each([0, 429, 503])('should keep labels and post them later when the answer is %i', async (answer) => {
    const { poster, batches, server } = setup();
    server.answer = answer;
    poster.add(seen(1), true);
    await poster.send(false);
    expect(poster.pending).toBe(1);
    server.answer = 201;
    await poster.send(false);
    expect(batches.flat()).toHaveLength(1);
    expect(poster.pending).toBe(0);
  });

  it('should give up the labels of a refused device only', async () => {
    const { poster, batches, server } = setup();
    server.refusedDevice = 'd2';
    for (const device of ['d1', 'd2', 'd3']) for (let i = 0; i < 3; i++) poster.add(seen(i, device), true);
    await poster.send(false);
    expect(batches.flat().map(({ device }) => device)).toEqual(['d1', 'd1', 'd1', 'd3', 'd3', 'd3']);
    expect(poster.stats).toMatchObject({ accepted: 6, refused: 3 });
    expect(poster.pending).toBe(0);
    // It is not asked for again with every label.
    poster.add(seen(9, 'd2'), true);
    poster.add(seen(9, 'd1'), true);
    await poster.send(false);
    expect(batches.at(-1)).toHaveLength(1);
    expect(poster.stats.refused).toBe(4);
  });

  it('should keep a bounded number of labels, the newest, and count the lost', () => {
    const { poster } = setup({ capacity: 3 });
    for (let i = 0; i < 3; i++) poster.add(seen(i), true);
    expect(poster.stats.lost).toBe(0);
    poster.add(seen(3), true);
    expect(poster.pending).toBe(3);
    expect(poster.stats.lost).toBe(1);
  });
});
