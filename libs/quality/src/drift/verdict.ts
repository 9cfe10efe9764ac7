/**
 * What a drift most likely is, in words, with the evidence for it: a sensor, the pre-processing, the class mix, or the world.
 *
 * Rules over evidence, in the order in which they exclude each other; the first that holds gives the verdict, and its evidence is
 * listed so that a person can disagree:
 *   class mix       other classes are predicted, and either the shift of the features is what that brings with it (less than a third of
 *                   the summed squared shift, noise taken off, is left when each class keeps its own means), or nothing else has
 *                   moved: neither features nor confidence nor the score of what is far from training data;
 *   pre-processing  a version of the model or of the firmware is concerned, or several features move together on every device that got it, from its activation on;
 *   sensor          one device (or a batch) is concerned, and either its counters rise (stuck, saturated, dropped, invalid) or some of
 *                   its features move while others, of another sensor, do not;
 *   world           a site or everyone is concerned and no counter rises.
 */
import type { Scope } from './scope.js';

export type DriftKind = 'sensor' | 'pre-processing' | 'class mix' | 'world' | 'unknown';

export interface FeatureShift {
  readonly feature: string;
  /** Features of one sensor share it: `accelerometer`. */
  readonly sensor?: string | undefined;
  /** In standard deviations of an observation of the baseline. */
  readonly mean: number;
  /** Standard deviation against the baseline's: 1.3 = 30 % more. */
  readonly spread: number;
  /** Score of the evidence for either. */
  readonly score: number;
  /** Variance of `mean`. Default 0. */
  readonly noise?: number | undefined;
}

export interface DriftEvidence {
  readonly scope: Scope;
  readonly shifts: readonly FeatureShift[];
  /** Predicted classes: shares now and before, from 0 to 1. */
  readonly classes?:
    | {
        readonly current: readonly number[];
        readonly baseline: readonly number[];
        /** As estimated from all windows since the change. Default: the difference of the two. */
        readonly change?: readonly number[] | undefined;
        readonly labels?: readonly string[] | undefined;
        /** Of the class that moved most. Default: it has moved. */
        readonly score?: number | undefined;
      }
    | undefined;
  /** What the model says of its own certainty: confidence, OOD score. */
  readonly certainty?: readonly FeatureShift[] | undefined;
  /** Feature means by class, from validation data, in the units of `FeatureShift.mean`; by class, then by feature of `shifts`. */
  readonly classMeans?: readonly (readonly number[])[] | null | undefined;
  /** Share of samples now and before: stuck, saturated, ... */
  readonly counters?: readonly { readonly name: string; readonly now: number; readonly before: number }[];
  /** Windows from the concerned version's activation to the change; undefined = no activation near. */
  readonly windowsSinceActivation?: number | undefined;
}

export interface Verdict {
  readonly kind: DriftKind;
  readonly scope: Scope['kind'];
  readonly title: string;
  readonly evidence: readonly string[];
}

/** |score| from which a feature has moved. */
const MOVED = 3;
/** Share of predictions that went to other classes. */
const LEAST_CLASSES = 0.1;
/** Share of samples by which a counter has risen. */
const RISEN = 0.02;

/** @param name of a device by position */
export function verdictOf(given: DriftEvidence, name: (device: number) => string): Verdict {
  const moved = given.shifts.filter(({ score }) => Math.abs(score) >= MOVED);
  const evidence = [whoMoved(given.scope), ...moved.slice(0, 5).map(wordsOfShift)];
  const kind = kindOf(given, moved, evidence);
  return {
    kind,
    scope: given.scope.kind,
    title: `${titles[kind]}: ${wordsOfScope(given.scope, name)}`,
    evidence,
  };
}

const titles: Record<DriftKind, string> = {
  sensor: 'Sensor',
  'pre-processing': 'Pre-processing',
  'class mix': 'Other classes than usual',
  world: 'The world has changed',
  unknown: 'Changed',
};

function kindOf(given: DriftEvidence, moved: readonly FeatureShift[], evidence: string[]): DriftKind {
  const { scope, shifts, counters = [] } = given;
  const risen = counters.filter(({ now, before }) => now - before >= RISEN);
  for (const { name, now, before } of risen)
    evidence.push(`${name}: ${percent(now)} of samples, before ${percent(before)}`);
  const change = classesMoved(given);
  if (change) evidence.push(wordsOfClasses(given.classes!, change));
  const mix = change && risen.length === 0 ? classMix(given, moved) : undefined;
  if (mix !== undefined) {
    evidence.push(mix);
    return 'class mix';
  }
  const isVersion =
    scope.kind === 'attribute' &&
    scope.cause.values.some(({ attribute }) => attribute === 'version' || attribute === 'firmware');
  if (isVersion || (given.windowsSinceActivation !== undefined && scope.kind !== 'device')) {
    if (given.windowsSinceActivation !== undefined)
      evidence.push(`${given.windowsSinceActivation} windows after the version was activated`);
    return 'pre-processing';
  }
  const sensors = new Set(shifts.map(({ sensor }) => sensor));
  const concerned = new Set(moved.map(({ sensor }) => sensor));
  const isPart = moved.length > 0 && concerned.size < sensors.size;
  if (isPart && !concerned.has(undefined)) {
    const still = [...sensors].filter((sensor) => !concerned.has(sensor));
    evidence.push(`only ${[...concerned].join(', ')} moved, not ${still.join(', ')}`);
  }
  const isLocal =
    scope.kind === 'device' ||
    scope.kind === 'devices' ||
    (scope.kind === 'attribute' &&
      scope.cause.values.some(({ attribute }) => attribute === 'batch' || attribute === 'type'));
  if (risen.length > 0) return 'sensor';
  if (isLocal && moved.length > 0) return 'sensor';
  if (!isLocal) return 'world';
  return 'unknown';
}

