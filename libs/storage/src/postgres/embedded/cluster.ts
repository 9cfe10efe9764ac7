/**
 * One embedded Postgres: makes the cluster once, starts it, stops it. Everything a user can meet on the way (a
 * stale pid, a full disk, another version, Ctrl-C half-way) is a registered error and leaves the data as it was.
 * The server is its own process group, so a terminal's Ctrl-C reaches only us and we stop it last.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chown, mkdir, open, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FleetError } from '@tinyfleet/errors';
import { directoryError, requireFreeSpace } from '../../data-dir.js';
import { prepareBinaries, type Binaries } from './binaries.js';
import { ensureSystemUser, processCommand, processExists } from './host.js';

export const SYSTEM_USER = 'tinyfleet';
const DATABASE = 'tinyfleet';
/** initdb writes about 40 MiB; the rest is room for write-ahead log until the first checkpoint. */
const FIRST_START_MIB = 256;
const START_MIB = 64;
/** sun_path is 108 bytes on Linux, 104 on macOS; Postgres appends `/.s.PGSQL.5432.lock`. */
const MAX_SOCKET_DIR = 80;
const START_TIMEOUT_MS = 60_000;
const FAST_STOP_MS = 20_000;
const LOG_LIMIT_BYTES = 10 * 1024 * 1024;

export interface EmbeddedOptions {
  /** Our own directory (`<data>/postgres`), made when absent. */
  readonly directory: string;
  readonly logFile: string;
  readonly signal?: AbortSignal;
  /** Told about each step that takes time. */
  readonly onStep?: (text: string) => void;
  /** Told once when a system user was made. */
  readonly onNotice?: (text: string) => void;
  /** Called when the server ends without having been asked to. */
  readonly onExit?: (error: FleetError) => void;
  /** Extra `-c name=value` settings, e.g. from tests. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface EmbeddedPostgres {
  readonly connection: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly password: string;
    readonly database: string;
  };
  readonly pid: number;
  /** The cluster was made by this start. */
  readonly fresh: boolean;
  stop(): Promise<void>;
}

/** Who runs the server: the system user when we are root, because Postgres refuses root. */
type RunAs = { readonly uid: number; readonly gid: number; readonly name: string } | undefined;

export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const { directory, signal } = options;
  checkInterrupted(signal);
  const runAs = await chooseUser(options);
  try {
    await ownDirectory(directory, runAs);
  } catch (error) {
    throw error instanceof FleetError ? error : directoryError(directory, error);
  }
  if (runAs) await requireReachable(directory, runAs);
  const data = join(directory, 'data');
  await removeAbandoned(directory);
  const fresh = !existsSync(join(data, 'PG_VERSION'));
  await requireFreeSpace(directory, fresh ? FIRST_START_MIB : START_MIB);
  const binaries = await prepareBinaries(directory, { mustCopy: runAs !== undefined });
  if (fresh) await initialize(binaries, data, runAs, options);
  else await requireVersion(data, binaries);
  await stopOrphan(data);
  checkInterrupted(signal);
  return await launch(binaries, data, runAs, { ...options, fresh });
}

async function chooseUser(options: EmbeddedOptions): Promise<RunAs> {
  if (process.getuid?.() !== 0) return undefined;
  try {
    const user = await ensureSystemUser(SYSTEM_USER);
    if (user.made) {
      options.onNotice?.(
        `Made the system user "${user.name}": Postgres refuses to run as root. Remove it with "userdel ${user.name}".`,
      );
    }
    return user;
  } catch (error) {
    const reason = ((error as { stderr?: string }).stderr ?? (error as Error).message).trim();
    throw new FleetError('storage.system-user', { user: SYSTEM_USER, reason }, { cause: error });
  }
}

