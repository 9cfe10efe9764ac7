/**
 * Weighs a step: every gate's tests over all its devices and over each type and site, with the errors of the rollout
 * split over them (docs/design/gates.md).
 *
 * Fail: any test may stop the rollout, so alpha is divided (Bonferroni): over steps, over tests, and half of a test's
 * share over its segments. Pass: every gate has to pass, so nothing is divided: a version that is worse than one margin
 * passes only where that one test errs, which it does with a chance of 1 - power (the intersection-union test, Berger
 * 1982, "Multiparameter hypothesis testing and acceptance sampling", Technometrics 24).
 */
import type { GateEvidence } from './evidence.js';
import { groupByStratum } from './events.js';
import { resolveGates, type GatePolicy } from './kinds.js';
import type { Stratum } from './ledger.js';
import { testsOf, type Answer, type GateTest, type Includes } from './tests.js';

/** Telemetry windows in which a device that is awake has said something: one may be cut, one lost. */
const firstWindows = 3;

export interface Segment {
  readonly by: 'type' | 'site';
  readonly value: string;
}

/** One test of some devices and what came of it. */
export interface Asked {
  readonly test: GateTest;
  /** Null: all devices of the step. */
  readonly segment: Segment | null;
  readonly answer: Answer | undefined;
  readonly mustPass: boolean;
  readonly alpha: number;
}

export interface Weighed {
  readonly outcome: 'pass' | 'fail' | 'undecided';
  /** Undecided at the end of the longest soak. */
  readonly expired: boolean;
  /** Fails alone. */
  readonly blamed: Segment | undefined;
  readonly asked: readonly Asked[];
  readonly failed: readonly Asked[];
  /** To pass, and not passed. */
  readonly open: readonly Asked[];
  readonly soakLeftMs: number;
}

export function weigh(policy: GatePolicy, evidence: GateEvidence): Weighed {
  const passAlpha = 1 - policy.power;
  const groups = groupByStratum(evidence.devices);
  const tests = resolveGates(policy).flatMap((gate) => testsOf(gate, evidence, groups));
  const segments = segmentsOf(evidence.ledger.strata, groups);
  const share = policy.alpha / evidence.steps / Math.max(1, testCount(policy, evidence));
  const alphaWhole = segments.length > 0 ? share / 2 : share;
  const alphaSegment = share / 2 / Math.max(1, segments.length);

  const asked = tests.flatMap((test): Asked[] => {
    const answer = test.ask(everyone, { alpha: alphaWhole, passAlpha });
    const isLarge = evidence.stepDevices >= test.gate.passFromDevices;
    const mustPass = test.isReported && (isLarge || (answer?.looksBad ?? false));
    return [
      { test, segment: null, answer, mustPass, alpha: alphaWhole },
      ...segments.flatMap((segment): Asked[] => {
        const ofSegment = test.ask(within(segment), { alpha: alphaSegment, passAlpha });
        // One device is no segment.
        if (!ofSegment || ofSegment.devices < 2) return [];
        return [{ test, segment, answer: ofSegment, mustPass: false, alpha: alphaSegment }];
      }),
    ];
  });
  const failed = asked.filter(({ answer }) => answer?.outcome === 'fail');
  const open = asked.filter(({ answer, mustPass }) => mustPass && answer?.outcome !== 'pass');
  const isUnheard = asked.some(
    ({ segment, answer, test }) => segment === null && !answer && test.gate.facts.family === 'means',
  );
  // What the step has said nothing of yet is not "nobody reports it" before there was time for it.
  const firstWordMs = (policy.warmUpSeconds + firstWindows * policy.windowSeconds) * 1_000;
  const leastMs = isUnheard || hasNoClasses(policy, tests) ? firstWordMs : 0;
  const soakLeftMs = Math.max(0, Math.max(evidence.minSoakMs, leastMs) - evidence.soakedMs);
  const outcome = failed.length > 0 ? 'fail' : open.length > 0 || soakLeftMs > 0 ? 'undecided' : 'pass';
  return {
    outcome,
    expired:
      outcome === 'undecided' && evidence.maxSoakMs !== null && evidence.soakedMs >= evidence.maxSoakMs,
    blamed: failed.length > 0 ? onlySegment(failed, passAlpha) : undefined,
    asked,
    failed,
    open,
    soakLeftMs,
  };
}

/** No class was predicted yet, so that there is nothing to compare. */
const hasNoClasses = ({ gates }: GatePolicy, tests: readonly GateTest[]): boolean =>
  gates.some(({ kind }) => kind === 'class-mix') && !tests.some(({ gate }) => gate.kind === 'class-mix');

/** Of a step, whatever was heard of it so far: bounds hold at every look only while each look divides alpha alike. */
const testCount = ({ gates }: GatePolicy, { ledger }: GateEvidence): number =>
  gates.reduce((sum, { kind }) => sum + (kind === 'class-mix' ? Math.max(1, ledger.classCount) : 1), 0);

const everyone: Includes = () => true;
const within =
  ({ by, value }: Segment): Includes =>
  (stratum) =>
    stratum[by] === value;

/** Values of type and site, where there is more than one: of the target, so that they do not depend on what was reported. */
function segmentsOf(...sources: readonly (readonly Stratum[])[]): Segment[] {
  return (['type', 'site'] as const).flatMap((by) => {
    const values = new Set(sources.flatMap((strata) => strata.map((one) => one[by])));
    return values.size > 1 ? [...values].sort().map((value) => ({ by, value })) : [];
  });
}

/** The segment without whose devices nothing fails and nothing looks bad any more. */
function onlySegment(failed: readonly Asked[], passAlpha: number): Segment | undefined {
  const suspects = failed
    .filter(({ segment }) => segment !== null)
    .sort((a, b) => shortfall(b) - shortfall(a))
    .map(({ segment }) => segment!);
  return suspects.find((suspect) =>
    failed.every(({ test, segment, alpha }) => {
      const rest: Includes = (stratum) =>
        stratum[suspect.by] !== suspect.value && (segment === null || stratum[segment.by] === segment.value);
      const answer = test.ask(rest, { alpha, passAlpha });
      if (!answer) return segment !== null;
      return answer.outcome !== 'fail' && !answer.looksBad && answer.difference > -test.gate.margin;
    }),
  );
}

/** How far beyond its margin, in margins. */
export const shortfall = ({ test, answer }: Asked): number =>
  -(answer?.bounds().high ?? 0) / test.gate.margin;
