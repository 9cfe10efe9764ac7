/** Which reads an event makes stale: data, so that a new event is one line and a test can see them all. */
import type { EventName, RouteName } from '@tinyfleet/contracts';

export const STALE_ROUTES: Readonly<Record<EventName, readonly RouteName[]>> = {
  'device.registered': ['deviceList', 'fleetSummary'],
  'device.updated': ['deviceList', 'deviceGet', 'updateRuleList'],
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
  'key.changed': ['signingKeyList', 'releaseList', 'releaseGet', 'releaseProvenance'],
  'model.imported': ['modelList', 'modelVersionList'],
  'firmware.imported': ['firmwareList', 'firmwareImageList'],
  'firmware.removed': ['firmwareList', 'firmwareImageList'],
  'build.changed': ['buildList', 'buildGet'],
  'release.created': ['releaseList'],
  'release.signed': ['releaseList', 'releaseGet', 'releaseProvenance'],
  'release.changed': ['releaseList', 'releaseGet'],
  'rollout.changed': [
    'rolloutList',
    'rolloutGet',
    'rolloutDecisions',
    'rolloutHistory',
    'rolloutReport',
    'fleetSummary',
  ],
  'deployment.changed': ['rolloutDeployments', 'deviceDeployments', 'rolloutGet'],
  // Gates and comparisons are judged on it.
  'telemetry.committed': [
    'deviceTelemetry',
    'classMix',
    'versionShare',
    'accuracyEstimate',
    'driftMap',
    'deviceEstimates',
    'labelQueue',
    'telemetryRefusalList',
    'telemetryGapList',
    'fleetSummary',
    'rolloutGet',
    'rolloutReport',
  ],
  'telemetry.expired': ['retentionGet'],
  'labels.committed': ['accuracy', 'accuracyEstimate', 'labelledQuality', 'labelQueue'],
  'alert.opened': ['alertList', 'alertGet'],
  'alert.reopened': ['alertList', 'alertGet'],
  'alert.changed': ['alertList', 'alertGet'],
  'alert.escalated': ['alertList', 'alertGet'],
  'alert.resolved': ['alertList', 'alertGet'],
  'baseline.declared': ['qualityBaselineList', 'qualityWatchList', 'qualityBudget'],
  'quality.configured': ['qualitySettingsGet', 'qualityWatchList', 'qualityBudget'],
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
  'accuracyEstimate',
  'labelledQuality',
  'deviceEstimates',
  'driftMap',
  'deviceTelemetry',
  'rolloutHistory',
  'rolloutReport',
]);

/** How long to gather further events before the route is read again. */
export function gatherMs(route: RouteName): number {
  return SLOW_ROUTES.has(route) ? SLOW_MS : FAST_MS;
}
