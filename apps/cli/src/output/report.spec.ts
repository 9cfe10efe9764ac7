/** The build report as text. */
import { describe, expect, it } from '@jest/globals';
import { renderReport, type Report } from './report.js';

const report: Report = {
  compilerVersion: '0.1.0',
  abi: '1.0',
  bundleBytes: 4_080,
  flash: { constants: 3_000, plan: 1_080 },
  arenaBytes: 448,
  arenaLowerBoundBytes: 448,
  stateBytes: 0,
  macs: 100,
  fits: { slot: true, arena: false },
  ops: [
    {
      index: 0,
      op: 'FULLY_CONNECTED',
      name: 'a',
      macs: 100,
      work: 100,
      outputBytes: 4,
      constantBytes: 0,
      liveBytes: 0,
    },
    { index: 1, op: 'SOFTMAX', name: 'b', macs: 0, work: 0, outputBytes: 4, constantBytes: 0, liveBytes: 0 },
  ],
  arena: [
    { tensor: 'input', offset: 0, bytes: 400, firstStep: -1, lastStep: 0 },
    { tensor: 'output', offset: 400, bytes: 4, firstStep: 1, lastStep: 2 },
  ],
  goldenVectors: 4,
  goldenCoverage: 0.995,
  validation: {
    samples: 200,
    accuracy: 0.985,
    confusion: [],
    histogram: [],
    correct: [],
    features: [],
    ood: null,
  },
  quantization: {
    method: 'min-max',
    samples: 100,
    source: 'calibration',
    range: null,
    layers: [
      { op: 'CONV_2D', name: 'stem', sqnrDb: 38.2, maxError: 0.01, maxValue: 2 },
      { op: 'FULLY_CONNECTED', name: 'head', sqnrDb: 21.5, maxError: 0.2, maxValue: 4 },
      { op: 'RESHAPE', name: 'flat', sqnrDb: null, maxError: 0, maxValue: 4 },
    ],
    outputs: [],
    float: { samples: 200, accuracy: 0.99, confusion: [] },
  },
  diagnostics: [
    { severity: 'warning', code: 'x', message: 'Slow on this core.', op: 'SOFTMAX', hint: 'Use another.' },
  ],
  seconds: 0.17,
};

const plain = (text: string) => text.replace(/\u001b\[[0-9;]*m/g, '');
const context = { model: 'm', version: '1.0.0', deviceType: 'wasm', bundleDigest: 'ab', slotBytes: 8_160 };

describe('build report', () => {
  const text = plain(renderReport(report, context));

  it('should say whether the bundle fits and why not', () => {
    expect(text).toMatch(/bundle +4,080 B, 50 % of the slot, fits/);
    expect(text).toMatch(/arena +448 B, does not fit the arena/);
  });

  it('should draw each tensor from its first to its last step, inputs from before the first', () => {
    expect(text).toContain('input   |===============               |  400 B at 0');
    expect(text).toMatch(/output {2}\| {15}=+\| {2}4 B at 400/);
  });

  it('should show sections by size, work, accuracy and diagnostics', () => {
    expect(text.indexOf('constants')).toBeLessThan(text.indexOf('plan  '));
    expect(text).toContain('FULLY_CONNECTED           100 MACs');
    expect(text).toContain('accuracy 98.5 % on 200 samples (float model 99.0 %)');
    expect(text).toContain('min-max over 100 samples (calibration)');
    expect(text.indexOf('head')).toBeLessThan(text.indexOf('stem'));
    expect(text).toMatch(/FULLY_CONNECTED +head +21.5 dB/);
    expect(text).toContain('warning  SOFTMAX: Slow on this core.\n       Use another.');
    expect(text).toContain('4 golden vectors, a flip in 99.5 % of the stored blocks is noticed');
  });
});
