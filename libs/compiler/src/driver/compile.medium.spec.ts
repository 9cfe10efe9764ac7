// The whole compiler on the real runtime: bundles load, prove themselves, fit or say why not.
import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { FleetError, isFleetError } from '@tinyfleet/errors';
import { readBundle, Runtime } from '@tinyfleet/runtime';
import { gestureNet, MODELS } from '../../test/models.js';
import { mutate } from '../../test/mutate.js';
import { writeTflite } from '../backends/tflite/write.js';
import { compile } from './compile.js';
import { evaluate } from './evaluate.js';
import { inspect } from './inspect.js';
import type { CompileOptions, Progress } from './options.js';
import type { Report } from './report.js';

const deviceType = {
  name: 'bench',
  core: 'cortex-m4f',
  clockHz: 64_000_000,
  slotBytes: 65_536,
  arenaBytes: 16_384,
};
const source = (name: string) => ({ bytes: writeTflite(MODELS[name]!()), fileName: `${name}.tflite` });
const labels = ['normal', 'imbalance', 'bearing'];

function npy(descr: string, shape: number[], data: Uint8Array): Uint8Array {
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${tuple}), }`.padEnd(117) + '\n';
  const head = Uint8Array.from([
    0x93,
    ...Buffer.from('NUMPY'),
    1,
    0,
    header.length,
    0,
    ...Buffer.from(header),
  ]);
  return new Uint8Array([...head, ...data]);
}

/** n pseudo-random inputs of convNet, and what the bundle says about each. */
async function labelled(bundle: Uint8Array, n: number) {
  const runtime = await Runtime.open();
  const loaded = runtime.load(bundle);
  const bytes = loaded.view.inputs[0]!.bytes;
  const { data } = runtime.randomBytes(0x12345679, n * bytes);
  const seen = Array.from({ length: n }, (_, i) => {
    const { values } = loaded.runMonitored([data.subarray(i * bytes, (i + 1) * bytes)]);
    return values[0]!.value;
  });
  const truth = Uint8Array.from(seen, (value) => value >> 8);
  return { x: npy('|i1', [n, 9, 8, 2], data), truth, confidence: seen.map((value) => value & 0xff) };
}

describe('compile', () => {
  it('should make a bundle that a device loads and whose self-test passes', async () => {
    const { bundle, report } = await compile(source('convNet'), {
      deviceType,
      labels,
      model: 'pump',
      version: '1.2.0',
    });
    const loaded = (await Runtime.open()).load(bundle);
    expect(loaded.view).toMatchObject({
      totalBytes: bundle.length,
      goldenCount: 4,
      labels,
      arenaBytes: report.arenaBytes,
    });
    for (let vector = 0; vector < 4; vector++) expect(loaded.selfTest(vector).passed).toBe(true);
    expect(loaded.view.digest).toEqual(
      new Uint8Array(createHash('sha256').update(bundle.subarray(48)).digest()),
    );
    expect(report.bundleDigest).toBe(createHash('sha256').update(bundle).digest('hex'));
  });

  it('should account for every byte of flash and all live memory', async () => {
    const { bundle, report } = await compile(source('residualNet'), { deviceType });
    expect(Object.values(report.flash).reduce((a, b) => a + b, 0)).toBe(bundle.length);
    expect(Math.max(...report.ops.map((op) => op.liveBytes))).toBeLessThanOrEqual(report.arenaBytes);
    expect(report.arenaBytes).toBe(report.arenaLowerBoundBytes);
    expect(report.macs).toBe(report.ops.reduce((n, op) => n + op.macs, 0));
  });

  it('should give the same bytes for the same input, whatever the file is called', async () => {
    const first = await compile(source('convNet'), { deviceType, labels });
    const second = await compile({ ...source('convNet'), fileName: 'other.bin' }, { deviceType, labels });
    expect(second.bundle).toEqual(first.bundle);
  });

  it.each(Object.keys(MODELS))('should compute with passes what it computes without (%s)', async (name) => {
    const runtime = await Runtime.open();
    const [plain, optimized] = await Promise.all(
      [false, true].map(async (optimize) => {
        // A stand-alone RELU has no kernel of its own: the plain graph of residualNet needs it fused.
        const model = name === 'residualNet' && !optimize ? withoutRelu() : source(name);
        return runtime.load((await compile(model, { deviceType, optimize })).bundle);
      }),
    );
    for (let seed = 1; seed < 50; seed++) {
      const { data } = runtime.randomBytes(seed * 7919, plain!.view.inputs[0]!.bytes);
      expect(optimized!.run([data])).toEqual(plain!.run([data]));
    }
  });

  it('should compute the same with and without monitors', async () => {
    const { bundle } = await compile(source('convNet'), { deviceType });
    const loaded = (await Runtime.open()).load(bundle);
    const input = new Uint8Array(loaded.view.inputs[0]!.bytes).fill(9);
    expect(loaded.runMonitored([input]).outputs).toEqual(loaded.run([input]));
  });

  it('should write the sensor it was told into the contract', async () => {
    const sensor = { sensor: 1, axes: 2, unit: 1, frame: 72, hop: 36, sampleRateMilliHz: 400_000 };
    const { bundle } = await compile(source('convNet'), { deviceType, sensor });
    expect(readBundle(bundle).inputs[0]).toMatchObject({
      sensor: 1,
      axes: 2,
      frame: 72,
      hop: 36,
      sampleRateMhz: 400_000,
    });
  });

  it.each<[string, Partial<CompileOptions>]>([
    ['compiler.sensor-invalid', { sensor: { sensor: 1, axes: 3, frame: 10 } }],
    ['compiler.sensor-invalid', { sensor: { axes: 3 } }],
    ['compiler.labels-invalid', { labels: ['a', 'b'] }],
    ['compiler.slot-too-small', { deviceType: { ...deviceType, slotBytes: 500 } }],
    ['compiler.arena-too-small', { deviceType: { ...deviceType, arenaBytes: 100 } }],
    ['compiler.limit-exceeded', { limits: { work: 100 } }],
    ['compiler.limit-exceeded', { limits: { operators: 3 } }],
  ])('should refuse with %s for %j', async (code, options) => {
    await expect(compile(source('convNet'), { deviceType, ...options })).rejects.toMatchObject({ code });
  });

  it('should fit a target with exactly as much flash and RAM as it needs, and not one byte less', async () => {
    const { report } = await compile(source('denseNet'), { deviceType });
    const exact = { ...deviceType, slotBytes: report.bundleBytes, arenaBytes: report.arenaBytes };
    await expect(compile(source('denseNet'), { deviceType: exact })).resolves.toBeDefined();
    const slot = compile(source('denseNet'), { deviceType: { ...exact, slotBytes: report.bundleBytes - 1 } });
    await expect(slot).rejects.toMatchObject({ code: 'compiler.slot-too-small' });
    const arena = compile(source('denseNet'), {
      deviceType: { ...exact, arenaBytes: report.arenaBytes - 1 },
    });
    await expect(arena).rejects.toMatchObject({ code: 'compiler.arena-too-small' });
  });

  it('should show with a misfit what takes the room', async () => {
    const small = { ...deviceType, slotBytes: 500, arenaBytes: 100 };
    const error: unknown = await compile(source('convNet'), { deviceType: small }).catch((e: unknown) => e);
    if (!(error instanceof FleetError)) throw error;
    const report = error.data['report'] as Report;
    expect(report.fits).toEqual({ slot: false, arena: false });
    expect((error.data['diagnostics'] as { code: string }[]).map((d) => d.code)).toEqual([
      'compiler.slot-too-small',
      'compiler.arena-too-small',
    ]);
    expect(report.ops.length).toBeGreaterThan(0);
  });

  it('should check state memory where the device type says how much there is', async () => {
    const options = {
      sensor: { sensor: 1, axes: 1, unit: 1 },
      frontEnd: {
        kind: 'statistics' as const,
        frame: 32,
        features: ['mean', 'rms', 'std', 'min', 'max', 'range'],
      },
    } satisfies Partial<CompileOptions>;
    const { report } = await compile(source('denseNet'), { deviceType, ...options });
    const of = (stateBytes: number) =>
      compile(source('denseNet'), { deviceType: { ...deviceType, stateBytes }, ...options });
    expect(report.stateBytes).toBeGreaterThan(0);
    await expect(of(report.stateBytes)).resolves.toBeDefined();
    await expect(of(report.stateBytes - 1)).rejects.toMatchObject({ code: 'compiler.state-too-small' });
  });

  describe('for slots of 2,048 bytes', () => {
    const uno = {
      name: 'arduino-uno',
      core: 'avr',
      clockHz: 16_000_000,
      slotBytes: 2_048,
      arenaBytes: 256,
      stateBytes: 0,
      profile: 'reduced' as const,
    };
    const gesture = (inputs: number, hidden: number) => ({
      bytes: writeTflite(gestureNet(inputs, hidden)),
      fileName: 'gesture.tflite',
    });
    const options = { labels: ['idle', 'wave', 'circle', 'shake'], model: 'gesture', version: '1.0.0' };

    it.each([
      [16, 16],
      [32, 16],
      [36, 20],
    ])('should fit two layers over %i features with %i units, and prove itself', async (inputs, hidden) => {
      const { bundle, report } = await compile(gesture(inputs, hidden), { deviceType: uno, ...options });
      expect(bundle.length).toBeLessThanOrEqual(2_048);
      expect(report.goldenVectors).toBe(2);
      expect(report.goldenDistinctOutputs).toBe(2);
      expect(report.goldenCoverage).toBe(1);
      const loaded = (await Runtime.open()).load(bundle);
      for (const vector of [0, 1]) expect(loaded.selfTest(vector).passed).toBe(true);
      expect(loaded.view.sections).not.toHaveProperty('names');
      expect(loaded.view.sections).not.toHaveProperty('labels');
      expect(loaded.view.sections).not.toHaveProperty('info');
    });

    it('should compute what the full profile computes, and be smaller by what only tools read', async () => {
      const full = { ...uno, profile: 'full' as const, slotBytes: 4_096 };
      const validation = {
        inputs: npy('|i1', [2, 32], new Uint8Array(64).fill(3)),
        labels: npy('|u1', [2], Uint8Array.of(0, 1)),
      };
      const [a, b] = await Promise.all(
        [uno, full].map((deviceType) => compile(gesture(32, 16), { deviceType, ...options, validation })),
      );
      expect(Object.keys(b!.report.flash).filter((name) => !(name in a!.report.flash))).toEqual([
        'labels',
        'samples',
        'names',
        'info',
      ]);
      expect(b!.bundle.length - a!.bundle.length).toBeGreaterThanOrEqual(240);
      const runtime = await Runtime.open();
      const [small, large] = [runtime.load(a!.bundle), runtime.load(b!.bundle)];
      for (let seed = 1; seed < 20; seed++) {
        const { data } = runtime.randomBytes(seed * 7919, 32);
        expect(small.run([data])).toEqual(large.run([data]));
      }
    });

    it('should say what takes the room when a model does not fit', async () => {
      await expect(compile(gesture(64, 20), { deviceType: uno, ...options })).rejects.toMatchObject({
        code: 'compiler.slot-too-small',
        data: { deviceType: 'arduino-uno', available: 2_048, constants: expect.any(Number) },
      });
    });
  });

  it('should tell its progress in order and stop when asked', async () => {
    const seen: Progress[] = [];
    await compile(source('denseNet'), { deviceType }, { onProgress: (p) => seen.push(p) });
    expect(seen.map((p) => p.progress)).toEqual(seen.map((p) => p.progress).toSorted((a, b) => a - b));
    expect(seen.at(-1)).toEqual({ stage: 'report', progress: 1 });

    const abort = new AbortController();
    const work = compile(
      source('denseNet'),
      { deviceType },
      {
        signal: abort.signal,
        onProgress: ({ stage }) => stage === 'self-test' && abort.abort(new Error('enough')),
      },
    );
    await expect(work).rejects.toThrow('enough');
  });

  it('should warn when classes have no names', async () => {
    const { report } = await compile(source('convNet'), { deviceType });
    expect(report.diagnostics).toMatchObject([{ severity: 'warning', code: 'compiler.labels-missing' }]);
  });

  it('should survive hostile models to the end: a registered error, or a bundle whose self-test passes', async () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= 150; seed++) {
      for (const name of Object.keys(MODELS)) {
        const bytes = mutate(source(name).bytes, seed + 100_000);
        try {
          await compile(
            { bytes, fileName: 'hostile' },
            { deviceType, goldenVectors: 1, limits: { work: 1_000_000 } },
          );
          seen.add('ok');
        } catch (error) {
          if (!isFleetError(error)) throw error;
          // self-test-failed would be a bundle the runtime refuses: a hole in the frontend's checks.
          expect(error.code).toMatch(/^compiler\.(?!self-test-failed)/);
          seen.add(error.code);
        }
      }
    }
    expect(seen.has('ok')).toBe(true);
  });
});

/** residualNet with its stem's RELU fused by hand. */
function withoutRelu() {
  const graph = MODELS['residualNet']!();
  const [stem, relu, ...rest] = graph.ops;
  const fused = {
    ...stem!,
    attrs: { ...stem!.attrs, activation: 'relu' },
    outputs: relu!.outputs,
  } as unknown as (typeof graph.ops)[0];
  return { bytes: writeTflite({ ...graph, ops: [fused, ...rest] }), fileName: 'fused.tflite' };
}

describe('evaluate', () => {
  it('should count accuracy, confusion and confidence over labelled samples', async () => {
    const { bundle } = await compile(source('convNet'), { deviceType, labels });
    const n = 200;
    const { x, truth, confidence } = await labelled(bundle, n);
    const wrong = truth.map((label, i) => (i % 4 === 0 ? (label + 1) % 3 : label));
    const result = await evaluate(bundle, { inputs: x, labels: npy('|u1', [n], wrong) });
    expect(result).toMatchObject({ samples: n, accuracy: 0.75 });
    expect(result.confusion.flat().reduce((a, b) => a + b, 0)).toBe(n);
    expect(result.histogram.flat().reduce((a, b) => a + b, 0)).toBe(n);
    expect(result.correct.flat().reduce((a, b) => a + b, 0)).toBe(0.75 * n);
    result.histogram.forEach((row, c) => {
      // Eight bins of 32 steps of confidence.
      row.forEach((count, bin) => {
        expect(count).toBe(confidence.filter((p, i) => truth[i] === c && p >> 5 === bin).length);
      });
    });
  });

  it('should be part of a build with validation data, whose first sample becomes a golden vector', async () => {
    const { bundle: plain } = await compile(source('convNet'), { deviceType, labels });
    const { x, truth } = await labelled(plain, 20);
    const validation = { inputs: x, labels: npy('|u1', [20], truth) };
    const { bundle, report } = await compile(source('convNet'), { deviceType, labels, validation });
    expect(report.validation).toMatchObject({ samples: 20, accuracy: 1 });
    const loaded = (await Runtime.open()).load(bundle);
    expect(loaded.view.goldenCount).toBe(5);
    expect(loaded.selfTest(4).passed).toBe(true);
  });

  it('should give a build with validation data monitors whose bins hold equal shares, counted as devices count', async () => {
    const { bundle: plain } = await compile(source('convNet'), { deviceType, labels });
    const n = 320;
    const { x, truth } = await labelled(plain, n);
    const validation = { inputs: x, labels: npy('|u1', [n], truth) };
    const { bundle, report } = await compile(source('convNet'), { deviceType, labels, validation });
    const { features, ood } = report.validation!;
    // 9 x 8 elements of two channels.
    const names = ['mean of channel 0', 'mean of channel 1', 'least', 'greatest'];
    expect(features.map(({ name }) => name)).toEqual(names);
    expect(ood).toMatchObject({ name: 'largest logit', n });
    for (const one of [...features, ood!]) {
      expect(one.counts.reduce((a, b) => a + b, 0)).toBe(n);
      expect(one.correct).toEqual(one.counts);
      expect(one.counts.length).toBe(16);
      expect([...one.edges].sort((a, b) => a - b)).toEqual(one.edges);
    }
    const [mean] = features;
    expect(Math.max(...mean!.counts)).toBeLessThan(n / 4);
    // By hand: the rounded mean of one sample's first channel, in the bin that the bundle's own edges give.
    const loaded = (await Runtime.open()).load(bundle);
    const { monitors } = loaded.view;
    expect(monitors.map((m) => m['kind'])).toEqual([1, 2, 2, 2, 2, 3]);
    expect((monitors[1]!['edges'] as number[]).slice(0, mean!.edges.length)).toEqual(mean!.edges);
    const row = new Int8Array(x.slice(x.length - 144).buffer);
    const sum = row.filter((_, i) => i % 2 === 0).reduce((a, b) => a + b, 0);
    const { values } = loaded.runMonitored([new Uint8Array(row.buffer)]);
    expect(values.find((one) => one.monitor === 1)!.value).toBe(
      Math.sign(sum) * Math.round(Math.abs(sum) / 72),
    );
    // The same model, the same answers.
    const before = (await Runtime.open()).load(plain).run([new Uint8Array(row.buffer)]);
    expect(loaded.run([new Uint8Array(row.buffer)])).toEqual(before);
  });

  it('should say what is wrong with validation data', async () => {
    const { bundle } = await compile(source('convNet'), { deviceType, labels });
    const { x, truth } = await labelled(bundle, 4);
    const y = npy('|u1', [4], truth);
    const fails = (inputs: Uint8Array, labelFile: Uint8Array, reason: RegExp) =>
      expect(evaluate(bundle, { inputs, labels: labelFile })).rejects.toThrow(reason);
    await fails(x.subarray(0, 60), y, /header is not complete/);
    await fails(x.subarray(0, 300), y, /bytes of data/);
    await fails(npy('<c8', [4, 144], new Uint8Array(4 * 144 * 8)), y, /no integers/);
    await fails(npy('>f4', [4, 144], new Uint8Array(4 * 144 * 4)), y, /big-endian/);
    await fails(npy('|u1', [4, 144], new Uint8Array(4 * 144)), y, /uint8/);
    await fails(npy('|i1', [4, 9], new Uint8Array(36)), y, /takes 144/);
    await fails(x, npy('|u1', [3], truth.subarray(0, 3)), /3 labels for 4 samples/);
    await fails(x, npy('|u1', [4], Uint8Array.of(0, 1, 2, 3)), /label 3, the model has 3 classes/);
    await fails(new Uint8Array(0), y, /not an NPY/);
  });
});

describe('inspect', () => {
  it('should describe a model without building it', () => {
    expect(inspect(source('convNet'))).toMatchObject({
      format: 'tflite',
      name: 'conv_net',
      classes: 3,
      inputs: [{ name: 'x', dtype: 'int8', shape: [1, 9, 8, 2], zeroPoint: -3 }],
      outputs: [{ name: 'probabilities', shape: [1, 3], scale: 1 / 256, zeroPoint: -128 }],
      operators: {
        CONV_2D: 1,
        DEPTHWISE_CONV_2D: 1,
        AVERAGE_POOL_2D: 1,
        RESHAPE: 1,
        FULLY_CONNECTED: 1,
        SOFTMAX: 1,
      },
    });
    expect(inspect(source('denseNet'))).toMatchObject({ classes: null, operators: { FULLY_CONNECTED: 2 } });
  });

  it('should refuse what is no model', () => {
    const notes = { bytes: Uint8Array.from(Buffer.from('just some notes')), fileName: 'notes.txt' };
    expect(() => inspect(notes)).toThrow(/notes.txt is not a model TinyFleet can read/);
  });
});
