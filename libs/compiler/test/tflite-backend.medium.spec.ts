// The .tflite backend over every op: a single-op model read, written and read back computes what the reference does.
import { describe, expect, it } from '@jest/globals';
import { openSource } from '../src/driver/frontends.js';
import { writeTflite } from '../src/index.js';
import { faultsOf, faultsOfFile, vectorFiles } from './vectors.js';

describe('the .tflite backend', () => {
  for (const file of vectorFiles()) {
    const [op, type] = file.split('.');
    it(`should write ${op} in ${type} so that it computes the same`, async () => {
      const faults = await faultsOfFile(file, (one) => {
        const { graph } = openSource({ bytes: one.bytes, fileName: 'single-op.tflite' });
        return faultsOf(one, { optimize: false, model: writeTflite(graph) });
      });
      expect(faults).toEqual([]);
    });
  }
});
