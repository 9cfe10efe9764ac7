// C units compiled for tests on the host, each once per compiler, flags and content: several suites run the same sources under the
// same sanitizers. Ports build their images in ports/build.mjs.
import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const firmware = dirname(fileURLToPath(import.meta.url));
const cache = join(firmware, '..', 'node_modules', '.cache', 'tinyfleet', 'objects');
const WEEK_MS = 7 * 24 * 3600 * 1000;

/** AddressSanitizer and UBSan; whatever they find ends the program. */
export const SANITIZERS = ['-g', '-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
const INCLUDES = ['runtime/include', 'runtime/src', 'dsp/include', 'dsp/src', 'agent/include', 'agent/test'];

/** The C files of these folders, paths relative to firmware-stubs. */
export async function unitsOf(...folders) {
  const lists = folders.map(async (folder) =>
    (await readdir(join(firmware, folder)))
      .filter((name) => name.endsWith('.c'))
      .map((name) => `${folder}/${name}`),
  );
  return (await Promise.all(lists)).flat().sort();
}

let headers;
/** One digest of all headers: what a unit includes is not followed. */
async function headersDigest() {
  const names = (await readdir(firmware, { recursive: true })).filter((name) => name.endsWith('.h')).sort();
  const hash = createHash('sha256');
  for (const name of names) hash.update(`${name}\0${await readFile(join(firmware, name), 'utf8')}\0`);
  return hash.digest('hex');
}

/**
 * Compiles with `flags` (C11, all headers of runtime, front end, agent and its tests found) and returns the objects' paths.
 * @param {string[]} units relative to firmware-stubs
 */
export async function objectsOf(cc, flags, units) {
  headers ??= headersDigest();
  const version = (await run(cc, ['--version'])).stdout;
  const all = ['-std=c11', ...flags, ...INCLUDES.map((folder) => `-I${folder}`)];
  const common = JSON.stringify([cc, version, all, await headers]);
  await mkdir(cache, { recursive: true });
  const objects = [];
  const queue = [...units.entries()];
  const work = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [i, unit] = next;
      const text = await readFile(join(firmware, unit), 'utf8');
      const name = createHash('sha256').update(`${common}\0${unit}\0${text}`).digest('hex').slice(0, 40);
      objects[i] = join(cache, `${name}.o`);
      if (existsSync(objects[i])) {
        await utimes(objects[i], new Date(), new Date()).catch(() => undefined);
        continue;
      }
      // Two suites may want it at once: whoever renames second replaces the same.
      const made = join(cache, `${name}.${randomUUID()}`);
      await run(cc, [...all, '-c', unit, '-o', made], { cwd: firmware });
      await rename(made, objects[i]);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  await forgetOld();
  return objects;
}

/** Compiles what has not been compiled and links one program. */
export async function buildProgram({ cc, flags, units, link = [], out }) {
  const objects = await objectsOf(cc, flags, units);
  await run(cc, [...flags, ...link, ...objects, '-lm', '-o', out], { cwd: firmware });
  return out;
}

async function forgetOld() {
  for (const name of await readdir(cache)) {
    const { mtimeMs } = await stat(join(cache, name)).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > WEEK_MS) await rm(join(cache, name), { force: true });
  }
}
