// The registry with a million devices: pages, filters and counts against bare prepared queries, the list over HTTP, and ten
// thousand devices connecting at once. `--lists`, `--http` and `--connect` choose sections; `--keep FOLDER` keeps the fleet.
import { stdout } from 'node:process';
import { startFleet } from './registry/fleet.mjs';
import { measureFilters, measureLists, percentile } from './registry/lists.mjs';
import { bar, median, printBars, table } from './report.mjs';

const SECTIONS = ['--lists', '--http', '--connect'];

export async function run(args = []) {
  const chosen = SECTIONS.filter((section) => args.includes(section));
  const wants = (section) => chosen.length === 0 || chosen.includes(section);
  const keep = args.includes('--keep') ? args[args.indexOf('--keep') + 1] : undefined;
  const bars = [];
  if (wants('--lists') || wants('--http')) {
    const fleet = await startFleet(keep);
    try {
      bars.push(...(await lists(fleet, wants('--http'))));
      if (wants('--lists')) await filters(fleet);
    } finally {
      await fleet.stop();
    }
  }
  if (wants('--connect')) {
    const { measureConnect } = await import('./registry/connect.mjs');
    bars.push(...(await measureConnect()));
  }
  printBars(bars);
  return { bars };
}

const ms = (value) => value.toFixed(value < 10 ? 2 : 0);

async function lists(fleet, overHttp) {
  const pages = await measureLists(fleet);
  table(
    ['page of 50', 'bare p50 ms', 'p99', 'store p50 ms', 'p99', 'ratio'],
    Object.entries(pages).map(([name, { bareMs, storeMs, ratio }]) => [
      name,
      ...[bareMs, storeMs].flatMap((times) => [ms(median(times)), ms(percentile(times, 0.99))]),
      ratio.toFixed(2),
    ]),
  );
  stdout.write('\n');
  const of = (id, value, limit) => bar({ id, value, bar: limit, better: 'lower', unit: 'x' });
  const bars = [of('registry.list', pages.first.ratio, 2), of('registry.deep', pages.deep.ratio, 2)];
  if (!overHttp) return bars;
  const { REQUESTS, measureHttp } = await import('./registry/http.mjs');
  const times = await measureHttp(fleet, pages.deep.cursor);
  const [stored, constant, bare] = [median(times.stored), median(times.constant), median(times.bare)];
  // Round by round: each of its own moment.
  const by = (kind) =>
    Array.from({ length: times[kind].length / REQUESTS }, (_, i) =>
      median(times[kind].slice(i * REQUESTS, (i + 1) * REQUESTS)),
    );
  const [storedBy, constantBy, bareBy] = [by('stored'), by('constant'), by('bare')];
  const ratios = storedBy.map((one, i) => one / (bareBy[i] + 1.5 * constantBy[i]));
  table(
    ['deep page over HTTP, with session and tenant check', 'p50 ms', 'p99'],
    [
      ['bare prepared query', ms(bare), ms(percentile(times.bare, 0.99))],
      ['from the store', ms(stored), ms(percentile(times.stored, 0.99))],
      ['50 constant rows', ms(constant), ms(percentile(times.constant, 0.99))],
      ['bare query + 1.5 x constant', ms(bare + 1.5 * constant), ''],
    ],
  );
  stdout.write('\n');
  bars.push(
    bar({
      id: 'registry.http',
      value: median(ratios),
      bar: 1,
      better: 'lower',
      unit: 'x (bare + 1.5 constant)',
    }),
  );
  return bars;
}

async function filters(fleet) {
  const { results, detail, group, summary } = await measureFilters(fleet);
  table(
    ['first page of 50 by filter', 'p50 ms', 'p99', 'devices', 'count ms'],
    results.map(({ filter, times, count, countMs }) => [
      filter,
      ms(median(times)),
      ms(percentile(times, 0.99)),
      Number.isNaN(count) ? '' : count.toLocaleString('en'),
      Number.isNaN(countMs) ? '' : ms(countMs),
    ]),
  );
  stdout.write('\n');
  table(
    ['one answer', 'p50 ms', 'p99'],
    [
      ['device page', ms(median(detail)), ms(percentile(detail, 0.99))],
      ['static group with its count', ms(median(group)), ms(percentile(group, 0.99))],
      ['counts of the fleet page', ms(median(summary)), ms(percentile(summary, 0.99))],
    ],
  );
  stdout.write('\n');
}
