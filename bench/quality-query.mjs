// What the dashboard asks about 30 days of a fleet of 13,900 devices that sent 10 million hourly windows: from the rollups, and
// the fleet's accuracy by version and hour also from the rows they were made of. `--windows N` makes fewer, `--quick` 100,000.
import { stdout } from 'node:process';
import { startHistory } from './quality-query/history.mjs';
import { bar, median, printBars, table } from './report.mjs';

const WINDOWS = 10_000_000;
const QUICK = 100_000;
const VERSIONS = 3;
const RAW_RUNS = 3;
const SUM_RUNS = 15;
const QUERY_RUNS = 100;

export async function run(args = []) {
  const at = args.indexOf('--windows');
  const wanted = args.includes('--quick') ? QUICK : at < 0 ? WINDOWS : Number(args[at + 1]);
  const { accuracyOf, queriesOf } = await import('./quality-query/queries.mjs');
  const history = await startHistory(wanted, VERSIONS);
  try {
    const { windows, predictions, spans, seconds, bytes, folded, foldSeconds } = history.made;
    stdout.write(
      `${windows} windows and ${predictions} labelled predictions of ${history.devices} devices, ${spans} rows of spans, ` +
        `${(bytes / 2 ** 30).toFixed(1)} GiB, made in ${Math.round(seconds)} s by SQL, sums too; ` +
        `the newest ${folded} windows folded by the folder in ${foldSeconds.toFixed(1)} s to the same sums\n\n`,
    );
    const { fromRows, fromSums } = accuracyOf(history);
    const [asked, answered] = [await fromRows(), await fromSums()];
    if (JSON.stringify(asked) !== JSON.stringify(answered)) throw new Error('rows and rollups disagree');
    const raw = await timesOf(RAW_RUNS, fromRows);
    const sums = await timesOf(SUM_RUNS, fromSums);
    const rows = [];
    for (const [name, query] of Object.entries(queriesOf(history))) {
      // The first finds nothing that the server keeps of answers before.
      const [first] = await timesOf(1, query);
      const times = (await timesOf(QUERY_RUNS, query)).sort((a, b) => a - b);
      rows.push({ name, first, p50: median(times), p99: times[Math.ceil(times.length * 0.99) - 1] });
    }
    rows.sort((a, b) => b.p99 - a.p99);
    table(
      ['accuracy by version and hour, 30 days', 'ms'],
      [
        ['from rows', Math.round(median(raw))],
        ['from rollups', median(sums).toFixed(1)],
      ],
    );
    stdout.write('\n');
    table(
      ['query of the dashboard', 'first, ms', 'p50, ms', 'p99, ms'],
      rows.map(({ name, first, p50, p99 }) => [name, ...[first, p50, p99].map((ms) => ms.toFixed(1))]),
    );
    stdout.write('\n');
    const bars = [
      bar({
        ...{ id: 'quality-query.speedup', value: median(raw) / median(sums), bar: 200 },
        ...{ better: 'higher', unit: 'x', aim: true },
      }),
      bar({ id: 'quality-query.p99', value: rows[0].p99, bar: 50, better: 'lower', unit: 'ms' }),
    ];
    printBars(bars);
    return { bars };
  } finally {
    await history.stop();
  }
}

async function timesOf(runs, work) {
  const times = [];
  for (let i = 0; i < runs; i++) {
    const started = performance.now();
    await work();
    times.push(performance.now() - started);
  }
  return times;
}
