/** Which reads an event makes stale: data, so that a new event is one line and a test can see them all. */
import type { EventName, RouteName } from '@tinyfleet/contracts';

export const STALE_ROUTES: Readonly<Record<EventName, readonly RouteName[]>> = {
  'device.registered': ['deviceList', 'fleetSummary'],
  'device.updated': ['deviceList', 'deviceGet'],
  'devices.updated': ['deviceList', 'deviceGet'],
  'bulk-action.changed': ['bulkActionList', 'bulkActionGet'],
  'group.changed': ['groupList', 'groupGet', 'groupMembers'],
  'device.imported': ['deviceList', 'fleetSummary', 'deviceImportList'],
  'device.removed': ['deviceList', 'fleetSummary'],
  'device.reported': ['deviceList', 'deviceGet', 'fleetSummary'],
  'presence.changed': ['deviceList', 'deviceGet', 'fleetSummary'],
  'command.changed': ['deviceCommandList'],
  'credential.changed': ['credentialList'],
  'authority.changed': ['authorityList'],
  'key.changed': ['signingKeyList'],
  'model.imported': ['modelList', 'modelVersionList'],
  'build.changed': ['buildList', 'buildGet'],
  'release.created': ['releaseList'],
  'release.signed': ['releaseList', 'releaseGet'],
  'release.changed': ['releaseList', 'releaseGet'],
  'rollout.changed': ['rolloutList', 'rolloutGet', 'fleetSummary'],
  'deployment.changed': ['rolloutDeployments', 'deviceDeployments', 'rolloutGet'],
  'telemetry.committed': ['deviceTelemetry', 'classMix', 'versionShare', 'fleetSummary'],
  'labels.committed': ['accuracy'],
  'webhook.disabled': ['webhookList', 'webhookGet'],
  'project.changed': ['projectList', 'projectGet'],
};

/** Reads that aggregate many rows refresh at most this often, milliseconds. */
const SLOW_MS = 5_000;
const FAST_MS = 500;
const SLOW_ROUTES: ReadonlySet<RouteName> = new Set([
  'classMix',
  'versionShare',
  'accuracy',
  'deviceTelemetry',
]);

/** How long to gather further events before the route is read again. */
export function gatherMs(route: RouteName): number {
  return SLOW_ROUTES.has(route) ? SLOW_MS : FAST_MS;
}
