// The dashboard in Chromium against the product in processes of its own: a fleet of 100,000 devices, 30 days of six versions.
// Medians of five. `--load`, `--scroll`, `--charts` and `--live` choose sections.
import { stdout } from 'node:process';
import { bar, median, printBars, table } from './report.mjs';

const RUNS = 5;
const SECTIONS = ['--load', '--scroll', '--charts', '--live'];

export async function run(args = []) {
  const chosen = SECTIONS.filter((section) => args.includes(section));
  const wants = (section) => chosen.length === 0 || chosen.includes(section);
  const { startFleet } = await import('./dashboard/fleet.mjs');
  const { startBrowser } = await import('./dashboard/browser.mjs');
  const fleet = await startFleet();
  const bars = [];
  let browser;
  try {
    browser = await startBrowser(fleet);
    if (wants('--load')) bars.push(...(await load(browser, fleet)));
    if (wants('--scroll')) bars.push(await scroll(browser, fleet));
    if (wants('--charts')) bars.push(await charts(browser, fleet));
    if (wants('--live')) bars.push(await live(browser, fleet));
  } finally {
    await browser?.stop();
    await fleet.stop();
  }
  printBars(bars);
  return { bars };
}

const ms = (value) => Math.round(value);

/** @param {(run: number) => Promise<T>} measure @returns {Promise<T[]>} @template T */
async function runsOf(measure) {
  const runs = [];
  for (let i = 0; i < RUNS; i++) runs.push(await measure(i));
  return runs;
}

/** Prints one line a run. @param {string[]} header @param {object[]} runs @param {(run: object) => unknown[]} cells */
function printRuns(header, runs, cells) {
  table(
    header,
    runs.map((run, i) => [`run ${i + 1}`, ...cells(run)]),
  );
  stdout.write('\n');
}

async function load(browser, fleet) {
  const { measureLoad } = await import('./dashboard/load.mjs');
  await measureLoad(browser, fleet);
  const runs = await runsOf(() => measureLoad(browser, fleet));
  printRuns(
    ['fleet page, first visit', 'everything shown, ms', 'interactive, ms', 'scripts', 'gzip B'],
    runs,
    (one) => [ms(one.shownMs), ms(one.interactiveMs), one.scripts, one.scriptBytes],
  );
  const of = (key) => median(runs.map((one) => one[key]));
  return [
    bar({
      ...{ id: 'dashboard.firstLoadJs', value: of('scriptBytes'), bar: 300 * 1_024 },
      ...{ better: 'lower', unit: 'B' },
    }),
    bar({
      ...{ id: 'dashboard.fleetInteractive', value: of('interactiveMs'), bar: 1_500 },
      ...{ better: 'lower', unit: 'ms' },
    }),
  ];
}

async function scroll(browser, fleet) {
  const { measureScroll } = await import('./dashboard/scroll.mjs');
  const runs = await runsOf(() => measureScroll(browser, fleet));
  const late = (frames) => frames.filter((one) => one > 50).length;
  printRuns(
    ['table, first row to last', 'rows', 's', 'frames', 'longest, ms', 'over 50 ms'],
    runs,
    ({ rows, seconds, frames }) => [
      ...[rows, seconds.toFixed(1), frames.length, ms(Math.max(...frames))],
      late(frames),
    ],
  );
  return bar({
    ...{ id: 'dashboard.scrollFrame', value: median(runs.map(({ frames }) => Math.max(...frames))), bar: 50 },
    ...{ better: 'lower', unit: 'ms' },
  });
}

async function charts(browser, fleet) {
  const { measureCharts } = await import('./dashboard/charts.mjs');
  const runs = await runsOf(() => measureCharts(browser, fleet));
  printRuns(['quality page, 30 days', 'charts', 'click to drawn, ms'], runs, (one) => [
    one.charts,
    ms(one.drawMs),
  ]);
  return bar({
    ...{ id: 'dashboard.chartDraw', value: median(runs.map((one) => one.drawMs)), bar: 200 },
    ...{ better: 'lower', unit: 'ms' },
  });
}

async function live(browser, fleet) {
  const { measureLive } = await import('./dashboard/live.mjs');
  const runs = await runsOf((i) => measureLive(browser, fleet, i));
  printRuns(['a simulated device speaks', 'shown after, ms'], runs, ({ shownMs }) => [ms(shownMs)]);
  return bar({
    ...{ id: 'dashboard.liveUpdate', value: median(runs.map((one) => one.shownMs)), bar: 1_000 },
    ...{ better: 'lower', unit: 'ms' },
  });
}
