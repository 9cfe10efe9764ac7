// Builds the fuzz targets of the agent with libFuzzer, AddressSanitizer and UBSan, and runs them on the committed seeds.
//   node firmware-stubs/agent/test/fuzz/run.mjs [target ...] [--seconds 600] [--corpus FOLDER] [--write-seeds]
// --corpus keeps what was found between runs (default: a temporary folder); --write-seeds reduces it to what covers something
// and commits that as seeds/TARGET.gz. A finding ends the run with its file beside the corpus; give that file to the built target.
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { SANITIZERS, buildProgram, unitsOf } from '../../../objects.mjs';

const run = promisify(execFile);
const here = dirname(fileURLToPath(import.meta.url));
const SHARED = ['agent/test/world.c', 'agent/test/fuzz/fuzz.c'];

/** Every file here with a fuzzer's entry. */
export async function targets() {
  const names = (await readdir(here)).filter((name) => name.endsWith('.c') && name !== 'fuzz.c');
  return names.map((name) => basename(name, '.c')).sort();
}

/** Links one program per target into `folder`. */
export async function buildTargets(clang, folder, names) {
  const common = [...(await unitsOf('agent/src', 'runtime/src', 'runtime/kernels', 'dsp/src')), ...SHARED];
  const flags = [...SANITIZERS, '-fsanitize=fuzzer-no-link'];
  for (const name of names) {
    const units = [...common, `agent/test/fuzz/${name}.c`];
    await buildProgram({ cc: clang, flags, units, link: ['-fsanitize=fuzzer'], out: join(folder, name) });
  }
}

/** Seeds of a target: files behind their lengths (LE32), compressed. */
export async function unpackSeeds(name, folder) {
  await mkdir(folder, { recursive: true });
  const packed = await readFile(join(here, `seeds/${name}.gz`)).catch(() => undefined);
  if (packed === undefined) return 0;
  const content = gunzipSync(packed);
  let count = 0;
  for (let at = 0; at < content.length; count++) {
    const end = at + 4 + content.readUInt32LE(at);
    await writeFile(join(folder, `seed-${count}`), content.subarray(at + 4, end));
    at = end;
  }
  return count;
}

async function packSeeds(name, folder) {
  const parts = [];
  for (const file of (await readdir(folder)).sort()) {
    const bytes = await readFile(join(folder, file));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    parts.push(length, bytes);
  }
  await mkdir(join(here, 'seeds'), { recursive: true });
  await writeFile(join(here, `seeds/${name}.gz`), gzipSync(Buffer.concat(parts), { level: 9 }));
  return parts.length / 2;
}

/**
 * Runs one built target.
 * @returns {Promise<{ executions: number, coverage: number, corpus: number }>}
 * @throws Error with libFuzzer's report when it found something
 */
export function fuzz(folder, name, { corpus, seconds, seed = 1 }) {
  const args = [
    corpus,
    `-max_total_time=${seconds}`,
    `-seed=${seed}`,
    '-max_len=4096',
    '-timeout=20',
    '-print_final_stats=1',
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(join(folder, name), [...args, `-artifact_prefix=${join(folder, `${name}-`)}`], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let text = '';
    child.stderr.on('data', (data) => (text = (text + data).slice(-20_000)));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code !== 0) return reject(new Error(`${name} found something (${code}):\n${text}`));
      const last = [...text.matchAll(/cov: (\d+) .*?corp: (\d+)/g)].at(-1);
      resolve({
        executions: Number(/number_of_executed_units:\s+(\d+)/.exec(text)?.[1]),
        coverage: Number(last?.[1] ?? 0),
        corpus: Number(last?.[2] ?? 0),
      });
    });
  });
}

async function main(args) {
  const value = (flag) => (args.includes(flag) ? args.splice(args.indexOf(flag), 2)[1] : undefined);
  const seconds = Number(value('--seconds') ?? 600);
  const kept = value('--corpus');
  const write = args.includes('--write-seeds');
  const names = args.filter((arg) => !arg.startsWith('--'));
  const wanted = names.length > 0 ? names : await targets();
  const folder = kept ?? (await mkdtemp(join(tmpdir(), 'tinyfleet-fuzz-')));
  await mkdir(folder, { recursive: true });
  const programs = join(folder, 'bin');
  await mkdir(programs, { recursive: true });
  await buildTargets(process.env.CLANG ?? 'clang', programs, wanted);
  for (const name of wanted) {
    const corpus = join(folder, name);
    const seeds = await unpackSeeds(name, corpus);
    const found = await fuzz(programs, name, { corpus, seconds, seed: (Date.now() % 1_000_000) + 1 });
    console.log(
      `${name}: ${found.executions} executions in ${seconds} s, ${found.coverage} edges, ${seeds} seeds, ${found.corpus} in the corpus`,
    );
    if (!write) continue;
    const small = await mkdtemp(join(folder, `${name}-small-`));
    await run(join(programs, name), ['-merge=1', small, corpus], { maxBuffer: 1 << 26 });
    console.log(`${name}: ${await packSeeds(name, small)} seeds written`);
    await rm(small, { recursive: true });
  }
  if (kept === undefined) await rm(folder, { recursive: true });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  await main(process.argv.slice(2));