/** An empty directory may be left by a start that was killed between making it and giving it away. */
async function ownDirectory(path: string, runAs: RunAs): Promise<void> {
  const made = await mkdir(path, { recursive: true, mode: 0o700 });
  if (!runAs) return;
  const { uid } = await stat(path);
  if (uid === runAs.uid) return;
  if (made === undefined && (await readdir(path)).length > 0) {
    const reason = `it belongs to another user than ${runAs.name}`;
    throw new FleetError('storage.data-dir-readonly', { path, reason });
  }
  await chown(path, runAs.uid, runAs.gid);
}

/** The database user has to be able to enter every directory above its own. */
async function requireReachable(path: string, runAs: NonNullable<RunAs>): Promise<void> {
  for (let parent = dirname(path); ; parent = dirname(parent)) {
    const { mode, uid, gid } = await stat(parent);
    const bit = uid === runAs.uid ? 0o100 : gid === runAs.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) {
      throw new FleetError('storage.data-dir-unreachable', { path, user: runAs.name, blocked: parent });
    }
    if (parent === dirname(parent)) return;
  }
}

/** Clusters that an interrupted first start left half-made. */
async function removeAbandoned(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const pid = Number(/^data\.new-(\d+)$/.exec(name)?.[1]);
    if (!Number.isInteger(pid)) continue;
    if (pid !== process.pid && processExists(pid) && /node/.test((await processCommand(pid)) ?? 'node'))
      continue;
    await rm(join(directory, name), { recursive: true, force: true });
  }
}

/**
 * initdb into a directory of its own, flushed once at the end, then renamed: either there is a whole cluster or
 * none. The password is written before, so a cluster never exists without it.
 */
