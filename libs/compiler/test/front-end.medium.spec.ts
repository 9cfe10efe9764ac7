// The front end's stages against TensorFlow Lite Micro's signal ops, bit for bit: tools/oracle/front_end.py made the vectors.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { selfTestOnPort } from '@tinyfleet/firmware';
import { Runtime, type LoadedBundle } from '@tinyfleet/runtime';
import { describeWith } from '@tinyfleet/testing';
import { compile, GraphBuilder, writeTflite } from '../src/index.js';
import type { FrontEndBuilder, Place } from '../src/plan/front-end/builder.js';
import { hannWindow, logTable, melBank, pcanGains, quarterSine } from '../src/plan/front-end/tables.js';
import { bench, samplesOf, words } from './front-end-bench.js';

const file = fileURLToPath(new URL('../../../tools/oracle/front-end/vectors.gz', import.meta.url));
const ARRAYS = { int8: Int8Array, int16: Int16Array, int32: Int32Array, uint32: Uint32Array } as const;
type Numbers = InstanceType<(typeof ARRAYS)[keyof typeof ARRAYS]>;

interface VectorCase {
  readonly name: string;
  readonly stage: string;
  readonly params: Readonly<Record<string, number>>;
  readonly arrays: Readonly<Record<string, Numbers>>;
}

/** The container is described in tools/oracle/front_end.py. */
function read(): VectorCase[] {
  const content = gunzipSync(readFileSync(file));
  let at = content.indexOf(0x0a) + 1;
  type Entry = Omit<VectorCase, 'arrays'> & { arrays: [string, keyof typeof ARRAYS, number][] };
  const { cases } = JSON.parse(content.toString('utf8', 0, at)) as { cases: Entry[] };
  return cases.map((entry) => ({
    ...entry,
    arrays: Object.fromEntries(
      entry.arrays.map(([name, type, count]) => {
        const kind = ARRAYS[type];
        const from = at;
        at += count * kind.BYTES_PER_ELEMENT;
        return [name, new kind(Uint8Array.from(content.subarray(from, at)).buffer)];
      }),
    ),
  }));
}

const all = read();
const casesOf = (stage: string): VectorCase[] => all.filter((c) => c.stage === stage);
const one = (stage: string): VectorCase => casesOf(stage)[0]!;

/** What a bundle's front end makes of each of `frames` frames, as numbers of the wanted type, all in one list. */
function results(loaded: LoadedBundle, frames: Int16Array[], like: Numbers): number[] {
  return frames.flatMap((frame) => {
    const [inputs] = loaded.features(frame);
    return [...new (like.constructor as (typeof ARRAYS)['int8'])(Uint8Array.from(inputs![0]!).buffer)];
  });
}

/** Frame k of n of an array. */
function part<T extends Numbers | Int16Array>(array: T, k: number, n: number): T {
  const size = array.length / n;
  return array.slice(k * size, (k + 1) * size) as T;
}

const deviceType = { name: 'any', core: 'wasm', clockHz: 1, slotBytes: 1 << 20, arenaBytes: 1 << 20 };
const RATE = 16_000;
const BANK = { fftLength: 512, sampleRate: RATE, channels: 40, lowerHz: 125, upperHz: 7500 };
const GAINS = { strength: 0.95, offset: 80, gainBits: 21, inputBits: 7 };

