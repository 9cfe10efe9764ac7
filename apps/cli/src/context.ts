/**
 * Which server, which token, which project: flags, then environment, then the login file, then what the local
 * server wrote into its data directory. A token is only ever sent to the URL it was stored with.
 */
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { FleetError } from '@tinyfleet/errors';
import { dataDir, loginFile, serverContextFile } from './paths.js';

export interface StoredContext {
  readonly url: string;
  readonly token: string;
  readonly project?: string;
}

export interface ContextFlags {
  readonly url?: string;
  readonly token?: string;
  readonly project?: string;
  readonly dataDir?: string;
}

export interface Context {
  readonly url: string;
  readonly token: string;
  readonly project: string | undefined;
  /** For `context show`. */
  readonly source: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/** @throws cli.no-context, cli.no-login */
export function resolveContext(flags: ContextFlags, env: Env = process.env): Context {
  const stored = storedContext(flags.dataDir);
  const url = trimmed(flags.url ?? (env['TINYFLEET_URL'] || undefined) ?? stored?.context.url);
  const givenToken = flags.token ?? (env['TINYFLEET_TOKEN'] || undefined);
  const sameServer = stored !== undefined && trimmed(stored.context.url) === url;
  const token = givenToken ?? (sameServer ? stored.context.token : undefined);
  if (url === undefined) throw new FleetError('cli.no-context');
  if (token === undefined) throw new FleetError('cli.no-login', { url });
  const project =
    flags.project ??
    (env['TINYFLEET_PROJECT'] || undefined) ??
    (sameServer ? stored.context.project : undefined);
  const overridden = flags.url !== undefined || flags.token !== undefined;
  const source = overridden
    ? 'flags'
    : env['TINYFLEET_URL'] || env['TINYFLEET_TOKEN']
      ? 'environment'
      : (stored?.file ?? '');
  return { url, token, project, source };
}

/** Of a server's URL, as sockets take it: an IPv6 address without its brackets. */
export const hostOf = (url: string): string => new URL(url).hostname.replace(/^\[(.*)\]$/, '$1');

/** The login when there is one, else the local server's context. */
export function storedContext(directory?: string): { file: string; context: StoredContext } | undefined {
  // A data directory that was named means its server, whatever login there is.
  const files = directory === undefined ? [loginFile()] : [];
  files.push(serverContextFile(dataDir(directory)));
  for (const file of files) {
    const context = readContext(file);
    if (context !== undefined) return { file, context };
  }
  return undefined;
}

/** Undefined when there is no such file. @throws cli.file-unreadable */
export function readContext(file: string): StoredContext | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new FleetError('cli.file-unreadable', { path: file, reason: code ?? String(error) });
  }
  try {
    const value = JSON.parse(text) as Partial<StoredContext>;
    if (typeof value.url === 'string' && typeof value.token === 'string') return value as StoredContext;
  } catch {
    // falls through: the file is damaged
  }
  throw new FleetError('cli.file-unreadable', { path: file, reason: 'it is not a TinyFleet context' });
}

/** Writes 0600, the mode first so that the token is never readable by others. */
export function writePrivate(file: string, text: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, '', { mode: 0o600, flag: 'a' });
    chmodSync(file, 0o600);
    writeFileSync(file, text);
  } catch (error) {
    throw new FleetError('cli.file-unwritable', { path: file, reason: (error as Error).message });
  }
}

export function writeContext(file: string, context: StoredContext): void {
  writePrivate(file, `${JSON.stringify(context, undefined, 2)}\n`);
}

export function removeLogin(): void {
  rmSync(loginFile(), { force: true });
}

const trimmed = (url: string | undefined) => url?.replace(/\/+$/, '');
