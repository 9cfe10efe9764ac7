// Ingest as the server does it: committed messages against the same hook without the database and against one save per
// message; waits, lag and memory under a steady load; and what a killed server loses. `--seconds N` shortens every leg, `--quick` to
// 5 s; `--throughput`, `--steady` and `--lost` run one part alone.
import { cpus, loadavg } from 'node:os';
import { stdout } from 'node:process';
import { startEdges } from './ingest/edges.mjs';
import { measureLost } from './ingest/lost.mjs';
import { measureSteady } from './ingest/steady.mjs';
import { bar, median, printBars, table } from './report.mjs';

const PAIRS = 5;
const WARMUP_S = 10;
const LEG_S = 60;
const STEADY_S = 600;
const KILLS = 10;
const SURGE_MS = 2_000;
const QUICK_S = 5;
/** Starts, drains and checks: of each part, and of each kill. */
const START_S = 15;
const KILL_S = 12;
/** Ten thousand messages in flight, saved one by one. */
const NAIVE_DRAIN_S = 10;
const PIPELINES = ['hook', 'stored', 'naive'];

/** What each part does, and about how long it takes. @param {number | undefined} seconds of a leg, of a quick run */
function planOf(seconds) {
  const warmupS = seconds === undefined ? WARMUP_S : seconds / 4;
  const legS = seconds ?? LEG_S;
  const steadyS = seconds ?? STEADY_S;
  const kills = seconds === undefined ? KILLS : Math.min(KILLS, Math.max(2, Math.floor(seconds / 4)));
  const surgeMs = seconds === undefined ? SURGE_MS : 1_000;
  return {
    '--throughput': {
      run: () => throughput({ warmupS, seconds: legS }),
      takesS: START_S + PAIRS * (PIPELINES.length * (warmupS + legS) + NAIVE_DRAIN_S),
    },
    '--steady': {
      run: () => steady({ warmupS, seconds: steadyS, oneInFlightS: legS }),
      takesS: START_S + 2 * warmupS + legS + steadyS,
    },
    '--lost': { run: () => lost({ kills, surgeMs }), takesS: START_S + kills * KILL_S },
  };
}

export async function run(args = []) {
  const at = args.indexOf('--seconds');
  const seconds = at >= 0 ? Number(args[at + 1]) : args.includes('--quick') ? QUICK_S : undefined;
  if (seconds !== undefined && !(seconds > 0)) throw new Error('--seconds needs a number above 0');
  const plan = planOf(seconds);
  const asked = Object.keys(plan).filter((name) => args.includes(name));
  const names = asked.length === 0 ? Object.keys(plan) : asked;
  const takesS = names.reduce((sum, name) => sum + plan[name].takesS, 0);
  const [busy] = loadavg();
  stdout.write(`${names.map((name) => name.slice(2)).join(', ')}: about ${Math.ceil(takesS / 60)} min\n`);
  if (busy > cpus().length / 2)
    stdout.write(
      `The machine has other work to do (load ${busy.toFixed(1)}): waits and rates mean little.\n`,
    );
  const bars = [];
  for (const name of names) bars.push(...(await plan[name].run()));
  printBars(bars);
  return { bars };
}

/** Lines while it runs: a silent half hour looks like a hang. */
const startedAt = performance.now();
function step(text) {
  const s = Math.round((performance.now() - startedAt) / 1_000);
  stdout.write(`${String(Math.floor(s / 60)).padStart(3)}:${String(s % 60).padStart(2, '0')}  ${text}\n`);
}

const us = (cpu) => [cpu.server, cpu.database, cpu.load].map((value) => value.toFixed(1));

