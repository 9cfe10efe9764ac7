/**
 * Which registered errors a route can answer: those of every route of its shape, read off the route, and its own. The server
 * refuses in tests to answer with another one, so the lists are complete where the tests are.
 */
import { errorEntry, errors, type ErrorCode } from '@tinyfleet/errors';
import { z } from '../zod.js';
import { areaOf } from '../areas.js';
import { routes, type RouteName } from './index.js';
import type { Route } from './route.js';

const FILTER = ['registry.filter-invalid', 'registry.filter-too-complex'] as const;
const ATTRIBUTES = ['registry.attribute-invalid', 'registry.attributes-too-many'] as const;
const REGISTER = ['registry.device-exists', 'registry.type-not-found'] as const;
const CERTIFICATE = [
  'mqtt.certificate-authority-unknown',
  'mqtt.certificate-expired',
  'mqtt.certificate-not-yet-valid',
  'mqtt.certificate-other-device',
  'mqtt.certificate-quota',
  'mqtt.certificate-revoked',
  'mqtt.certificate-self-signed',
  'mqtt.certificate-unsuitable',
  'provisioning.certificate-invalid',
  'provisioning.certificate-known',
] as const;
/** What readers of model files refuse. */
const READING = startingWith('compiler.');
const ROLLING = startingWith('rollouts.', 'releases.', 'manifest.');
/** What changes here is refused for what manifests, certificates, devices and rules say: by any code of these. A read finds nothing. */
const OF_AREA: Readonly<Record<string, readonly ErrorCode[]>> = {
  authorities: startingWith('provisioning.', 'mqtt.certificate-'),
  'bulk-actions': startingWith('registry.bulk-'),
  'device-types': startingWith('registry.type-'),
  provision: startingWith('provisioning.', 'mqtt.certificate-'),
  'provisioning-keys': startingWith('provisioning.'),
  releases: startingWith('releases.', 'manifest.'),
  rollouts: ROLLING,
  'rollout-plans': ROLLING,
  'signing-keys': startingWith('releases.'),
};
const LINK = ['auth.link-invalid', 'auth.too-many-attempts'] as const;
const TARGET = ['registry.device-not-found', 'registry.group-not-found'] as const;
const BUILT = ['builds.not-found', 'models.not-found', 'models.version-not-found'] as const;
const GROUPING = [...FILTER, 'registry.group-cycle', 'registry.group-not-found'] as const;

