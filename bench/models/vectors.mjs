// The MLPerf Tiny vectors of TensorFlow Lite Micro's reference kernels: outputs and every layer's CRC, with optimization off.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { compile } from '@tinyfleet/compiler';
import { Runtime } from '@tinyfleet/runtime';
import { bar, table } from '../report.mjs';
import { ROOMY } from './sources.mjs';

export const TINY = [
  'hello_world_int8',
  'ad01_int8',
  'micro_speech_quantized',
  'kws_ref_model',
  'pretrainedResnet_quant',
  'vww_96_int8',
];

/** A model's bundle without optimization and its reference vectors. */
export async function referenceVectors(data, name) {
  const read = (path) => readFileSync(join(data, 'mlperf_tiny', path));
  const { bundle } = await compile(
    { bytes: read(`${name}.tflite`), fileName: `${name}.tflite` },
    { deviceType: ROOMY, optimize: false },
  );
  const meta = JSON.parse(read(`vectors/${name}/meta.json`).toString());
  const [inputs, outputs, layers] = ['inputs.bin', 'outputs.bin', 'layer_crc32.bin'].map((file) =>
    read(`vectors/${name}/${file}`),
  );
  const vectors = Array.from({ length: meta.count }, (_, i) => ({
    input: inputs.subarray(i * meta.input_bytes, (i + 1) * meta.input_bytes),
    outputCrc: crc32(outputs.subarray(i * meta.output_bytes, (i + 1) * meta.output_bytes)),
    layerCrcs: meta.ops.map((_, k) => layers.readUInt32LE((i * meta.ops.length + k) * 4)),
  }));
  return { bundle, vectors };
}

export async function measureVectors(data) {
  const runtime = await Runtime.open();
  const rows = [];
  let [same, total] = [0, 0];
  for (const name of TINY) {
    const { bundle, vectors } = await referenceVectors(data, name);
    const loaded = runtime.load(bundle);
    let identical = 0;
    for (const { input, outputCrc, layerCrcs } of vectors) {
      const trace = loaded.trace([input]);
      if (crc32(trace.outputs[0]) === outputCrc && trace.stepCrcs.join() === layerCrcs.join()) identical++;
    }
    rows.push([name, vectors.length, identical]);
    same += identical;
    total += vectors.length;
  }
  table(['wasm', 'vectors', 'identical, every layer'], rows);
  return [
    bar({
      id: 'models.vectors.wasm',
      value: same / total,
      bar: 1,
      better: 'higher',
      unit: 'of the vectors identical',
    }),
  ];
}
