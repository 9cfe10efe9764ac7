// Single operators against TensorFlow Lite Micro's reference kernels: tools/oracle made the models, inputs and outputs.
// A vector file arrives together with its op, so nothing is skipped.
import { describe, expect, it } from '@jest/globals';
import { faultsOf, faultsOfFile, vectorFiles } from './vectors.js';

describe('oracle', () => {
  for (const file of vectorFiles()) {
    const [op, type] = file.split('.');
    for (const optimize of [false, true]) {
      it(`should compute ${op} in ${type} as the reference does, ${optimize ? '' : 'not '}optimized`, async () => {
        expect(await faultsOfFile(file, (one) => faultsOf(one, { optimize }))).toEqual([]);
      });
    }
  }
});
