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
  watchedClasses,
  type RoundSums,
  type WatchReference,
} from './reference.js';

/** A version that was activated so many rounds before the change may have brought it. */
const ACTIVATION_ROUNDS = 24;

export function verdictFor(
  found: Found,
  reference: WatchReference,
  given: {
    /** Of those concerned, since the change. */
    readonly sums: readonly RoundSums[];
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
  const share = (of: (one: RoundSums) => number) =>
    n > 0 ? given.sums.reduce((sum, one) => sum + of(one), 0) / n : 0;
  const { sinceActivation } = given;
  const certainty = certaintyOf(found, reference);
  return verdictOf(
    {
      scope,
      // Without monitored features, what the model says of itself is all that can move.
      shifts: shifts.length > 0 ? shifts : certainty,
      certainty,
      classes: n > 0 ? classesOf(found, reference, share) : undefined,
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

/** Shares of the classes as those concerned have moved them, each from its own; of very many classes, as they are now. */
function classesOf(
  { standings }: Found,
  reference: WatchReference,
  share: (of: (one: RoundSums) => number) => number,
): DriftEvidence['classes'] {
  const { classes, labels, bins } = reference;
  if (classes.length < 2) return undefined;
  const watched = watchedClasses(classes);
  if (watched.length === 0)
    return {
      baseline: classes,
      current: classes.map((_, c) => share((one) => countOf(one.classes, c, bins))),
      labels,
    };
  const change = classes.map(() => 0);
  watched.forEach((c, s) => (change[c] = standings[s]!.shift));
  // Of two classes the first is what the second is not.
  if (classes.length === 2) change[0] = -change[1]!;
  const scores = watched.map((_, s) => Math.abs(standings[s]!.score));
  const current = classes.map((one, c) => one + change[c]!);
  return { baseline: classes, current, labels, score: Math.max(...scores) };
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
