// What the gates of a rollout catch and what they cost, by seeded simulation (docs/design/gates.md): bad and good versions
// x TinyFleet's gates, a threshold on failed devices as hawkBit has it, and an abort rule as AWS IoT Jobs has it.
// `npm run bench -- gate [rollouts per cell] [seed]`
import { availableParallelism } from 'node:os';
import { stdout } from 'node:process';
import { Worker } from 'node:worker_threads';
import { cells, policy } from './gate/cells.mjs';
import { floors, HOURS_A_STEP, thresholds } from './gate/thresholds.mjs';
import { bar, median, printBars, table } from './report.mjs';

const ROLLOUTS = 1_000;
const CHUNK = 50;

/** @param {readonly string[]} args */
export async function run([rollouts = ROLLOUTS, seed = 6]) {
  const count = Number(rollouts);
  const results = await simulate(count, Number(seed));
  const ours = new Map(cells.map((cell) => [cell.id, summary(results.get(cell.id).replays)]));
  const good = cells.filter(({ isGood }) => isGood);
  const falseStop = Math.max(...good.map(({ id }) => ours.get(id).stopped));
  // Tuned to our false stops in the same world: with labels, or without.
  const others = ['hawkbit', 'aws'];
  const settings = new Map(
    good.map(({ id }) => [
      worldOf(id),
      Object.fromEntries(
        others.map((name) => [name, tune(name, ours.get(id).stopped, results, good, count)]),
      ),
    ]),
  );
  const theirs = (id, name) => {
    const at = settings.get(worldOf(id))[name];
    const { stopped, exposed } = results.get(id);
    return { stopped: stopped[name][at] / count, exposed: exposed[name][at] / count };
  };

  stdout.write(
    `${count} rollouts a cell, ${policy.steps.join('/')} %, soak ${policy.minSoakHours} to ${policy.maxSoakHours} h a step, ` +
      `alpha ${policy.gates.alpha}, power ${policy.gates.power}\n` +
      [...settings]
        .flatMap(([world, tuned]) => others.map((name) => [world, name, tuned[name]]))
        .map(([world, name, at]) => {
          const floor = floors[Math.floor(at / thresholds.length)];
          const check = Number.isFinite(floor)
            ? `confidence ${Math.round(100 * floor)} points low counts as failed`
            : 'no health check';
          const share = (100 * thresholds[at % thresholds.length]).toFixed(0);
          return `${title(name)}, tuned to our false stops ${world} labels: stops at ${share} % failed, ${check}\n`;
        })
        .join('') +
      `stopped = failed or paused; exposed = share of the fleet that had been offered the version; hours to the whole fleet: TinyFleet's, ` +
      `median (the other two take about ${policy.steps.length * HOURS_A_STEP} h)\n\n`,
  );
  let heading = '';
  const rows = [];
  for (const { id, title: world, version } of cells) {
    if (world !== heading) rows.push([(heading = world), '', '', '', '', '', '', '', '', '', '']);
    const o = ours.get(id);
    rows.push([
      `  ${version}`,
      ...[o.stopped, o.failed, o.paused].map(percent),
      percent(o.exposed),
      percent(o.exposed95),
      o.full > 0 ? o.hours : '-',
      ...others.flatMap((name) => Object.values(theirs(id, name)).map(percent)),
    ]);
  }
  table(
    [
      ...['new version', 'stopped', 'failed', 'paused', 'exposed', '95th', 'hours'],
      ...['hawkBit stops', 'exposed', 'AWS stops', 'exposed'],
    ],
    rows,
  );
  stdout.write('\n');

  const tens = ['a:-10 points', 'b:-10 points'].map((id) => ours.get(id));
  // More exposed than either, beyond what chance makes of so many rollouts in so many cells (three standard errors).
  const excess = Math.max(
    ...cells
      .filter(({ isGood }) => !isGood)
      .flatMap(({ id }) =>
        others.map((name) => {
          const o = ours.get(id);
          const { stopped, exposed } = theirs(id, name);
          const error = Math.sqrt(o.exposedError ** 2 + (stopped * (1 - stopped)) / count);
          return o.exposed - exposed - 3 * error;
        }),
      ),
  );
  const bars = [
    bar({
      id: 'gate.exposure',
      value: 100 * Math.max(...tens.map(({ exposed95 }) => exposed95)),
      bar: 5,
      better: 'lower',
      unit: '% of the fleet (95th percentile at -10, a and b)',
    }),
    bar({
      id: 'gate.stop10',
      value: Math.min(...tens.map(({ early }) => early)),
      bar: 0.95,
      better: 'higher',
      unit: 'stopped at <= 5 % exposed',
    }),
    bar({
      id: 'gate.falseStop',
      value: falseStop,
      bar: policy.gates.alpha,
      better: 'lower',
      unit: 'of good versions, pauses counted',
    }),
    bar({
      id: 'gate.worse',
      value: Math.max(0, 100 * excess),
      bar: 0,
      better: 'lower',
      unit: 'points more exposed than either, worst cell',
    }),
  ];
  printBars(bars);
  return { bars };
}