/** Change of the share of each class; undefined: none that is worth a word. */
function classesMoved({ classes }: DriftEvidence): readonly number[] | undefined {
  if (!classes || Math.abs(classes.score ?? Infinity) < MOVED) return undefined;
  const change = classes.change ?? classes.current.map((share, c) => share - classes.baseline[c]!);
  const moved = change.reduce((sum, one) => sum + Math.abs(one), 0) / 2;
  return moved >= LEAST_CLASSES ? change : undefined;
}

/** Why it is the class mix; undefined: it is not, or nobody can tell. */
function classMix(given: DriftEvidence, moved: readonly FeatureShift[]): string | undefined {
  const { shifts, certainty = [], classMeans } = given;
  if (shifts.length > 0 && classMeans) {
    const left = shiftLeftByClasses(given);
    if (left === undefined || left >= 1 / 3) return undefined;
    return moved.length > 0
      ? `other classes explain ${percent(1 - left)} of the shift of the features`
      : 'the features are where these classes have them';
  }
  const isCertain = certainty.every(({ score }) => Math.abs(score) < MOVED);
  if (moved.length > 0 || !isCertain || shifts.length + certainty.length === 0) return undefined;
  return 'nothing else has moved';
}

/**
 * Share of the features' summed squared shift that other classes do not explain: a window with class shares p has, when each class
 * keeps its own features, means sum_c p_c m_c. Noise of the shifts is taken off. Undefined without class means or without a shift of
 * the classes. A shift that these classes would bring and that is not there counts like one that is there and they do not bring.
 */
export function shiftLeftByClasses(given: DriftEvidence): number | undefined {
  const { shifts, classMeans } = given;
  const change = classesMoved(given);
  if (!change || !classMeans) return undefined;
  let [left, seen, brought] = [0, 0, 0];
  shifts.forEach(({ mean, noise = 0 }, f) => {
    const expected = change.reduce((sum, one, c) => sum + one * classMeans[c]![f]!, 0);
    left += (mean - expected) ** 2 - noise;
    seen += mean * mean;
    brought += expected * expected;
  });
  const all = Math.max(seen, brought);
  return all > 0 ? Math.max(0, left) / all : 0;
}

function wordsOfClasses(
  { current, baseline, labels }: NonNullable<DriftEvidence['classes']>,
  change: readonly number[],
): string {
  const most = change
    .map((one, c) => ({ one, c }))
    .sort((a, b) => Math.abs(b.one) - Math.abs(a.one))
    .slice(0, 3);
  const words = most.map(
    ({ c }) => `${labels?.[c] ?? `class ${c}`} ${percent(current[c]!)}, before ${percent(baseline[c]!)}`,
  );
  return `other classes: ${words.join('; ')}`;
}

function whoMoved(scope: Scope): string {
  switch (scope.kind) {
    case 'device':
      return 'one device';
    case 'devices':
      return `${scope.devices.length} devices without anything in common`;
    case 'everyone':
      return 'the whole fleet';
    case 'attribute': {
      const { drifted, members, covers, p } = scope.cause;
      return `${drifted} of its ${members} devices, ${percent(covers)} of all that moved (p ${p.toExponential(0)} after correction)`;
    }
  }
}

function wordsOfScope(scope: Scope, name: (device: number) => string): string {
  switch (scope.kind) {
    case 'device':
      return name(scope.device);
    case 'devices':
      return (
        scope.devices.slice(0, 3).map(name).join(', ') +
        (scope.devices.length > 3 ? ` and ${scope.devices.length - 3} more` : '')
      );
    case 'everyone':
      return 'everyone';
    case 'attribute':
      return scope.cause.values.map(({ attribute, value }) => `${attribute} ${value}`).join(' and ');
  }
}

function wordsOfShift({ feature, mean, spread }: FeatureShift): string {
  const parts = [
    ...(Math.abs(mean) >= 0.05 ? [`mean ${mean > 0 ? '+' : '-'}${Math.abs(mean).toFixed(2)} sd`] : []),
    ...(Math.abs(spread - 1) >= 0.05 ? [`spread x${spread.toFixed(2)}`] : []),
  ];
  return `${feature}: ${parts.length > 0 ? parts.join(', ') : 'moved a little'}`;
}

const percent = (share: number): string => {
  const bounded = Math.max(0, share);
  return `${(100 * bounded).toFixed(bounded < 0.1 ? 1 : 0)} %`;
};
