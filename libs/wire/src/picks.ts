/**
 * Picks: predictions a device kept so that somebody can label them. 4 bytes each: uint16 little-endian offset
 * from the window's first inference index, predicted class, confidence 0..255.
 */
import { FleetError } from '@tinyfleet/errors';
import { MAX_PICKS } from './limits.js';

export interface Pick {
  /** Inference index minus the window's `firstIndex`. */
  readonly offset: number;
  readonly predicted: number;
  /** int8 softmax output + 128. */
  readonly confidence: number;
}

/** @throws wire.picks-invalid */
export function packPicks(picks: readonly Pick[], limit = MAX_PICKS): Uint8Array {
  if (picks.length > limit) throw invalid(`${picks.length} picks, at most ${limit}`);
  const out = new Uint8Array(picks.length * 4);
  let last = -1;
  for (const [i, pick] of picks.entries()) {
    if (!fits(pick.offset, 65_535) || !fits(pick.predicted, 255) || !fits(pick.confidence, 255))
      throw invalid(`pick ${i} has a number that does not fit`);
    if (pick.offset <= last) throw invalid(`offset ${pick.offset} does not rise`);
    last = pick.offset;
    out.set([pick.offset & 255, pick.offset >> 8, pick.predicted, pick.confidence], i * 4);
  }
  return out;
}

/**
 * @param below every offset is less; a window that takes every k-th inference spans more of them than it counts
 * @throws wire.picks-invalid
 */
export function unpackPicks(bytes: Uint8Array, below: number, limit = MAX_PICKS): Pick[] {
  if (bytes.length % 4 !== 0) throw invalid(`${bytes.length} bytes are not a multiple of 4`);
  if (bytes.length > limit * 4) throw invalid(`${bytes.length / 4} picks, at most ${limit}`);
  const picks: Pick[] = [];
  let last = -1;
  for (let at = 0; at < bytes.length; at += 4) {
    const [low = 0, high = 0, predicted = 0, confidence = 0] = bytes.subarray(at, at + 4);
    const offset = low | (high << 8);
    if (offset <= last) throw invalid(`offset ${offset} does not rise`);
    if (offset >= below) throw invalid(`offset ${offset} is not below ${below}`);
    last = offset;
    picks.push({ offset, predicted, confidence });
  }
  return picks;
}

const fits = (value: number, max: number) => Number.isInteger(value) && value >= 0 && value <= max;

function invalid(reason: string) {
  return new FleetError('wire.picks-invalid', { message: 'telemetry', reason });
}
