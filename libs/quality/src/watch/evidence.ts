/** From an incident to what an alert says: verdict in words, shifts, severity. */
import type { DriftEvidence, FeatureShift, Verdict } from '../drift/verdict.js';
import { verdictOf } from '../drift/verdict.js';
import type { AlertEvidence } from '../alerts/ports.js';
import type { Found } from './incidents.js';
import {
  COUNTERS,
  countOf,
  featureName,
  featureStream,
  streamsOf,
  watchedClasses,
  type RoundSums,
  type WatchReference,
} from './reference.js';

/** A version that was activated so many rounds before the change may have brought it. */
const ACTIVATION_ROUNDS = 24;

/** No share moves by more than 1, whatever is estimated from scores that rise so fast. */
export function withinShares(found: Found, reference: WatchReference): Found {
  const streams = streamsOf(reference);
  const within = (s: number, shift: number): number =>
    streams[s]!.statistic === 'share' ? Math.max(-1, Math.min(1, shift)) : shift;
  return {
    ...found,
    shift: within(found.stream, found.shift),
    standings: found.standings.map((one, s) => ({ ...one, shift: within(s, one.shift) })),
  };
}

export function verdictFor(
  found: Found,
  reference: WatchReference,
  given: {
    /** Of those concerned, since the change. */
    readonly sums: readonly RoundSums[];
    /** Those of the newest round, and how far it is from what they did before, by stream; undefined: not known. */
    readonly newest: readonly RoundSums[];
    readonly rests: readonly (number | undefined)[];
    /** Rounds since which those concerned run their version, counted from the change. */
    readonly sinceActivation: number | undefined;
    readonly name: (device: number) => string;
  },
): Verdict {
  const { standings, scope } = found;
  const n = given.sums.reduce((sum, one) => sum + one.n, 0);
  const shifts: FeatureShift[] = reference.features.map((_, f) => {
    const at = featureStream(reference, f);
    const [mean, spread] = [standings[at]!, standings[at + 1]!];
    return {
      feature: featureName(reference, f),
      mean: mean.shift,
      spread: Math.max(0, 1 + spread.shift) ** 1.5,
      score: Math.abs(mean.score) >= Math.abs(spread.score) ? mean.score : spread.score,
      // Of the newest round alone, and as much of what it is held against.
      noise: n > 0 ? (2 * Math.max(1, found.windows)) / n : 0,
    };
  });
  const share = (of: (one: RoundSums) => number) => shareOf(given.sums, of);
  const { sinceActivation } = given;
  const certainty = certaintyOf(found, reference);
  return verdictOf(
    {
      scope,
      // Without monitored features, what the model says of itself is all that can move.
      shifts: shifts.length > 0 ? shifts : certainty,
      certainty,
      classes: n > 0 ? classesOf(found, reference, given) : undefined,
      classMeans: shifts.length > 0 ? reference.classMeans : undefined,
      counters: COUNTERS.map((name, c) => ({
        name,
        now: share(({ counters }) => counters[c] ?? 0),
        before: reference.counters[c]!,
      })),
      windowsSinceActivation:
        sinceActivation !== undefined && sinceActivation >= 0 && sinceActivation <= ACTIVATION_ROUNDS
          ? sinceActivation
          : undefined,
    },
    given.name,
  );
}

/**
 * Shares of the classes now, as they were counted, and what is left of them when what moved is taken away: devices differ in what they
 * do, so the reference is not what these did before.
 */
function classesOf(
  { standings }: Found,
  { classes, labels, bins }: WatchReference,
  { sums, newest, rests }: Pick<Parameters<typeof verdictFor>[2], 'sums' | 'newest' | 'rests'>,
): DriftEvidence['classes'] {
  if (classes.length < 2) return undefined;
  const countedIn = (those: readonly RoundSums[]) =>
    classes.map((_, c) => shareOf(those, (one) => countOf(one.classes, c, bins)));
  const watched = watchedClasses(classes);
  const current = countedIn(sums);
  if (watched.length === 0) return { baseline: classes, current, labels };
  const byClass = (of: (stream: number) => number): number[] => {
    const all = classes.map(() => 0);
    watched.forEach((c, s) => (all[c] = of(s)));
    // Of two classes the first is what the second is not.
    if (classes.length === 2) all[0] = -all[1]!;
    return all;
  };
  const change = byClass((s) => standings[s]!.shift);
  const moved = byClass((s) => rests[s] ?? standings[s]!.shift);
  const now = newest.some(({ n }) => n > 0) ? countedIn(newest) : current;
  const baseline = now.map((one, c) => Math.max(0, Math.min(1, one - moved[c]!)));
  const scores = watched.map((_, s) => Math.abs(standings[s]!.score));
  return { baseline, current, change, labels, score: Math.max(...scores) };
}

function shareOf(sums: readonly RoundSums[], of: (one: RoundSums) => number): number {
  const n = sums.reduce((sum, one) => sum + one.n, 0);
  return n > 0 ? sums.reduce((sum, one) => sum + of(one), 0) / n : 0;
}

/** What the model says of its own certainty. */
function certaintyOf({ standings }: Found, { classes, confidence, ood }: WatchReference): FeatureShift[] {
  const first = watchedClasses(classes).length;
  const names = [...(confidence ? ['confidence'] : []), ...(ood ? ['OOD score'] : [])];
  return names.map((feature, i) => {
    const { shift, score } = standings[first + i]!;
    return { feature, mean: shift, spread: 1, score };
  });
}

/** What a page says beside its title. */
export function evidenceOf(
  found: Found,
  names: readonly string[],
  rest: Omit<AlertEvidence, 'shifts'>,
): AlertEvidence {
  const shifts = found.standings
    .map(({ shift, windows, score }, s) => ({ stream: names[s]!, shift, windows, score, s }))
    .filter(({ s, score }) => s === found.stream || Math.abs(score) >= 3)
    .sort(
      (a, b) =>
        Number(b.s === found.stream) - Number(a.s === found.stream) || Math.abs(b.score) - Math.abs(a.score),
    )
    .slice(0, 20)
    .map(({ s: _, ...shift }) => shift);
  return { ...rest, shifts };
}