async function initialize(
  binaries: Binaries,
  data: string,
  runAs: RunAs,
  options: EmbeddedOptions,
): Promise<void> {
  options.onStep?.('making the database');
  const fresh = `${data}.new-${process.pid}`;
  const passwordFile = join(options.directory, 'password');
  const log: string[] = [];
  try {
    await writeFile(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 });
    if (runAs) await chown(passwordFile, runAs.uid, runAs.gid);
    const common = ['--pgdata', fresh, '--no-locale', '--encoding=UTF8', '--locale-provider=libc'];
    const login = [`--username=${SYSTEM_USER}`, '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
    await runInitdb(
      binaries,
      [...common, ...login, '--no-sync', '--no-instructions'],
      runAs,
      options.signal,
      log,
    );
    await runInitdb(binaries, ['--sync-only', '--pgdata', fresh], runAs, options.signal, log);
    await rename(fresh, data);
  } catch (error) {
    if (error instanceof FleetError && error.code !== 'storage.initdb-failed') throw error;
    const text = log.join('').trim();
    if (/No space left on device/.test(text) || (error as NodeJS.ErrnoException).code === 'ENOSPC') {
      throw new FleetError('storage.disk-full', {
        path: options.directory,
        freeMib: 0,
        neededMib: FIRST_START_MIB,
      });
    }
    if (error instanceof FleetError) throw error;
    throw directoryError(options.directory, error);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

async function runInitdb(
  binaries: Binaries,
  args: string[],
  runAs: RunAs,
  signal: AbortSignal | undefined,
  log: string[],
): Promise<void> {
  checkInterrupted(signal);
  const child = spawn(binaries.initdb, args, {
    ...(runAs ? { uid: runAs.uid, gid: runAs.gid } : {}),
    cwd: '/',
    env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const collect = (chunk: Buffer) => void log.push(chunk.toString());
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  // Its bootstrap backend is a child of its own: end the whole group.
  const abort = () => endGroup(child, 'SIGKILL');
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', (cause) =>
        reject(
          new FleetError(
            'storage.binaries-broken',
            { path: binaries.root, reason: cause.message },
            { cause },
          ),
        ),
      );
      child.once('close', resolve);
    });
    checkInterrupted(signal);
    if (code === 0) return;
    const text = log.join('').trim();
    if (/error while loading shared libraries|GLIBC_|not found \(required by/.test(text)) {
      throw new FleetError('storage.binaries-broken', { path: binaries.root, reason: lastLines(text, 1) });
    }
    throw new FleetError('storage.initdb-failed', { reason: lastLines(text, 3) || `exit code ${code}` });
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

async function requireVersion(data: string, binaries: Binaries): Promise<void> {
  const found = (await readFile(join(data, 'PG_VERSION'), 'utf8')).trim();
  if (found !== String(binaries.major)) {
    throw new FleetError('storage.other-version', { path: data, found, expected: String(binaries.major) });
  }
}

/**
 * A postmaster.pid means: still running (we hold the directory's lock, so its TinyFleet was killed: stop it), or
 * unclean stop. A reused pid would make Postgres refuse, so the file goes when that process is not a Postgres.
 */
async function stopOrphan(data: string): Promise<void> {
  const file = join(data, 'postmaster.pid');
  const pid = Number.parseInt(await readFile(file, 'utf8').catch(() => ''), 10);
  if (!Number.isInteger(pid) || pid <= 0) return;
  const command = processExists(pid) ? await processCommand(pid) : undefined;
  if (command !== undefined && command.includes('postgres') && command.includes(data)) {
    process.kill(pid, 'SIGINT');
    for (let waitedMs = 0; processExists(pid) && waitedMs < FAST_STOP_MS; waitedMs += 50) await sleep(50);
    if (processExists(pid)) process.kill(pid, 'SIGQUIT');
    for (let waitedMs = 0; processExists(pid) && waitedMs < 5_000; waitedMs += 50) await sleep(50);
    if (processExists(pid)) throw new FleetError('storage.already-running', { path: data, pid });
  }
  await rm(file, { force: true });
}

async function launch(
  binaries: Binaries,
  data: string,
  runAs: RunAs,
  options: EmbeddedOptions & { fresh: boolean },
): Promise<EmbeddedPostgres> {
  options.onStep?.('starting the database');
  const { host, port, args } = await chooseAddress(options.directory, runAs);
  await rotateLog(options.logFile);
  const log = await open(options.logFile, 'a', 0o644);
  const logStart = (await log.stat()).size;
  const settings: Record<string, string> = {
    ...TUNED,
    ...args,
    ...options.settings,
  };
  const child = spawn(
    binaries.postgres,
    ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    {
      ...(runAs ? { uid: runAs.uid, gid: runAs.gid } : {}),
      cwd: '/',
      env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    },
  );
  let ended: string | undefined;
  let stopping = false;
  const exited = new Promise<void>((resolve) => {
    child.once('error', (cause) => {
      ended = cause.message;
      resolve();
    });
    child.once('exit', (code, by) => {
      ended = by === null ? `exit code ${code}` : `signal ${by}`;
      resolve();
    });
  });
  await log.close();
  const abort = () => endGroup(child, 'SIGQUIT');
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    await untilReady(data, child, () => ended, options.logFile);
  } catch (error) {
    if (child.pid !== undefined && ended === undefined) endGroup(child, 'SIGQUIT');
    await exited;
    checkInterrupted(options.signal);
    if (ended !== undefined && error instanceof FleetError && error.code === 'storage.start-failed') {
      throw await explainFailure(options, logStart, ended, binaries);
    }
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
  void exited.then(() => {
    if (stopping) return;
    const how = ended ?? 'unknown';
    options.onExit?.(new FleetError('storage.postgres-died', { how, log: options.logFile }));
  });
  const password = (await readFile(join(options.directory, 'password'), 'utf8')).trim();
  return {
    connection: { host, port, user: SYSTEM_USER, password, database: DATABASE },
    pid: child.pid ?? 0,
    fresh: options.fresh,
    async stop() {
      if (stopping || ended !== undefined) {
        await exited;
        return;
      }
      stopping = true;
      // Fast shutdown: rolls back what is open, writes a checkpoint, leaves nothing to recover.
      child.kill('SIGINT');
      const stopped = await Promise.race([
        exited.then(() => true),
        sleep(FAST_STOP_MS, false, { ref: false }),
      ]);
      if (!stopped) child.kill('SIGQUIT');
      await exited;
    },
  };
}

/** Durable as the defaults; sized for one small machine. */
const TUNED: Readonly<Record<string, string>> = {
  synchronous_commit: 'on',
  fsync: 'on',
  shared_buffers: '128MB',
  max_connections: '60',
  work_mem: '16MB',
  maintenance_work_mem: '64MB',
  max_wal_size: '1GB',
  checkpoint_timeout: '15min',
  wal_compression: 'on',
  random_page_cost: '1.1',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'warning',
  log_line_prefix: '%m [%p] ',
  max_wal_senders: '0',
  wal_level: 'minimal',
  max_prepared_transactions: '0',
};

/** A Unix socket in our own 0700 directory; loopback on a free port when the path is too long for one. */
async function chooseAddress(
  directory: string,
  runAs: RunAs,
): Promise<{ host: string; port: number; args: Record<string, string> }> {
  if (Buffer.byteLength(directory) <= MAX_SOCKET_DIR) {
    const socketDir = join(directory, 'socket');
    const made = await mkdir(socketDir, { recursive: true, mode: 0o700 });
    if (made !== undefined && runAs) await chown(socketDir, runAs.uid, runAs.gid);
    // A lock file of a killed server names a pid that may be somebody else's by now.
    for (const name of await readdir(socketDir)) await rm(join(socketDir, name), { force: true });
    return {
      host: socketDir,
      port: 5432,
      args: { listen_addresses: '', unix_socket_directories: socketDir, port: '5432' },
    };
  }
  const port = await freePort();
  return {
    host: '127.0.0.1',
    port,
    args: { listen_addresses: '127.0.0.1', unix_socket_directories: '', port: String(port) },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        address !== null && typeof address === 'object'
          ? resolve(address.port)
          : reject(new Error('no port was given')),
      );
    });
  });
}

