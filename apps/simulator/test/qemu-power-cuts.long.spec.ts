// Real power cuts: a hundred SIGKILLs during updates of a Cortex-M4 under QEMU, each followed by a boot on the same flash.
import { expect, it } from '@jest/globals';
import { describeWith } from '@tinyfleet/testing';
import { runPowerCuts } from '../src/lab/qemu-power-cuts.js';
import { labModel } from './lab-models.js';

const CUTS = Number(process.env['TINYFLEET_POWER_CUTS'] ?? 100);

describeWith(['qemu-system-arm', 'arm-none-eabi-gcc'], 'power cuts on QEMU', () => {
  it(`should boot the old or the new model, whole, after each of ${CUTS}, and end every update`, async () => {
    const bundles = await Promise.all([1, 2, 3].map(labModel));
    const report = await runPowerCuts({ bundles, cuts: CUTS });
    process.stdout.write(`${JSON.stringify(report)}\n`);
    expect(report.failures).toEqual([]);
    expect(report.cuts).toBe(CUTS);
    expect(report.bootedOld + report.bootedNew).toBe(CUTS);
    const { full, delta, compressed } = report.updates;
    expect(full + delta + compressed).toBeGreaterThanOrEqual(CUTS / 4);
    expect(delta * compressed).toBeGreaterThan(0);
    const inside = report.random.program + report.random.erase + report.chosen.program + report.chosen.erase;
    expect(inside).toBeGreaterThan(CUTS / 5);
  }, 400_000);
});
