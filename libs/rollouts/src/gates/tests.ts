/**
 * Each gate as one or more tests of one form: given devices and an error, bounds of the difference (positive = better)
 * and whether they decide. pass: the lower bound is above -margin. fail: the upper bound is below -margin.
 */
import { tMixtureMultiplier } from '@tinyfleet/quality';
import type { GateEvidence } from './evidence.js';
import { boundEvents, countEvents, type DeviceGroup, type EventCounts } from './events.js';
import { compareDevices, differenceOf, type Difference } from './means.js';
import type { ResolvedGate } from './kinds.js';
import type { Stratum } from './ledger.js';

export type Includes = (stratum: Stratum) => boolean;

export interface Errors {
  /** Of a fail. */
  readonly alpha: number;
  /** Of a pass. */
  readonly passAlpha: number;
}

/** What is known of some devices. Numbers in computed units. */
export interface Answer {
  readonly outcome: 'pass' | 'fail' | 'undecided';
  readonly difference: number;
  readonly bounds: () => { readonly low: number; readonly high: number };
  /** Beyond the margin by more than chance alone explains, without being proof. */
  readonly looksBad: boolean;
  readonly devices: number;
  readonly controlDevices: number;
  readonly counted?: { readonly events: number; readonly controlEvents: number };
  /** What would let it pass, if what is seen stays as it is. Null: nothing, or nothing that can be told. */
  readonly wants: () => Wants | null;
}
export type Wants =
  | { readonly kind: 'devices'; readonly devices: number }
  /** So few differ so much that there are no bounds; null: not with a thousand times as many either. */
  | { readonly kind: 'bounds'; readonly devices: number | null }
  /** Times the soak so far. */
  | { readonly kind: 'time'; readonly factor: number };

export interface GateTest {
  readonly gate: ResolvedGate;
  readonly metric: string;
  /** Has anybody reported it, on either side? */
  readonly isReported: boolean;
  /** Both sides have, in the same hours, and in too few to tell noise from difference. */
  readonly isBrief: boolean;
  readonly pending: number;
  readonly sitesOut: readonly string[];
  /** Undefined: nothing is known of these devices. */
  readonly ask: (includes: Includes, errors: Errors) => Answer | undefined;
}

/**
 * A mean looks bad beyond its margin and so many standard errors below the control; a count from this e-value on. No
 * error rate hangs on it: it only keeps a step too small for proof from going on.
 */
const badErrors = 2;
const badEvidence = 5;

/** @param groups of `evidence.devices` */
export function testsOf(
  gate: ResolvedGate,
  evidence: GateEvidence,
  groups: readonly DeviceGroup[],
): GateTest[] {
  const { kind } = gate;
  switch (kind) {
    case 'install-success':
    case 'install-failure':
    case 'install-timeout':
    case 'self-test':
    case 'silence':
      return [eventTest(gate, countEvents(kind, groups))];
    case 'class-mix':
      return evidence.ledger.metrics
        .filter((metric) => metric.startsWith(`${kind}:`))
        .map((metric) => meanTest(gate, metric, evidence));
    case 'confidence':
    case 'ood':
    case 'latency':
    case 'energy':
    case 'resets':
    case 'accuracy':
      return [meanTest(gate, kind, evidence)];
  }
}

function eventTest(gate: ResolvedGate, counts: EventCounts): GateTest {
  const { margin } = gate;
  return {
    gate,
    metric: gate.kind,
    isReported: counts.strata.some(({ devices }) => devices > 0),
    isBrief: false,
    pending: counts.strata.reduce((n, { pending }) => n + pending, 0),
    sitesOut: counts.sitesOut,
    ask: (includes, errors) => {
      const bounds = boundEvents(counts, includes, { margin, ...errors });
      if (!bounds) return undefined;
      const { devices, events, controlDevices, controlEvents, excess } = bounds;
      return {
        outcome: bounds.isMore ? 'fail' : bounds.isFewer ? 'pass' : 'undecided',
        difference: -excess,
        bounds: () => {
          const { low, high } = bounds.bounds();
          return { low: -high, high: -low };
        },
        looksBad: bounds.evidence >= badEvidence,
        devices,
        controlDevices,
        counted: { events, controlEvents },
        wants: () => devicesToPass(counts, includes, { margin, errors, bounds }),
      };
    },
  };
}

