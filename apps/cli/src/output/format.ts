/** Numbers and states as people read them. */
import pc from 'picocolors';

export { plural } from '@tinyfleet/contracts';

/** 54,321 -> "53.0 KiB"; exact below 10,000. */
export function bytes(n: number | null | undefined): string {
  if (n === null || n === undefined) return '-';
  if (n < 10_000) return `${n.toLocaleString('en')} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = n / 1_024;
  let unit = 0;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${value.toFixed(1)} ${units[unit]}`;
}

export function count(n: number): string {
  return n.toLocaleString('en');
}

export function percent(share: number, digits = 0): string {
  return `${(share * 100).toFixed(digits)} %`;
}

/** "12 s ago", "3 h ago"; the date beyond 30 days. */
export function ago(timestamp: string | null | undefined, now = Date.now()): string {
  if (timestamp === null || timestamp === undefined) return 'never';
  const seconds = Math.max(0, Math.round((now - Date.parse(timestamp)) / 1_000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`;
  return seconds < 30 * 86_400 ? `${Math.floor(seconds / 86_400)} d ago` : timestamp.slice(0, 10);
}

export function duration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1_000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1_000);
  if (seconds < 3_600) return twoUnits(seconds, 60, 'min', 's');
  if (seconds < 48 * 3_600) return twoUnits(Math.round(seconds / 60), 60, 'h', 'min');
  return twoUnits(Math.round(seconds / 3_600), 24, 'd', 'h');
}

function twoUnits(small: number, smallPerLarge: number, large: string, unit: string): string {
  const rest = small % smallPerLarge;
  return `${Math.floor(small / smallPerLarge)} ${large}` + (rest > 0 ? ` ${rest} ${unit}` : '');
}

export function shortDigest(digest: string | null | undefined): string {
  return digest === null || digest === undefined ? '-' : digest.slice(0, 16);
}

/** `[#####.....]`, `width` characters between the brackets. */
export function bar(share: number, width = 24): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width);
  return `[${'#'.repeat(full)}${'.'.repeat(width - full)}]`;
}

const GOOD = new Set(['active', 'succeeded', 'approved', 'connected', 'ok', 'taken']);
const BAD = new Set([
  'failed',
  'refused',
  'expired',
  'reverted',
  'rejected',
  'corrupt',
  'revoked',
  'silent',
  'lost',
  'incompatible',
  'aborted',
]);

/** A state in its colour. */
export function state(name: string | null | undefined): string {
  if (name === null || name === undefined) return '-';
  if (GOOD.has(name)) return pc.green(name);
  return BAD.has(name) ? pc.red(name) : pc.yellow(name);
}
