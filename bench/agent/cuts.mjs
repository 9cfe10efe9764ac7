// The power-cut sweep on every processor: all cases of all scenarios, program units and erased values; then the sweep itself,
// by firmware with bugs planted in it.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { bar, table } from '../report.mjs';
import { onPath } from './tools.mjs';

export async function measureCuts({ quick }) {
  const count = availableParallelism();
  const started = performance.now();
  const shares = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      sweep({ share: { index, count }, ...(quick && { budget: 5_000 }) }),
    ),
  );
  const seconds = (performance.now() - started) / 1_000;
  const cases = shares.reduce((sum, share) => sum + share.cases, 0);
  const failures = shares.flatMap((share) => share.failures);
  const merged = (of, join = (a, b) => a + b) => {
    const all = {};
    for (const share of shares)
      for (const [name, n] of Object.entries(share[of])) all[name] = name in all ? join(all[name], n) : n;
    return all;
  };
  const operations = merged('operations', Math.max);
  table(
    ['scenario', 'flash operations', 'cases'],
    Object.entries(merged('perScenario')).map(([name, n]) => [name, operations[name] ?? '', n]),
  );
  for (const [title, of] of [
    ['what was cut', 'operationKinds'],
    ['how', 'fates'],
    ['edge of the state machine', 'edges'],
  ])
    table([title, 'cases'], Object.entries(merged(of)).sort());
  process.stdout.write(
    `${cases} cases in ${seconds.toFixed(1)} s on ${count} processors: ${Math.round(cases / seconds)} a second\n`,
  );
  for (const failure of failures.slice(0, 10)) process.stdout.write(`FAILED ${JSON.stringify(failure)}\n`);
  return [
    bar({
      ...{ id: 'powercut.cases', value: cases, bar: quick ? 4_000 : 100_000, better: 'higher' },
      unit: 'distinct cases',
    }),
    bar({ id: 'powercut.failures', value: failures.length, bar: 0, better: 'lower', unit: 'cases' }),
    bar({ id: 'powercut.seconds', value: seconds, bar: 300, better: 'lower', unit: 's on WASM' }),
    ...(await plantedBugs()),
  ];
}

async function plantedBugs() {
  if (!onPath('clang') || !onPath('wasm-ld')) {
    process.stdout.write(
      'planted bugs left out: clang or wasm-ld is not installed (npm run setup-test-deps)\n',
    );
    return [];
  }
  const { buildAll } = await import('../../apps/simulator/dist/power-cut/planted-bugs.js');
  const rows = [];
  for (const [bug, firmware] of await buildAll()) {
    if (bug === null) continue;
    const { failures, cases } = await sweep({
      ...{ firmware, units: [8], erased: [0xff], budget: 8_000, maxFailures: 1 },
    });
    rows.push([
      bug.name,
      failures.length > 0 ? `found, case ${cases}` : 'NOT FOUND',
      failures[0]?.problem ?? '',
    ]);
  }
  table(['planted bug', 'sweep', 'what it saw'], rows);
  const found = rows.filter(([, outcome]) => outcome !== 'NOT FOUND').length;
  return [bar({ id: 'powercut.plantedBugs', value: found, bar: 5, better: 'higher', unit: 'of 5 found' })];
}

function sweep(options) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./cuts-worker.mjs', import.meta.url), { workerData: options });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}
