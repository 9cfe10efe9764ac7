/** Which live topics a read depends on: data, so that a new one is a line and a test can see them all. */
import type { LiveTopic, RouteName } from '@tinyfleet/contracts';

/** A route without an entry is not live. */
export const LIVE_ROUTES: Readonly<Partial<Record<RouteName, readonly LiveTopic[]>>> = {
  projectGet: ['project'],
  fleetSummary: ['fleet', 'rollouts', 'telemetry'],
  deviceList: ['devices'],
  deviceGet: ['devices'],
  deviceAttributeChanges: ['devices'],
  updateRuleList: ['devices'],
  enrolmentList: ['fleet'],
  deviceImportList: ['device-imports'],
  bulkActionList: ['bulk-actions'],
  bulkActionGet: ['bulk-actions'],
  groupList: ['groups'],
  groupGet: ['groups'],
  groupMembers: ['groups', 'devices'],
  deviceCommandList: ['commands'],
  credentialList: ['credentials'],
  authorityList: ['authorities'],
  signingKeyList: ['signing-keys'],
  modelList: ['models'],
  modelVersionList: ['models'],
  firmwareList: ['firmware'],
  firmwareImageList: ['firmware'],
  buildList: ['builds'],
  buildGet: ['builds'],
  releaseList: ['releases', 'signing-keys'],
  releaseGet: ['releases', 'signing-keys'],
  releaseProvenance: ['releases', 'signing-keys'],
  rolloutList: ['rollouts'],
  // Gates and comparisons are judged on telemetry.
  rolloutGet: ['rollouts', 'rollout-deployments', 'telemetry'],
  rolloutReport: ['rollouts', 'telemetry'],
  rolloutDecisions: ['rollouts'],
  rolloutHistory: ['rollouts'],
  rolloutDeployments: ['rollout-deployments'],
  deviceDeployments: ['device-deployments'],
  deviceTelemetry: ['telemetry'],
  classMix: ['telemetry'],
  versionShare: ['telemetry'],
  driftMap: ['telemetry'],
  cohortCompare: ['telemetry'],
  deviceEstimates: ['telemetry'],
  deviceHistograms: ['telemetry'],
  deviceConnections: ['devices'],
  deviceLog: ['devices', 'telemetry'],
  telemetryRefusalList: ['telemetry'],
  telemetryGapList: ['telemetry'],
  retentionGet: ['retention'],
  accuracy: ['labels'],
  accuracyEstimate: ['telemetry', 'labels'],
  labelledQuality: ['labels'],
  labelQueue: ['telemetry', 'labels'],
  alertList: ['alerts'],
  alertGet: ['alerts'],
  qualityBaselineList: ['quality'],
  qualityWatchList: ['quality'],
  qualityBudget: ['quality'],
  qualitySettingsGet: ['quality'],
  webhookList: ['webhooks'],
  webhookGet: ['webhooks'],
};

/** The path parameter that names the row of a topic, where a read is about one. */
const ROW_OF: Readonly<Partial<Record<LiveTopic, string>>> = {
  devices: 'device',
  commands: 'device',
  credentials: 'device',
  'device-deployments': 'device',
  'bulk-actions': 'action',
  groups: 'group',
  models: 'model',
  firmware: 'firmware',
  builds: 'model',
  releases: 'release',
  rollouts: 'number',
  'rollout-deployments': 'number',
  alerts: 'alert',
  webhooks: 'webhook',
};

/** What a read's key says of it: `app/api.ts` makes them. */
type QueryKey = readonly unknown[];
interface Input {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly query?: { readonly filter?: string; readonly sort?: string };
}

/** The topics that make a read old, `project/topic` or `project/topic/row`; none for what is not live. */
export function topicsOf([project, route, input]: QueryKey): string[] {
  if (typeof project !== 'string' || project === '') return [];
  const { params, query } = input as Input;
  // Any device may come to match a filter, or move up in another order, and not those on the screen alone.
  const isOfAll =
    route === 'deviceList' && (query?.filter !== undefined || (query?.sort ?? 'name') !== 'name');
  const topics = isOfAll ? (['fleet'] as const) : (LIVE_ROUTES[route as RouteName] ?? []);
  return topics.map((topic) => {
    const key = ROW_OF[topic];
    const row = key === undefined ? undefined : params?.[key];
    return row === undefined ? `${project}/${topic}` : `${project}/${topic}/${String(row)}`;
  });
}

/** Whether a read is of a list in pages. */
export function isList(key: QueryKey): boolean {
  return key.at(-1) === 'pages';
}

/** Whether topics that come to be shown are rows of a list, which is told only of those on the screen. */
export function gainsRows(key: QueryKey, gained: readonly string[]): boolean {
  return isList(key) && topicsOf(key).some((topic) => gained.some((row) => row.startsWith(`${topic}/`)));
}

/** Reads that aggregate many rows refresh at most this often, milliseconds. */
const SLOW_MS = 5_000;
const FAST_MS = 500;
const SLOW_ROUTES: ReadonlySet<RouteName> = new Set([
  'classMix',
  'versionShare',
  'accuracy',
  'accuracyEstimate',
  'labelledQuality',
  'deviceEstimates',
  'deviceHistograms',
  'driftMap',
  'cohortCompare',
  'deviceTelemetry',
  'rolloutHistory',
  'rolloutReport',
]);

/** How long after a route was read for a change it is read for the next one, at the earliest. */
export function restMs(route: RouteName): number {
  return SLOW_ROUTES.has(route) ? SLOW_MS : FAST_MS;
}
