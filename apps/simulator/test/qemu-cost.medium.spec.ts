// Instructions and stack of an update on a Cortex-M4, counted inside the whole device.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from '@jest/globals';
import { compile } from '@tinyfleet/compiler';
import { describeWith, toolPath } from '@tinyfleet/testing';
import { measureCost } from '../src/lab/qemu-cost.js';

describeWith(
  ['qemu-system-arm', 'arm-none-eabi-gcc', 'shared-data'],
  'cost of an update on a Cortex-M4',
  () => {
    it('should count verification, self-test and inference of the keyword model', async () => {
      const fileName = 'kws_ref_model.tflite';
      const bytes = new Uint8Array(
        await readFile(path.join(toolPath('shared-data'), 'mlperf_tiny', fileName)),
      );
      const deviceType = {
        name: 'qemu-m4',
        core: 'cortex-m4f',
        clockHz: 25e6,
        slotBytes: 131_072,
        arenaBytes: 65_536,
      };
      const { bundle } = await compile({ bytes, fileName }, { deviceType });
      const cost = await measureCost('m4', bundle);
      process.stdout.write(`${JSON.stringify(cost)}\n`);
      // A figure of this size says that the timer counts instructions; the bounds are the bench's.
      expect(cost.inferenceInstructions / 14_568_320).toBeCloseTo(1, 1);
      expect(cost.goldenInstructions / cost.inferenceInstructions).toBeCloseTo(1.05, 1);
      expect(cost.vectors).toBeGreaterThan(1);
      expect(cost.verifyInstructions).toBeGreaterThan(500_000);
      expect(cost.verifyInstructions).toBeLessThan(3_000_000);
      expect(cost.stackBytes).toBeLessThan(8_192);
    }, 120_000);
  },
);
