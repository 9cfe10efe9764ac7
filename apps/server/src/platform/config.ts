/**
 * The server's configuration: one table of settings, each with its environment variable, its place in the YAML
 * file, a default and a sentence. The environment wins over the file. It reads, checks and describes; it opens nothing.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { NAME_PATTERN, Role as RoleInProject } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { defaultDataDir } from '@tinyfleet/storage';
import { parse } from 'yaml';
import { z } from 'zod';

export const ROLES = ['api', 'broker', 'ingest', 'ota', 'rollout', 'compiler', 'quality'] as const;
export type Role = (typeof ROLES)[number];

interface Setting<T extends z.ZodType = z.ZodType> {
  readonly env: string;
  readonly schema: T;
  /** Shown in the docs; `undefined` = none. */
  readonly initial: z.infer<T> | undefined;
  readonly text: string;
  /** Never shown. */
  readonly secret?: true;
}
const setting = <T extends z.ZodType>(
  env: string,
  schema: T,
  initial: z.infer<T> | undefined,
  text: string,
  rest: { secret?: true } = {},
): Setting<T> => ({ env, schema, initial, text, ...rest });

const port = z.coerce.number().int().min(0).max(65_535);
const count = z.coerce.number().int().min(1);
const flag = z.union([z.boolean(), z.stringbool()]);
/** How many proxies stand in front; `true` is one. Further names in their headers are what clients claim. */
const proxies = z.union([z.coerce.number<string | number>().int().min(0).max(16), flag.transform(Number)]);
const list = <T extends readonly [string, ...string[]]>(names: T) =>
  z
    .union([
      z.string().transform((text) =>
        text
          .split(',')
          .map((one) => one.trim())
          .filter(Boolean),
      ),
      z.array(z.string()),
    ])
    .pipe(z.array(z.enum(names)).min(1));

