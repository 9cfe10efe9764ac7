// The layers of the C code: ports -> agent -> dsp -> runtime and ports -> crypto, never back (the agent asks its platform to
// verify); a layer sees another one's include/ only, tests see all below them. The freestanding layers include no system header beyond a few, and the
// runtime is poisoned against malloc, printf and double. A scan of #include lines: the compilers see to the rest.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** Layers whose public headers a layer may include, besides its own files. */
const below = {
  crypto: [],
  runtime: [],
  dsp: ['runtime'],
  agent: ['dsp', 'runtime'],
  ports: ['agent', 'crypto', 'dsp', 'runtime'],
};
const freestanding = new Set([
  'stdint.h',
  'stddef.h',
  'stdbool.h',
  'string.h',
  'limits.h',
  'wasm_simd128.h',
  'arm_acle.h',
]);
const poisoned = ['malloc', 'printf', 'double'];

/**
 * @param {string} firmware folder that holds the layers
 * @returns {string[]} one line per violation, empty when there is none
 */
export function checkLayers(firmware) {
  const files = Object.keys(below).flatMap((layer) => sources(join(firmware, layer)));
  const violations = files.flatMap((file) => checkFile(firmware, files, file));
  return [...violations, ...checkPoison(firmware)];
}

function checkFile(firmware, files, file) {
  const path = relative(firmware, file);
  const layer = path.split('/')[0];
  const isTest = path.includes('/test/');
  return includesOf(file).flatMap(({ line, system, name }) => {
    const refuse = (reason) => [`${path}:${line}: ${reason}`];
    if (system) {
      const free = layer === 'ports' || isTest || freestanding.has(name);
      return free ? [] : refuse(`<${name}> is not freestanding: ask the platform's vtable instead`);
    }
    const target = resolveInclude(files, file, layer, name);
    // What is not in the tree (a port's configuration, say) is the compiler's to find.
    if (target === undefined) return [];
    const [targetLayer, ...folders] = relative(firmware, target).split('/');
    if (targetLayer === layer) return [];
    if (!below[layer].includes(targetLayer))
      return refuse(`${layer} must not include ${targetLayer}: "${name}"`);
    if (!folders.includes('include') && !isTest)
      return refuse(`"${name}" is private to ${targetLayer}: only its include/ is public`);
    return [];
  });
}

function checkPoison(firmware) {
  const runtime = join(firmware, 'runtime');
  const header = join(runtime, 'src/poison.h');
  if (!existsSync(header)) return [];
  const directives = readFileSync(header, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('#pragma GCC poison'))
    .join(' ');
  const forgotten = poisoned.filter((word) => !new RegExp(`\\b${word}\\b`).test(directives));
  const unguarded = sources(runtime)
    .filter((file) => /\/(src|kernels)\/[^/]+\.c$/.test(file))
    .filter((file) => !reaches(runtime, file, header, new Set()));
  return [
    ...forgotten.map((word) => `runtime/src/poison.h: ${word} is not poisoned`),
    ...unguarded.map(
      (file) => `${relative(firmware, file)}:1: does not include poison.h, not even by another header`,
    ),
  ];
}

function reaches(runtime, file, header, seen) {
  if (file === header) return true;
  if (seen.has(file)) return false;
  seen.add(file);
  const files = sources(runtime);
  return includesOf(file).some(({ system, name }) => {
    const target = system ? undefined : resolveInclude(files, file, 'runtime', name);
    return target !== undefined && reaches(runtime, target, header, seen);
  });
}

/** As the compiler finds it: beside the file, then in the own layer, then anywhere. */
function resolveInclude(files, file, layer, name) {
  const beside = join(dirname(file), name);
  if (files.includes(beside)) return beside;
  const candidates = files.filter((other) => other.endsWith(`/${name}`));
  return candidates.find((other) => other.includes(`/${layer}/`)) ?? candidates[0];
}

function includesOf(file) {
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((text, index) => {
      const found = /^\s*#\s*include\s*([<"])([^>"]+)[>"]/.exec(text);
      return found === null ? [] : [{ line: index + 1, system: found[1] === '<', name: found[2] }];
    });
}

function sources(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[ch]$/.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}
