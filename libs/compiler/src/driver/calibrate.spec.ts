// How many samples a float model is calibrated with: bounded by what they weigh, both ends of the range among them.
import { describe, expect, it } from '@jest/globals';
import { node, onnxModel, valueInfo } from '../../test/onnx-writer.js';
import { chooseSamples } from './calibrate.js';
import { compile } from './compile.js';
import { openSource } from './frontends.js';

const deviceType = { name: 'any', core: 'wasm', clockHz: 1, slotBytes: 2 ** 32 - 1, arenaBytes: 2 ** 32 - 1 };
const relu = (...shape: number[]) => {
  const inputs = [valueInfo('x', shape)];
  return {
    bytes: onnxModel({ nodes: [node('Relu', ['x'], ['y'])], inputs, outputs: ['y'] }),
    fileName: 'relu.onnx',
  };
};
const samplesOf = (...shape: number[]) =>
  chooseSamples(openSource(relu(...shape)).graph, { deviceType, inputRange: [-3, 5] }, []).samples;

describe('random samples', () => {
  it('should be 64 of small inputs and at least both ends of large ones', () => {
    const small = samplesOf(1, 1000);
    expect([small.count, small.inputs[0]!.length]).toEqual([64, 64_000]);
    const large = samplesOf(1, 3000, 3000);
    expect([large.count, large.inputs[0]!.length]).toEqual([2, 18_000_000]);
    expect([large.inputs[0]![0], large.inputs[0]![9_000_000]]).toEqual([-3, 5]);
  });
});

describe('a float model', () => {
  it('should be refused for its work before samples run through it', async () => {
    const stages: string[] = [];
    const options = { deviceType, limits: { work: 999 } };
    const control = { onProgress: ({ stage }: { stage: string }) => stages.push(stage) };
    await expect(compile(relu(1, 1000), options, control)).rejects.toMatchObject({
      code: 'compiler.limit-exceeded',
      data: { found: 1000, limit: 999 },
    });
    expect(stages).toEqual(['read']);
  });
});