/** How many devices with the same share of events would pass; null when that share never does. */
function devicesToPass(
  counts: EventCounts,
  includes: Includes,
  given: { margin: number; errors: Errors; bounds: { devices: number; excess: number } },
): Wants | null {
  const { margin, errors, bounds } = given;
  if (bounds.excess >= margin) return null;
  for (let times = 1.25; times < 1_000; times *= 1.25) {
    const strata = counts.strata.map((one) => ({
      ...one,
      devices: one.devices * times,
      events: one.events * times,
    }));
    if (boundEvents({ ...counts, strata }, includes, { margin, ...errors })?.isFewer) {
      return { kind: 'devices', devices: Math.ceil(bounds.devices * times) };
    }
  }
  return null;
}

function meanTest(gate: ResolvedGate, metric: string, evidence: GateEvidence): GateTest {
  const { margin, facts } = gate;
  const sums = evidence.ledger.sums(metric);
  const comparison = sums && compareDevices(evidence.ledger, sums, { isShare: facts.isShare, margin });
  return {
    gate,
    metric,
    isReported: sums?.trials.some((trials) => trials > 0) ?? false,
    isBrief: comparison?.isReady === false && comparison.sums.devices.some((devices) => devices > 0),
    pending: 0,
    sitesOut: [],
    ask: (includes, { alpha, passAlpha }) => {
      if (!comparison?.isReady) return undefined;
      const found = differenceOf(comparison, includes);
      if (!found) return undefined;
      const { estimate, variance, leastVariance, df, devices, controlDevices } = found;
      const error = Math.sqrt(variance);
      // The prior of the mixture has the margin as its standard deviation: effects of that size are what matters.
      const ratio = variance / (variance + margin * margin);
      // A change in either direction is two questions.
      const down = error * tMixtureMultiplier(facts.better === 0 ? alpha / 2 : alpha, ratio, df);
      const up = error * tMixtureMultiplier(passAlpha, ratio, df);
      const difference = facts.better === 0 ? -Math.abs(estimate) : facts.better * estimate;
      const [low, high] = [difference - up, difference + down];
      const outcome = high < -margin ? 'fail' : low > -margin ? 'pass' : 'undecided';
      return {
        outcome,
        difference,
        bounds: () => (facts.isShare ? { low: ofShares(low), high: ofShares(high) } : { low, high }),
        looksBad: difference < -margin && difference < -badErrors * error,
        devices,
        controlDevices,
        wants: () => {
          if (!Number.isFinite(up))
            return { kind: 'bounds', devices: devicesForBounds({ ...found, margin, passAlpha }) };
          if (difference <= -margin) return null;
          const wanted = (variance * (difference + margin) ** 2) / (up * up);
          return wantsOf({ variance, leastVariance, devices, wanted });
        },
      };
    },
  };
}

/** Two shares differ by 1 at most; what is infinite says that there are no bounds. */
const ofShares = (bound: number): number =>
  Number.isFinite(bound) ? Math.max(-1, Math.min(1, bound)) : bound;

/** How many devices that differ as these do have bounds. */
function devicesForBounds(
  given: Pick<Difference, 'variance' | 'df' | 'devices'> & {
    readonly margin: number;
    readonly passAlpha: number;
  },
): number | null {
  const { variance, df, devices, margin, passAlpha } = given;
  for (let times = 1.25; times < 1_000; times *= 1.25) {
    const many = Math.ceil(devices * times);
    const less = (variance * devices) / many;
    const ratio = less / (less + margin * margin);
    if (Number.isFinite(tMixtureMultiplier(passAlpha, ratio, df + many - devices))) return many;
  }
  return null;
}

/** @param given.wanted the squared standard error that would be small enough */
function wantsOf(given: {
  readonly variance: number;
  readonly leastVariance: number;
  readonly devices: number;
  readonly wanted: number;
}): Wants | null {
  const { variance, leastVariance, devices, wanted } = given;
  if (!(wanted > 0)) return null;
  // With time the noise of the measurement goes and the difference between devices stays.
  return wanted > 1.1 * leastVariance
    ? { kind: 'time', factor: (variance - leastVariance) / (wanted - leastVariance) }
    : { kind: 'devices', devices: Math.ceil((devices * variance) / wanted) };
}
