/** `tinyfleet doctor`: what could keep TinyFleet from starting or answering on this machine. */
import { accessSync, constants, existsSync, readFileSync, statfsSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import type { CallOutput } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import pc from 'picocolors';
import { hostOf, storedContext } from '../context.js';
import { bytes } from '../output/format.js';
import { dataDir, programs, workspaceRoot } from '../paths.js';
import { isRecord } from '../record.js';
import { Session } from '../session.js';

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly found: string;
  readonly todo?: string;
}

const MIN_FREE_BYTES = 512 * 1_024 * 1_024;
/** Tokens, time stamps of windows and TLS certificates stand a few seconds. */
const MAX_CLOCK_ERROR_MS = 5_000;
const ANSWER_MS = 5_000;

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('check Node, build, disk, ports, server, its version, clock, database, token and broker')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet doctor')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const checks: Check[] = [node(), built(), ...disk(dataDir(session.globals.dataDir))];
      const server = await serverChecks(session);
      checks.push(...server.checks);
      if (!server.isUp) checks.push(...(await ports()));
      session.out.list(checks, [
        { header: 'check', value: (c) => c.name },
        { header: 'ok', value: (c) => c.ok, text: (c) => (c.ok ? pc.green('ok') : pc.red('no')) },
        { header: 'found', value: (c) => c.found },
        {
          header: 'what to do',
          value: (c) => (c.ok ? null : c.todo),
          text: (c) => (c.ok ? '' : (c.todo ?? '')),
        },
      ]);
      const failed = checks.filter((c) => !c.ok).length;
      if (failed > 0) throw new FleetError('cli.checks-failed', { count: failed });
    });
}

function node(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const ok = major > 20 || (major === 20 && minor >= 19);
  return { name: 'Node', ok, found: process.versions.node, todo: 'Install Node 20.19 or later.' };
}

function built(): Check {
  const missing = [programs.server, programs.simulator].filter((path) => !existsSync(path));
  return {
    name: 'build',
    ok: missing.length === 0,
    found: missing.length === 0 ? 'server and simulator' : `missing ${missing.join(', ')}`,
    todo: 'Run npm start or npm run build.',
  };
}

/** The data directory, or the nearest parent that exists: there it would be made. */
function disk(directory: string): Check[] {
  let at = directory;
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  let isWritable = true;
  try {
    accessSync(at, constants.W_OK | constants.X_OK);
  } catch {
    isWritable = false;
  }
  const { bavail, bsize } = statfsSync(at);
  const free = bavail * bsize;
  return [
    {
      name: 'data directory',
      ok: isWritable,
      found: at === directory ? directory : `${directory}, to be made in ${at}`,
      todo: 'Choose another with --data-dir or TINYFLEET_DATA_DIR.',
    },
    {
      name: 'disk',
      ok: free >= MIN_FREE_BYTES,
      found: `${bytes(free)} free`,
      todo: `Free some space: ${bytes(MIN_FREE_BYTES)} are needed.`,
    },
  ];
}

async function serverChecks(session: Session): Promise<{ isUp: boolean; checks: Check[] }> {
  const url =
    session.globals.url ??
    process.env['TINYFLEET_URL'] ??
    storedContext(session.globals.dataDir)?.context.url;
  const checks: Check[] = [];
  if (url === undefined)
    return {
      isUp: false,
      checks: [{ name: 'server', ok: false, found: 'never started here', todo: 'Start it with npm start.' }],
    };
  let health: Response;
  const asked = Date.now();
  try {
    health = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(ANSWER_MS) });
  } catch {
    checks.push({
      name: 'server',
      ok: false,
      found: `${url} does not answer`,
      todo: 'Start it with npm start.',
    });
    return { isUp: false, checks };
  }
  checks.push({
    name: 'server',
    ok: health.ok,
    found: `${url} ${health.ok ? 'is ready' : `answers ${health.status}`}`,
    todo: 'Look into its log; it may still be starting.',
  });
  checks.push(clock(health.headers.get('date'), asked, Date.now()));
  const body: unknown = await health.json().catch(() => undefined);
  checks.push(version(isRecord(body) ? body['version'] : undefined, ownVersion()));
  const parts = isRecord(body) ? (isRecord(body['checks']) ? body['checks'] : body) : {};
  for (const [name, value] of Object.entries(parts)) {
    const status = isRecord(value) ? (value['status'] ?? value['ok']) : value;
    if (name === 'status' || (typeof status !== 'string' && typeof status !== 'boolean')) continue;
    const ok = status === true || status === 'ok' || status === 'up' || status === 'ready';
    checks.push({ name, ok, found: String(status), todo: PART_TODO[name] ?? "Look into the server's log." });
  }
  try {
    const me = await (await session.client()).call('me');
    checks.push({ name: 'token', ok: true, found: me.email || (me.token?.name ?? me.name) });
  } catch (error) {
    checks.push({
      name: 'token',
      ok: false,
      found: (error as Error).message,
      todo: 'Sign in with npx tinyfleet login, or restart the local server.',
    });
  }
  checks.push(await broker(session, url));
  return { isUp: true, checks };
}