/** Property = path in the YAML file, dots are levels. */
export const SETTINGS = {
  roles: setting(
    'TINYFLEET_ROLES',
    list(ROLES),
    [...ROLES],
    'Which parts this process runs, comma separated.',
  ),
  dataDir: setting(
    'TINYFLEET_DATA_DIR',
    z.string().min(1),
    undefined,
    'Database, blobs, logs and secrets. Default: /var/lib/tinyfleet for root, else .tinyfleet in the checkout.',
  ),
  databaseUrl: setting(
    'DATABASE_URL',
    z.string().regex(/^postgres(ql)?:\/\//, 'must start with postgres://'),
    undefined,
    'A Postgres 15 or newer to use instead of the embedded one.',
    { secret: true },
  ),
  databasePoolSize: setting(
    'TINYFLEET_DATABASE_POOL',
    count.max(200),
    20,
    'Connections to the database; the threads that store and sum windows have five more. Lower it when many processes share a small server.',
  ),
  secret: setting(
    'TINYFLEET_SECRET',
    z.string().min(32),
    undefined,
    'Encrypts signing keys at rest, at least 32 characters. Default: a file in the data directory. Set it when several machines share one database.',
    { secret: true },
  ),
  'http.host': setting(
    'TINYFLEET_HTTP_HOST',
    z.string().min(1),
    '127.0.0.1',
    'Address for HTTP. Beyond loopback put a TLS proxy in front, or use lan.',
  ),
  'http.port': setting(
    'TINYFLEET_HTTP_PORT',
    port,
    8080,
    'Port for HTTP and for MQTT over WebSocket at /mqtt. 0 takes a free one.',
  ),
  'http.tlsPort': setting('TINYFLEET_HTTP_TLS_PORT', port, 8443, 'Port for HTTPS, open with lan only.'),
  'http.clientCertificates': setting(
    'TINYFLEET_HTTP_CLIENT_CERTIFICATES',
    flag,
    false,
    'Ask for client certificates on the HTTPS port as well, so that devices may use theirs over WebSocket. Browsers then ask their users for one.',
  ),
  'http.publicUrl': setting(
    'TINYFLEET_PUBLIC_URL',
    z.url(),
    undefined,
    'The address users type, when a proxy stands in front. Requests that change something must come from it.',
  ),
  'http.trustProxy': setting(
    'TINYFLEET_TRUST_PROXY',
    proxies,
    0,
    'Number of proxies in front whose X-Forwarded-For and X-Forwarded-Proto are believed; true is 1. What clients put before that is not.',
  ),
  'http.maxUploadBytes': setting(
    'TINYFLEET_MAX_UPLOAD_BYTES',
    count,
    64 * 1024 * 1024,
    'Largest model or validation file.',
  ),
  'http.maxJsonBytes': setting(
    'TINYFLEET_MAX_JSON_BYTES',
    count,
    2 * 1024 * 1024,
    'Largest JSON body. 1,000 devices fit in a tenth of it.',
  ),
  'http.minBytesPerSecond': setting(
    'TINYFLEET_HTTP_MIN_RATE',
    count,
    1_024,
    'Slowest body of a request. Lower it for uploads over very slow links.',
  ),
  'http.patienceSeconds': setting(
    'TINYFLEET_HTTP_PATIENCE_S',
    count.max(600),
    20,
    'How long a body may be slower than that in all, and the headers of a request may take.',
  ),
  'webhooks.allowPrivate': setting(
    'TINYFLEET_WEBHOOK_PRIVATE',
    flag,
    false,
    'Let webhooks go to http addresses and to networks that are not public, loopback too.',
  ),
  'webhooks.maxPerProject': setting('TINYFLEET_WEBHOOKS', count.max(1_000), 20, 'Webhooks of one project.'),
  'webhooks.timeoutMs': setting(
    'TINYFLEET_WEBHOOK_TIMEOUT_MS',
    count.max(120_000),
    10_000,
    'An endpoint that has not answered by then has failed.',
  ),
  'webhooks.maxAttempts': setting(
    'TINYFLEET_WEBHOOK_ATTEMPTS',
    count.max(100),
    12,
    'Attempts of one delivery: with the delays below the last is after about 18 hours.',
  ),
  'webhooks.firstRetryMs': setting(
    'TINYFLEET_WEBHOOK_RETRY_MS',
    count,
    5_000,
    'Before the second attempt; doubled for each further one.',
  ),
  'webhooks.maxRetryMs': setting(
    'TINYFLEET_WEBHOOK_MAX_RETRY_MS',
    count,
    4 * 3_600_000,
    'Longest time between two attempts.',
  ),
  'webhooks.concurrency': setting(
    'TINYFLEET_WEBHOOK_CONCURRENCY',
    count.max(64),
    4,
    'Requests to one endpoint at a time. 1 keeps events in order while none fails.',
  ),
  'webhooks.window': setting(
    'TINYFLEET_WEBHOOK_WINDOW',
    count.max(100_000),
    1_000,
    'Deliveries of one endpoint that wait at most; events beyond stay where they are until there is room.',
  ),
  'webhooks.answerBytes': setting(
    'TINYFLEET_WEBHOOK_ANSWER_BYTES',
    count.max(65_536),
    1_024,
    'Bytes of an answer that are kept; the rest is not read.',
  ),
  'webhooks.disableAfterSeconds': setting(
    'TINYFLEET_WEBHOOK_DISABLE_S',
    count,
    3 * 86_400,
    'An endpoint that fails for so long is disabled, which is an event.',
  ),
  'webhooks.keepDays': setting(
    'TINYFLEET_WEBHOOK_DAYS',
    count.max(365),
    7,
    'Days that deliveries are listed.',
  ),
  'webhooks.maxReplay': setting(
    'TINYFLEET_WEBHOOK_REPLAY',
    count.max(100_000),
    1_000,
    'Events of one replay.',
  ),
  'alerts.maxRoutes': setting(
    'TINYFLEET_ALERT_ROUTES',
    count.max(1_000),
    20,
    'Places that alerts of one project go to.',
  ),
  'alerts.maxAttempts': setting(
    'TINYFLEET_ALERT_ATTEMPTS',
    count.max(100),
    10,
    'Attempts to tell of an alert, with the delays of webhooks between them.',
  ),
  'alerts.lanes': setting(
    'TINYFLEET_ALERT_LANES',
    count.max(1_000),
    64,
    'Places that are told of alerts at a time; one that is slow holds up no other.',
  ),
  'quality.maxDevices': setting(
    'TINYFLEET_QUALITY_DEVICES',
    count.max(1_000_000),
    10_000,
    'Devices that one watch for drift takes; with more of them condition it, by site for example.',
  ),
  'quality.learnBytes': setting(
    'TINYFLEET_QUALITY_LEARN_BYTES',
    count.min(1_048_576),
    256 * 1024 * 1024,
    'Memory that the rounds which teach a watch may take; of a larger fleet as many devices teach it.',
  ),
  'import.maxBytes': setting('TINYFLEET_IMPORT_BYTES', count, 256 * 1024 * 1024, 'Largest file of devices.'),
  'import.maxRows': setting('TINYFLEET_IMPORT_ROWS', count, 1_000_000, 'Most devices in one file.'),
  'import.maxLineBytes': setting(
    'TINYFLEET_IMPORT_LINE_BYTES',
    count.min(256),
    65_536,
    'Most bytes that the fields of one row of a file of devices have.',
  ),
  'import.maxErrors': setting(
    'TINYFLEET_IMPORT_ERRORS',
    count.max(10_000),
    1_000,
    'Wrong rows that an import lists; it counts all.',
  ),
  'import.maxAtOnce': setting(
    'TINYFLEET_IMPORTS',
    count.max(16),
    2,
    'Imports at a time in one process. Each holds a connection to the database.',
  ),
  'import.tokensSeconds': setting(
    'TINYFLEET_IMPORT_TOKENS_S',
    count.max(86_400),
    3_600,
    'How long the tokens of an import can be fetched. They are computed again, none is stored.',
  ),
  'idempotency.keepSeconds': setting(
    'TINYFLEET_IDEMPOTENCY_KEEP_S',
    count.max(2_592_000),
    86_400,
    'How long the answer to a request with an Idempotency-Key is kept.',
  ),
  'idempotency.lockSeconds': setting(
    'TINYFLEET_IDEMPOTENCY_LOCK_S',
    count.max(3_600),
    60,
    'A request with an Idempotency-Key that has not ended by then may be taken over by its repetition.',
  ),
  'idempotency.maxAnswerBytes': setting(
    'TINYFLEET_IDEMPOTENCY_ANSWER_BYTES',
    count,
    1024 * 1024,
    'Longest answer that is kept. 1,000 registered devices fit.',
  ),
  'idempotency.maxPerCaller': setting(
    'TINYFLEET_IDEMPOTENCY_KEYS',
    count,
    10_000,
    'Keys kept of one caller; the oldest are forgotten first.',
  ),
  'mqtt.host': setting('TINYFLEET_MQTT_HOST', z.string().min(1), '127.0.0.1', 'Address for MQTT.'),
  'mqtt.port': setting('TINYFLEET_MQTT_PORT', port, 1883, 'Port for plain MQTT. 0 takes a free one.'),
  'mqtt.tlsPort': setting(
    'TINYFLEET_MQTT_TLS_PORT',
    port,
    8883,
    'Port for MQTT over TLS, open with lan only.',
  ),
  portOffset: setting(
    'TINYFLEET_PORT_OFFSET',
    z.coerce.number().int().min(0).max(50_000),
    0,
    'Added to every port, so that several TinyFleets share a machine (`--port-offset`).',
  ),
  lan: setting(
    'TINYFLEET_LAN',
    flag,
    false,
    'Open TLS listeners (HTTPS and MQTTS) on all addresses, with an own certificate authority.',
  ),
  insecureMqtt: setting('TINYFLEET_INSECURE_MQTT', flag, false, 'Allow plain MQTT beyond loopback.'),
  insecureHttp: setting(
    'TINYFLEET_INSECURE_HTTP',
    flag,
    false,
    'Allow plain HTTP beyond loopback, e.g. inside a container whose proxy speaks TLS.',
  ),
  'limits.messagesPerSecond': setting(
    'TINYFLEET_MQTT_RATE',
    count,
    500,
    'Sustained messages per second and device.',
  ),
  'limits.messageBurst': setting(
    'TINYFLEET_MQTT_BURST',
    count,
    2_000,
    'Messages above that rate at once. A device that was offline sends its history as a burst.',
  ),
  'limits.maxConnections': setting(
    'TINYFLEET_MQTT_CONNECTIONS',
    count,
    20_000,
    'Devices at a time, 15 to 18 KB of memory each.',
  ),
  'listen.maxAtOnce': setting(
    'TINYFLEET_LISTENERS',
    count.max(1_000),
    16,
    'People who listen to devices at a time, of all projects.',
  ),
  'listen.ofProject': setting(
    'TINYFLEET_PROJECT_LISTENERS',
    count.max(1_000),
    8,
    'Of them, those of one project.',
  ),
  'listen.messagesPerSecond': setting(
    'TINYFLEET_LISTEN_RATE',
    count.max(10_000),
    100,
    'Messages per second that one of them sees, twice as many at once; the rest is counted.',
  ),
  'listen.bytesPerSecond': setting(
    'TINYFLEET_LISTEN_BYTES',
    count,
    131_072,
    'Bytes per second that one of them sees, at least two of the largest packets.',
  ),
  'limits.maxPacketBytes': setting(
    'TINYFLEET_MQTT_PACKET_BYTES',
    count,
    16_384,
    'Largest MQTT packet a device may send.',
  ),
  'limits.authFailures': setting(
    'TINYFLEET_MQTT_AUTH_FAILURES',
    z.coerce.number().int().min(0),
    60,
    'Failed MQTT logins of one address before further failures are held up; it may go on with half as many a minute. Right credentials are let in all the same. 0: not by address, behind a proxy that hides it.',
  ),
  'limits.authFailuresPerDevice': setting(
    'TINYFLEET_MQTT_AUTH_FAILURES_PER_DEVICE',
    z.coerce.number().int().min(0),
    10,
    'The same for one client id from one address.',
  ),
  'limits.provisionAttempts': setting(
    'TINYFLEET_PROVISION_ATTEMPTS',
    count,
    20,
    'Failed provisioning requests of one address before it has to wait.',
  ),
  'limits.provisionAtOnce': setting(
    'TINYFLEET_PROVISION_AT_ONCE',
    count.max(10_000),
    50,
    'Provisioning requests of one address that are answered or wait at a time. Further ones are told when to come again.',
  ),
  'limits.crlEntries': setting(
    'TINYFLEET_CRL_ENTRIES',
    count.max(1_000_000),
    20_000,
    'Certificates that one revocation list of an authority names. About 40 bytes each, within the largest JSON body.',
  ),
  certificateDays: setting(
    'TINYFLEET_CERTIFICATE_DAYS',
    count.max(825),
    365,
    'Days that certificates are valid that devices ask for.',
  ),
  certificateSkewS: setting(
    'TINYFLEET_CERTIFICATE_SKEW_S',
    z.coerce.number().int().min(0).max(86_400),
    300,
    'Clocks of those who sign certificates may be wrong by so much.',
  ),
  certificateWarningDays: setting(
    'TINYFLEET_CERTIFICATE_WARNING_DAYS',
    count.max(365),
    30,
    'An event tells so long before a certificate of a device ends that has no successor.',
  ),
  credentialGraceS: setting(
    'TINYFLEET_CREDENTIAL_GRACE_S',
    z.coerce.number().int().min(0).max(604_800),
    600,
    'A replaced credential still works this long after its successor was used first.',
  ),
  telemetryRetentionDays: setting(
    'TINYFLEET_TELEMETRY_DAYS',
    count.max(3_650),
    90,
    'Days that telemetry windows are kept, at most: a project may keep its own shorter. Older ones are refused.',
  ),
  buildConcurrency: setting(
    'TINYFLEET_BUILD_WORKERS',
    count.max(64),
    1,
    'Builds at a time, one worker thread each.',
  ),
  buildTimeoutS: setting('TINYFLEET_BUILD_TIMEOUT_S', count, 600, 'A build that takes longer is stopped.'),
  transferBases: setting(
    'TINYFLEET_TRANSFER_BASES',
    z.coerce.number().int().min(0).max(64),
    4,
    'Deltas made of a bundle, against the bundles that most devices hold. 0 makes none.',
  ),
  sessionDays: setting(
    'TINYFLEET_SESSION_DAYS',
    count.max(365),
    14,
    'A browser stays signed in this long at most.',
  ),
  sessionIdleHours: setting(
    'TINYFLEET_SESSION_IDLE_HOURS',
    count.max(8_760),
    72,
    'A session that is not used for so long ends.',
  ),
  resetHours: setting(
    'TINYFLEET_RESET_HOURS',
    count.max(720),
    24,
    'How long a one-time link to set a password is good for.',
  ),
  'limits.loginAttempts': setting(
    'TINYFLEET_LOGIN_ATTEMPTS',
    count.max(1_000),
    5,
    'Failed logins of one account before each further one has to wait, twice as long every time.',
  ),
  'limits.loginAttemptsPerSource': setting(
    'TINYFLEET_LOGIN_ATTEMPTS_PER_SOURCE',
    count.max(100_000),
    50,
    'The same for one source address, which many people may share.',
  ),
  'limits.requestsPerSecond': setting(
    'TINYFLEET_API_RATE',
    count,
    300,
    'Sustained API requests per second of one session or token; four times as many of one source address.',
  ),
  'limits.requestBurst': setting(
    'TINYFLEET_API_BURST',
    count,
    3_000,
    'Requests above that rate at once; four times as many of one source address.',
  ),
  'limits.attributes': setting(
    'TINYFLEET_LIMIT_ATTRIBUTES',
    count.max(1_000),
    64,
    'Desired attributes of one device.',
  ),
  'limits.attributeBytes': setting(
    'TINYFLEET_LIMIT_ATTRIBUTE_BYTES',
    count.max(65_536),
    256,
    'Longest text of an attribute, in bytes.',
  ),
  'limits.groups': setting('TINYFLEET_LIMIT_GROUPS', count.max(100_000), 1_000, 'Groups of one project.'),
  'limits.bulkDevices': setting(
    'TINYFLEET_LIMIT_BULK_DEVICES',
    count.max(1_000_000),
    100_000,
    'Devices that one bulk action changes at once, or that go into a static group at once; a bulk action on more runs as a job.',
  ),
  'limits.bulkActions': setting(
    'TINYFLEET_LIMIT_BULK_ACTIONS',
    count.max(1_000),
    10,
    'Bulk actions of one project that run as jobs and are not over yet.',
  ),
  'limits.streams': setting(
    'TINYFLEET_LIMIT_STREAMS',
    count.max(10_000),
    32,
    'Streams of events that one person, with all of his tokens, has open at this process.',
  ),
  'limits.liveChanges': setting(
    'TINYFLEET_LIMIT_LIVE_CHANGES',
    count.max(1_000_000),
    1_000,
    'Changes that wait for a slow reader of the live stream, and events that it may have missed; beyond that it is told to read everything again.',
  ),
  'limits.simulationMs': setting(
    'TINYFLEET_LIMIT_SIMULATION_MS',
    count.min(100).max(300_000),
    20_000,
    'Computing time of one simulation of a rollout; what was not played by then is left out, and the answer says so.',
  ),
  'limits.simulations': setting(
    'TINYFLEET_LIMIT_SIMULATIONS',
    count.max(1_000),
    8,
    'Simulations of rollouts that wait while one runs.',
  ),
  'limits.simulationsPerProject': setting(
    'TINYFLEET_LIMIT_SIMULATIONS_PER_PROJECT',
    count.max(1_000),
    2,
    'Simulations of one project that run or wait; projects take turns.',
  ),
  'limits.tokensPerPerson': setting(
    'TINYFLEET_TOKENS_PER_PERSON',
    count.max(10_000),
    100,
    'API tokens that one person may have.',
  ),
  'oidc.issuer': setting(
    'TINYFLEET_OIDC_ISSUER',
    z.url(),
    undefined,
    'OpenID provider for logins, its issuer address. Its settings are found by discovery. See docs/access.md.',
  ),
  'oidc.clientId': setting('TINYFLEET_OIDC_CLIENT_ID', z.string().min(1), undefined, 'As registered there.'),
  'oidc.clientSecret': setting(
    'TINYFLEET_OIDC_CLIENT_SECRET',
    z.string().min(1),
    undefined,
    'As registered there; without one the client is public, which PKCE allows.',
    { secret: true },
  ),
  'oidc.name': setting('TINYFLEET_OIDC_NAME', z.string().min(1).max(40), 'single sign-on', 'On the button.'),
  'oidc.scopes': setting(
    'TINYFLEET_OIDC_SCOPES',
    z.string().min(6).max(200),
    'openid email profile',
    'Scopes to ask for.',
  ),
  'oidc.trustEmail': setting(
    'TINYFLEET_OIDC_TRUST_EMAIL',
    flag,
    false,
    'Believe addresses that the provider does not call verified. Only when people cannot choose them there.',
  ),
  'oidc.provision': setting(
    'TINYFLEET_OIDC_PROVISION',
    flag,
    false,
    'Make an account at the first login of an unknown address.',
  ),
  'oidc.defaultProject': setting(
    'TINYFLEET_OIDC_DEFAULT_PROJECT',
    z.string().regex(NAME_PATTERN),
    undefined,
    'Where such an account becomes a member. Default: nowhere.',
  ),
  'oidc.defaultRole': setting('TINYFLEET_OIDC_DEFAULT_ROLE', RoleInProject, 'viewer', 'With which role.'),
  adminEmail: setting(
    'TINYFLEET_ADMIN_EMAIL',
    z.email(),
    undefined,
    'With adminPassword: makes the first administrator at the first start, without a setup link.',
  ),
  adminPassword: setting(
    'TINYFLEET_ADMIN_PASSWORD',
    z.string().min(10),
    undefined,
    'At least 10 characters.',
    { secret: true },
  ),
  logLevel: setting(
    'TINYFLEET_LOG_LEVEL',
    z.enum(['trace', 'debug', 'info', 'warn', 'error']),
    'info',
    'Least level that is logged.',
  ),
  dashboardDir: setting(
    'TINYFLEET_DASHBOARD_DIR',
    z.string(),
    undefined,
    'Where the built dashboard lies. Default: apps/dashboard/dist of this checkout.',
  ),
  docsDir: setting(
    'TINYFLEET_DOCS_DIR',
    z.string(),
    undefined,
    'Where the built documentation lies. Default: tools/docs-site/dist of this checkout.',
  ),
} as const satisfies Record<string, Setting>;

type Settings = typeof SETTINGS;
type Key = keyof Settings;
export type Config = {
  readonly [K in Exclude<Key, OptionalKeys | 'dataDir'>]: z.infer<Settings[K]['schema']>;
} & { readonly [K in OptionalKeys]: z.infer<Settings[K]['schema']> | undefined } & {
  readonly dataDir: string;
  /** The file that was read. */
  readonly file: string | undefined;
};
/** Settings without a default. Listed, because a default's type does not tell `undefined` from absent. */
type OptionalKeys =
  | 'databaseUrl'
  | 'secret'
  | 'http.publicUrl'
  | 'adminEmail'
  | 'adminPassword'
  | 'dashboardDir'
  | 'docsDir'
  | 'oidc.issuer'
  | 'oidc.clientId'
  | 'oidc.clientSecret'
  | 'oidc.defaultProject';

export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Working directory: relative paths and the default data directory start here. */
  readonly cwd: string;
}