async function throughput(how) {
  const edges = await startEdges();
  try {
    const rounds = [];
    let acknowledged = 0;
    let rssMib = 0;
    for (let i = 0; i < PAIRS; i++) {
      const round = {};
      for (const pipeline of PIPELINES) {
        round[pipeline] = await edges.measure(pipeline, how);
        step(`round ${i + 1} of ${PAIRS}, ${pipeline}: ${Math.round(round[pipeline].perSecond)} messages/s`);
      }
      rounds.push(round);
      const { rows, rssBytes } = await edges.count();
      if (rows !== round.stored.acknowledged)
        throw new Error(`${round.stored.acknowledged} messages were acknowledged, ${rows} are stored`);
      acknowledged += rows;
      rssMib = Math.max(rssMib, rssBytes / 2 ** 20);
      await edges.forget();
    }
    const of = (pipeline) => median(rounds.map((round) => round[pipeline].perSecond));
    stdout.write('\n');
    table(
      ['1,000 connections x 10 in flight', 'hook only /s', 'committed /s', 'naive /s', 'of hook', 'of naive'],
      [
        ...rounds.map((round) => PIPELINES.map((pipeline) => round[pipeline].perSecond)),
        PIPELINES.map(of),
      ].map(([hook, stored, naive], i) => [
        i < PAIRS ? `round ${i + 1}` : 'median',
        ...[hook, stored, naive].map(Math.round),
        (stored / hook).toFixed(2),
        (stored / naive).toFixed(1),
      ]),
    );
    stdout.write('\n');
    table(
      ['processor time of a message, us', 'server', 'Postgres', 'load'],
      PIPELINES.map((pipeline) => {
        const part = (name) => median(rounds.map((round) => round[pipeline].cpu[name]));
        return [pipeline, ...us({ server: part('server'), database: part('database'), load: part('load') })];
      }),
    );
    stdout.write(
      `\n${acknowledged} messages of ${edges.payloadBytes} bytes acknowledged, as many stored; RSS ${Math.round(rssMib)} MiB\n\n`,
    );
    const hook = { id: 'ingest.hook', value: of('stored') / of('hook'), better: 'higher', unit: 'x' };
    return [
      bar({ ...hook, bar: 0.6 }),
      bar({ ...hook, bar: 0.8, aim: true }),
      bar({ id: 'ingest.naive', value: of('stored') / of('naive'), bar: 30, better: 'higher', unit: 'x' }),
    ];
  } finally {
    await edges.stop();
  }
}

async function steady(how) {
  const { single, paced, cpu, lagS, rssMib, rssGrowth } = await measureSteady({ ...how, onStep: step });
  stdout.write('\n');
  table(
    ['1,000 devices', 'messages /s', 'ack p50, ms', 'ack p99, ms', 'most, ms'],
    [
      ['one in flight', Math.round(single.perSecond), single.p50, single.p99, single.max],
      ['5,000 a second', Math.round(paced.perSecond), paced.p50, paced.p99, paced.max],
    ],
  );
  stdout.write('\n');
  table(['processor time of a message, us', 'server', 'Postgres', 'load'], [['5,000 a second', ...us(cpu)]]);
  stdout.write(`\nRSS of the server ${Math.round(rssMib)} MiB\n\n`);
  return [
    bar({ id: 'ingest.ackP99', value: paced.p99, bar: 100, better: 'lower', unit: 'ms' }),
    bar({ id: 'ingest.rollupLag', value: lagS, bar: 5, better: 'lower', unit: 's' }),
    // Last fifth of the time against its first: flat but for what a collector leaves lying for a while.
    bar({ id: 'ingest.rss', value: rssGrowth, bar: 1.1, better: 'lower', unit: 'x' }),
  ];
}

async function lost(how) {
  const { kills, acknowledged, repeated, missing, duplicates } = await measureLost({ ...how, onStep: step });
  stdout.write(
    `\nkilled ${kills} times: ${acknowledged} messages acknowledged in the end, ${repeated} of them sent again\n\n`,
  );
  return [
    bar({ id: 'ingest.lost', value: missing, bar: 0, better: 'lower', unit: 'rows' }),
    bar({ id: 'ingest.duplicates', value: duplicates, bar: 0, better: 'lower', unit: 'rows' }),
  ];
}
