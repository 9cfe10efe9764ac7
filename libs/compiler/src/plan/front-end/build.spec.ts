// Descriptions that are fine by themselves and too much for this model.
import { describe, expect, it } from '@jest/globals';
import { sensorContract } from '../../driver/contents.js';
import { GraphBuilder } from '../../ir/builder.js';
import { tensorOf } from '../../ir/graph.js';
import { makePlan } from '../make-plan.js';
import { withFrontEnd } from './build.js';
import type { FrontEnd } from './description.js';

function built(elements: number, frontEnd: FrontEnd) {
  const b = new GraphBuilder('line');
  const x = b.input('x', [1, elements], { scale: 1 });
  const graph = b.build([b.relu(x, 'y')]);
  const input = tensorOf(graph, x);
  return withFrontEnd(makePlan(graph), frontEnd, { axes: 1, axisOrder: 0, input });
}

describe('withFrontEnd', () => {
  const means: FrontEnd = { kind: 'statistics', frame: 16_384, hop: 16_384, features: ['mean'] };

  it('should bound the samples that lead to one inference', () => {
    expect(built(1024, means).frontEnd).toMatchObject({ firstPasses: 1024 });
    expect(() => built(1025, means)).toThrow(/16793600 samples, more than 16777216/);
  });

  it('should bound the rows of an input by what the bundle can say', () => {
    const short: FrontEnd = { ...means, frame: 2, hop: 1 };
    expect(built(65_535, short).frontEnd).toMatchObject({ firstPasses: 65_535 });
    expect(() => built(65_536, short)).toThrow(/65536 rows are more than 65535/);
  });
});

describe('sensorContract', () => {
  it('should compare rates in whole millihertz', () => {
    const frontEnd: FrontEnd = { kind: 'spectral-power', frame: 16, sampleRate: 1.005, edgesHz: [0, 0.5] };
    const deviceType = { name: 'any', core: 'wasm', clockHz: 1, slotBytes: 1, arenaBytes: 1 };
    const sensor = { sensor: 1, axes: 1, sampleRateMilliHz: 1005 };
    expect(sensorContract({ deviceType, frontEnd, sensor }).sampleRateMilliHz).toBe(1005);
  });
});
