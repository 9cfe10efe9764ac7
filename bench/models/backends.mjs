// The C and .tflite backends on every shared model that compiles: the library without a warning for the host and Cortex-M4
// and through its own self-test; the file read back by our frontend and run against the bundle.
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { stdout } from 'node:process';
import { promisify } from 'node:util';
import { cLibrary, compile, tfliteModel } from '@tinyfleet/compiler';
import { isFleetError } from '@tinyfleet/errors';
import { Runtime } from '@tinyfleet/runtime';
import { bar, table } from '../report.mjs';
import { modelPaths, readSource, ROOMY } from './sources.mjs';

const run = promisify(execFile);
const STRICT = '-std=c99 -O2 -Wall -Wextra -Wconversion -Werror';
const M4 = ['-mcpu=cortex-m4', '-mthumb'];
const SEED = 0x9e3779b9;

export async function measureBackends(data) {
  const runtime = await Runtime.open();
  const tools = { host: has('gcc') && has('make'), m4: has('arm-none-eabi-gcc') };
  const rows = [];
  const done = { host: [0, 0], m4: [0, 0], tflite: [0, 0] };
  for (const { name, path } of modelPaths(data)) {
    let result;
    try {
      result = await compile(readSource(path), { deviceType: ROOMY });
    } catch {
      continue;
    }
    const row = { host: '-', m4: '-', tflite: '-' };
    const count = async (what, attempt) => {
      done[what][1]++;
      row[what] = await attempt().catch((error) => firstLine(error));
      // What the format cannot say is refused with the reason: listed, not counted.
      if (row[what].startsWith('refused')) done[what][1]--;
      if (row[what] === 'ok') done[what][0]++;
    };
    const folder = mkdtempSync(join(tmpdir(), 'tinyfleet-bench-'));
    try {
      const units = await emit(result, folder);
      if (tools.host) await count('host', () => checkOnHost(folder));
      if (tools.m4) await count('m4', () => compileForM4(folder, units));
    } finally {
      rmSync(folder, { recursive: true });
    }
    await count('tflite', () => readBack(runtime, result));
    rows.push([name, row.host, row.m4, row.tflite]);
  }
  table(['backend', 'C: host, self-test', 'C: Cortex-M4', '.tflite read back'], rows);
  for (const [what, there] of Object.entries(tools))
    if (!there) stdout.write(`C for ${what} left out: no compiler (npm run setup-test-deps)\n`);
  return Object.entries(done)
    .filter(([, [, total]]) => total > 0)
    .map(([what, [good, total]]) => {
      const id = `models.backend.${what === 'tflite' ? 'tflite' : `c-${what}`}`;
      return bar({ id, value: good / total, bar: 1, better: 'higher', unit: 'of the models' });
    });
}

const has = (tool) => spawnSync(tool, ['--version']).error === undefined;
const firstLine = (error) =>
  isFleetError(error)
    ? `refused: ${String(error.data.reason ?? error.message).slice(0, 80)}`
    : String(error.stderr || error.message)
        .split('\n')[0]
        .slice(0, 80);

async function emit(result, folder) {
  const files = await cLibrary(result);
  for (const [path, text] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return [...files.keys()].filter((path) => path.endsWith('.c') && !path.startsWith('example/'));
}

/** The library's own example runs its golden vectors. */
async function checkOnHost(cwd) {
  const { stdout: text, stderr } = await run('make', ['--silent', 'check', `CFLAGS=${STRICT}`], { cwd });
  if (stderr !== '') return stderr.split('\n')[0];
  return /as expected/.test(text) ? 'ok' : text.split('\n')[0];
}

async function compileForM4(cwd, units) {
  const args = [...STRICT.split(' '), ...M4, '-I.', '-c', ...units];
  const { stderr } = await run('arm-none-eabi-gcc', args, { cwd });
  return stderr === '' ? 'ok' : stderr.split('\n')[0];
}

async function readBack(runtime, result) {
  const again = await compile(
    { bytes: tfliteModel(result), fileName: 'again.tflite' },
    { deviceType: ROOMY },
  );
  const [first, second] = [result.bundle, again.bundle].map((bytes) => runtime.load(bytes));
  const total = first.view.inputs.reduce((n, { bytes }) => n + bytes, 0);
  const random = runtime.randomBytes(SEED, total).data;
  let at = 0;
  const inputs = first.view.inputs.map(({ bytes }) => random.slice(at, (at += bytes)));
  const [a, b] = [first, second].map((bundle) => bundle.run(inputs).map((output) => Buffer.from(output)));
  return a.length === b.length && a.every((output, i) => output.equals(b[i])) ? 'ok' : 'other outputs';
}