/** @returns by cell: all replays, and sums of the other policies by setting */
async function simulate(count, seed) {
  const tasks = cells.flatMap(({ id }, c) =>
    Array.from({ length: Math.ceil(count / CHUNK) }, (_, chunk) => ({
      cell: id,
      seeds: Array.from(
        { length: Math.min(CHUNK, count - chunk * CHUNK) },
        (_, i) => seed * 1_000_003 + c * 100_003 + chunk * CHUNK + i,
      ),
    })),
  );
  const results = new Map();
  await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      const worker = new Worker(new URL('gate/worker.mjs', import.meta.url));
      try {
        for (let task = tasks.shift(); task; task = tasks.shift()) add(results, await ask(worker, task));
      } finally {
        await worker.terminate();
      }
    }),
  );
  return results;
}

function ask(worker, task) {
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', (answer) => {
      worker.off('error', reject);
      resolve(answer);
    });
    worker.postMessage(task);
  });
}

function add(results, { cell, replays, stopped, exposed }) {
  const known = results.get(cell);
  if (!known) return void results.set(cell, { replays, stopped, exposed });
  known.replays.push(...replays);
  for (const name of Object.keys(stopped)) {
    for (const i of stopped[name].keys()) {
      known.stopped[name][i] += stopped[name][i];
      known.exposed[name][i] += exposed[name][i];
    }
  }
}

function summary(replays) {
  const share = (is) => replays.filter(is).length / replays.length;
  const exposures = replays.map(({ exposed }) => exposed).sort((a, b) => a - b);
  const exposed = mean(exposures);
  const full = replays.filter(({ end }) => end === 'full');
  return {
    stopped: share(({ end }) => end !== 'full'),
    failed: share(({ end }) => end === 'failed' || end === 'segment-failed'),
    paused: share(({ end }) => end === 'paused'),
    early: share(({ end, exposed: at }) => end !== 'full' && at <= 0.05),
    exposed,
    exposedError: Math.sqrt(mean(exposures.map((one) => (one - exposed) ** 2)) / replays.length),
    exposed95: exposures[Math.ceil(0.95 * exposures.length) - 1],
    full: full.length,
    hours: full.length > 0 ? median(full.map(({ hours }) => hours)) : NaN,
  };
}

/**
 * The setting whose false stops are nearest to ours; of those with equally many, and over all floors, the one that exposes
 * least in the cells where confidence tells: better than anybody could choose it in life.
 */
function tune(name, wanted, results, good, count) {
  const rate = (at) => mean(good.map(({ id }) => results.get(id).stopped[name][at] / count));
  const settings = floors.map((_, f) => {
    const own = thresholds.map((_, t) => f * thresholds.length + t);
    return own.reduce((best, at) =>
      Math.abs(rate(at) - wanted) < Math.abs(rate(best) - wanted) ? at : best,
    );
  });
  const bad = cells.filter(({ id, isGood }) => id.startsWith('a:') && !isGood);
  const exposed = (at) => mean(bad.map(({ id }) => results.get(id).exposed[name][at]));
  return settings.reduce((best, at) => (exposed(at) < exposed(best) ? at : best));
}

const worldOf = (id) => (id.startsWith('b:') ? 'with' : 'without');
const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const title = (name) => (name === 'aws' ? 'AWS-style' : 'hawkBit-style');
