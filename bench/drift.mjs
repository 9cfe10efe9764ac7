// Detectors of drift: how long they run without a false alarm, how soon they see a shift, and what a watched fleet of
// 1,000 devices costs in false pages and finds (docs/design/quality.md). `npm run bench -- drift [seeds] [first seed]`
import { availableParallelism } from 'node:os';
import { stdout } from 'node:process';
import { Worker } from 'node:worker_threads';
import { bits, normals } from './drift/detectors.mjs';
import { bar, printBars, table } from './report.mjs';

const SEEDS = 20;
/** Known-reference two-sided CUSUM, each with its own k (NUMBERS). */
const TARGETS = [74, 21, 6];

/** @param {readonly string[]} args */
export async function run([seeds = SEEDS, first = 1]) {
  const fleets = ['identical', 'diverse'];
  const tasks = [
    ...fleets.flatMap((fleet) =>
      Array.from({ length: Number(seeds) }, (_, i) => ({ fleet, seed: Number(first) + i })),
    ),
    ...[...normals, ...bits].map(({ name }) => ({ detector: name })),
  ];
  const results = await inWorkers(tasks);
  const ofDetector = (name) => results.find(({ task }) => task.detector === name).answer;

  stdout.write('Standard normal observations; mean delay of a shift that comes after a long healthy time\n');
  table(
    ['detector', 'ARL0 asked', 'measured', '.5 sd', '1 sd', '2 sd', '|', 'target', '', ''],
    normals.map(({ name, arl0 }) => {
      const { measured, delays } = ofDetector(name);
      return [name, arl0 ?? '-', lengthOf(measured), ...delays.map(delayOf), '|', ...TARGETS];
    }),
  );
  stdout.write('\nErrors, 10 of 100 before\n');
  table(
    ['detector', 'ARL0 asked', 'measured', 'to 15', 'to 20', 'to 30'],
    bits.map(({ name, arl0 }) => {
      const { measured, delays } = ofDetector(name);
      return [name, arl0 ?? '-', lengthOf(measured), ...delays.map(delayOf)];
    }),
  );

  const asked = [...normals, ...bits].filter(({ arl0, isDummy }) => arl0 && !isDummy);
  const ratios = asked.map(({ name, arl0 }) => {
    const measured = ofDetector(name).measured.mean;
    return Math.max(measured / arl0, arl0 / measured);
  });
  const own = normals.filter(({ designed }) => designed !== undefined);
  const slower = own.map(({ name, designed }) => ofDetector(name).delays[designed].mean / TARGETS[designed]);

  stdout.write(
    `\nFleets of 1,000 devices with 5 features, 14 days of hours, the first 4 healthy, n = 100, ${seeds} seeds each; at most one false page a week asked\n`,
  );
  const fleetBars = [];
  const rows = fleets.map((fleet) => {
    const replays = results.filter(({ task }) => task.fleet === fleet).map(({ answer }) => answer);
    const weeks = sum(replays.map(({ healthyRounds }) => healthyRounds)) / 168;
    const alerts = (1_000 * sum(replays.map(({ falseAlarms }) => falseAlarms))) / weeks;
    const groups = sum(replays.map(({ falseGroupAlarms }) => falseGroupAlarms));
    const delays = replays.flatMap(({ delays: all }) => all);
    const within = fleet === 'identical' ? 3 : 24;
    const recall = delays.filter((delay) => delay <= within).length / delays.length;
    fleetBars.push(
      bar({
        id: `drift.alerts.${fleet}`,
        value: alerts,
        bar: 1,
        better: 'lower',
        unit: 'alerts per 1,000 device-weeks',
      }),
      bar({
        id: `drift.recall.${fleet}`,
        value: recall,
        bar: 0.95,
        better: 'higher',
        unit: `of shifts by 1 sd seen within ${within} windows`,
      }),
    );
    const sorted = [...delays].sort((a, b) => a - b);
    return [
      fleet === 'identical' ? 'identical devices' : 'own means, daily cycle, AR(1), late windows',
      Math.round(weeks),
      alerts.toFixed(3),
      groups,
      recall.toFixed(3),
      sorted[sorted.length >> 1],
      sorted[Math.ceil(0.95 * sorted.length) - 1],
    ];
  });
  table(['fleet', 'device-weeks', 'alerts per 1,000', 'of groups', 'recall', 'median windows', '95th'], rows);
  stdout.write('\n');
  const bars = [
    bar({
      id: 'drift.arl0',
      value: Math.max(...ratios),
      bar: 1.5,
      better: 'lower',
      unit: 'x measured against asked, worst',
    }),
    bar({
      id: 'drift.delay',
      value: Math.max(...slower),
      bar: 1.1,
      better: 'lower',
      unit: 'x target, worst CUSUM',
      aim: true,
    }),
    ...fleetBars,
  ];
  printBars(bars);
  return { bars };
}

/** @param {{ mean: number, alarms: number }} measured */
const lengthOf = ({ mean, alarms }) => (alarms === 0 ? `> ${mean.toFixed(0)}` : mean.toFixed(0));
const delayOf = ({ mean, missed }) =>
  `${mean.toFixed(1)}${missed > 0 ? ` (${Math.round(100 * missed)} % missed)` : ''}`;
const sum = (values) => values.reduce((a, b) => a + b, 0);

/** The longest first, one task at a time for each worker. */
async function inWorkers(tasks) {
  const results = [];
  const left = [...tasks];
  await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      const worker = new Worker(new URL('drift/worker.mjs', import.meta.url));
      try {
        for (let task = left.shift(); task; task = left.shift()) {
          const answer = await new Promise((resolve, reject) => {
            worker.once('error', reject);
            worker.once('message', (message) => {
              worker.off('error', reject);
              resolve(message);
            });
            worker.postMessage(task);
          });
          results.push({ task, answer });
        }
      } finally {
        await worker.terminate();
      }
    }),
  );
  return results;
}
