// Builds ports/wasm/tinyfleet.wasm, the whole firmware as one WebAssembly module, with the pinned compiler of
// tools/clang (npm ci --prefix tools/clang). The output depends on the sources and that compiler only.
//   node firmware-stubs/ports/wasm/build.mjs           build and write
//   node firmware-stubs/ports/wasm/build.mjs --check   build and compare with the committed file, byte for byte
//   --native                                           use the system's clang: quick, for trying things; never commit
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';

const here = dirname(fileURLToPath(import.meta.url));
const firmware = join(here, '..', '..');
const compiler = join(
  firmware,
  '..',
  'tools',
  'clang',
  'node_modules',
  '@yowasp',
  'clang',
  'gen',
  'bundle.js',
);
export const target = join(here, 'tinyfleet.wasm');
const facts = join(firmware, 'src', 'generated', 'wasm.ts');

const SOURCES = ['runtime/src', 'runtime/kernels', 'dsp/src', 'agent/src', 'ports/wasm'];
const INCLUDES = ['runtime/include', 'runtime/src', 'dsp/include', 'agent/include', 'ports/wasm/include'];
const STACK_BYTES = 65536;
const FLAGS = [
  '--target=wasm32-unknown-unknown',
  '-std=c99',
  '-ffreestanding',
  '-nostdlib',
  '-fno-ident',
  '-fvisibility=hidden',
  '-msimd128',
  '-mbulk-memory',
  // The exported stack pointer; older compilers do not take it for granted.
  '-mmutable-globals',
  '-Wall',
  '-Wextra',
  '-Werror=implicit-function-declaration',
  '-I.',
  ...INCLUDES.map((path) => `-I${path}`),
];
// The stack lies first, so running over its end traps instead of overwriting data.
const LINK = [
  '--target=wasm32-unknown-unknown',
  '-nostdlib',
  '-Wl,--no-entry',
  '-Wl,--strip-all',
  '-Wl,--export=__heap_base',
  // A host that ends a call by a trap puts it back where it was; else each trap would keep its part of the stack.
  '-Wl,--export=__stack_pointer',
  '-Wl,--stack-first',
  `-Wl,-z,stack-size=${STACK_BYTES}`,
  '-Wl,--max-memory=4294967296',
  '-Wl,--allow-undefined',
];

async function listed(folder) {
  const names = await readdir(join(firmware, folder)).catch(() => []);
  return names.sort().map((name) => `${folder}/${name}`);
}

/** All sources and headers, path relative to firmware-stubs -> text; and the .c files in link order. */
async function collect() {
  const files = {};
  const units = [];
  // Without its exports (device.c) the agent cannot be reached; the module is then the runtime alone.
  const whole = (await listed('ports/wasm')).includes('ports/wasm/device.c');
  for (const folder of new Set([...SOURCES, ...INCLUDES])) {
    if (folder.startsWith('agent/') && !whole) continue;
    for (const path of await listed(folder)) {
      if (!/\.[ch]$/.test(path)) continue;
      files[path] = await readFile(join(firmware, path), 'utf8');
      if (path.endsWith('.c')) units.push(path);
    }
  }
  return { files, units };
}

