// Runs .tflite models with LiteRT.js, TensorFlow Lite's interpreter as WebAssembly (npm @litertjs/core), which is not ours. It is
// made for browsers: the globals it looks for are put up here, in a process of its own.
// A model that makes it trap ends the list of results: nothing in that process can be trusted any more.
//   node litert-child.mjs < jobs.json > results.json      see litert.ts
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { URL, fileURLToPath, pathToFileURL } from 'node:url';
import vm from 'node:vm';

const require = createRequire(import.meta.url);
const entry = fileURLToPath(import.meta.resolve('@litertjs/core'));
const wasmFolder = join(dirname(entry), '../wasm');

// Its log would be taken for results.
globalThis.console = new globalThis.console.Console(process.stderr);
Object.assign(globalThis, {
  self: globalThis,
  require,
  __dirname: wasmFolder,
  __filename: join(wasmFolder, 'litert.js'),
  importScripts: (url) => vm.runInThisContext(readFileSync(fileURLToPath(new URL(url)), 'utf8')),
});
globalThis.navigator ??= {};

const { Tensor, loadAndCompile, loadLiteRt } = await import(pathToFileURL(entry).href);
await loadLiteRt(`${pathToFileURL(wasmFolder).href}/`, { threads: false, jspi: false });

const ARRAYS = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array };
const decode = (dtype, text) => {
  const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
  return new ARRAYS[dtype](bytes.buffer);
};

/** Outputs of one inference, base64. */
async function infer(model, inputs) {
  const details = model.getInputDetails();
  const tensors = details.map(({ dtype, shape }, i) => new Tensor(decode(dtype, inputs[i]), [...shape]));
  const outputs = await model.run(tensors);
  const data = outputs.map((output) => {
    const { buffer, byteOffset, byteLength } = output.toTypedArray();
    return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
  });
  for (const tensor of [...tensors, ...outputs]) tensor.delete();
  return data;
}

async function run(job) {
  try {
    const model = await loadAndCompile(Uint8Array.from(Buffer.from(job.model, 'base64')), {
      accelerator: 'wasm',
    });
    try {
      const outputs = [];
      for (const inputs of job.inferences) outputs.push(await infer(model, inputs));
      return { outputs };
    } finally {
      model.delete();
    }
  } catch (error) {
    const isTrap = error instanceof WebAssembly.RuntimeError;
    return { error: error instanceof Error ? error.message : String(error), ...(isTrap ? { isTrap } : {}) };
  }
}

const input = [];
for await (const chunk of process.stdin) input.push(chunk);
const results = [];
for (const job of JSON.parse(Buffer.concat(input).toString('utf8'))) {
  results.push(await run(job));
  if (results.at(-1).isTrap) break;
}
process.stdout.write(JSON.stringify(results));