/** Beside what its shape gives. */
const OWN: Readonly<Partial<Record<RouteName, readonly ErrorCode[]>>> = {
  setup: ['auth.setup-done', 'auth.setup-link-invalid', 'auth.too-many-attempts', 'auth.password-short'],
  setupLink: ['auth.setup-done'],
  login: ['auth.bad-login', 'auth.too-many-attempts'],
  cliLoginApprove: ['auth.session-needed'],
  cliLoginRedeem: ['auth.cli-login-invalid', 'auth.token-limit', 'auth.too-many-attempts'],
  passwordChange: ['auth.bad-password', 'auth.no-password', 'auth.too-many-attempts', 'auth.password-short'],
  passwordReset: [...LINK, 'auth.password-short'],
  sessionDelete: ['auth.session-not-found'],
  tokenCreate: ['auth.area-unknown', 'auth.token-exists', 'auth.token-limit', 'registry.project-not-found'],
  tokenDelete: ['auth.token-not-found'],
  personUpdate: ['auth.last-instance-admin'],
  instanceInvitationCreate: ['auth.person-exists'],
  instanceInvitationDelete: ['auth.invitation-not-found'],
  invitationPreview: LINK,
  invitationAccept: [
    ...LINK,
    'auth.bad-login',
    'auth.bad-password',
    'auth.no-password',
    'auth.password-short',
  ],
  invitationCreate: ['auth.member-exists'],
  invitationDelete: ['auth.invitation-not-found'],
  memberPut: ['auth.last-admin', 'auth.member-not-found', 'auth.person-not-found'],
  memberDelete: ['auth.last-admin', 'auth.member-not-found'],
  projectCreate: ['registry.project-exists'],
  deviceTypeCreate: ['registry.type-exists'],
  deviceList: GROUPING,
  deviceListen: ['server.edge-silent', 'server.too-many-listeners', 'server.too-many-streams'],
  events: ['server.too-many-streams'],
  live: ['server.too-many-streams', 'registry.project-not-found'],
  deviceRegister: [...REGISTER, ...ATTRIBUTES],
  deviceRegisterMany: [...REGISTER, ...ATTRIBUTES],
  deviceUpdate: ['registry.state-invalid', 'registry.tags-too-many', ...ATTRIBUTES],
  deviceAttributes: [...ATTRIBUTES, 'registry.attributes-stale'],
  deviceSuspend: ['registry.state-invalid'],
  deviceResume: ['registry.state-invalid'],
  deviceRetire: ['registry.state-invalid'],
  deviceBulkAction: [
    ...GROUPING,
    ...ATTRIBUTES,
    ...startingWith('registry.bulk-'),
    'registry.group-static',
    'registry.state-invalid',
    'registry.tags-too-many',
  ],
  groupCreate: [
    ...GROUPING,
    'registry.group-exists',
    'registry.groups-too-many',
    'registry.device-not-found',
  ],
  groupUpdate: [...GROUPING, 'registry.group-static'],
  groupDelete: ['registry.group-in-use'],
  groupMembers: GROUPING,
  groupMembersAdd: [...GROUPING, ...TARGET, 'registry.group-members-too-many', 'registry.group-static'],
  groupMembersRemove: [...GROUPING, ...TARGET, 'registry.group-members-too-many', 'registry.group-static'],
  deviceImport: [
    'registry.import-busy',
    'registry.import-conflict',
    'registry.import-empty',
    'registry.import-encoding',
    'registry.import-exists',
    'registry.import-header',
    'registry.import-interrupted',
    'registry.import-refused',
    'registry.import-too-large',
    'registry.import-too-many-rows',
  ],
  deviceImportTokens: ['registry.import-tokens-gone'],
  deviceExport: GROUPING,
  deviceCommandSend: [
    'registry.command-unsigned',
    'registry.command-invalid',
    'registry.commands-too-many',
    'registry.state-invalid',
    'telemetry.samples-off',
  ],
  deviceToken: ['provisioning.credentials-too-many', 'registry.state-invalid'],
  credentialRevoke: ['provisioning.credential-not-found'],
  provision: [
    'auth.too-many-attempts',
    'provisioning.approvals-full',
    'provisioning.authority-cannot-sign',
    'provisioning.request-invalid',
    'provisioning.code-invalid',
    'provisioning.device-taken',
    'provisioning.key-invalid',
    'provisioning.name-invalid',
    'provisioning.name-needed',
    'provisioning.quota-used',
    'provisioning.rejected',
    'provisioning.too-many-attempts',
    'provisioning.type-needed',
    'provisioning.type-refused',
    'registry.project-not-found',
    'registry.type-not-found',
  ],
  provisionCertificate: [
    ...CERTIFICATE,
    'mqtt.credentials-wrong',
    'provisioning.authority-cannot-sign',
    'provisioning.authority-not-found',
    'provisioning.renewal-refused',
    'provisioning.request-invalid',
    'provisioning.too-many-attempts',
    'registry.device-not-found',
    'registry.project-not-found',
  ],
  provisioningKeyCreate: ['provisioning.key-exists', 'provisioning.name-invalid', 'registry.type-not-found'],
  provisioningKeyRevoke: ['provisioning.key-not-found'],
  enrolmentApprove: ['provisioning.not-waiting'],
  enrolmentReject: ['provisioning.not-waiting'],
  claimCodeCreate: ['provisioning.device-taken', 'registry.type-not-found', 'registry.state-invalid'],
  deviceCertificate: [
    ...CERTIFICATE,
    'provisioning.request-invalid',
    'provisioning.authority-cannot-sign',
    'provisioning.authority-not-found',
    'provisioning.credentials-too-many',
    'registry.state-invalid',
  ],
  authorityCreate: [
    'provisioning.authorities-too-many',
    'provisioning.authority-exists',
    'provisioning.certificate-invalid',
    'registry.type-not-found',
  ],
  authorityProve: [
    'provisioning.certificate-invalid',
    'provisioning.not-unproven',
    'provisioning.proof-invalid',
  ],
  authorityUpdate: ['provisioning.not-unproven', 'registry.type-not-found'],
  firmwareImport: [
    'firmware.image-exists',
    'firmware.invalid',
    'firmware.name-taken',
    'registry.type-not-found',
    'storage.blob-too-large',
  ],
  firmwareRemove: ['firmware.in-release'],
  modelImport: [
    ...READING,
    'firmware.name-taken',
    'models.labels-mismatch',
    'models.too-many-labels',
    'models.validation-invalid',
    'models.version-exists',
    'storage.blob-too-large',
  ],
  modelForeignBuild: ['models.build-known', 'registry.type-not-found'],
  modelValidation: ['models.validation-invalid', 'storage.blob-too-large'],
  buildStart: [...BUILT, 'builds.no-types', 'builds.ops-missing', 'registry.type-not-found'],
  buildReport: ['builds.not-finished'],
  buildFit: ['builds.not-finished'],
  buildBundle: ['builds.not-finished', 'storage.blob-missing'],
  buildCancel: ['builds.not-cancellable'],
  buildRetry: ['builds.not-retryable'],
  releaseCreate: [
    'firmware.not-found',
    'firmware.version-not-found',
    'models.not-found',
    'models.version-not-found',
    'storage.secret-mismatch',
  ],
  releaseSign: ['storage.secret-mismatch'],
  releaseCompatibility: [...GROUPING, 'registry.device-not-found'],
  releaseSigningRequest: ['releases.no-key', 'releases.revoked'],
  signingKeyRotate: ['storage.secret-mismatch'],
  signingKeyActivate: ['storage.secret-mismatch'],
  rolloutCreate: [...GROUPING, 'storage.secret-mismatch'],
  rolloutPlan: [...GROUPING, 'storage.secret-mismatch'],
  deploymentList: GROUPING,
  rolloutSettingsSet: ROLLING,
  updateRuleSet: ROLLING,
  updateRuleRemove: ROLLING,
  accuracy: ['telemetry.range-invalid', 'telemetry.buckets-too-many', 'models.not-found'],
  accuracyEstimate: ['telemetry.range-invalid', 'telemetry.buckets-too-many', 'models.not-found'],
  deviceEstimates: ['models.version-not-found'],
  cohortCompare: [...GROUPING, 'models.version-not-found'],
  driftMap: ['telemetry.range-invalid', 'telemetry.buckets-too-many', 'models.version-not-found'],
  deviceHistograms: ['models.version-not-found'],
  labelledQuality: ['telemetry.range-invalid', 'models.version-not-found'],
  labelTaskOpen: ['registry.device-not-found'],
  labelImport: [
    'telemetry.labels-header',
    'telemetry.labels-refused',
    'telemetry.labels-too-large',
    'telemetry.boot-unknown',
    'telemetry.label-unknown',
    'registry.device-not-found',
  ],
  telemetryExport: ['telemetry.range-invalid', 'registry.device-not-found'],
  telemetryBackfill: ['telemetry.backfill-too-large'],
  rollupRebuild: ['telemetry.day-incomplete'],
  retentionSet: ['telemetry.retention-invalid'],
  sampleGet: ['telemetry.sample-incomplete'],
  classMix: ['telemetry.range-invalid', 'telemetry.buckets-too-many', 'models.not-found'],
  versionShare: ['telemetry.range-invalid', 'telemetry.buckets-too-many', 'models.not-found'],
  deviceTelemetry: ['telemetry.range-invalid'],
  labelsPost: ['telemetry.boot-unknown', 'telemetry.label-unknown', 'registry.device-not-found'],
  alertAcknowledge: ['quality.alert-resolved'],
  alertResolve: ['quality.alert-resolved'],
  alertMute: ['quality.alert-resolved'],
  alertRouteCreate: [
    'quality.alert-route-exists',
    'quality.alert-route-invalid',
    'quality.alert-routes-too-many',
  ],
  alertRouteTest: ['storage.secret-mismatch'],
  qualitySettingsPut: ['quality.budget-unreadable'],
  qualityBudget: ['quality.budget-unreadable'],
  qualityBaselineDeclare: ['quality.baseline-invalid'],
  webhookCreate: [
    'registry.webhook-event',
    'registry.webhook-exists',
    'registry.webhook-url',
    'registry.webhooks-too-many',
  ],
  webhookUpdate: ['registry.webhook-event', 'registry.webhook-url'],
  webhookReplay: ['registry.delivery-not-found', 'registry.webhook-replay-too-long'],
};

