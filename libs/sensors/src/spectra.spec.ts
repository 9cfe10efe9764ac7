// Keyword-like spectra, noise, and the random numbers under all generators.
import { describe, expect, it } from '@jest/globals';
import { Random } from './random.js';
import { KeywordSpectra, NoiseSensor } from './spectra.js';

describe('KeywordSpectra', () => {
  it.each([1, 490, 1_960, 27_648])('should fill a frame of %i bytes, the same one for the same time', (n) => {
    const [a, b] = [new Int8Array(n), new Int8Array(n)];
    const stream = new KeywordSpectra({ seed: 9 });
    expect(stream.read(5_000, a)).toBeNull();
    stream.read(6_000, b);
    stream.read(5_000, b);
    expect(a).toEqual(b);
  });

  it('should give frames of one word more alike than frames of two words', () => {
    const labels = Array.from({ length: 4 }, (_, i) => `word${i}`);
    const stream = new KeywordSpectra({ seed: 2, words: 4, silence: 0, labels });
    const means = new Map<string, { sum: Float64Array; n: number }>();
    for (let t = 0; t < 400; t++) {
      const frame = new Int8Array(1_960);
      const truth = stream.read(t * 1_000, frame)!;
      const mean = means.get(truth) ?? { sum: new Float64Array(1_960), n: 0 };
      frame.forEach((value, i) => (mean.sum[i]! += value));
      mean.n++;
      means.set(truth, mean);
    }
    expect([...means.keys()].sort()).toEqual(labels);
    // Nearest mean of the training frames names fresh frames far better than the 25 % of chance.
    let right = 0;
    for (let t = 1_000; t < 1_200; t++) {
      const frame = new Int8Array(1_960);
      const truth = stream.read(t * 1_000, frame);
      const distance = ([, { sum, n }]: [string, { sum: Float64Array; n: number }]) =>
        frame.reduce((d, value, i) => d + (value - sum[i]! / n) ** 2, 0);
      const nearest = [...means].sort((a, b) => distance(a) - distance(b))[0]![0];
      if (nearest === truth) right++;
    }
    expect(right).toBeGreaterThan(140);
  });
});

describe('NoiseSensor', () => {
  it('should have the asked standard deviation', () => {
    const frame = new Int8Array(10_000);
    new NoiseSensor(1, 20).read(0, frame);
    const variance = frame.reduce((sum, value) => sum + value * value, 0) / frame.length;
    expect(Math.sqrt(variance)).toBeCloseTo(20, 0);
  });
});

describe('Random', () => {
  it('should be uniform, normal and weighted as told, and repeat by its seed', () => {
    const r = new Random(7);
    const first = [r.bits(), r.bits()];
    r.reseed(7);
    expect([r.bits(), r.bits()]).toEqual(first);
    let [mean, square] = [0, 0];
    for (let i = 0; i < 20_000; i++) {
      const value = r.normal();
      mean += value / 20_000;
      square += (value * value) / 20_000;
    }
    expect(mean).toBeCloseTo(0, 1);
    expect(square).toBeCloseTo(1, 1);
    const counts = [0, 0, 0];
    for (let i = 0; i < 10_000; i++) counts[r.pick([1, 0, 3])]!++;
    expect(counts[1]).toBe(0);
    expect(counts[2]! / 10_000).toBeCloseTo(0.75, 1);
  });
});
