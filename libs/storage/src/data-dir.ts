/**
 * The data directory: where it is, what lies in it, and that only one TinyFleet uses it. It changes no mode or
 * owner of a directory that it did not make.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises';
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
    await makeDirectory(path, 0o755);
    await mkdir(dir.blobs, { recursive: true, mode: 0o700 });
    await mkdir(dir.log, { recursive: true, mode: 0o755 });
    const probe = join(path, `.probe-${process.pid}`);
    await writeFile(probe, '');
    await rm(probe);
  } catch (error) {
    throw directoryError(path, error);
  }
  const release = await lock(path);
  return { ...dir, release };
}

/**
 * Makes a directory and its parents. Not by Node's recursive mkdir: that one never returns where a parent cannot be
 * made (/proc), and hides a read-only file system behind ENOENT.
 */
async function makeDirectory(path: string, mode: number): Promise<void> {
  const make = async () => {
    try {
      await mkdir(path, { mode });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !(await stat(path)).isDirectory())
        throw error;
    }
  };
  try {
    await make();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeDirectory(dirname(path), mode);
    await make();
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
            ? 'its parent directory is missing and cannot be made'
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
