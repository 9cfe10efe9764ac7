/** What the sweep does to a flash operation, one by one: where it is torn and how the torn unit reads back. */
import type { FlashGeometry } from '../flash/flash-image.js';
import type { Fate, FlashOperation, Look } from './torn-flash.js';

/** Looks that are more than what is there: tried at the first, the middle and the last unit of the operation. */
const READINGS: readonly Look[] = ['stale', 'flicker', 'fading', 'late', 'error'];

/** All distinct fates: not begun, completed, torn at the first byte, a quarter, half, the last byte, a garbage word, all readings. */
export function fatesOf(operation: FlashOperation, geometry: FlashGeometry): Fate[] {
  const n = operation.erase ? geometry.sectorBytes : operation.data!.length;
  const parts = [...new Set([1, n >> 2, n >> 1, n - 1])].filter((done) => done > 0 && done < n);
  const unit = operation.erase ? n : geometry.unitBytes;
  const units = new Set([0, n >> 1, n - 1].map((done) => done - (done % unit)));
  return [
    { kind: 'before' },
    { kind: 'after' },
    ...parts.map((done) => ({ kind: 'torn', done, look: 'partial' }) as const),
    { kind: 'torn', done: n >> 1, look: 'garbage' },
    ...[...units].flatMap((done) => READINGS.map((look) => ({ kind: 'torn', done, look }) as const)),
  ];
}

/** Which of them are tried two at a time. */
export function doubleFates(fate: Fate): boolean {
  if (fate.kind !== 'torn') return fate.kind === 'after';
  return fate.done === 0 ? fate.look !== 'error' && fate.look !== 'stale' : fate.look === 'garbage';
}

export function nameOf(fate: Fate, kindOnly = false): string {
  if (fate.kind !== 'torn') return fate.kind;
  return kindOnly ? fate.look : `torn after ${fate.done}, ${fate.look}`;
}