const ownVersion = (): string =>
  (JSON.parse(readFileSync(join(workspaceRoot, 'package.json'), 'utf8')) as { version: string }).version;

/** @param theirs what the server says of itself; not a text: it says nothing */
export function version(theirs: unknown, own: string): Check {
  const name = 'version';
  const todo = 'Use the command line of the same version as the server: npx tinyfleet in a checkout of it.';
  if (typeof theirs !== 'string') return { name, ok: false, found: 'the server names none', todo };
  const found = theirs === own ? `${own}, as here` : `the server is ${theirs}, the command line ${own}`;
  return { name, ok: theirs === own, found, todo };
}

const PART_TODO: Readonly<Record<string, string>> = {
  database:
    'Start the database that DATABASE_URL names; without it, restart the server, which starts its own.',
};

/**
 * The server's clock beside this one's, which may be another machine's.
 * @param date of the answer: whole seconds, cut off
 * @param asked when it was asked for, and `answered`, in ms by the clock here
 */
export function clock(date: string | null, asked: number, answered: number): Check {
  const theirs = Date.parse(date ?? '');
  const name = 'clock';
  const todo = 'Set the clocks of both machines by NTP, such as with timedatectl set-ntp true.';
  if (Number.isNaN(theirs)) return { name, ok: true, found: 'the answer has no date' };
  const behind = Math.max(0, asked - (theirs + 1_000));
  const ahead = Math.max(0, theirs - answered);
  const offMs = Math.max(behind, ahead);
  const seconds = Math.round(offMs / 1_000);
  const found = seconds === 0 ? 'as here' : `${seconds} s ${ahead > 0 ? 'ahead of' : 'behind'} this machine`;
  return { name, ok: offMs <= MAX_CLOCK_ERROR_MS, found, todo };
}

/**
 * Where devices connect to, as the server says it; plain before TLS.
 * @param named port of TINYFLEET_MQTT_PORT, which goes before what the server says
 * @param endpoint undefined: the server did not say
 * @returns undefined: nobody knows
 */
export function brokerUrl(
  url: string,
  endpoint: CallOutput<'deviceEndpointGet'> | undefined,
  named: string | undefined,
): URL | undefined {
  const plain = Number(named) > 0 ? Number(named) : (endpoint?.mqttPort ?? null);
  const port = plain ?? endpoint?.mqttsPort ?? null;
  if (port === null) return undefined;
  return new URL(`${plain === null ? 'mqtts' : 'mqtt'}://${new URL(url).hostname}:${port}`);
}

/** Only whether somebody listens: a greeting would need a device. */
async function broker(session: Session, url: string): Promise<Check> {
  let endpoint: CallOutput<'deviceEndpointGet'> | undefined;
  try {
    endpoint = await (await session.client()).call('deviceEndpointGet');
  } catch {
    // The check of the token says why.
  }
  const at = brokerUrl(url, endpoint, process.env['TINYFLEET_MQTT_PORT']);
  if (at === undefined) {
    const why =
      endpoint === undefined ? 'without a token the server names no port' : 'the server names no port';
    return { name: 'broker', ok: true, found: `not checked: ${why}` };
  }
  const failure = await new Promise<string | undefined>((resolve) => {
    const socket = connect({ host: hostOf(at.href), port: Number(at.port), timeout: ANSWER_MS });
    const end = (problem?: string) => {
      socket.destroy();
      resolve(problem);
    };
    socket.once('connect', () => end());
    socket.once('timeout', () => end('no answer'));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
  return {
    name: 'broker',
    ok: failure === undefined,
    found: `${at.href} ${failure === undefined ? 'listens' : `does not: ${failure}`}`,
    todo: 'Look for mqtt in npx tinyfleet config show, or name the port with TINYFLEET_MQTT_PORT.',
  };
}

/** Only of interest while no server runs. */
async function ports(): Promise<Check[]> {
  const wanted = [
    ['HTTP', Number(process.env['TINYFLEET_HTTP_PORT'] || 8080), '--http-port'],
    ['MQTT', Number(process.env['TINYFLEET_MQTT_PORT'] || 1883), '--mqtt-port'],
  ] as const;
  return Promise.all(
    wanted.map(
      ([purpose, port, flag]) =>
        new Promise<Check>((resolve) => {
          const probe = createServer();
          const name = `port ${port} (${purpose})`;
          probe.once('error', (error: NodeJS.ErrnoException) =>
            resolve({
              name,
              ok: false,
              found: error.code === 'EADDRINUSE' ? 'taken' : (error.code ?? error.message),
              todo: `npm start -- ${flag} N, or --port-offset N for all.`,
            }),
          );
          probe.listen(port, '127.0.0.1', () =>
            probe.close(() => resolve({ name, ok: true, found: 'free' })),
          );
        }),
    ),
  );
}