/** @throws server.config-invalid naming every wrong setting, server.config-unreadable */
export function loadConfig({ env, cwd }: ConfigSources): Config {
  const file = env['TINYFLEET_CONFIG'];
  const fromFile = file ? readConfigFile(resolve(cwd, file)) : new Map<string, unknown>();
  const issues: string[] = [];
  const values: Record<string, unknown> = { file: file ? resolve(cwd, file) : undefined };
  for (const [key, { env: variable, schema, initial }] of Object.entries<Setting>(SETTINGS)) {
    const inEnv = env[variable];
    const given = inEnv !== undefined && inEnv !== '' ? inEnv : fromFile.get(key);
    fromFile.delete(key);
    if (given === undefined || given === null) {
      values[key] = initial;
      continue;
    }
    const parsed = schema.safeParse(given);
    if (parsed.success) values[key] = parsed.data;
    else
      issues.push(
        `${inEnv !== undefined ? variable : key}: ${parsed.error.issues[0]?.message ?? 'not valid'}`,
      );
  }
  for (const key of fromFile.keys()) issues.push(`${key}: no such setting`);
  if ((values['adminEmail'] === undefined) !== (values['adminPassword'] === undefined)) {
    issues.push('TINYFLEET_ADMIN_EMAIL and TINYFLEET_ADMIN_PASSWORD: set both or none');
  }
  if ((values['oidc.issuer'] === undefined) !== (values['oidc.clientId'] === undefined)) {
    issues.push('TINYFLEET_OIDC_ISSUER and TINYFLEET_OIDC_CLIENT_ID: set both or none');
  }
  const roles = (values['roles'] ?? []) as Role[];
  const edge = roles.filter((role) => role === 'broker' || role === 'ingest' || role === 'ota');
  if (edge.length > 0 && edge.length < 3) {
    issues.push('TINYFLEET_ROLES: broker, ingest and ota run in one process');
  }
  if (issues.length > 0) {
    throw new FleetError('server.config-invalid', { summary: issues.join('; '), issues });
  }
  values['dataDir'] = values['dataDir'] ? resolve(cwd, values['dataDir'] as string) : defaultDataDir(cwd);
  for (const key of ['http.port', 'http.tlsPort', 'mqtt.port', 'mqtt.tlsPort'] as const) {
    const chosen = values[key] as number;
    if (chosen !== 0) values[key] = chosen + (values['portOffset'] as number);
  }
  const config = values as Config;
  requireLoopback(config);
  return config;
}