/** By the word before a path parameter: what is not there. Of a session, an invitation and a token the route says it. */
const MISSING: Readonly<Record<string, ErrorCode>> = {
  'projects/:project': 'registry.project-not-found',
  'devices/:device': 'registry.device-not-found',
  'device-types/:deviceType': 'registry.type-not-found',
  'groups/:group': 'registry.group-not-found',
  'device-imports/:import': 'registry.import-not-found',
  'authorities/:authority': 'provisioning.authority-not-found',
  'alerts/:alert': 'quality.alert-not-found',
  'alert-routes/:route': 'quality.alert-route-not-found',
  'webhooks/:webhook': 'registry.webhook-not-found',
  'firmware/:firmware': 'firmware.not-found',
  'versions/:firmwareVersion': 'firmware.version-not-found',
  'models/:model': 'models.not-found',
  'samples/:sample': 'telemetry.sample-not-found',
  'versions/:version': 'models.version-not-found',
  'builds/:deviceType': 'builds.not-found',
  'releases/:release': 'releases.not-found',
  'rollouts/:number': 'rollouts.not-found',
  'signing-keys/:keyId': 'releases.key-not-next',
  'bulk-actions/:action': 'registry.bulk-action-not-found',
  'deployments/:deployment': 'rollouts.deployment-not-found',
  'people/:email': 'auth.person-not-found',
};
const ALWAYS: readonly ErrorCode[] = ['server.internal', 'server.rate-limited', 'storage.unreachable'];

