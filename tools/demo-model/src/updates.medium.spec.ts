import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { VIBRATION_CLASSES } from '@tinyfleet/sensors';
import { describeWith, findTool } from '@tinyfleet/testing';
import { measureUpdates, type UpdateName, type UpdateSource } from './measure-updates.js';

const models = path.join(import.meta.dirname, '../models');

/** Issue 4's bars: share of the bundle, or bytes. */
function expectWithinBars(sizes: Awaited<ReturnType<typeof measureUpdates>>): void {
  const size = new Map(sizes.map((row): [UpdateName, (typeof sizes)[number]] => [row.update, row]));
  const share = (update: UpdateName) => size.get(update)!.delta / size.get(update)!.full;
  expect(share('last-layer')).toBeLessThanOrEqual(0.1);
  expect(share('all-layers')).toBeLessThanOrEqual(0.45);
  expect(share('one-more-class')).toBeLessThanOrEqual(0.15);
  expect(size.get('labels')!.delta).toBeLessThanOrEqual(512);
  for (const { full, compressed } of sizes) expect(compressed).toBeLessThan(full);
}

describe('updates of the demo model', () => {
  const source: UpdateSource = {
    fileName: 'vibration.tflite',
    bytes: readFileSync(path.join(models, 'vibration-v1.tflite')),
    labels: VIBRATION_CLASSES,
    other: readFileSync(path.join(models, 'vibration-v2.tflite')),
  };

  it('should cost what the bars allow, and be made again by the device decoder', async () => {
    const sizes = await measureUpdates(source);
    expectWithinBars(sizes);
    // Other weights altogether: a delta still pays.
    const other = sizes.find(({ update }) => update === 'other-version')!;
    expect(other.delta).toBeLessThan(other.compressed);
  });

  it('should cost little more in blocks of one small sector', async () => {
    const [whole, blocks] = [
      await measureUpdates(source),
      await measureUpdates(source, { sectorBytes: 512, blockPayloadBytes: 1 }),
    ];
    blocks.forEach((row, i) => expect(row.delta - whole[i]!.delta).toBeLessThan(200));
  });
});

describeWith(['shared-data'], 'updates of the keyword spotting model', () => {
  it('should cost what the bars allow, and be made again by the device decoder', async () => {
    const folder = path.join(findTool('shared-data') ?? '', 'mlperf_tiny');
    const labels = Array.from({ length: 12 }, (_, i) => `word ${i}`);
    const bytes = readFileSync(path.join(folder, 'kws_ref_model.tflite'));
    expectWithinBars(await measureUpdates({ fileName: 'kws.tflite', bytes, labels }));
  });
});