function readConfigFile(path: string): Map<string, unknown> {
  let content: unknown;
  try {
    content = parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new FleetError(
      'server.config-unreadable',
      { path, reason: (error as Error).message },
      { cause: error },
    );
  }
  if (content === null) return new Map();
  if (typeof content !== 'object' || Array.isArray(content)) {
    throw new FleetError('server.config-unreadable', { path, reason: 'it is not a map of settings' });
  }
  const flat = new Map<string, unknown>();
  for (const [key, value] of Object.entries(content as Record<string, unknown>)) {
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
      for (const [inner, leaf] of Object.entries(value)) flat.set(`${key}.${inner}`, leaf);
    } else flat.set(key, value);
  }
  return flat;
}

export const isLoopback = (host: string): boolean => /^(127\.|::1$|localhost$)/.test(host);

/** Beyond loopback everything is TLS, unless somebody says in so many words that it shall not be. */
function requireLoopback(config: Config): void {
  if (config.roles.includes('api') && !isLoopback(config['http.host']) && !config.insecureHttp) {
    throw new FleetError('server.plain-beyond-loopback', {
      purpose: 'HTTP',
      host: config['http.host'],
      option: 'TINYFLEET_INSECURE_HTTP=true',
    });
  }
  if (config.roles.includes('broker') && !isLoopback(config['mqtt.host']) && !config.insecureMqtt) {
    throw new FleetError('server.plain-beyond-loopback', {
      purpose: 'MQTT',
      host: config['mqtt.host'],
      option: '--insecure-mqtt',
    });
  }
}

