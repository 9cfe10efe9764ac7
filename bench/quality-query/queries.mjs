// What pages and routes of quality and telemetry ask, as the server answers it: queries and what is computed of them, without HTTP.
import { projectScope } from '../../libs/contracts/dist/index.js';
import {
  DriftMapService,
  EstimateService,
  QualityService,
  labelQueueDefaults,
} from '../../libs/quality/dist/index.js';
import {
  PgEstimateStore,
  PgLabelQueueStore,
  PgQualityStore,
  PgSampleStore,
  PgStores,
  PgTelemetryReader,
  PgWatchReader,
} from '../../libs/storage/dist/index.js';

const HOUR_MS = 3_600_000;
const RELEASE = 'kws@1.1.0';

export function queriesOf({ database, project, range }) {
  const scope = projectScope(project, 'bench');
  const now = () => range.toMs;
  const quality = new QualityService(new PgQualityStore(database), () => {}, now);
  const estimates = new EstimateService(new PgEstimateStore(database), now);
  const drift = new DriftMapService(new PgEstimateStore(database), now);
  const telemetry = new PgTelemetryReader(database);
  const stores = new PgStores(database);
  const of = (hours, rest = {}) => ({
    from: new Date(range.toMs - hours * HOUR_MS).toISOString(),
    to: new Date(range.toMs).toISOString(),
    ...rest,
  });
  const month = of(720);
  const hourly = { bucketSeconds: 3_600 };
  const page = { limit: 200 };
  return {
    'accuracy by hour, 30 days': () => quality.accuracy(scope, { ...month, ...hourly }),
    'accuracy, 30 days': () => quality.accuracy(scope, month),
    'class mix by hour, 30 days': () => quality.classMix(scope, { ...month, ...hourly }),
    'class mix, 30 days': () => quality.classMix(scope, month),
    'class mix, 15 days': () => quality.classMix(scope, of(360)),
    'class mix, 1 hour': () => quality.classMix(scope, of(1)),
    'versions, 30 days': () => quality.versionShare(scope, month),
    'versions, 24 hours': () => quality.versionShare(scope, of(24)),
    'estimate, 30 days': () => estimates.series(scope, month),
    'estimate, 15 days': () => estimates.series(scope, of(360)),
    'drift by version, 30 days': () => drift.map(scope, { ...month, release: RELEASE, by: 'version' }),
    'drift by site, 30 days': () => drift.map(scope, { ...month, release: RELEASE, by: 'site' }),
    'labelled, 30 days': () => estimates.labelled(scope, { ...month, release: RELEASE }),
    'devices of a version, 7 days': () => estimates.devices(scope, { release: RELEASE, days: 7, limit: 100 }),
    'label queue': () => new PgLabelQueueStore(database).counts(scope, labelQueueDefaults.countUpTo),
    'windows of a device': () => telemetry.windows(scope, 'd7', page),
    'refused messages': () => telemetry.refusals(scope, page),
    'lost messages': () => telemetry.gaps(scope, page),
    samples: () => new PgSampleStore(database).list(scope, {}, page),
    alerts: () => stores.alerts.list(scope, page),
    'what is watched': () => new PgWatchReader(database).watches(scope),
    'fleet summary': () => stores.projects.summary(scope),
  };
}

/** Inferences, labels and hits by version and hour: the same from rows and from sums. */
const JOINED = `select s.hour, s.model_version_id as version, s.n, coalesce(j.labels, 0) as labels, coalesce(j.correct, 0) as correct
  from seen s left join judged j using (model_version_id, hour) order by 1, 2`;
const FROM_ROWS = `
  with seen as (
    select model_version_id, date_trunc('hour', window_start, 'UTC') as hour, sum(n)::float8 as n
    from telemetry_window where project_id = $1 and window_start >= $2 and window_start < $3 group by 1, 2
  ), judged as (
    select model_version_id, date_trunc('hour', at, 'UTC') as hour, count(*)::float8 as labels,
      count(*) filter (where label = predicted)::float8 as correct
    from prediction where project_id = $1 and at >= $2 and at < $3 and label is not null group by 1, 2
  ) ${JOINED}`;
const FROM_SUMS = `
  with seen as (
    select model_version_id, at as hour, n::float8 as n
    from rollup_span where project_id = $1 and part = 'all' and span_h = 1 and at >= $2 and at < $3
  ), judged as (
    select model_version_id, at as hour, labels::float8 as labels, correct::float8 as correct
    from accuracy_span where project_id = $1 and span_h = 1 and at >= $2 and at < $3
  ) ${JOINED}`;

export function accuracyOf({ database, project, range }) {
  const bounds = [project, new Date(range.fromMs), new Date(range.toMs)];
  return {
    fromRows: () => database.query(FROM_ROWS, bounds),
    fromSums: () => database.query(FROM_SUMS, bounds),
  };
}
