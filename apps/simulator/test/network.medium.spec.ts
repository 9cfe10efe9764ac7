// Updates over bad networks and from a troubled platform, in virtual time, with the real firmware.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { compile } from '@tinyfleet/compiler';
import { wasmUrl } from '@tinyfleet/firmware';
import { Runtime } from '@tinyfleet/runtime';
import { VIBRATION_CLASSES } from '@tinyfleet/sensors';
import { Firmware } from '../src/device/firmware.js';
import { SLOW_NETWORK } from '../src/lab/lossy-link.js';
import { runUpdates, type UpdateRun } from '../src/lab/network-lab.js';
import type { Release } from '../src/lab/scripted-platform.js';

const models = path.join(import.meta.dirname, '../../../tools/demo-model/models');
const target = { name: 'wasm', core: 'wasm', clockHz: 1e9, slotBytes: 131_072, arenaBytes: 65_536 };

let from: Release;
let to: Release;
beforeAll(async () => {
  const { abi } = await Runtime.open();
  const build = async (version: string, sequence: number): Promise<Release> => {
    const fileName = `vibration-${version}.tflite`;
    const bytes = new Uint8Array(readFileSync(path.join(models, fileName)));
    const { bundle } = await compile({ bytes, fileName }, { deviceType: target, labels: VIBRATION_CLASSES });
    return { bundle, sequence, abi: abi.major * 65_536 + abi.minor, opSet: Uint8Array.of() };
  };
  [from, to] = [await build('v1', 2), await build('v2', 4)];
});

function run(options: Partial<UpdateRun>) {
  return runUpdates({
    firmware: new Firmware(wasmUrl),
    from,
    to,
    devices: 40,
    limitS: 6 * 3_600,
    seed: 7,
    ...options,
  });
}

describe('updates over a bad network', () => {
  it('should cost little more than the bundle when nothing is lost', () => {
    const result = run({});
    expect(result).toMatchObject({ succeeded: 1, mixtures: 0, resets: 0 });
    expect(result.chunkRatio).toBeCloseTo(1, 5);
    // Every sector of the slot once, every byte of it once, and records of tens of bytes.
    const { flash } = result;
    const sectors = Math.ceil(to.bundle.length / 4_096);
    expect(flash.mostErases).toBe(1);
    expect(flash.erases).toBeGreaterThanOrEqual(sectors);
    expect(flash.erases).toBeLessThanOrEqual(sectors + 2);
    expect(flash.programmedBytes).toBeGreaterThanOrEqual(to.bundle.length);
    expect(flash.programmedBytes).toBeLessThan(to.bundle.length + 8_192);
    // Sessions, reports and headers on top of the bundle.
    expect(result.wireRatio * to.bundle.length).toBeLessThan(1.15 * to.bundle.length + 8_000);
  });

  it.each([0.01, 0.05, 0.2])(
    'should complete on every device when the network loses %d of all segments',
    (loss) => {
      const result = run({ network: { ...SLOW_NETWORK, loss } });
      expect(result).toMatchObject({ succeeded: 1, mixtures: 0 });
      expect(result.chunkRatio).toBeLessThan(1 + 8 * loss);
    },
  );

  it.each([0.05, 0.2])('should complete when the broker loses %d of all chunks', (lostChunks) => {
    const result = run({ trouble: { lostChunks } });
    expect(result).toMatchObject({ succeeded: 1, mixtures: 0 });
    // A chunk behind the missing one shows the loss: nobody waits for the time-out of 5 s each time.
    expect(result.medianS).toBeLessThan(5);
  });

  it('should complete when the firmware is given one byte at a time', () => {
    expect(run({ devices: 4, network: { readBytes: 1 } })).toMatchObject({ succeeded: 1, mixtures: 0 });
  });

  it('should complete when chunks are repeated, late, damaged and of another transfer', () => {
    const trouble = { repeatedChunks: 0.2, lateChunks: 0.05, damagedChunks: 0.05, foreignChunks: 0.05 };
    expect(run({ trouble })).toMatchObject({ succeeded: 1, mixtures: 0 });
  });

  it('should complete when two servers answer', () => {
    const result = run({ trouble: { servers: 2 } });
    expect(result).toMatchObject({ succeeded: 1, mixtures: 0 });
    expect(result.chunkRatio).toBeLessThan(2.5);
  });

  it('should go on where it was when connections break', () => {
    const result = run({ network: { ...SLOW_NETWORK, resetMeanMs: 15_000 } });
    expect(result.resets).toBeGreaterThan(20);
    expect(result).toMatchObject({ succeeded: 1, mixtures: 0 });
  });

  it('should leave a connection that has gone silent and go on', () => {
    const result = run({ network: { ...SLOW_NETWORK, silenceMeanMs: 30_000 } });
    expect(result.silences).toBeGreaterThan(5);
    expect(result).toMatchObject({ succeeded: 1, mixtures: 0 });
  });

  it('should go on where it was when the server restarts in the middle of a chunk', () => {
    const result = run({ network: SLOW_NETWORK, trouble: { restartMeanMs: 4_000 } });
    expect(result.resets).toBeGreaterThan(40);
    expect(result).toMatchObject({ succeeded: 1, mixtures: 0 });
  });
});
