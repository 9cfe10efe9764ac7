// Sizes of the firmware, as JSON on stdout: code and constant bytes per object for WebAssembly and (when
// arm-none-eabi-gcc is there) Cortex-M4, static RAM, context structs and the worst stack of each entry. Numbers, no opinion:
// bench compares them with the committed table.
//   node firmware-stubs/size.mjs [--native]     --native: the system's clang for the WebAssembly objects
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { build, target } from './ports/wasm/build.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const run = promisify(execFile);
const FOLDERS = ['runtime/src', 'runtime/kernels', 'dsp/src', 'agent/src', 'crypto/src'];
const INCLUDES = [
  'runtime/include',
  'runtime/src',
  'dsp/include',
  'agent/include',
  'agent/src',
  'crypto/include',
];
const ARM = [
  '-mthumb',
  '-mfloat-abi=soft',
  '-std=c99',
  '-ffreestanding',
  '-ffunction-sections',
  '-fcallgraph-info=su',
];

/** Bytes of the code and data sections of a WebAssembly module or object. */
export function wasmSections(bytes) {
  const sizes = { code: 0, data: 0 };
  let at = 8;
  const leb = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
  };
  while (at < bytes.length) {
    const id = bytes[at++];
    const length = leb();
    if (id === 10) sizes.code += length;
    if (id === 11) sizes.data += length;
    at += length;
  }
  return sizes;
}

async function wasm(native) {
  const { wasm: module, objects } = await build({ native });
  const committed = await readFile(target).catch(() => Buffer.alloc(0));
  return {
    compiler: native ? 'native clang' : 'pinned clang',
    moduleBytes: module.length,
    equalsCommitted: committed.equals(module),
    module: wasmSections(module),
    objects: Object.fromEntries(Object.entries(objects).map(([name, bytes]) => [name, wasmSections(bytes)])),
  };
}

// Nodes (function -> frame bytes) and edges of gcc's call graph files, functions of one file by "path:name".
function readCallGraph(text, graph) {
  for (const [, title, label] of text.matchAll(/^node: \{ title: "([^"]+)" label: "([^"]+)"/gm)) {
    const frame = /(\d+) bytes \((\w[\w,]*)\)/.exec(label);
    if (frame) graph.frames.set(title, { bytes: Number(frame[1]), kind: frame[2] });
  }
  for (const [, from, to] of text.matchAll(/^edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"/gm))
    graph.calls.set(from, (graph.calls.get(from) ?? new Set()).add(to));
}

const INDIRECT = '__indirect_call';

// Indirect calls of the runtime go to the op table; those of the agent leave through the platform, whose own stack the
// port must add. A cycle would make the bound meaningless: it throws.
function worstStack(graph, entry) {
  const ops = [...graph.frames.keys()];
  const targets = (name) =>
    [...(graph.calls.get(name) ?? [])].flatMap((to) => {
      if (to !== INDIRECT) return [to];
      if (/(^|:)(execute|fleet_run|fleet_self_test)$/.test(name))
        return ops.filter((op) => op.startsWith('fleet_run_'));
      if (/(^|:)(check_step|check_plan|fleet_load)$/.test(name))
        return ops.filter((op) => op.startsWith('fleet_check_'));
      return [];
    });
  const known = new Map();
  const below = (name, path) => {
    if (path.includes(name)) throw new Error(`recursion: ${[...path, name].join(' -> ')}`);
    const seen = known.get(name);
    if (seen !== undefined) return seen;
    const bytes =
      (graph.frames.get(name)?.bytes ?? 0) +
      Math.max(0, ...targets(name).map((to) => below(to, [...path, name])));
    known.set(name, bytes);
    return bytes;
  };
  return graph.frames.has(entry) ? below(entry, []) : null;
}

const ENTRIES = [
  'fleet_load',
  'fleet_run',
  'fleet_self_test',
  'fleet_agent_init',
  'fleet_agent_step',
  'fleet_ed25519_verify',
];

/** Sizes for a Cortex-M core, or null without arm-none-eabi-gcc. @param {string} cpu as gcc names it */
export async function cortexM(cpu = 'cortex-m4') {
  const flags = [`-mcpu=${cpu}`, ...ARM];
  const version = await run('arm-none-eabi-gcc', ['-dumpversion']).catch(() => undefined);
  if (version === undefined) return null;
  const folder = await mkdtemp(join(tmpdir(), 'tinyfleet-size-'));
  try {
    const objects = {};
    const graph = { frames: new Map(), calls: new Map() };
    for (const source of FOLDERS)
      for (const name of (await readdir(join(here, source)).catch(() => []))
        .filter((n) => n.endsWith('.c'))
        .sort()) {
        const unit = `${source}/${name}`;
        const object = join(folder, `${unit.replaceAll('/', '-').slice(0, -2)}.o`);
        const level = source === 'runtime/kernels' || source === 'dsp/src' ? '-O2' : '-Os';
        await run(
          'arm-none-eabi-gcc',
          [...flags, level, ...INCLUDES.map((i) => `-I${i}`), '-c', unit, '-o', object],
          { cwd: here },
        );
        const { stdout } = await run('arm-none-eabi-size', [object]);
        const [text, data, bss] = stdout.split('\n')[1].trim().split(/\s+/).map(Number);
        readCallGraph(await readFile(object.replace(/\.o$/, '.ci'), 'utf8'), graph);
        objects[unit] = { text, data, bss };
      }
    const sum = (prefix, field) =>
      Object.entries(objects).reduce((n, [unit, size]) => n + (unit.startsWith(prefix) ? size[field] : 0), 0);
    const part = (prefix) => ({
      text: sum(prefix, 'text'),
      staticRam: sum(prefix, 'data') + sum(prefix, 'bss'),
    });
    return {
      compiler: `gcc ${version.stdout.trim()}`,
      runtime: part('runtime/'),
      agent: part('agent/'),
      crypto: part('crypto/'),
      contexts: await contexts(folder, flags),
      worstStack: Object.fromEntries(ENTRIES.map((entry) => [entry, worstStack(graph, entry)])),
      objects,
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

// sizeof of the context structs on the target, read from the symbol sizes of arrays of that many bytes.
async function contexts(folder, flags) {
  const file = join(folder, 'contexts.c');
  const agent = (await readdir(join(here, 'agent/include')).catch(() => [])).includes('fleet_agent.h');
  const lines = [
    '#include "fleet_runtime.h"',
    'char fleet_runtime_t_bytes[sizeof(fleet_runtime_t)];',
    'char fleet_self_test_t_bytes[sizeof(fleet_self_test_t)];',
  ];
  if (agent) lines.push('#include "fleet_agent.h"', 'char fleet_agent_t_bytes[sizeof(fleet_agent_t)];');
  await writeFile(file, `${lines.join('\n')}\n`);
  const object = join(folder, 'contexts.o');
  await run('arm-none-eabi-gcc', [
    ...flags,
    ...INCLUDES.map((i) => `-I${join(here, i)}`),
    '-c',
    file,
    '-o',
    object,
  ]);
  const { stdout } = await run('arm-none-eabi-nm', ['-S', object]);
  return Object.fromEntries(
    [...stdout.matchAll(/^\S+ (\S+) \S (\w+)_bytes$/gm)].map(([, size, name]) => [
      name,
      Number.parseInt(size, 16),
    ]),
  );
}

export async function sizes({ native = false } = {}) {
  return { wasm: await wasm(native), cortexM4: await cortexM() };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  console.log(JSON.stringify(await sizes({ native: process.argv.includes('--native') }), null, 2));
