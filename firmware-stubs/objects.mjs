// C units, each compiled once per compiler, flags and content: several images are made of the same sources, and several suites run
// them under the same sanitizers. Ports build their images in ports/build.mjs.
import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const firmware = dirname(fileURLToPath(import.meta.url));
const cache = join(firmware, '..', 'node_modules', '.cache', 'tinyfleet', 'objects');
const WEEK_MS = 7 * 24 * 3600 * 1000;
/** No unit takes longer, also on a busy machine. */
const COMPILE_MS = 180_000;

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
  const args = ['-std=c11', ...flags, ...INCLUDES.map((folder) => `-I${folder}`)];
  return compileUnits(cc, await headers, new Map(units.map((unit) => [unit, args])));
}

/**
 * @param {string} seen digest of all headers that these units may include
 * @param {Map<string, string[]>} units path relative to firmware-stubs -> arguments, include folders among them
 * @returns {Promise<string[]>} paths of the objects, in the order of the units
 */
export async function compileUnits(cc, seen, units) {
  const version = (await run(cc, ['--version'])).stdout;
  await mkdir(cache, { recursive: true });
  const objects = [];
  const queue = [...[...units].entries()];
  const work = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [i, [unit, args]] = next;
      const text = await readFile(join(firmware, unit), 'utf8');
      const hash = createHash('sha256').update(JSON.stringify([cc, version, args, seen, unit]));
      const name = hash.update(text).digest('hex').slice(0, 40);
      objects[i] = join(cache, `${name}.o`);
      if (existsSync(objects[i])) {
        await utimes(objects[i], new Date(), new Date()).catch(() => undefined);
        continue;
      }
      // Suites that run at once want the same: one compiles, the others go on with what nobody is at.
      const claim = join(cache, `${name}.claim`);
      if (!(await take(claim))) {
        queue.push(next);
        await sleep(20);
        continue;
      }
      try {
        const made = join(cache, `${name}.${randomUUID()}`);
        const { stderr } = await run(cc, [...args, '-c', unit, '-o', made], { cwd: firmware });
        process.stderr.write(stderr);
        await rename(made, objects[i]);
      } finally {
        await rm(claim, { force: true });
      }
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

/** Makes the file that says that its owner compiles; false while another one's stands. One that was killed left it behind. */
async function take(claim) {
  try {
    await writeFile(claim, '', { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    const { mtimeMs } = await stat(claim).catch(() => ({ mtimeMs: Date.now() }));
    return Date.now() - mtimeMs > COMPILE_MS;
  }
}

async function forgetOld() {
  for (const name of await readdir(cache)) {
    const { mtimeMs } = await stat(join(cache, name)).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > WEEK_MS) await rm(join(cache, name), { force: true });
  }
}
