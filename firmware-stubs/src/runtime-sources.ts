// The inference runtime's C sources as text, for backends that hand kernels out with a model.
import { readFile, readdir } from 'node:fs/promises';

const firmware = new URL('../', import.meta.url);
const FOLDERS = ['runtime/include/', 'runtime/src/', 'runtime/kernels/', 'dsp/include/', 'dsp/src/'];

let read: Promise<ReadonlyMap<string, string>> | undefined;

/** File name without folders -> text, and the LICENSE. Read once per process. */
export function runtimeSources(): Promise<ReadonlyMap<string, string>> {
  read ??= readAll();
  return read;
}

async function readAll(): Promise<ReadonlyMap<string, string>> {
  const files = new Map([['LICENSE', await readFile(new URL('../LICENSE', firmware), 'utf8')]]);
  for (const folder of FOLDERS) {
    const url = new URL(folder, firmware);
    for (const name of (await readdir(url).catch(() => [])).sort()) {
      if (!/\.[ch]$/.test(name)) continue;
      if (files.has(name)) throw new Error(`invariant: two sources are called ${name}`);
      files.set(name, await readFile(new URL(name, url), 'utf8'));
    }
  }
  return files;
}
