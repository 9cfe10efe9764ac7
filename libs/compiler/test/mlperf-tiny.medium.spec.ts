// The MLPerf Tiny reference models against TensorFlow Lite Micro's reference kernels: outputs, and every layer's CRC.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { isFleetError } from '@tinyfleet/errors';
import { Runtime } from '@tinyfleet/runtime';
import { describeWith, findTool } from '@tinyfleet/testing';
import { compile, inspect, writeTflite } from '../src/index.js';
import { crc32 } from '../src/ir/crc32.js';
import { readFlatbuffer } from '../src/frontends/tflite/flatbuffer-reader.js';
import { DEFAULT_LIMITS } from '../src/frontends/tflite/limits.js';
import { MODEL } from '../src/ir/tflite-schema.js';
import { mutate } from './mutate.js';
import { openSource } from '../src/driver/frontends.js';

const folder = join(findTool('shared-data') ?? '', 'mlperf_tiny');
const deviceType = { name: 'any', core: 'wasm', clockHz: 1, slotBytes: 1 << 20, arenaBytes: 1 << 20 };

/** Arena bytes: the live-set lower bound of each graph. */
const MODELS = {
  hello_world_int8: { arenaBytes: 32, macs: 288 },
  ad01_int8: { arenaBytes: 768, macs: 264_192 },
  micro_speech_quantized: { arenaBytes: 5_968, macs: 336_000 },
  kws_ref_model: { arenaBytes: 16_000, macs: 2_656_768 },
  pretrainedResnet_quant: { arenaBytes: 49_152, macs: 12_501_632 },
  vww_96_int8: { arenaBytes: 55_296, macs: 7_489_664 },
};

interface Meta {
  count: number;
  input_bytes: number;
  output_bytes: number;
  ops: { op: string }[];
}

describeWith(['shared-data'], 'MLPerf Tiny', () => {
  for (const [name, { arenaBytes, macs }] of Object.entries(MODELS)) {
    const read = (path: string): Buffer => readFileSync(join(folder, path));
    const source = () => ({ bytes: read(`${name}.tflite`), fileName: `${name}.tflite` });
    const vectors = () => ({
      meta: JSON.parse(read(`vectors/${name}/meta.json`).toString()) as Meta,
      inputs: read(`vectors/${name}/inputs.bin`),
      outputs: read(`vectors/${name}/outputs.bin`),
      layers: read(`vectors/${name}/layer_crc32.bin`),
    });

    it(`should compute every layer of ${name} as the reference does`, async () => {
      const { bundle, report } = await compile(source(), { deviceType, optimize: false });
      const { meta, inputs, outputs, layers } = vectors();
      expect(report.ops.map((op) => op.op)).toEqual(meta.ops.map((op) => op.op));
      const loaded = (await Runtime.open()).load(bundle);
      for (let i = 0; i < meta.count; i++) {
        const trace = loaded.trace([inputs.subarray(i * meta.input_bytes, (i + 1) * meta.input_bytes)]);
        const expected = meta.ops.map((_, k) => layers.readUInt32LE((i * meta.ops.length + k) * 4));
        expect(trace.stepCrcs).toEqual(expected);
        const output = outputs.subarray(i * meta.output_bytes, (i + 1) * meta.output_bytes);
        expect(crc32(trace.outputs[0]!)).toBe(crc32(output));
      }
    });

    it(`should give the same outputs of ${name} when optimized, in the smallest arena`, async () => {
      const { bundle, report } = await compile(source(), { deviceType });
      expect(report).toMatchObject({ arenaBytes, arenaLowerBoundBytes: arenaBytes, macs, goldenVectors: 4 });
      expect(report.goldenDistinctOutputs).toBe(4);
      const { meta, inputs, outputs } = vectors();
      const loaded = (await Runtime.open()).load(bundle);
      for (let i = 0; i < meta.count; i++) {
        const [output] = loaded.run([inputs.subarray(i * meta.input_bytes, (i + 1) * meta.input_bytes)]);
        expect(Buffer.from(output!)).toEqual(
          outputs.subarray(i * meta.output_bytes, (i + 1) * meta.output_bytes),
        );
      }
    });

    it(`should write ${name} as .tflite and read the same model back`, () => {
      const rewritten = { bytes: writeTflite(openSource(source()).graph), fileName: 'rewritten.tflite' };
      const { inputs, outputs, operators, macs: work, classes, constantBytes } = inspect(source());
      expect(inspect(rewritten)).toMatchObject({
        inputs,
        outputs,
        operators,
        macs: work,
        classes,
        constantBytes,
      });
    });

    it(`should survive damage to the structure of ${name}`, () => {
      const file = source().bytes;
      const places = structure(file);
      const seen = new Set<string>();
      for (let seed = 1; seed <= 500; seed++) {
        try {
          inspect({ bytes: mutate(file, seed, places), fileName: 'damaged' });
          seen.add('ok');
        } catch (error) {
          if (!isFleetError(error)) throw error;
          expect(error.code).toMatch(/^compiler\./);
          seen.add(error.code);
        }
      }
      expect(seen.size).toBeGreaterThan(3);
    });
  }
});

/** Positions outside of large constants: tables, vectors and references, where damage does most. */
function structure(file: Uint8Array): number[] {
  const model = readFlatbuffer(file, MODEL, DEFAULT_LIMITS);
  const data = (model.buffers ?? []).flatMap((buffer) => (buffer.data === null ? [] : [buffer.data]));
  const inside = new Uint8Array(file.length);
  for (const { byteOffset, length } of data) {
    const from = byteOffset - file.byteOffset;
    if (length > 64) inside.fill(1, from, from + length);
  }
  return Array.from(inside.keys()).filter((at) => inside[at] === 0);
}
