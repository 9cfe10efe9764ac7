// The committed demo models on the firmware's own kernels: what each version is known for, and that data and
// files belong together.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { compile, type CompileResult } from '@tinyfleet/compiler';
import { VIBRATION_CLASSES } from '@tinyfleet/sensors';
import { makeDataset } from './dataset.js';
import { writeNpy } from './npy.js';
import { EXPECTED, RECIPES, VALIDATION } from './versions.js';

const folder = path.join(import.meta.dirname, '../models');
const read = (name: string) => new Uint8Array(readFileSync(path.join(folder, name)));
const target = { name: 'wasm', core: 'wasm', clockHz: 1e9, slotBytes: 524_288, arenaBytes: 262_144 };

async function build(name: string): Promise<CompileResult> {
  const source = { bytes: read(`${name}.tflite`), fileName: `${name}.tflite` };
  const validation = { inputs: read('validation-x.npy'), labels: read('validation-y.npy') };
  return compile(source, {
    deviceType: target,
    model: 'vibration',
    version: '1.0.0',
    labels: VIBRATION_CLASSES,
    validation,
  });
}

describe('the committed models', () => {
  const results = new Map<string, CompileResult>();
  beforeAll(async () => {
    for (const { name } of RECIPES) results.set(name, await build(name));
  });

  it.each(EXPECTED)(
    'should reach $accuracy as int8 on the validation data: $name',
    ({ name, accuracy, confusion }) => {
      const { validation } = results.get(name)!.report;
      expect(validation!.accuracy).toBeCloseTo(accuracy, 6);
      expect(validation!.confusion).toEqual(confusion);
    },
  );

  it('should be confidently wrong on bearing faults in version 3 only', () => {
    const bearing = VIBRATION_CLASSES.indexOf('bearing');
    const asNormal = (name: string) => results.get(name)!.report.validation!.confusion[bearing]![0]!;
    const faulty = results
      .get('vibration-v3')!
      .report.validation!.confusion[bearing]!.reduce((a, b) => a + b);
    expect(asNormal('vibration-v3') / faulty).toBeGreaterThan(0.9);
    expect(asNormal('vibration-v2') / faulty).toBeLessThan(0.05);
  });

  it('should be built of the ops that every device type has', () => {
    for (const result of results.values()) {
      expect(result.report.macs).toBeLessThan(20_000);
      expect(result.report.arenaBytes).toBeLessThan(1_024);
    }
  });

  it('should take at most 100 KB together, labels and validation data included', () => {
    const bytes = readdirSync(folder).reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0);
    expect(bytes).toBeLessThanOrEqual(100_000);
  });

  it('should hold the validation data that its seed makes', () => {
    const { x, y } = makeDataset(VALIDATION);
    expect(Buffer.from(read('validation-x.npy')).equals(writeNpy(x, [VALIDATION.frames, 64, 1, 3]))).toBe(
      true,
    );
    expect(Buffer.from(read('validation-y.npy')).equals(writeNpy(y, [VALIDATION.frames]))).toBe(true);
    expect(readFileSync(path.join(folder, 'labels.txt'), 'utf8')).toBe(VIBRATION_CLASSES.join('\n') + '\n');
  });
});
