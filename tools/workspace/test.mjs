// `npm test [-- small|medium|long|large ...] [-- path ...]`: builds, runs the small tests, then medium and long ones together, then
// the large ones, tells which suites were left out and what would bring them in, and ends with `N passed, N failed, N skipped`.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { build } from './build.mjs';
import { cacheDir, root } from './packages.mjs';
import { countTests, lastLine, leftOut, ofKind } from './test-report.mjs';

const kinds = ['small', 'medium', 'long', 'large'];
/** What runs together, and how many suites more than there are cores: medium and long ones wait a third of their time. */
const rounds = [
  { kinds: ['small'], more: 0 },
  { kinds: ['medium', 'long'], more: 1 },
  // Their simulators give way to whoever wants a core.
  { kinds: ['large'], more: 0 },
];
const args = process.argv.slice(2);
const wanted = kinds.filter((kind) => args.includes(kind));
const paths = args.filter((arg) => !kinds.includes(arg) && !arg.startsWith('-'));
const jestFlags = args.filter((arg) => arg.startsWith('-'));
/** How long Jest may take to end after its results. */
const lingerMs = 20_000;
const print = (line) => process.stdout.write(`${line}\n`);

mkdirSync(cacheDir, { recursive: true });
const total = { passed: 0, failed: 0, skipped: 0 };
const missing = [];
try {
  // All but small tests start the product's own processes from dist.
  await build();
  const asked = wanted.length > 0 ? wanted : kinds;
  for (const { kinds: together, more } of rounds) {
    const round = together.filter((kind) => asked.includes(kind));
    if (round.length === 0) continue;
    const started = performance.now();
    print(`${round.join(', ')} tests`);
    const results = await runJest(round, availableParallelism() + more);
    for (const kind of round) {
      const counts = countTests(ofKind(results, kind));
      for (const key of Object.keys(total)) total[key] += counts[key];
      print(`${kind}: ${lastLine(counts)}`);
    }
    missing.push(...leftOut(results, root));
    print(`${((performance.now() - started) / 1000).toFixed(0)} s\n`);
  }
} catch (error) {
  print(error.message);
  total.failed += 1;
}

if (missing.length > 0) {
  print('Left out, because something they need is not installed:');
  const width = Math.max(...missing.map(({ suite }) => suite.length));
  for (const { suite, tools, tests } of missing) print(`  ${suite.padEnd(width)}  ${tools}  (${tests})`);
  print('This installs what they need: npm run setup-test-deps\n');
}
print(lastLine(total));
process.exitCode = total.failed > 0 ? 1 : 0;

/** @returns {Promise<object>} what `jest --json` writes */
function runJest(round, workers) {
  const outputFile = join(cacheDir, `test-${round.join('-')}.json`);
  rmSync(outputFile, { force: true });
  const jest = createRequire(import.meta.url).resolve('jest/bin/jest');
  const child = spawn(
    process.execPath,
    [
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      jest,
      '--json',
      `--outputFile=${outputFile}`,
      `--reporters=${join(root, 'tools/workspace/jest-reporter.mjs')}`,
      '--passWithNoTests',
      `--testSequencer=${join(root, 'tools/workspace/test-order.mjs')}`,
      `--maxWorkers=${workers}`,
      ...jestFlags,
      ...paths,
    ],
    { cwd: root, stdio: 'inherit', env: { ...process.env, TINYFLEET_TEST_KIND: round.join() } },
  );
  // A test that leaves something open would keep Jest waiting for ever after its last result.
  let writtenAt;
  const watchdog = setInterval(() => {
    if (!existsSync(outputFile)) return;
    writtenAt ??= performance.now();
    if (performance.now() - writtenAt < lingerMs) return;
    print(`jest did not end by itself: something in the ${round.join(', ')} tests was left open`);
    child.kill('SIGKILL');
  }, 1_000);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      clearInterval(watchdog);
      let results;
      try {
        results = JSON.parse(readFileSync(outputFile, 'utf8'));
      } catch {
        return reject(
          new Error(
            `jest ended by ${signal ?? `exit code ${code}`} without results for ${round.join(', ')} tests`,
          ),
        );
      }
      // Jest can fail although every test passed, for example by a worker that crashed.
      if (code !== 0 && code !== null && results.success)
        return reject(new Error(`jest ended with exit code ${code}`));
      resolve(results);
    });
  });
}