describe('front end stages', () => {
  const audio = one('features').arrays['audio']! as Int16Array;
  const stages = one('stages');
  const picked = stages.params['frames'] as unknown as number[];
  const frames = picked.map((k) => audio.slice(k * 320, k * 320 + 480));

  it('should window as SignalWindow does', async () => {
    const loaded = await bench({ inputBytes: 960, outputBytes: 960 }, (b) =>
      b.stage('window', [b.samples, b.table('int16', hannWindow(480))], [b.arena('int16', 480)], {
        frame: 480,
        axes: 1,
        axis: 0,
        shift: 12,
        centre: 0,
      }),
    );
    const wanted = stages.arrays['window']!;
    expect(results(loaded, frames, wanted)).toEqual([...wanted]);
  });

  it.each(casesOf('fft'))(
    'should transform $name as SignalFftAutoScale and SignalRfft do',
    async ({ arrays, params }) => {
      const length = params['length']!;
      const { samples, spectrum, shift } = arrays as Record<'samples' | 'spectrum' | 'shift', Numbers>;
      const count = samples.length / length;
      const fft = (b: FrontEndBuilder): [Place, Place] => {
        const places: [Place, Place] = [b.arena('int16', length + 2), b.arena('int32', 1)];
        b.stage('fft', [b.samples, b.table('int16', quarterSine(length))], places, { length, frame: length });
        return places;
      };
      const given = Array.from({ length: count }, (_, k): Int16Array =>
        part(samples as Int16Array, k, count),
      );
      const sizes = { inputBytes: 2 * length };
      const spectra = await bench({ ...sizes, outputBytes: 2 * length + 4 }, (b) => fft(b)[0]);
      expect(results(spectra, given, spectrum)).toEqual([...spectrum]);
      const shifts = await bench({ ...sizes, outputBytes: 4 }, (b) => fft(b)[1]);
      expect(results(shifts, given, shift)).toEqual([...shift]);
    },
  );

  it('should pad a short frame with zeros', async () => {
    const wanted = stages.arrays['spectrum']!;
    const windowed = stages.arrays['window'] as Int16Array;
    const loaded = await bench({ inputBytes: 960, outputBytes: 1028 }, (b) =>
      b.stage(
        'fft',
        [b.samples, b.table('int16', quarterSine(512))],
        [b.arena('int16', 514), b.arena('int32', 1)],
        {
          length: 512,
          frame: 480,
        },
      ),
    );
    const given = picked.map((_, k) => part(windowed, k, picked.length));
    expect(results(loaded, given, wanted)).toEqual([...wanted]);
  });

  it('should sum energies into mel bands as SignalFilterBank and its square root do', async () => {
    const { arrays } = one('filter_bank');
    const { energy, shift, bands } = arrays as Record<'energy' | 'shift' | 'bands', Numbers>;
    const bank = melBank(BANK);
    const loaded = await bench({ inputBytes: 257 * 4 + 4, outputBytes: 160 }, (b) =>
      b.stage(
        'filter_bank',
        [
          words(b, 'uint32', 0, 257),
          b.table('int16', bank.weights),
          b.table('uint16', bank.widths),
          words(b, 'int32', 257 * 4, 1),
        ],
        [b.arena('uint32', 40)],
        { channels: 40, start: bank.start, bins: bank.end - bank.start },
      ),
    );
    const given = Array.from(shift, (_, k) =>
      samplesOf(part(energy, k, shift.length), part(shift, k, shift.length)),
    );
    expect(results(loaded, given, bands)).toEqual([...bands]);
  });

  it('should make bands of a spectrum in place', async () => {
    const bank = melBank(BANK);
    const wanted = stages.arrays['bands']!;
    const loaded = await bench({ inputBytes: 514 * 2 + 4, outputBytes: 160 }, (b) => {
      const spectrum = words(b, 'int16', 0, 514);
      const energy = b.as(spectrum, 'uint32');
      b.stage('energy', [spectrum], [energy], { bins: 257, start: bank.start, end: bank.end });
      const tables = [b.table('int16', bank.weights), b.table('uint16', bank.widths)];
      const shift = words(b, 'int32', 1028, 1);
      return b.stage('filter_bank', [energy, ...tables, shift], [b.arena('uint32', 40)], {
        channels: 40,
        start: bank.start,
        bins: bank.end - bank.start,
      });
    });
    const given = picked.map((_, k) =>
      samplesOf(part(stages.arrays['spectrum']!, k, 6), part(stages.arrays['shift']!, k, 6)),
    );
    expect(results(loaded, given, wanted)).toEqual([...wanted]);
  });

  it.each(casesOf('noise_reduction'))(
    'should subtract noise as TFLM does: $name',
    async ({ arrays, params }) => {
      const n = params['channels']!;
      const { bands, output, noise } = arrays as Record<'bands' | 'output' | 'noise', Numbers>;
      const count = bands.length / n;
      const given = Array.from({ length: count }, (_, k) => samplesOf(part(bands, k, count)));
      for (const [which, wanted] of [output, noise].entries()) {
        const loaded = await bench({ inputBytes: 4 * n, outputBytes: 4 * n }, (b) => {
          const places = [words(b, 'uint32', 0, n), b.state('uint32', n)];
          b.stage('noise_reduction', [places[0]!], places, params);
          return places[which]!;
        });
        expect(results(loaded, given, wanted)).toEqual([...wanted]);
        loaded.resetState();
        expect(results(loaded, given.slice(0, 1), wanted)).toEqual([...part(wanted, 0, count)]);
      }
    },
  );

  it.each(casesOf('pcan'))(
    'should normalize amplitudes as SignalPCAN does: $name',
    async ({ arrays, params }) => {
      const n = params['channels']!;
      const { bands, noise, output } = arrays as Record<'bands' | 'noise' | 'output', Numbers>;
      const loaded = await bench({ inputBytes: 8 * n, outputBytes: 4 * n }, (b) => {
        const x = words(b, 'uint32', 0, n);
        return b.stage(
          'pcan',
          [x, words(b, 'uint32', 4 * n, n), b.table('int16', pcanGains(GAINS))],
          [x],
          params,
        );
      });
      expect(results(loaded, [samplesOf(bands, noise)], output)).toEqual([...output]);
    },
  );

  it.each(casesOf('log'))(
    'should take logarithms as SignalFilterBankLog does: $name',
    async ({ arrays, params }) => {
      const { bands, output } = arrays as Record<'bands' | 'output', Numbers>;
      const n = bands.length;
      const loaded = await bench({ inputBytes: 4 * n, outputBytes: 2 * n }, (b) =>
        b.stage(
          'log',
          [words(b, 'uint32', 0, n), b.table('uint16', logTable())],
          [b.arena('int16', n)],
          params,
        ),
      );
      expect(results(loaded, [samplesOf(bands)], output)).toEqual([...output]);
    },
  );
});

