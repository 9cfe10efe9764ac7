// What the native ports share: which sources belong to the runtime, how they are compiled, and a cache of what was built
// (by the content of sources, flags and compiler), so that tests and benches may ask for an image whenever they need it.
import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { compileUnits } from '../objects.mjs';

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

/** The layers that all images have in common, from below: what their units see. */
const LAYERS = [
  { units: RUNTIME, includes: INCLUDES },
  { units: ['agent/src'], includes: [...INCLUDES, 'agent/include', 'agent/src'] },
];

/**
 * Builds the runtime and the given port's sources as one executable and returns its path.
 * @param {{ name: string, cc: string, folders: string[], flags: string[], own?: string[], link: string[] }} image
 *   folders: of the port, relative to firmware-stubs, whose sources are compiled and whose headers are found;
 *   own: flags for the port's own sources; link: linker flags, scripts relative to firmware-stubs
 */
export async function buildImage({ name, cc, folders, flags, own = [], link }) {
  const files = await collect([...new Set([...RUNTIME, ...INCLUDES, ...folders])]);
  const includes = [...new Set([...INCLUDES, ...folders])].filter((path) => existsSync(join(firmware, path)));
  const unitsOf = (wanted) =>
    Object.keys(files).filter((path) => path.endsWith('.c') && wanted(dirname(path)));
  const shared = LAYERS.flatMap(({ units }) => units);
  const groups = [
    ...LAYERS.map((layer) => ({
      units: unitsOf((folder) => layer.units.includes(folder)),
      includes: layer.includes,
      flags,
      seen: [...layer.units, ...layer.includes],
    })),
    { units: unitsOf((folder) => !shared.includes(folder)), includes, flags: [...flags, ...own], seen: null },
  ];
  const argsOf = (unit) => [...warnings(unit), level(unit)];
  return buildFiles({ name, cc, files, groups, argsOf, flags, link });
}

/**
 * The same of named units, with nothing but the given flags.
 * @param {{ name: string, cc: string, units: string[], includes: string[], flags: string[], link: string[] }} image
 */
export async function buildUnits({ name, cc, units, includes, flags, link }) {
  const files = await collect([...new Set([...units.map((unit) => dirname(unit)), ...includes])]);
  const groups = [{ units, includes, flags, seen: null }];
  return buildFiles({ name, cc, files, groups, argsOf: () => [], flags, link });
}

/** Compiles each group's units, which may include what is in the folders of `seen` (null: any of the files), and links all. */
async function buildFiles({ name, cc, files, groups, argsOf, flags, link }) {
  const version = (await run(cc, ['--version'])).stdout;
  const hash = createHash('sha256').update(JSON.stringify([name, cc, version, groups, flags, link]));
  for (const [path, text] of Object.entries(files)) hash.update(`\0${path}\0${text}`);
  const folder = join(cache, `${name}-${hash.digest('hex').slice(0, 24)}`);
  const image = join(folder, name);
  if (existsSync(image)) return image;
  const work = `${folder}.${randomUUID()}`;
  await mkdir(work, { recursive: true });
  try {
    // Units of the layers that images share are compiled for the first of them.
    const objects = [];
    for (const { units, includes, flags: all, seen } of groups) {
      const args = [...all, ...includes.map((path) => `-I${path}`)];
      const made = new Map(units.map((unit) => [unit, [...argsOf(unit), ...args]]));
      objects.push(...(await compileUnits(cc, headersOf(files, seen), made)));
    }
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

/** Digest of the headers in these folders, in any when null. */
function headersOf(files, folders) {
  const hash = createHash('sha256');
  for (const [path, text] of Object.entries(files))
    if (path.endsWith('.h') && (folders?.includes(dirname(path)) ?? true)) hash.update(`${path}\0${text}\0`);
  return hash.digest('hex');
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
