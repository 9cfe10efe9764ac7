// Hostile ONNX, Keras and tfjs files: a registered error or a sound graph, in bounded time. Seeds are files that ONNX's and
// Keras's own writers made.
import { describe, expect, it } from '@jest/globals';
import { isFleetError } from '@tinyfleet/errors';
import { zipSync } from 'fflate';
import { formatVectors, type FormatCase } from '../../test/format-vectors.js';
import { mutate } from '../../test/mutate.js';
import { smallNet } from '../../test/onnx-writer.js';
import { openSource } from '../driver/frontends.js';
import { verify } from '../ir/verify.js';

/** Each a file of its own. */
const MUTATIONS = 60;
/** Milliseconds for one file of a few kilobytes, on a loaded machine. */
const SLOWEST = 1500;

/** 'ok', the registered code, or a thrown test failure. */
function outcome(bytes: Uint8Array, what: string): string {
  const started = performance.now();
  try {
    verify(openSource({ bytes, fileName: 'hostile' }).graph, 'frontend');
    return 'ok';
  } catch (error) {
    // A placeholder left open would show as `?`... which open batches do as well, in data only.
    const told = isFleetError(error) && error.code.startsWith('compiler.');
    if (told) return error.code;
    throw new Error(`${what}: ${error instanceof Error ? error.stack : String(error)}`);
  } finally {
    expect(performance.now() - started).toBeLessThan(SLOWEST);
  }
}

function attack(
  cases: readonly Pick<FormatCase, 'name' | 'bytes'>[],
  mutations: number,
): Map<string, number> {
  const seen = new Map<string, number>();
  cases.forEach(({ name, bytes }, k) => {
    for (let seed = 1; seed <= mutations; seed++) {
      const code = outcome(mutate(bytes, k * 10_000 + seed), `${name}, mutation ${seed}`);
      seen.set(code, (seen.get(code) ?? 0) + 1);
    }
  });
  return seen;
}

describe('a hostile file', () => {
  it('should not get through the ONNX frontend', () => {
    const cases = [
      { name: 'small net', bytes: smallNet() },
      ...formatVectors('onnx.gz'),
      ...formatVectors('onnx-trees.gz'),
    ];
    const seen = attack(cases, MUTATIONS);
    for (const code of ['ok', 'compiler.model-damaged', 'compiler.graph-invalid', 'compiler.op-unsupported'])
      expect([code, seen.get(code) ?? 0]).not.toEqual([code, 0]);
    expect(seen.size).toBeGreaterThan(6);
  });

  it('should not get through the Keras frontend', () => {
    const seen = attack(formatVectors('keras.gz'), 12);
    for (const code of ['ok', 'compiler.model-damaged'])
      expect([code, seen.get(code) ?? 0]).not.toEqual([code, 0]);
    expect(seen.size).toBeGreaterThan(3);
  });

  it('should not get through the tfjs frontend', () => {
    const json = {
      modelTopology: {
        keras_version: '4',
        model_config: {
          class_name: 'Sequential',
          config: {
            name: 'n',
            layers: [
              {
                class_name: 'Conv1D',
                config: { name: 'c', filters: 2, kernel_size: [3], batch_input_shape: [null, 8, 1] },
              },
              { class_name: 'GlobalAveragePooling1D', config: { name: 'g' } },
              { class_name: 'Dense', config: { name: 'd', units: 2, activation: 'softmax' } },
            ],
          },
        },
      },
      weightsManifest: [
        {
          paths: ['w.bin'],
          weights: [
            { name: 'c/kernel', shape: [3, 1, 2], dtype: 'float32' },
            { name: 'c/bias', shape: [2], dtype: 'float32' },
            { name: 'd/kernel', shape: [2, 2], dtype: 'float32' },
            { name: 'd/bias', shape: [2], dtype: 'float32' },
          ],
        },
      ],
    };
    const files = {
      'model.json': new TextEncoder().encode(JSON.stringify(json)),
      'w.bin': new Uint8Array(56),
    };
    // Stored, so that damage reaches the JSON.
    const seen = attack([{ name: 'tfjs', bytes: zipSync(files, { level: 0 }) }], 3000);
    for (const code of ['ok', 'compiler.model-damaged', 'compiler.graph-invalid', 'compiler.weights-invalid'])
      expect([code, seen.get(code) ?? 0]).not.toEqual([code, 0]);
  });
});
