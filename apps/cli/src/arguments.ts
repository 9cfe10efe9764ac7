/** Reading of command-line arguments: numbers, lists, `model@version`, files. */
import { readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { FleetError } from '@tinyfleet/errors';
import { zipSync } from 'fflate';

/** @throws cli.usage */
export function usage(reason: string): never {
  throw new FleetError('cli.usage', { reason });
}

export function integer(name: string, min: number, max: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < min || value > max)
      usage(`${name} is a whole number from ${min} to ${max}, not "${text}".`);
    return value;
  };
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** `90`, `30s`, `15m`, `24h` or `7d`, in seconds. @throws cli.usage */
export function duration(name: string, min: number, max: number) {
  return (text: string): number => {
    const [, digits, unit] = /^(\d{1,9})([smhd]?)$/.exec(text.trim()) ?? [];
    const value = Number(digits) * (SECONDS[unit === '' ? 's' : (unit ?? '')] ?? Number.NaN);
    if (!(value >= min && value <= max))
      usage(`${name} is a time such as 90s, 15m, 24h or 7d, from ${min} to ${max} seconds, not "${text}".`);
    return value;
  };
}

/** A time of RFC 3339, or how long ago (`90s`, `30m`, `24h`, `7d`), as RFC 3339 in UTC. */
export function instant(name: string, now: () => number = Date.now) {
  return (text: string): string => {
    const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
    const at =
      count === undefined
        ? /^\d{4}-\d{2}-\d{2}/.test(text)
          ? Date.parse(text)
          : Number.NaN
        : now() - Number(count) * 1_000 * (SECONDS[unit ?? ''] ?? Number.NaN);
    if (!Number.isFinite(at))
      usage(`${name} is a time such as 2026-01-31T12:00:00Z, or 30m, 24h or 7d ago, not "${text}".`);
    return new Date(at).toISOString();
  };
}

/** Comma separated, blanks around items dropped, no empty items. */
export function commaList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** `kws@1.1.0` or `kws`. @throws cli.usage */
export function modelRef(text: string): { model: string; version: string | undefined } {
  const at = text.lastIndexOf('@');
  if (at < 0) return { model: text, version: undefined };
  if (at === 0 || at === text.length - 1) usage(`"${text}" is not NAME@VERSION, such as kws@1.1.0.`);
  return { model: text.slice(0, at), version: text.slice(at + 1) };
}

/** As `modelRef`, the version required. @throws cli.usage */
export function releaseRef(text: string): { model: string; version: string } {
  const { model, version } = modelRef(text);
  return version === undefined
    ? usage(`"${text}" lacks the version: NAME@VERSION, such as kws@1.1.0.`)
    : { model, version };
}

/** Labels as a comma list, or from a file (`@labels.txt` or a path that exists): one per line. */
export function labels(text: string): string[] {
  const path = text.startsWith('@') ? text.slice(1) : undefined;
  if (path !== undefined) return labelLines(readInput(path).toString('utf8'));
  if (!text.includes(',')) {
    try {
      return labelLines(readFileSync(text, 'utf8'));
    } catch {
      // Not a file: a list of one.
    }
  }
  return commaList(text);
}

/** A file with one line may hold a comma list. */
function labelLines(content: string): string[] {
  const lines = content
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const [only, ...rest] = lines;
  return only !== undefined && rest.length === 0 ? commaList(only) : lines;
}

/**
 * A model file; or a tfjs model (its folder, or the model.json in it) with its weights as one archive. Entries are stored with
 * fixed times: the same files give the same bytes. @throws cli.file-not-found, cli.file-unreadable
 */
export function readModel(path: string): { bytes: Uint8Array; fileName: string } {
  const folder = isFolder(path) ? path : dirname(path);
  if (folder !== path && basename(path) !== 'model.json')
    return { bytes: readInput(path), fileName: basename(path) };
  const model = readInput(join(folder, 'model.json'));
  const weights = shards(model);
  // XGBoost's save_model("model.json") has the name too.
  if (weights === null) return { bytes: model, fileName: 'model.json' };
  const files = ['model.json', ...weights].map(
    (name) => [name, new Uint8Array(readInput(join(folder, name)))] as const,
  );
  const bytes = zipSync(Object.fromEntries(files), { level: 0, mtime: '1980-01-01T00:00:00' });
  return { bytes, fileName: `${basename(resolve(folder))}.zip` };
}

/** Weights that a model.json names; null for what is no tfjs model. Only files beside it: a stranger's manifest does not choose what is uploaded. */
function shards(model: Buffer): string[] | null {
  let manifest: unknown;
  try {
    manifest = (JSON.parse(model.toString('utf8')) as { weightsManifest?: unknown }).weightsManifest;
  } catch {
    return null;
  }
  if (!Array.isArray(manifest)) return null;
  const groups = manifest as { paths?: unknown }[];
  const paths = groups.flatMap(({ paths: list }) => (Array.isArray(list) ? (list as unknown[]) : []));
  return paths.filter((name) => typeof name === 'string').filter((name) => /^[\w-][\w.-]*$/.test(name));
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** @throws cli.file-not-found, cli.file-unreadable */
export function readInput(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') throw new FleetError('cli.file-not-found', { path });
    throw new FleetError('cli.file-unreadable', { path, reason: code ?? (error as Error).message });
  }
}