// The compiler's virtual file system does not follow "..": such includes are written from the root instead.
function fromRoot(path, text) {
  return text.replace(
    /^(\s*#\s*include\s+)"(\.\.\/[^"]+)"/gm,
    (_, head, target) => `${head}"${posix.join(posix.dirname(path), target)}"`,
  );
}

// The virtual file system wants a tree of folders.
function tree(files) {
  const root = {};
  for (const [path, text] of Object.entries(files)) {
    const parts = path.split('/');
    let folder = root;
    for (const part of parts.slice(0, -1)) folder = folder[part] ??= {};
    folder[parts.at(-1)] = fromRoot(path, text);
  }
  return root;
}

/** Kernels are built for speed, everything else for size, as on every port; here also what a rollout to a fleet spends its time in. */
const FAST = ['runtime/kernels/', 'dsp/', 'agent/src/payload.c', 'agent/src/sha256.c'];
const level = (unit) => (FAST.some((start) => unit.startsWith(start)) ? '-O2' : '-Os');
const objectName = (unit) => unit.replaceAll('/', '-').replace(/\.c$/, '.o');

async function buildPinned({ files, units }) {
  // The compiler is 75 MB of WebAssembly that runs for seconds: optimizing it would take longer than it saves.
  setFlagsFromString('--liftoff-only');
  const { runClang } = await import(pathToFileURL(compiler).href).catch((cause) => {
    throw new Error('The pinned compiler is not installed: npm ci --prefix tools/clang', { cause });
  });
  const decoder = new TextDecoder();
  const clang = async (args, input) => {
    const log = [];
    const print = (bytes) => bytes !== null && log.push(decoder.decode(bytes, { stream: true }));
    try {
      const out = await runClang(['clang', ...args], input, { stdout: print, stderr: print });
      process.stderr.write(log.join('').replace(/^yowasp-llvm: .*\n?/gm, ''));
      return out;
    } catch (cause) {
      if (!(cause instanceof Error) || log.length === 0) throw cause;
      throw new Error(`clang failed:\n${log.join('')}`); // the cause carries the whole file tree
    }
  };
  const sources = tree(files);
  const objects = {};
  for (const unit of units) {
    const name = objectName(unit);
    objects[name] = (await clang([...FLAGS, level(unit), '-c', unit, '-o', name], sources))[name];
  }
  const linked = await clang([...LINK, ...Object.keys(objects), '-o', 'tinyfleet.wasm'], { ...objects });
  return { wasm: linked['tinyfleet.wasm'], objects };
}

async function buildNative({ units }, { replaced, objects: known }) {
  const folder = await mkdtemp(join(tmpdir(), 'tinyfleet-wasm-'));
  const clang = async (args) =>
    process.stderr.write((await promisify(execFile)('clang', args, { cwd: firmware })).stderr);
  try {
    const objects = {};
    for (const unit of units) {
      const name = objectName(unit);
      const object = join(folder, name);
      if (unit in replaced) {
        const source = join(folder, `${name}.c`);
        await writeFile(source, replaced[unit]);
        await clang([...FLAGS, level(unit), `-iquote${posix.dirname(unit)}`, '-c', source, '-o', object]);
      } else if (name in known) await writeFile(object, known[name]);
      else await clang([...FLAGS, level(unit), '-c', unit.split('/').join(sep), '-o', object]);
      objects[name] = await readFile(object);
    }
    const out = join(folder, 'tinyfleet.wasm');
    await clang([...LINK, ...Object.keys(objects).map((name) => join(folder, name)), '-o', out]);
    return { wasm: await readFile(out), objects };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/**
 * The module, and its objects by name (path with dashes) for size reports. A native build may take other text for some units
 * (`replaced`, by path) and all other `objects` from an earlier one: tests of tests plant faults that way.
 */
export async function build({ native = false, replaced = {}, objects: known = {} } = {}) {
  const sources = await collect();
  const { wasm, objects } = await (native
    ? buildNative(sources, { replaced, objects: known })
    : buildPinned(sources));
  return { wasm: Buffer.from(wasm), objects };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const started = performance.now();
  const { wasm } = await build({ native: process.argv.includes('--native') });
  const digest = createHash('sha256').update(wasm).digest('hex');
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const name = relative(process.cwd(), target);
  const described = `// Generated by firmware-stubs/ports/wasm/build.mjs. Do not edit.
/** SHA-256 of ports/wasm/tinyfleet.wasm. */
export const wasmSha256 = '${digest}';
export const wasmBytes = ${wasm.length};
`;
  if (process.argv.includes('--check')) {
    const committed = await readFile(target).catch(() => Buffer.alloc(0));
    const said = await readFile(facts, 'utf8').catch(() => '');
    if (!committed.equals(wasm) || said !== described) {
      const what = committed.equals(wasm)
        ? relative(process.cwd(), facts)
        : `${name} (${committed.length} bytes)`;
      console.error(
        `${what} is not what the sources give (${wasm.length} bytes, sha256 ${digest}). Run node firmware-stubs/ports/wasm/build.mjs and commit both files.`,
      );
      process.exit(1);
    }
    console.log(`${name}: ${wasm.length} bytes, reproduced in ${seconds} s, sha256 ${digest}`);
  } else {
    await writeFile(target, wasm);
    await mkdir(dirname(facts), { recursive: true });
    await writeFile(facts, described);
    console.log(`${name}: ${wasm.length} bytes in ${seconds} s, sha256 ${digest}`);
  }
}