/** What `tinyfleet config show` prints: effective values, secrets replaced, with the variable that sets each. */
export function describeConfig(
  config: Config,
): Record<string, { value: unknown; env: string; description: string }> {
  const rows: Record<string, { value: unknown; env: string; description: string }> = {};
  for (const [key, { env, text, secret }] of Object.entries<Setting>(SETTINGS)) {
    const value = config[key as keyof Config];
    rows[key] = {
      value: value === undefined ? null : secret ? '(set)' : value,
      env,
      description: text,
    };
  }
  return rows;
}

/** docs/configuration.md, made by `npm run generate`. */
export function configReference(): string {
  const rows = Object.entries<Setting>(SETTINGS).map(([key, { env, initial, text }]) => {
    const shown = initial === undefined ? '' : `\`${[initial as string].flat().join(',')}\``;
    return `| \`${key}\` | \`${env}\` | ${shown} | ${text} |`;
  });
  return [
    '# Configuration',
    '',
    '<!-- Generated from apps/server/src/platform/config.ts by npm run generate. -->',
    '',
    'Settings come from the environment or from the YAML file that `TINYFLEET_CONFIG` names; the environment wins. A dot',
    'in a name is a level of the file. `npx tinyfleet config show` prints what is in effect. All listeners are on loopback',
    'unless told otherwise.',
    '',
    '| Setting | Environment | Default | |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}
