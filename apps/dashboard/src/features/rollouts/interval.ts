/** Where the bounds of a finding stand on an axis that is measured in margins: -1 is the margin, 0 no difference. */
import type { Resource } from '@tinyfleet/contracts';

/** Margins to either side of equal. */
const REACH = 2.5;
/** Of the axis: a bar that lies beyond it altogether is seen as long as this. */
const STUB = 0.06;

/** Shares of the axis: 0 is its left end, 1 the right one. */
export interface Interval {
  /** Where it was seen; undefined: beyond the axis. */
  readonly dot: number | undefined;
  /** Undefined: no bounds yet. */
  readonly bar: { readonly from: number; readonly to: number } | undefined;
  /** Of the bar: a bound that stands here, or one that is farther out to a side. */
  readonly ends: readonly { readonly share: number; readonly way: 'here' | 'left' | 'right' }[];
}

const shareOf = (margins: number): number =>
  (Math.max(-REACH, Math.min(REACH, margins)) + REACH) / (2 * REACH);
const isBeyond = (margins: number): boolean => Math.abs(margins) > REACH;

/** @returns a CSS length along the axis */
export const percentAt = (margins: number): string => `${(100 * shareOf(margins)).toFixed(2)}%`;

/** @returns undefined: there is nothing to draw */
export function intervalOf(
  finding: Pick<Resource<'GateFinding'>, 'difference' | 'low' | 'high' | 'margin'>,
): Interval | undefined {
  const { difference, margin } = finding;
  if (difference === null) return undefined;
  const seen = difference / margin;
  const dot = isBeyond(seen) ? undefined : shareOf(seen);
  if (finding.low === null || finding.high === null) return { dot, bar: undefined, ends: [] };
  const [low, high] = [finding.low / margin, finding.high / margin];
  if (high < -REACH) return { dot, bar: { from: 0, to: STUB }, ends: [{ share: 0, way: 'left' }] };
  if (low > REACH) return { dot, bar: { from: 1 - STUB, to: 1 }, ends: [{ share: 1, way: 'right' }] };
  return {
    dot,
    bar: { from: shareOf(low), to: shareOf(high) },
    ends: [
      { share: shareOf(low), way: isBeyond(low) ? 'left' : 'here' },
      { share: shareOf(high), way: isBeyond(high) ? 'right' : 'here' },
    ],
  };
}
