/**
 * The data directory: where it is, what lies in it, and that only one TinyFleet uses it. It changes no mode or
 * owner of a directory that it did not make.
 */
import { randomBytes } from 'node:crypto';
import { access, constants, mkdir, open, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { FleetError } from '@tinyfleet/errors';
import { processCommand, processExists } from './postgres/embedded/host.js';

/** The default: /var/lib/tinyfleet for root, else .tinyfleet/ below `base` (the clone). */
export function defaultDataDir(base: string): string {
  const named = process.env['TINYFLEET_DATA_DIR'];
  if (named) return resolve(base, named);
  return process.getuid?.() === 0 ? '/var/lib/tinyfleet' : join(base, '.tinyfleet');
}

export interface DataDir {
  readonly path: string;
  readonly blobs: string;
  readonly log: string;
  readonly postgres: string;
  /** The file that holds the instance secret, 0600. */
  readonly secretFile: string;
  /** Gives the directory to another process. */
  release(): Promise<void>;
}

/** Makes the directory when needed and takes its lock. */
export async function openDataDir(path: string): Promise<DataDir> {
  const dir = {
    path,
    blobs: join(path, 'blobs'),
    log: join(path, 'log'),
    postgres: join(path, 'postgres'),
    secretFile: join(path, 'secret'),
  };
  try {
    // 0755: the database user walks through it; everything private inside has its own mode.
    await mkdir(path, { recursive: true, mode: 0o755 });
    await mkdir(dir.blobs, { recursive: true, mode: 0o700 });
    await mkdir(dir.log, { recursive: true, mode: 0o755 });
    const probe = join(path, `.probe-${process.pid}`);
    await writeFile(probe, '');
    await rm(probe);
  } catch (error) {
    throw directoryError(path, await parentError(path, error));
  }
  const release = await lock(path);
  return { ...dir, release };
}

/** Node's recursive mkdir says ENOENT where the parent is read-only: ask the nearest parent there is. */
async function parentError(path: string, error: unknown): Promise<unknown> {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return error;
  for (let parent = dirname(path); ; parent = dirname(parent)) {
    try {
      await access(parent, constants.W_OK);
      return error;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT' || parent === dirname(parent)) return cause;
    }
  }
}

/** Turns a failed file operation in the data directory into its registered error. */
export function directoryError(path: string, error: unknown): FleetError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new FleetError('storage.disk-full', { path, freeMib: 0, neededMib: 1 }, { cause: error });
  }
  const reason =
    code === 'EROFS'
      ? 'the file system is read-only'
      : code === 'EACCES' || code === 'EPERM'
        ? 'permission denied'
        : code === 'ENOTDIR' || code === 'EEXIST'
          ? 'a part of the path is not a directory'
          : code === 'ENOENT'
            ? // What Node's recursive mkdir makes of EROFS.
              'its parent directory is missing and cannot be made; is the file system read-only?'
            : (error as Error).message;
  return new FleetError('storage.data-dir-readonly', { path, reason }, { cause: error });
}

const MIB = 1024 * 1024;

/** @throws storage.disk-full when the file system of `path` has less than `neededMib` free. */
export async function requireFreeSpace(path: string, neededMib: number): Promise<void> {
  const { bavail, bsize } = await statfs(path);
  const freeMib = Math.floor((bavail * bsize) / MIB);
  if (freeMib < neededMib) throw new FleetError('storage.disk-full', { path, freeMib, neededMib });
}

/** The lock is a file with the owner's process id; one left by a process that is gone, or is not Node, is taken over. */
async function lock(path: string): Promise<() => Promise<void>> {
  const file = join(path, 'server.pid');
  for (let attempt = 0; ; attempt++) {
    try {
      const handle = await open(file, 'wx', 0o644);
      await handle.writeFile(`${process.pid}\n`);
      await handle.close();
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw directoryError(path, error);
      const pid = Number.parseInt(await readFile(file, 'utf8').catch(() => ''), 10);
      const alive =
        Number.isInteger(pid) &&
        pid !== process.pid &&
        processExists(pid) &&
        /node|tinyfleet/.test((await processCommand(pid)) ?? 'node');
      if (alive || attempt > 3) throw new FleetError('storage.already-running', { path, pid });
      await rm(file, { force: true });
    }
  }
  return async () => {
    const pid = Number.parseInt(await readFile(file, 'utf8').catch(() => ''), 10);
    if (pid === process.pid) await rm(file, { force: true });
  };
}

/** Reads a secret of `bytes` random bytes from `file`, or makes it once (0600). */
export async function fileSecret(file: string, bytes: number): Promise<Buffer> {
  try {
    return Buffer.from((await readFile(file, 'utf8')).trim(), 'base64url');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw directoryError(file, error);
  }
  const secret = randomBytes(bytes);
  await writeFile(file, `${secret.toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  return secret;
}
