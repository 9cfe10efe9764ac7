// Thousands of damaged files: a registered error or a valid plan, in bounded time.
import { describe, expect, it } from '@jest/globals';
import { isFleetError } from '@tinyfleet/errors';
import { MODELS } from '../../../test/models.js';
import { mutate } from '../../../test/mutate.js';
import { writeTflite } from '../../backends/tflite/write.js';
import { verify } from '../../ir/verify.js';
import { PASSES } from '../../passes/table.js';
import { runPasses } from '../../passes/pass.js';
import { makePlan } from '../../plan/make-plan.js';
import { open } from './open.js';

/** Per model; every one is a file of its own. */
const MUTATIONS = 1500;

/** 'ok', the registered code, or a thrown test failure. */
function outcome(file: Uint8Array, what: string): string {
  try {
    const graph = open(file);
    verify(graph, 'frontend');
    makePlan(runPasses(graph, PASSES, { diagnostics: [] }).graph);
    return 'ok';
  } catch (error) {
    // A placeholder left open would show as `?`.
    const told = isFleetError(error) && error.code.startsWith('compiler.') && !error.message.includes('?');
    if (told) return error.code;
    throw new Error(`${what}: ${error instanceof Error ? error.stack : String(error)}`);
  }
}

describe('a hostile model file', () => {
  for (const [name, make] of Object.entries(MODELS)) {
    it(`should give a registered error or a valid plan, never a crash (${name})`, () => {
      const file = writeTflite(make());
      const seen = new Map<string, number>();
      for (let seed = 1; seed <= MUTATIONS; seed++) {
        const code = outcome(mutate(file, seed), `${name} mutation ${seed}`);
        seen.set(code, (seen.get(code) ?? 0) + 1);
      }
      // The mutations reach past the container into every kind of check.
      expect(seen.get('ok')).toBeGreaterThan(0);
      expect(seen.get('compiler.model-damaged')).toBeGreaterThan(0);
      expect(seen.size).toBeGreaterThan(4);
    });

    it(`should refuse every truncation (${name})`, () => {
      const file = writeTflite(make());
      for (let length = 8; length < file.length; length += 3) {
        expect(outcome(file.subarray(0, length), `${length} bytes`)).not.toBe('ok');
      }
    });
  }

  it('should not be slowed down by tables that share their children', () => {
    // n references to one subgraph that has n references to one tensor: n * n tables in 160 KB.
    const n = 20_000;
    const bytes = new Uint8Array(80 + 8 * n);
    const view = new DataView(bytes.buffer);
    const shorts = (at: number, ...values: number[]): void =>
      values.forEach((value, i) => view.setUint16(at + 2 * i, value, true));
    const vector = (at: number, target: number): void => {
      view.setUint32(at, n, true);
      for (let i = 1; i <= n; i++) view.setUint32(at + 4 * i, target - (at + 4 * i), true);
    };
    const [model, subgraphs] = [20, 28];
    const subgraph = subgraphs + 4 + 4 * n + 8;
    const tensors = subgraph + 8;
    const tensor = tensors + 4 + 4 * n + 4;
    view.setUint32(0, model, true);
    bytes.set(new TextEncoder().encode('TFL3'), 4);
    shorts(8, 10, 8, 0, 0, 4);
    view.setInt32(model, model - 8, true);
    view.setUint32(model + 4, 4, true);
    vector(subgraphs, subgraph);
    shorts(subgraph - 8, 6, 8, 4);
    view.setInt32(subgraph, 8, true);
    view.setUint32(subgraph + 4, 4, true);
    vector(tensors, tensor);
    shorts(tensor - 4, 4, 4);
    view.setInt32(tensor, 4, true);
    const started = performance.now();
    expect(outcome(bytes, 'bomb')).toBe('compiler.limit-exceeded');
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