describe('micro-speech', () => {
  it("should make the audio preprocessor's features of a whole recording", async () => {
    const { arrays } = one('features');
    const features = arrays['features'] as Int8Array;
    const rows = features.length / 40;
    const g = new GraphBuilder('rows');
    const graph = g.build([g.reshape(g.input('x', [1, rows * 40], { scale: 1 }), 'y', [rows, 40])]);
    const { bundle, report } = await compile(
      { bytes: writeTflite(graph), fileName: 'rows.tflite' },
      { deviceType, frontEnd: { kind: 'micro-speech', newRows: 1 } },
    );
    const loaded = (await Runtime.open()).load(bundle);
    const audio = arrays['audio'] as Int16Array;
    expect(loaded.view.inputs[0]).toMatchObject({
      frame: audio.length,
      hop: 320,
      axes: 1,
      sampleRateMhz: 16_000_000,
    });
    expect(report.goldenVectors).toBe(5);
    const [outputs] = loaded.runRaw(audio);
    expect([...new Int8Array(outputs![0]!.buffer)]).toEqual([...features]);

    // The same in pieces of odd sizes, after a reset; then the next row.
    loaded.resetState();
    const results: Uint8Array[][] = [];
    for (let at = 0; at < audio.length; at += 777) results.push(...loaded.runRaw(audio.slice(at, at + 777)));
    expect(results).toEqual([outputs]);
    const [next] = loaded.features(new Int16Array(320));
    expect([...next![0]!.subarray(0, -40)]).toEqual([...outputs![0]!.subarray(40)]);
  });
});

describeWith(['arm-none-eabi-gcc', 'qemu-system-arm'], 'micro-speech on Cortex-M', () => {
  it.each(['m3', 'm4', 'm7'] as const)(
    'should pass the golden vector of raw samples on the %s',
    async (port) => {
      const g = new GraphBuilder('rows');
      const graph = g.build([g.reshape(g.input('x', [1, 400], { scale: 1 }), 'y', [10, 40])]);
      const source = { bytes: writeTflite(graph), fileName: 'rows.tflite' };
      const { bundle } = await compile(source, {
        deviceType,
        goldenVectors: 1,
        frontEnd: { kind: 'micro-speech' },
      });
      expect(await selfTestOnPort(port, bundle)).toBe(2);
    },
  );
});
