// Streaming and recurrent models as a whole against TensorFlow Lite Micro's reference kernels: outputs of eight frames in a row, and
// every layer's CRC in the last. tools/oracle/streams.py made the numbers.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import { DTYPES, Runtime, type LoadedBundle } from '@tinyfleet/runtime';
import { describeWith, findTool } from '@tinyfleet/testing';
import { openSource } from '../src/driver/frontends.js';
import { evaluateFloat } from '../src/evaluate/evaluate.js';
import { compile } from '../src/index.js';
import { HEADER_FLAGS } from '../src/plan/generated/bundle-layout.js';
import { mnist } from './real-data.js';

const folder = join(findTool('shared-data') ?? '', 'models');
const file = fileURLToPath(new URL('../../../tools/oracle/vectors/streams.json', import.meta.url));
const deviceType = { name: 'any', core: 'wasm', clockHz: 1, slotBytes: 1 << 20, arenaBytes: 1 << 20 };
const FRAMES = 8;

interface Stream {
  readonly bits: number;
  readonly base: number;
  readonly runs: readonly {
    readonly seed: number;
    readonly outputs: number;
    readonly layers: readonly (readonly [node: number, crc: number])[];
  }[];
}

/** Kept bits of each element plus a base, as the file's maker says. */
function frameOf(raw: Uint8Array, wide: boolean, { bits, base }: Stream): Uint8Array {
  const view = new DataView(raw.slice().buffer);
  for (let at = 0; at < raw.length; at += wide ? 2 : 1) {
    if (wide) view.setInt16(at, (view.getUint16(at, true) & ((1 << bits) - 1)) + base, true);
    else view.setInt8(at, (view.getUint8(at) & ((1 << bits) - 1)) + base);
  }
  return new Uint8Array(view.buffer);
}

function framesOf(runtime: Runtime, bundle: LoadedBundle, stream: Stream, seed: number): Uint8Array[] {
  const [input] = bundle.view.inputs;
  const { bytes, dtype } = input!;
  const { data } = runtime.randomBytes(seed, FRAMES * bytes);
  const wide = dtype === DTYPES.int16.number;
  return Array.from({ length: FRAMES }, (_, i) =>
    frameOf(data.subarray(i * bytes, (i + 1) * bytes), wide, stream),
  );
}

/** Those whose every operator is there. */
const MODELS: readonly string[] = [
  'tflm_mnist_lstm_int8',
  'tflm_keyword_scrambled_int8',
  'mww_v2_hey_jarvis_int8',
];

/** The file's uint8 output is our int8 one. */
const LEGACY: readonly string[] = ['mww_v2_hey_jarvis_int8'];

/** Index of the largest. */
const best = (values: ArrayLike<number>): number =>
  Array.from(values).indexOf(Math.max(...Array.from(values)));

describeWith(['shared-data'], 'streaming models', () => {
  const streams = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Stream>;
  for (const [name, stream] of Object.entries(streams).filter(([name]) => MODELS.includes(name))) {
    for (const optimize of [false, true]) {
      it(`should compute ${name} as the reference does, ${optimize ? '' : 'not '}optimized`, async () => {
        const source = { bytes: readFileSync(join(folder, `${name}.tflite`)), fileName: `${name}.tflite` };
        const { bundle } = await compile(source, { deviceType, optimize, state: 'carry' });
        const runtime = await Runtime.open();
        const loaded = runtime.load(bundle);
        for (const { seed, outputs, layers } of stream.runs) {
          loaded.resetState();
          let crc = 0;
          let steps = new Map<number, number>();
          for (const frame of framesOf(runtime, loaded, stream, seed)) {
            const trace = loaded.trace([frame]);
            const [output] = trace.outputs;
            crc = runtime.crc32(LEGACY.includes(name) ? output!.map((byte) => byte ^ 0x80) : output!, crc);
            steps = new Map(trace.stepCrcs.map((value, k) => [loaded.view.steps[k]!.node, value]));
          }
          const expected = new Map(layers);
          const found = layers.filter(([node]) => steps.has(node)).map(([node]) => [node, steps.get(node)]);
          if (!optimize) {
            expect(found).toEqual(found.map(([node]) => [node, expected.get(node!)]));
            expect(found.length).toBeGreaterThan(loaded.stepCount - 2);
          }
          expect(crc).toBe(outputs);
        }
      });
    }
  }

  it('should start every inference of an LSTM over whole sequences anew, and be right as often as the float model', async () => {
    const source = (name: string) => ({
      bytes: readFileSync(join(folder, `${name}.tflite`)),
      fileName: name,
    });
    const count = 200;
    const { pixels, labels } = mnist(count, 1);
    const { bundle, report } = await compile(source('tflm_mnist_lstm_int8'), { deviceType });
    expect(report.diagnostics.map(({ code }) => code)).toContain('compiler.state-starts-anew');
    const loaded = (await Runtime.open()).load(bundle);
    expect(loaded.view.flags & HEADER_FLAGS.streaming).toBe(0);
    const int8 = Array.from({ length: count }, (_, i) => {
      const image = Int8Array.from(pixels.subarray(i * 784, (i + 1) * 784), (pixel) => pixel - 128);
      const [scores] = loaded.run([new Uint8Array(image.buffer)]);
      return best(new Int8Array(scores!.buffer));
    });
    const float: number[] = [];
    const { graph } = openSource(source('tflm_mnist_lstm_float'));
    const inputs = [pixels.map((pixel) => pixel / 255)];
    await evaluateFloat(
      graph,
      { count, inputs },
      {
        visit: (_, values) => {
          for (let at = 0; at < values.length; at += 10) float.push(best(values.subarray(at, at + 10)));
        },
      },
    );
    expect(int8).toEqual(float);
    expect(int8.filter((digit, i) => digit === labels[i]).length).toBeGreaterThan(0.97 * count);
  });

  it('should keep the windows of a streaming model in the state and nowhere else', async () => {
    const name = 'mww_v2_hey_jarvis_int8';
    const source = { bytes: readFileSync(join(folder, `${name}.tflite`)), fileName: `${name}.tflite` };
    const [plain, report] = await Promise.all(
      [false, true].map(async (optimize) => (await compile(source, { deviceType, optimize })).report),
    );
    expect(plain).toMatchObject({ arenaBytes: 3_248, stateBytes: 2_848 });
    expect(report).toMatchObject({ arenaBytes: 128, stateBytes: 3_264, goldenVectors: 4 });
    const moved = ['READ_VARIABLE', 'ASSIGN_VARIABLE', 'CONCATENATION', 'COPY'];
    expect(report!.ops.filter(({ op }) => moved.includes(op))).toEqual([]);
    expect(report!.ops.filter(({ op }) => op === 'SHIFT_STATE')).toHaveLength(6);
  });
});
