// A thousand devices over thirty days of virtual time, with the real firmware.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { compile } from '@tinyfleet/compiler';
import { wasmUrl } from '@tinyfleet/firmware';
import { Runtime } from '@tinyfleet/runtime';
import { VIBRATION_CLASSES } from '@tinyfleet/sensors';
import { Firmware } from '../src/device/firmware.js';
import { runLong } from '../src/lab/long-run.js';
import type { Release } from '../src/lab/scripted-platform.js';

const models = path.join(import.meta.dirname, '../../../tools/demo-model/models');
const target = { name: 'wasm', core: 'wasm', clockHz: 1e9, slotBytes: 131_072, arenaBytes: 65_536 };

async function build(version: string, sequence: number): Promise<Release> {
  const { abi } = await Runtime.open();
  const fileName = `vibration-${version}.tflite`;
  const bytes = new Uint8Array(readFileSync(path.join(models, fileName)));
  const { bundle } = await compile({ bytes, fileName }, { deviceType: target, labels: VIBRATION_CLASSES });
  return { bundle, sequence, abi: abi.major * 65_536 + abi.minor, opSet: Uint8Array.of() };
}

describe('a fleet over a month', () => {
  it('should follow every weekly update, leak nothing, lose nothing it was not robbed of, and wear no sector out', async () => {
    const releases = [
      await build('v1', 2),
      await build('v2', 4),
      await build('v3', 6),
      await build('v1', 8),
      await build('v2', 10),
    ];
    const result = runLong({
      firmware: new Firmware(wasmUrl),
      releases,
      devices: Number(process.env['LAB_DEVICES'] ?? 1_000),
      days: 30,
      rebootMeanH: 24,
      resetMeanH: 48,
      inferencePeriodS: 1_800,
      soakS: 6 * 3_600,
      seed: 11,
    });
    expect(result).toMatchObject({ behind: 0, traps: 0, reverted: 0, dropped: 0, breaches: 0 });
    expect(result.reboots).toBeGreaterThan(25 * result.devices);
    // A power cut takes what RAM held: at most the open window and those not yet sent, an hour of a day.
    expect(result.arrived).toBeGreaterThan(0.95);
    // Flash endures 10,000 erases at least: at this pace more than a decade.
    expect(result.recordErases).toBeLessThan(75);
    expect(result.slotErases).toBeLessThanOrEqual(releases.length);
    expect(result.ringErases).toBeLessThan(75);
    expect(result.leakedBytes).toBeLessThanOrEqual(releases[0]!.bundle.length + releases[1]!.bundle.length);
  }, 600_000);
});
