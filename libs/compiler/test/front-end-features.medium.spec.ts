// Statistics, spectral power, MFCC and scaled counts against their definitions in doubles, on the WebAssembly runtime.
import { describe, expect, it } from '@jest/globals';
import { Runtime } from '@tinyfleet/runtime';
import { compile, GraphBuilder, writeTflite, type CompileOptions, type FrontEnd } from '../src/index.js';
import type { STATISTICS } from '../src/plan/generated/bundle-layout.js';
import { bench } from './front-end-bench.js';

type Signal = (i: number) => number;

/** Seeded noise of standard deviation about 1. */
function noise(seed: number): Signal {
  let state = seed;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  return () => (next() + next() + next() - 1.5) * 2;
}

const sampled = (n: number, f: Signal): number[] =>
  Array.from({ length: n }, (_, i) => Math.max(-32_768, Math.min(32_767, Math.round(f(i)))));

const SIGNALS: Readonly<Record<string, (n: number) => number[]>> = {
  'small noise': (n) => {
    const r = noise(1);
    return sampled(n, () => 3 + 2 * r(0));
  },
  'gravity and vibration': (n) => {
    const r = noise(2);
    return sampled(n, (i) => 4096 + 700 * Math.sin(i * 0.71) + 90 * r(0));
  },
  'full scale': (n) => {
    const r = noise(3);
    return sampled(n, () => 20_000 * r(0));
  },
  'one spike': (n) => sampled(n, (i) => (i === 7 ? 30_000 : 12)),
  'extreme square': (n) => sampled(n, (i) => (i % 5 < 2 ? -40_000 : 40_000)),
};

const mean = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0) / x.length;
const median = (x: readonly number[]): number => {
  const s = x.toSorted((a, b) => a - b);
  return (s[(s.length - 1) >> 1]! + s[s.length >> 1]!) / 2;
};

const DEFINITIONS: Readonly<Record<keyof typeof STATISTICS, (x: readonly number[]) => number>> = {
  mean,
  rms: (x) => Math.sqrt(mean(x.map((v) => v * v))),
  std: (x) => Math.sqrt(mean(x.map((v) => (v - mean(x)) ** 2))),
  min: (x) => Math.min(...x),
  max: (x) => Math.max(...x),
  range: (x) => Math.max(...x) - Math.min(...x),
  zero_crossings: (x) => {
    const above = x.map((v) => v >= mean(x));
    return above.filter((side, i) => i > 0 && side !== above[i - 1]).length;
  },
  kurtosis: (x) => {
    const d = x.map((v) => v - mean(x));
    return mean(d.map((v) => v ** 4)) / mean(d.map((v) => v * v)) ** 2;
  },
  crest: (x) => Math.max(...x.map(Math.abs)) / Math.sqrt(mean(x.map((v) => v * v))),
  mad: (x) => median(x.map((v) => Math.abs(v - median(x)))),
};
const NAMES = Object.keys(DEFINITIONS) as (keyof typeof STATISTICS)[];
/** Absolute (one step of 1/256 and the rounding of a root) and relative bounds, as statistics.c states them. */
const BOUNDS: Readonly<Partial<Record<keyof typeof STATISTICS, readonly [number, number]>>> = {
  mean: [1 / 512, 0],
  rms: [1 / 256, 0],
  std: [1 / 128, 0],
  kurtosis: [1 / 128, 0.01],
  crest: [1 / 128, 0.002],
};

async function statisticsOf(axes: readonly (readonly number[])[]): Promise<number[][]> {
  const [frame, count] = [axes[0]!.length, axes.length];
  const bytes = 4 * NAMES.length * count;
  const loaded = await bench({ inputBytes: 2 * frame * count, outputBytes: bytes, axes: count }, (b) =>
    b.stage('statistics', [b.samples], [b.arena('int32', bytes / 4)], {
      frame,
      features: 1023,
      axes: count,
    }),
  );
  const interleaved = Int16Array.from(
    { length: frame * count },
    (_, i) => axes[i % count]![Math.floor(i / count)]!,
  );
  const features = [...new Int32Array(Uint8Array.from(loaded.features(interleaved)[0]![0]!).buffer)];
  return axes.map((_, a) => features.slice(a * NAMES.length, (a + 1) * NAMES.length).map((v) => v / 256));
}

describe('statistics', () => {
  it.each([1, 2, 3, 128, 501])('should be those of the definitions over %i frames', async (n) => {
    const signals = Object.entries(SIGNALS).map(([name, make]) => [name, make(n)] as const);
    const found = await statisticsOf(signals.map(([, x]) => x));
    signals.forEach(([signal, x], axis) => {
      NAMES.forEach((name, k) => {
        const wanted = DEFINITIONS[name](x);
        const defined = Number.isFinite(wanted) ? wanted : 0;
        const [absolute, relative] = BOUNDS[name] ?? [0, 0];
        const error = Math.abs(found[axis]![k]! - defined);
        expect([signal, name, found[axis]![k], defined, error <= absolute + relative * defined]).toEqual([
          signal,
          name,
          found[axis]![k],
          defined,
          true,
        ]);
      });
    });
  });

  it('should give zeros for a silent axis', async () => {
    expect(await statisticsOf([new Array<number>(64).fill(0)])).toEqual([new Array<number>(10).fill(0)]);
  });
});

