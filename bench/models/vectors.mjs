// The MLPerf Tiny vectors of TensorFlow Lite Micro's reference kernels: outputs and every layer's CRC, with optimization off.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stdout } from 'node:process';
import { crc32 } from 'node:zlib';
import { compile } from '@tinyfleet/compiler';
import { runOnPort } from '@tinyfleet/firmware';
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

const PORT_TOOLS = { host: 'gcc', m3: 'qemu-system-arm', m4: 'qemu-system-arm', m7: 'qemu-system-arm' };

export async function measureVectors(data) {
  const models = await Promise.all(
    TINY.map(async (name) => ({ name, ...(await referenceVectors(data, name)) })),
  );
  const total = models.reduce((n, { vectors }) => n + vectors.length, 0);
  const runtime = await Runtime.open();
  const targets = { wasm: async (model) => onWasm(runtime, model) };
  for (const [port, tool] of Object.entries(PORT_TOOLS)) {
    if (spawnSync(tool, ['--version']).error !== undefined)
      stdout.write(`${port} left out: ${tool} is not installed (npm run setup-test-deps)\n`);
    else targets[port] = (model) => onPort(port, model);
  }
  const rows = models.map(({ name, vectors }) => [name, vectors.length]);
  const bars = [];
  for (const [target, identicalOn] of Object.entries(targets)) {
    let same = 0;
    for (const [i, model] of models.entries()) {
      const identical = await identicalOn(model);
      rows[i].push(identical);
      same += identical;
    }
    const id = `models.vectors.${target}`;
    const unit = 'of the vectors identical';
    bars.push(bar({ id, value: same / total, bar: 1, better: 'higher', unit }));
  }
  table(['outputs and every layer identical', 'vectors', ...Object.keys(targets)], rows);
  return bars;
}

/** How many vectors have the reference's outputs and layers. */
function onWasm(runtime, { bundle, vectors }) {
  const loaded = runtime.load(bundle);
  return vectors.filter(({ input, outputCrc, layerCrcs }) => {
    const { outputs, stepCrcs } = loaded.trace([input]);
    return crc32(outputs[0]) === outputCrc && stepCrcs.join() === layerCrcs.join();
  }).length;
}

async function onPort(port, { bundle, vectors }) {
  const inputs = Buffer.concat(vectors.map(({ input }) => input));
  const run = await runOnPort(port, bundle, inputs, { steps: true, reset: true, timeoutMs: 900_000 });
  const outputBytes = run.outputs.length / vectors.length;
  return vectors.filter(({ outputCrc, layerCrcs }, i) => {
    const output = run.outputs.subarray(i * outputBytes, (i + 1) * outputBytes);
    const layers = run.inferences[i].steps.map(({ crc }) => crc);
    return crc32(output) === outputCrc && layers.join() === layerCrcs.join();
  }).length;
}