/** Line 8 of postmaster.pid is the state; polling it costs no connection. */
async function untilReady(
  data: string,
  child: ChildProcess,
  ended: () => string | undefined,
  log: string,
): Promise<void> {
  for (let waitedMs = 0; waitedMs < START_TIMEOUT_MS; waitedMs += 10) {
    if (ended() !== undefined) throw new FleetError('storage.start-failed', { reason: ended() ?? '', log });
    const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready') return;
    await sleep(10);
  }
  throw new FleetError('storage.start-timeout', { seconds: START_TIMEOUT_MS / 1000, log });
}

async function explainFailure(
  options: EmbeddedOptions,
  logStart: number,
  ended: string,
  binaries: Binaries,
): Promise<FleetError> {
  const text = (await readFile(options.logFile, 'utf8').catch(() => '')).slice(logStart);
  if (/No space left on device/.test(text)) {
    return new FleetError('storage.disk-full', { path: options.directory, freeMib: 0, neededMib: START_MIB });
  }
  if (/error while loading shared libraries|GLIBC_|ENOENT|EACCES/.test(text + ended)) {
    return new FleetError('storage.binaries-broken', {
      path: binaries.root,
      reason: lastLines(text, 1) || ended,
    });
  }
  return new FleetError('storage.start-failed', {
    reason: lastLines(text, 2) || ended,
    log: options.logFile,
  });
}

async function rotateLog(file: string): Promise<void> {
  const size = await stat(file).then(
    (s) => s.size,
    () => 0,
  );
  if (size > LOG_LIMIT_BYTES) await rename(file, `${file}.1`);
}

function endGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    child.kill(signal);
  }
}

function checkInterrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new FleetError('storage.interrupted', {});
}

function lastLines(text: string, count: number): string {
  return text.trim().split('\n').slice(-count).join(' / ');
}
