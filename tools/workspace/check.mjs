// `npm run check [-- --no-tests]`: format, lint with boundaries, types, generated files, build and small tests. Two steps run at a time
// (the machines this is made for have two cores), a step's output is shown only when it fails.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { cacheDir, root } from './packages.mjs';

const require = createRequire(import.meta.url);
const bin = (name, file) => join(dirname(require.resolve(`${name}/package.json`)), file);
const tsc = bin('typescript', 'bin/tsc');

/** The longest first, so that two cores end together. */
const steps = [
  { name: 'lint and boundaries', args: ['tools/workspace/lint.mjs'] },
  { name: 'types', args: [tsc, '-p', 'tsconfig.json', '--noEmit'] },
  { name: 'small tests', args: ['tools/workspace/test.mjs', 'small'] },
  { name: 'types of the dashboard', args: [tsc, '-p', 'apps/dashboard/tsconfig.json', '--noEmit'] },
  {
    name: 'format',
    args: [
      bin('prettier', 'bin/prettier.cjs'),
      '--check',
      '--log-level=warn',
      '--cache',
      `--cache-location=${join(cacheDir, 'prettier')}`,
      '.',
    ],
  },
  { name: 'generated files', args: ['tools/codegen/generate.mjs', '--check'] },
  { name: 'build', args: ['tools/workspace/build.mjs'] },
];

const started = performance.now();
const print = (line) => process.stdout.write(`${line}\n`);
const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(0)} s`;
const queue = steps.filter(({ name }) => name !== 'small tests' || !process.argv.includes('--no-tests'));
const failed = [];

async function worker() {
  for (let step = queue.shift(); step !== undefined; step = queue.shift()) {
    const since = performance.now();
    const { code, output } = await run(step.args);
    print(`  ${code === 0 ? 'ok    ' : 'FAILED'} ${step.name} (${seconds(since)})`);
    if (code === 0) continue;
    failed.push(step.name);
    print(output.trimEnd());
  }
}

function run(args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TINYFLEET_TEST_QUIET: '1' },
    });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', (error) => resolve({ code: 1, output: error.message }));
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

await Promise.all([worker(), worker()]);
print(failed.length === 0 ? `check passed in ${seconds(started)}` : `check FAILED: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
