/**
 * Starts the process in order (data directory, database, services, roles, HTTP) and stops it in the reverse one. What
 * has started is stopped again when a later step fails. Says what it does through `progress`.
 */
import { readFile } from 'node:fs/promises';
import { createServer as createHttpsServer } from 'node:https';
import type { ServerOptions } from 'node:http';
import type { AddressInfo, Server as NetServer } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import {
  Database,
  DirectoryBlobStore,
  EventListener,
  fileSecret,
  openDataDir,
  startEmbeddedPostgres,
  BUILD_QUEUE,
  BULK_QUEUE,
  PAYLOAD_QUEUE,
  type ConnectionTarget,
  type DataDir,
  type EmbeddedPostgres,
} from '@tinyfleet/storage';
import type { FleetError } from '@tinyfleet/errors';
import type { Logger } from 'pino';
import { Registry, collectDefaultMetrics } from 'prom-client';
import type { HttpApp } from '../http/http-app.js';
import { setupPath } from '../http/setup/setup-path.js';
import type { RoleContext } from '../roles/role.js';
import { writeCliContext } from './cli-context.js';
import { isLoopback, type Config } from './config.js';
import { listenError, type PortUse } from './listen.js';
import { createLogger } from './logger.js';
import { dashboardDist, docsDist } from './paths.js';
import type { Progress } from './progress.js';
import { Server } from './server.js';
import type { Services } from './services.js';

export interface StartOptions {
  readonly config: Config;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
  /** Somebody else shows our output: log to the file only. */
  readonly supervised: boolean;
  /** Called when the process cannot go on, e.g. because the database ended. */
  readonly onFatal: (error: FleetError) => void;
  /** Refuse a request that changed something without an audit entry, instead of writing one. For tests. */
  readonly isAuditStrict?: boolean;
  /** Further settings of the embedded Postgres. For tests. */
  readonly databaseSettings?: Readonly<Record<string, string>>;
}

export interface RunningServer {
  readonly services: Services;
  readonly httpUrl: string;
  readonly mqttUrl: string | undefined;
  readonly setupUrl: string | undefined;
  stop(): Promise<void>;
}

/** Steps to undo, newest last. */
class Undo {
  private readonly steps: { name: string; work: () => Promise<void> }[] = [];
  log: Logger | undefined;
  add(name: string, work: () => Promise<void>): void {
    this.steps.push({ name, work });
  }
  async run(): Promise<void> {
    for (let step = this.steps.pop(); step; step = this.steps.pop()) {
      try {
        await step.work();
      } catch (error) {
        this.log?.error({ err: error, step: step.name }, 'stopping failed');
      }
    }
  }
}

export async function startServer(options: StartOptions): Promise<RunningServer> {
  const undo = new Undo();
  try {
    return await start(options, undo);
  } catch (error) {
    await undo.run();
    throw error;
  }
}

async function start(options: StartOptions, undo: Undo): Promise<RunningServer> {
  const { config, progress, signal } = options;
  const dataDir = await openDataDir(config.dataDir);
  undo.add('data directory', async () => await dataDir.release());
  const log = createLogger({ folder: dataDir.log, level: config.logLevel, stdout: !options.supervised });
  undo.log = log;
  const version = await readVersion();
  const server = new Server(config, version);
  log.info({ version, roles: config.roles, node: process.version }, 'starting');

  // Half of a start is loading modules, the other half waiting for Postgres: both at once.
  const loading = loadModules();
  loading.catch(() => {});
  const target = await openDatabase(options, dataDir, undo);
  const database = await progress.step('schema', 'Database schema', async () =>
    Database.connect({
      target,
      poolSize: config.databasePoolSize,
      onStep: (text) => progress.detail('schema', text),
    }),
  );
  undo.add('database', async () => await database.close());
  signal?.throwIfAborted();
  server.addCheck('database', async () => await database.ping());

  const metrics = new Registry();
  collectDefaultMetrics({ register: metrics, prefix: 'tinyfleet_' });
  const events = new EventListener(database);
  await events.start();
  undo.add('events', async () => await events.stop());
  const blobs = new DirectoryBlobStore(dataDir.blobs);
  const secret = config.secret
    ? Buffer.from(config.secret, 'utf8')
    : await fileSecret(dataDir.secretFile, 32);
  const { createServices, createHttpApp, serverTimes, startRoles } = await loading;
  const services = createServices({ server, log, metrics, database, dataDir, blobs, events, secret });
  await services.jobs.start([BUILD_QUEUE, PAYLOAD_QUEUE, BULK_QUEUE]);

  const http = await createHttpApp(services, {
    dashboardDir: config.dashboardDir ?? dashboardDist,
    docsDir: config.docsDir ?? docsDist,
    isAuditStrict: options.isAuditStrict ?? false,
  });
  undo.add('http', async () => await http.close());
  if (config.roles.includes('api')) sweepKeys(services, undo);
  const context: RoleContext = {
    config,
    log,
    metrics,
    database,
    dataDir,
    events,
    blobs,
    httpServer: http.fastify.server,
  };
  const addresses = await progress.step('roles', 'Services', async () => startRoles(context, services, undo));
  const httpUrl = await progress.step('http', 'HTTP', async () => await listen(http.fastify.server, config));
  const lanUrl =
    config.lan && config.roles.includes('api')
      ? await listenTls(http, { config, dataDir, times: serverTimes(config) }, undo)
      : undefined;
  server.address = {
    url: config['http.publicUrl']?.replace(/\/+$/, '') ?? lanUrl?.url ?? httpUrl,
    authorityFingerprint: lanUrl?.fingerprint.replace(/:/g, '').toLowerCase(),
  };
  server.opened(addresses);
  server.state = 'ready';
  // Runs first: answers 503 while the rest drains.
  undo.add('readiness', async () => void (server.state = 'stopping'));

  const setupUrl = config.roles.includes('api') ? await prepareAccess(services, httpUrl) : undefined;
  if (lanUrl !== undefined) {
    const mqtts =
      addresses['mqtts'] === undefined
        ? ''
        : ` and mqtts://${hostname()}:${new URL(addresses['mqtts']).port}`;
    progress.notice(`Also at ${lanUrl.url}${mqtts}`);
    progress.notice(`Fingerprint of their certificate authority: ${lanUrl.fingerprint}`);
  }
  if (addresses['mqtt'] !== undefined && !isLoopback(config['mqtt.host']))
    progress.notice(
      `INSECURE: plain MQTT on ${config['mqtt.host']}. Anyone on that network can read tokens and telemetry.`,
    );
  log.info({ httpUrl, lanUrl: lanUrl?.url, ...addresses }, 'ready');
  return {
    services,
    httpUrl,
    mqttUrl: addresses['mqtt'],
    setupUrl,
    async stop() {
      log.info('stopping');
      await undo.run();
      log.flush();
    },
  };
}

