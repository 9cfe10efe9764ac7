// A fleet's history of 30 days: windows and labelled predictions by SQL, day by day. The newest day is folded by the product's own
// folder; the sums of the others are made by SQL, and the bench stops unless both made the same.
import { statfs } from 'node:fs/promises';
import { stderr } from 'node:process';
import { startBenchDatabase } from '../fleet/bench-database.mjs';
import { CLASSES, telemetryPayload } from '../ingest/payload.mjs';
import { LABELLED, makeVersions } from './fleet.mjs';
import { DIFFERENT, rowsOf } from './rows.mjs';

const DAYS = 30;
const HOURS = 24;
const DAY_MS = 86_400_000;
/** With indexes, sums and the log of what is written. */
const BYTES_A_WINDOW = 1_200;
/** Batches of one fold: a day is 24. */
const BATCHES = 4;

/** @param {number} wanted windows @param {number} versions of the model that sent them, as many devices each */
export async function startHistory(wanted, versions) {
  const { PgRollupStore } = await import('../../libs/storage/dist/index.js');
  const { decode } = await import('../../libs/wire/dist/index.js');
  const { foldWindows, packFeatures } = await import('../../libs/telemetry/dist/index.js');
  const devices = Math.max(LABELLED, Math.round(wanted / (DAYS * HOURS)));
  const bench = await startBenchDatabase(devices);
  try {
    const { database, project, type } = bench;
    const { bavail, bsize } = await statfs(bench.folder);
    if (bavail * bsize < wanted * BYTES_A_WINDOW * 1.5)
      throw new Error(
        `${wanted} windows need ${((wanted * BYTES_A_WINDOW * 1.5) / 2 ** 30).toFixed(1)} GiB on this disk`,
      );
    const started = performance.now();
    const { payload } = await telemetryPayload({ startUnixMs: Date.now() });
    const message = decode('telemetry', payload);
    const one = {
      n: message.n,
      classes: Buffer.from(message.classes),
      features: Buffer.from(packFeatures(message.features)),
      ood: Buffer.from(message.ood),
    };
    const unpacked = countsOf(foldWindows, one);
    await makeVersions(database, bench, { unpacked, versions });
    const rows = rowsOf(database, bench, one, { hours: HOURS, unpacked, versions });
    await rows.prepare();
    const [{ today }] = await database.query(`select date_trunc('day', now(), 'UTC') as today`);
    const dayOf = (ago) => new Date(today.getTime() - ago * DAY_MS);
    for (let ago = DAYS; ago > 1; ago--) {
      await rows.windows(dayOf(ago));
      await rows.labels(dayOf(ago));
      await rows.sums(dayOf(ago));
      if (ago % 5 === 0) stderr.write(`${DAYS - ago + 1} of ${DAYS} days\n`);
    }
    const [{ first }] = await database.query(
      `with made as (
         insert into telemetry_batch (rows, window_min, window_max)
         select 0, $1::timestamptz + make_interval(hours => h), $1::timestamptz + make_interval(hours => h) from generate_series(0, $2::int - 1) h
         returning id)
       select min(id)::float8 as first from made`,
      [dayOf(1), HOURS],
    );
    await rows.windows(dayOf(1), first);
    await rows.labels(dayOf(1));
    const folder = new PgRollupStore(database);
    const foldStarted = performance.now();
    while (await folder.fold(BATCHES));
    const foldSeconds = (performance.now() - foldStarted) / 1_000;
    const different = await database.query(DIFFERENT, [project, dayOf(1), dayOf(2)]);
    for (const { name, rows: count } of different)
      if (count > 0) throw new Error(`${count} rows of ${name} are not as the folder makes them`);
    await database.query('vacuum analyze');
    const [made] = await database.query(
      `select (select count(*) from telemetry_window)::float8 as windows, (select count(*) from prediction)::float8 as predictions,
         (select count(*) from rollup_span)::float8 as spans, pg_database_size(current_database())::float8 as bytes`,
    );
    const seconds = (performance.now() - started) / 1_000;
    const range = { fromMs: dayOf(DAYS).getTime(), toMs: today.getTime() };
    return { ...bench, devices, range, made: { ...made, seconds, folded: devices * HOURS, foldSeconds } };
  } catch (error) {
    await bench.stop();
    throw error;
  }
}

/** Of one window, as the folder counts them. */
function countsOf(foldWindows, one) {
  const row = {
    ...one,
    ...{ projectId: '', deviceId: '', modelVersionId: 'v', typeId: '', site: '', schemaCrc: 0 },
  };
  const known = { timeKnown: true, windowStartMs: 0, confidenceBins: 8, buildPrefix: Buffer.alloc(8) };
  return foldWindows([{ ...row, ...known }], () => CLASSES).hours[0].sums;
}