const deviceType = { name: 'any', core: 'wasm', clockHz: 1, slotBytes: 1 << 20, arenaBytes: 1 << 20 };

/** The quantized input that a model of this shape sees, as real numbers. */
async function featuresOf(
  shape: readonly number[],
  q: { scale: number; zeroPoint: number },
  options: Partial<CompileOptions> & { frontEnd: FrontEnd },
  samples: Int16Array,
): Promise<{ real: number[]; q: number[] }> {
  const g = new GraphBuilder('features');
  const x = g.input('x', shape, q);
  const graph = g.build([g.reshape(x, 'y', [shape.reduce((a, b) => a * b, 1)])]);
  const { bundle } = await compile(
    { bytes: writeTflite(graph), fileName: 'f.tflite' },
    { deviceType, ...options },
  );
  const loaded = (await Runtime.open()).load(bundle);
  for (let vector = 0; vector < loaded.view.goldenCount; vector++)
    expect(loaded.selfTest(vector).passed).toBe(true);
  const all = loaded.features(samples);
  const values = [...new Int8Array(Uint8Array.from(all.at(-1)![0]!).buffer)];
  return { q: values, real: values.map((v) => (v - q.zeroPoint) * q.scale) };
}

/** |X[k]| / length of a Hann-windowed, zero-padded frame. */
function spectrumOf(x: readonly number[], length: number): number[] {
  const w = x.map((v, i) => v * (0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / x.length)));
  return Array.from({ length: length / 2 + 1 }, (_, k) => {
    let [re, im] = [0, 0];
    w.forEach((v, i) => {
      re += v * Math.cos((2 * Math.PI * k * i) / length);
      im -= v * Math.sin((2 * Math.PI * k * i) / length);
    });
    return Math.hypot(re, im) / length;
  });
}

const near = (found: readonly number[], wanted: readonly number[], bound: number): void => {
  const worst = Math.max(...found.map((v, i) => Math.abs(v - wanted[i]!)));
  expect(found).toHaveLength(wanted.length);
  expect({ worst, bound, within: worst <= bound }).toEqual({ worst, bound, within: true });
};

describe('spectral power', () => {
  it('should be the root energy of bands, axis by axis, without the mean', async () => {
    const frame = 128;
    const edgesHz = [0, 4, 10, 20, 25];
    const axes = [
      sampled(frame, (i) => 4096 + 3000 * Math.sin((2 * Math.PI * 7 * i) / 50)),
      sampled(frame, (i) => -900 + 500 * Math.sin((2 * Math.PI * 15 * i) / 50)),
      sampled(frame, noise(5)).map((v) => v * 40),
    ];
    const wanted = axes.flatMap((x) => {
      const m = Math.round(mean(x));
      const energy = spectrumOf(
        x.map((v) => v - m),
        frame,
      ).map((v) => v * v);
      return edgesHz.slice(1).map((to, band) => {
        const [a, z] = [edgesHz[band]!, to].map((hertz) => Math.round((hertz * frame) / 50));
        return Math.sqrt(energy.slice(a, z).reduce((s, v) => s + v, 0));
      });
    });
    const samples = Int16Array.from({ length: frame * 3 }, (_, i) => axes[i % 3]![Math.floor(i / 3)]!);
    const options = {
      sensor: { sensor: 1, axes: 3, unit: 1 },
      frontEnd: { kind: 'spectral-power', frame, sampleRate: 50, edgesHz } as const,
    };
    const q = { scale: 5, zeroPoint: -128 };
    near((await featuresOf([12], q, options, samples)).real, wanted, 2.5 + 0.5);
    const logs = { ...options, frontEnd: { ...options.frontEnd, logarithm: true } };
    const found = await featuresOf([12], { scale: 0.1, zeroPoint: -128 }, logs, samples);
    // Sixteen bits of FFT: what is 2^-13 of the largest bin drowns in its rounding.
    wanted.forEach((v, i) => {
      if (v > 2) expect(Math.abs(found.real[i]! - Math.log(256 * v))).toBeLessThan(0.15);
    });
  });
});

