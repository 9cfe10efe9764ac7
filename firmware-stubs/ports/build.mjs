// What the native ports share: which sources belong to the runtime, how they are compiled, and a cache of what was built
// (by the content of sources, flags and compiler), so that tests and benches may ask for an image whenever they need it.
import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const firmware = join(dirname(fileURLToPath(import.meta.url)), '..');
const cache = join(firmware, '..', 'node_modules', '.cache', 'tinyfleet', 'firmware');

const WEEK_MS = 7 * 24 * 3600 * 1000;

const RUNTIME = ['runtime/src', 'runtime/kernels', 'dsp/src'];
const INCLUDES = ['runtime/include', 'runtime/src', 'dsp/include'];

/** Folders of an agent port, beside its own. */
export const AGENT = ['agent/include', 'agent/src', 'ports/device'];

const STRICT = ['-std=c99', '-Wall', '-Wextra', '-Wconversion', '-Werror=implicit-function-declaration'];

/** Kernels are built for speed, everything else for size. */
const level = (unit) => (/^(runtime\/kernels|dsp)\//.test(unit) ? '-O2' : '-Os');
/** Counts of bool terms are written as sums in the agent. */
const warnings = (unit) => (unit.startsWith('agent/') ? [...STRICT, '-Wno-sign-conversion'] : STRICT);

/**
 * Builds the runtime and the given port's sources as one executable and returns its path.
 * @param {{ name: string, cc: string, folders: string[], flags: string[], link: string[] }} image
 *   folders: of the port, relative to firmware-stubs, whose sources are compiled and whose headers are found;
 *   link: linker flags, scripts relative to firmware-stubs
 */
export async function buildImage({ name, cc, folders, flags, link }) {
  const files = await collect([...new Set([...RUNTIME, ...INCLUDES, ...folders])]);
  const units = Object.keys(files).filter((path) => path.endsWith('.c'));
  const includes = [...new Set([...INCLUDES, ...folders])].filter((path) => existsSync(join(firmware, path)));
  const flagsOf = (unit) => [...warnings(unit), level(unit), ...flags];
  return buildFiles({ name, cc, files, units, includes, flags, flagsOf, link });
}

/**
 * The same of named units, with nothing but the given flags.
 * @param {{ name: string, cc: string, units: string[], includes: string[], flags: string[], link: string[] }} image
 */
export async function buildUnits({ name, cc, units, includes, flags, link }) {
  const files = await collect([...new Set([...units.map((unit) => dirname(unit)), ...includes])]);
  return buildFiles({ name, cc, files, units, includes, flags, flagsOf: () => flags, link });
}

async function buildFiles({ name, cc, files, units, includes, flags, flagsOf, link }) {
  const version = (await run(cc, ['--version'])).stdout;
  const hash = createHash('sha256').update(JSON.stringify([name, cc, version, units, includes, flags, link]));
  for (const [path, text] of Object.entries(files)) hash.update(`\0${path}\0${text}`);
  const folder = join(cache, `${name}-${hash.digest('hex').slice(0, 24)}`);
  const image = join(folder, name);
  if (existsSync(image)) return image;
  const work = `${folder}.${randomUUID()}`;
  await mkdir(work, { recursive: true });
  try {
    const objects = units.map((unit) => join(work, `${unit.replaceAll('/', '-')}.o`));
    const queue = [...units.entries()];
    const compileAll = async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const [i, unit] = next;
        const args = [...flagsOf(unit), ...includes.map((path) => `-I${path}`), '-c', unit, '-o', objects[i]];
        const { stderr } = await run(cc, args, { cwd: firmware });
        process.stderr.write(stderr);
      }
    };
    await Promise.all(Array.from({ length: availableParallelism() }, compileAll));
    await run(cc, [...flags, ...objects, ...link, '-o', join(work, name)], { cwd: firmware });
    // Whoever comes second finds the folder there: both built the same.
    await rename(work, folder).catch((error) => {
      if (!existsSync(image)) throw error;
    });
    await forgetOld(name);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return image;
}

/** Images of this name that nobody has built for a week. */
async function forgetOld(name) {
  for (const entry of await readdir(cache)) {
    if (!entry.startsWith(`${name}-`)) continue;
    const { mtimeMs } = await stat(join(cache, entry)).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > WEEK_MS) await rm(join(cache, entry), { recursive: true, force: true });
  }
}

/** Path relative to firmware-stubs -> text, of all C files, headers and linker scripts, in a stable order. */
async function collect(folders) {
  const files = {};
  for (const folder of folders) {
    const names = await readdir(join(firmware, folder)).catch(() => []);
    for (const name of names.sort())
      if (/\.(c|h|ld)$/.test(name))
        files[`${folder}/${name}`] = await readFile(join(firmware, folder, name), 'utf8');
  }
  return files;
}