const KEY_SWEEP_MS = 60_000;

/** Forgets old idempotency keys; every process with the API may, as often as it likes. */
function sweepKeys({ idempotency, log }: Services, undo: Undo): void {
  const sweep = () =>
    void idempotency.sweep().catch((error: unknown) => log.warn({ err: error }, 'idempotency keys'));
  const timer = setInterval(sweep, KEY_SWEEP_MS);
  undo.add('idempotency keys', async () => clearInterval(timer));
}

async function loadModules() {
  const [services, http, roles] = await Promise.all([
    import('./services.js'),
    import('../http/http-app.js'),
    import('../roles/start-roles.js'),
  ]);
  return { ...services, ...http, ...roles };
}

async function openDatabase(options: StartOptions, dataDir: DataDir, undo: Undo): Promise<ConnectionTarget> {
  const { config, progress, signal } = options;
  if (config.databaseUrl !== undefined) return { url: config.databaseUrl };
  const postgres: EmbeddedPostgres = await progress.step('postgres', 'Database', async () =>
    startEmbeddedPostgres({
      directory: dataDir.postgres,
      logFile: join(dataDir.log, 'postgres.log'),
      ...(signal ? { signal } : {}),
      settings: options.databaseSettings ?? {},
      onStep: (text) => progress.detail('postgres', text),
      onNotice: (text) => progress.notice(text),
      onExit: options.onFatal,
    }),
  );
  undo.add('postgres', async () => await postgres.stop());
  return postgres.connection;
}

async function openPort(server: NetServer, use: PortUse): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(use.port, use.host, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    throw await listenError(error, use);
  }
}

async function listen(httpServer: RoleContext['httpServer'], config: Config): Promise<string> {
  const host = config['http.host'];
  const port = config['http.port'];
  await openPort(httpServer, { host, port, purpose: 'HTTP', option: '`--http-port`' });
  const address = httpServer.address() as AddressInfo;
  const shown = isLoopback(host) || host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return (
    config['http.publicUrl']?.replace(/\/+$/, '') ??
    `http://${shown.includes(':') ? `[${shown}]` : shown}:${address.port}`
  );
}

/** With `--lan`: the same server under TLS on all addresses, MQTT over WebSocket included. */
async function listenTls(
  http: HttpApp,
  { config, dataDir, times }: { config: Config; dataDir: DataDir; times: ServerOptions },
  undo: Undo,
): Promise<{ url: string; fingerprint: string }> {
  const { ensureServerTls } = await import('../tls/authority.js');
  const { cert, key, fingerprint } = await ensureServerTls(join(dataDir.path, 'tls'));
  const plain = http.fastify.server;
  // Asked for by the edge, which knows which authority counts; needed by nobody else.
  const certificates = config['http.clientCertificates']
    ? { requestCert: true, rejectUnauthorized: false }
    : {};
  const secure = createHttpsServer(
    { cert, key, minVersion: 'TLSv1.2', handshakeTimeout: 10_000, ...times, ...certificates },
    (request, response) => http.fastify.routing(request, response),
  );
  secure.on('upgrade', (request, socket, head) => plain.emit('upgrade', request, socket, head));
  secure.on('tlsClientError', (_error, socket) => socket.destroy());
  const where = { host: '::', port: config['http.tlsPort'] };
  await openPort(secure, { ...where, purpose: 'HTTPS', option: '`TINYFLEET_HTTP_TLS_PORT`' });
  // Not awaited: WebSockets of devices end with the edge, which stops after this.
  undo.add('https', async () => {
    http.streams.close();
    secure.closeIdleConnections();
    secure.close();
  });
  const { port } = secure.address() as AddressInfo;
  return { url: `https://${hostname()}:${port}`, fingerprint };
}

/** The first administrator, or the link that makes him; and the context of the CLI. */
async function prepareAccess(services: Services, httpUrl: string): Promise<string | undefined> {
  const { auth, tokens, dataDir, server, projects } = services;
  const { adminEmail, adminPassword } = server.config;
  await projects.refreshBuiltInTypes();
  if (adminEmail !== undefined && adminPassword !== undefined)
    await auth.ensureFirstPerson(adminEmail, adminPassword);
  await writeCliContext(dataDir.path, httpUrl, tokens);
  return (await auth.isSetUp()) ? undefined : `${httpUrl}${setupPath(await auth.makeSetupToken())}`;
}

async function readVersion(): Promise<string> {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(await readFile(file, 'utf8')) as { version: string }).version;
}
export type { Undo };