describe('MFCC', () => {
  it('should be the cosine transform of log mel magnitudes, row after row', async () => {
    const [rate, bands, coefficients] = [8000, 26, 13];
    const r = noise(9);
    const samples = Int16Array.from(
      sampled(200 + 4 * 80, (i) => 6000 * Math.sin(i * i * 0.0009) + 300 * r(0)),
    );
    const frontEnd = {
      kind: 'mfcc' as const,
      sampleRate: rate,
      windowMs: 25,
      hopMs: 10,
      lowerHz: 100,
      upperHz: 4000,
      bands,
      coefficients,
    };
    const melOf = (hertz: number): number => 1127 * Math.log1p(hertz / 700);
    const points = Array.from(
      { length: bands + 2 },
      (_, i) => melOf(100) + ((melOf(4000) - melOf(100)) * i) / (bands + 1),
    );
    const wanted = Array.from({ length: 5 }, (_, row) => {
      const spectrum = spectrumOf([...samples.slice(row * 80, row * 80 + 200)], 256);
      const logs = Array.from({ length: bands }, (_, b) => {
        const energy = spectrum.reduce((sum, v, k) => {
          const m = melOf((k * rate) / 256);
          const [low, peak, high] = [points[b]!, points[b + 1]!, points[b + 2]!];
          return sum + v * v * Math.max(0, Math.min((m - low) / (peak - low), (high - m) / (high - peak)));
        }, 0);
        return Math.log(64 * Math.sqrt(energy));
      });
      return Array.from({ length: coefficients }, (_, k) =>
        logs.reduce((sum, v, i) => sum + v * Math.cos((Math.PI * k * (2 * i + 1)) / (2 * bands)), 0),
      ).map((v, k) => v * Math.sqrt((k === 0 ? 1 : 2) / bands));
    }).flat();
    const q = { scale: 0.3, zeroPoint: -20 };
    const { real } = await featuresOf([5, coefficients], q, { frontEnd }, samples);
    near(real, wanted, 0.15 + 0.12);
  });
});

describe('scaled counts', () => {
  const q = { scale: 0.05, zeroPoint: 3 };
  const samples = Int16Array.from(sampled(30, (i) => 12_000 * Math.sin(i * 1.7)));
  const frontEnd = { kind: 'scale', unitsPerCount: 1 / 4096, mean: [0, 0.5, -1], std: [1, 2, 1.5] } as const;
  const exact = (i: number): number => {
    const real = (samples[i]! / 4096 - frontEnd.mean[i % 3]!) / frontEnd.std[i % 3]!;
    return Math.max(-128, Math.min(127, Math.floor(real / Math.fround(q.scale) + 0.5) + q.zeroPoint));
  };

  it('should be quantized per axis with one rounding', async () => {
    const options = { sensor: { sensor: 1, axes: 3, unit: 1 }, frontEnd };
    const { q: found } = await featuresOf([10, 3], q, options, samples);
    expect(found).toEqual(Array.from(samples, (_, i) => exact(i)));
  });

  it('should come out axis by axis where the contract says so', async () => {
    const options = { sensor: { sensor: 1, axes: 3, unit: 1, axisOrder: 1 }, frontEnd };
    const { q: found } = await featuresOf([3, 10], q, options, samples);
    expect(found).toEqual(Array.from(samples, (_, i) => exact((i % 10) * 3 + Math.floor(i / 10))));
  });
});

describe('a front end that does not fit', () => {
  const at = (frontEnd: FrontEnd, sensor: CompileOptions['sensor'] = { sensor: 1, axes: 3, unit: 1 }) =>
    featuresOf([12], { scale: 1, zeroPoint: 0 }, { sensor, frontEnd }, new Int16Array(0));
  it.each<[string, FrontEnd, CompileOptions['sensor'] | undefined]>([
    [
      'rows of other sizes',
      { kind: 'statistics', frame: 10, features: ['mad', 'mean', 'max', 'min', 'std'] },
      undefined,
    ],
    ['no feature', { kind: 'statistics', frame: 10, features: [] }, undefined],
    [
      'hops beyond the frame',
      { kind: 'statistics', frame: 10, hop: 11, features: ['mad', 'mean', 'max', 'min'] },
      undefined,
    ],
    ['several axes of sound', { kind: 'micro-speech' }, { sensor: 3, axes: 2 }],
    [
      'bands above half the rate',
      { kind: 'spectral-power', frame: 64, sampleRate: 50, edgesHz: [0, 1, 2, 3, 40] },
      undefined,
    ],
    ['a deviation of zero', { kind: 'scale', std: 0 }, undefined],
    ['means of another number', { kind: 'scale', mean: [1, 2] }, undefined],
  ])('should be refused: %s', async (_, frontEnd, sensor) => {
    await expect(at(frontEnd, sensor)).rejects.toMatchObject({ code: 'compiler.front-end-invalid' });
  });

  it('should be refused without a sensor', async () => {
    await expect(at({ kind: 'scale' }, {})).rejects.toMatchObject({ code: 'compiler.sensor-invalid' });
  });
});
