/** Drift from validation data as people read it. */
import type { Resource } from '@tinyfleet/contracts';
import { formatInteger, formatPercent } from '../../app/format';

export type Moved = Resource<'Moved'>;
type Feature = Resource<'DriftFeature'>;

/** Squared Hellinger distance beyond which an estimate of accuracy abstains, as a distance (libs/quality, ALLOWED_DISTANCE). */
export const FAR = Math.sqrt(0.02);
/** Ends of the scales: half way to nothing in common, two standard deviations. */
export const FULL_DISTANCE = 0.5;
export const FULL_SHIFT = 2;

/** A group without a name has no site. */
export const groupName = (group: string): string => (group === '' ? 'no site' : group);

export function movedWords({ n, distance, share, shift, isFar }: Moved): string {
  const where = shift === null || Math.abs(shift) < 0.05 ? '' : `, mean ${shiftWords(shift)}`;
  const verdict = isFar ? ': other inputs than those validated' : '';
  return `${formatPercent(share, 0)} lie in other bins, distance ${distance.toFixed(2)}${where}, of ${formatInteger(n)}${verdict}`;
}

export const shiftWords = (shift: number): string =>
  `${Math.abs(shift).toFixed(2)} sd ${shift < 0 ? 'lower' : 'higher'}`;

/** A sentence below the overlay. */
export function verdictOf(feature: Feature): string {
  const { feature: name, n, share, shift, isFar, kind } = feature;
  if (n === 0) return `Nothing of ${name} was sent here.`;
  const moved = `${formatPercent(share, 0)} of ${kind === 'classes' || kind === 'confidence' ? 'predictions' : 'values'} lie in other bins than in validation data`;
  const mean =
    shift === null
      ? ''
      : Math.abs(shift) < 0.05
        ? '; the mean is the same'
        : `; the mean is ${shiftWords(shift)}`;
  const so = isFar
    ? 'That is far beyond chance: an estimate of accuracy abstains.'
    : 'That is within what an estimate of accuracy allows.';
  return `${moved}${mean}. ${so}`;
}

/** Label of a bin: between which edges, in the units of the model's input. */
export function binName({ edges, labels, baseline }: Feature, bin: number): string {
  if (labels.length > 0 || edges.length === 0) return labels[bin] ?? `class ${bin}`;
  const [low, high] = [edges[bin - 1], edges[bin]];
  if (low === undefined) return `below ${short(high ?? 0)}`;
  return high === undefined || bin === baseline.length - 1
    ? `from ${short(low)}`
    : `${short(low)} to ${short(high)}`;
}

/** Three significant digits. */
export function short(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1_000 || size < 0.001) return value.toExponential(1);
  return String(Number(value.toPrecision(3)));
}
