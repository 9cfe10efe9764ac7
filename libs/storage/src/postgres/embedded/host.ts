/**
 * What TinyFleet asks of the operating system and only Linux answers in full: the command of a process, the owner
 * of a port, a system user. Elsewhere the functions answer "unknown" or refuse, and callers cope.
 */
import { execFile } from 'node:child_process';
import { readFile, readdir, readlink } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** True when a process with this id exists, whoever owns it. */
export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The command line of a process, arguments joined by spaces; undefined when it is gone or hidden. */
export async function processCommand(pid: number): Promise<string | undefined> {
  try {
    if (process.platform === 'linux') {
      const text = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replace(/\0+/g, ' ').trim();
      return text === '' ? undefined : text;
    }
    const { stdout } = await run('ps', ['-o', 'command=', '-p', String(pid)]);
    return stdout.trim() === '' ? undefined : stdout.trim();
  } catch {
    return undefined;
  }
}

/** Who listens on a TCP port of this machine, as `mosquitto (process 812)`; undefined when it cannot be told. */
export async function portOwner(port: number): Promise<string | undefined> {
  const pid = process.platform === 'linux' ? await linuxPortOwner(port) : await lsofPortOwner(port);
  if (pid === undefined) return undefined;
  const command = await processCommand(pid);
  const name = command?.split(' ')[0]?.split('/').at(-1);
  return name === undefined ? `process ${pid}` : `${name} (process ${pid})`;
}

async function linuxPortOwner(port: number): Promise<number | undefined> {
  const inodes = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const text = await readFile(table, 'utf8').catch(() => '');
    for (const line of text.split('\n').slice(1)) {
      // Fields: sl, local address, remote address, state (0A = listening), ..., inode at index 9.
      const fields = line.trim().split(/\s+/);
      if (fields[3] !== '0A' || fields[9] === undefined) continue;
      if (Number.parseInt(fields[1]?.split(':').at(-1) ?? '', 16) === port)
        inodes.add(`socket:[${fields[9]}]`);
    }
  }
  if (inodes.size === 0) return undefined;
  for (const entry of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(entry)) continue;
    // Other users' descriptors are hidden unless we are root: then the owner stays unknown.
    const descriptors = await readdir(`/proc/${entry}/fd`).catch(() => []);
    for (const descriptor of descriptors) {
      const target = await readlink(`/proc/${entry}/fd/${descriptor}`).catch(() => '');
      if (inodes.has(target)) return Number(entry);
    }
  }
  return undefined;
}

async function lsofPortOwner(port: number): Promise<number | undefined> {
  try {
    const { stdout } = await run('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-t']);
    const pid = Number.parseInt(stdout, 10);
    return Number.isNaN(pid) ? undefined : pid;
  } catch {
    return undefined;
  }
}

export interface SystemUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** True when this call made it: the caller announces it. */
  readonly made: boolean;
}

/** Finds the system user, or makes it without home and login. @throws Error with the tool's own words. */
export async function ensureSystemUser(name: string): Promise<SystemUser> {
  const found = await findUser(name);
  if (found) return { ...found, made: false };
  if (process.platform !== 'linux') throw new Error(`system users are made on Linux only`);
  try {
    await run('useradd', [
      '--system',
      '--user-group',
      '--no-create-home',
      '--home-dir',
      '/nonexistent',
      '--shell',
      '/usr/sbin/nologin',
      name,
    ]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    // BusyBox systems have adduser only.
    await run('adduser', ['-S', '-D', '-H', '-s', '/sbin/nologin', name]);
  }
  const made = await findUser(name);
  if (!made) throw new Error('the user was made but cannot be found');
  return { ...made, made: true };
}

async function findUser(name: string): Promise<{ name: string; uid: number; gid: number } | undefined> {
  try {
    const uid = Number.parseInt((await run('id', ['-u', name])).stdout, 10);
    const gid = Number.parseInt((await run('id', ['-g', name])).stdout, 10);
    return { name, uid, gid };
  } catch {
    return undefined;
  }
}
