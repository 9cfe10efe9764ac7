// Builds the C tests for WebAssembly with the pinned compiler and runs them under node:wasi, so that the SIMD kernels
// meet the same slow definitions and the same damage as the portable ones: run-wasi.mjs SEED ROUNDS MUTATIONS
import { readFile, readdir } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import { WASI } from 'node:wasi';
import { runClang } from '../../../tools/clang/node_modules/@yowasp/clang/gen/bundle.js';

const runtime = new URL('../', import.meta.url);
const files = {};
const units = [];
const places = ['include', 'src', 'kernels', 'test'].map((folder) => [
  folder,
  new URL(`${folder}/`, runtime),
]);
places.push(['dsp', new URL('../dsp/src/', runtime)]); // the compiler's file system does not follow ".."
for (const [folder, place] of places)
  for (const name of (await readdir(place)).sort()) {
    if (!/\.[ch]$/.test(name) || name === 'fuzz_load.c' || name === 'corpus.c') continue;
    (files[folder] ??= {})[name] = await readFile(new URL(name, place), 'utf8');
    if (name.endsWith('.c')) units.push(`${folder}/${name}`);
  }
// Optimizing the compiler's 75 MB of WebAssembly would take longer than it saves.
setFlagsFromString('--liftoff-only');
const log = [];
const print = (bytes) => bytes !== null && log.push(new TextDecoder().decode(bytes));
const flags = ['-std=c11', '-O2', '-msimd128', '-Iinclude', '-Isrc', '-Itest', '-Idsp'];
const out = await runClang(['clang', ...flags, ...units, '-o', 'tests.wasm'], files, {
  stdout: print,
  stderr: print,
}).catch(() => {
  throw new Error(`clang failed:\n${log.join('')}`); // the thrown value carries the whole file tree
});
const wasi = new WASI({ version: 'preview1', args: ['tests', ...process.argv.slice(2)] });
const module = await WebAssembly.compile(out['tests.wasm']);
process.exitCode = wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject()));