function startingWith(...beginnings: readonly string[]): ErrorCode[] {
  const codes = Object.keys(errors) as ErrorCode[];
  return codes.filter((code) => beginnings.some((beginning) => code.startsWith(beginning)));
}

/** Sorted; each once. */
export function errorCodesOf(name: RouteName): readonly ErrorCode[] {
  const route: Route = routes[name];
  const codes = new Set<ErrorCode>([...ALWAYS, ...(OWN[name] ?? [])]);
  const add = (isSo: boolean, ...more: ErrorCode[]) => {
    if (isSo) for (const code of more) codes.add(code);
  };
  const isMutating = route.method !== 'GET';
  for (const [, word, parameter] of route.path.matchAll(/([\w-]+)\/:(\w+)/g)) {
    const code = MISSING[`${word}/:${parameter}`];
    if (code !== undefined) codes.add(code);
  }
  add(
    route.params !== undefined || route.query !== undefined || route.body !== undefined,
    'server.invalid-request',
  );
  add(route.body !== undefined, 'server.body-too-large', 'server.body-too-slow', 'server.unsupported-media');
  add(route.access !== 'public', 'auth.unauthenticated', 'auth.token-scope');
  add(route.access !== 'public' && route.access !== 'user', 'auth.forbidden');
  const ofArea = OF_AREA[areaOf(route)] ?? [];
  add(true, ...ofArea.filter((code) => isMutating || errorEntry(code).status === 404));
  add(isMutating, 'auth.cross-origin', 'server.unaudited');
  add(isMutating, 'storage.contention', 'storage.disk-full', 'storage.lead-lost');
  add(route.query instanceof z.ZodObject && 'cursor' in route.query.shape, 'registry.cursor-invalid');
  if (route.method === 'POST' && route.access !== 'public') {
    add(route.body === 'binary', 'server.idempotency-unsupported');
    add(
      route.body !== 'binary',
      'server.idempotency-answer-lost',
      'server.idempotency-in-progress',
      'server.idempotency-key-invalid',
      'server.idempotency-key-reused',
    );
  }
  const isRead = route.method === 'GET' && route.response instanceof z.ZodType;
  add(['PATCH', 'PUT', 'DELETE'].includes(route.method), 'server.precondition-failed');
  add(route.method !== 'POST' && (isRead || isMutating), 'server.precondition-invalid');
  return [...codes].sort();
}

/** As `errorCodesOf`, by HTTP status. */
export function errorsByStatus(name: RouteName): ReadonlyMap<number, readonly ErrorCode[]> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of errorCodesOf(name)) {
    const { status } = errorEntry(code);
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return new Map([...byStatus].sort(([a], [b]) => a - b));
}
