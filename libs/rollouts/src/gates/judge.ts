/**
 * The verdict on a step: every gate's tests over all its devices and over each type and site, with the errors of the
 * rollout split over them (docs/design/gates.md).
 *
 * Fail: any test may stop the rollout, so alpha is divided (Bonferroni): over steps, over tests, and half of a test's
 * share over its segments. Pass: every gate has to pass, so nothing is divided: a version that is worse than one margin
 * passes only where that one test errs, which it does with a chance of 1 - power (the intersection-union test, Berger
 * 1982, "Multiparameter hypothesis testing and acceptance sampling", Technometrics 24).
 */
import type { Resource } from '@tinyfleet/contracts';
import type { GateEvidence } from './evidence.js';
import { resolveGates, unitScale, type GatePolicy } from './kinds.js';
import type { Stratum } from './ledger.js';
import { testsOf, type Answer, type GateTest, type Includes } from './tests.js';
import { duration, tell, tellNeeds, type Segment } from './words.js';

export type GateFinding = Resource<'GateFinding'>;
export type GateVerdict = Resource<'GateVerdict'>;

interface Asked {
  readonly test: GateTest;
  readonly segment: Segment | null;
  readonly answer: Answer | undefined;
  readonly mustPass: boolean;
  readonly alpha: number;
}

export function judge(policy: GatePolicy, evidence: GateEvidence): GateVerdict {
  const passAlpha = 1 - policy.power;
  const gates = resolveGates(policy);
  const tests = gates.flatMap((gate) => testsOf(gate, evidence));
  const segments = segmentsOf(evidence.ledger.strata, evidence.devices);
  const share = policy.alpha / evidence.steps / Math.max(1, tests.length);
  const alphaWhole = segments.length > 0 ? share / 2 : share;
  const alphaSegment = share / 2 / Math.max(1, segments.length);

  const asked = tests.flatMap((test): Asked[] => {
    const whole = test.ask(everyone, { alpha: alphaWhole, passAlpha });
    const isLarge = evidence.stepDevices >= test.gate.passFromDevices;
    const mustPass = test.isReported && (isLarge || (whole?.looksBad ?? false));
    const ofAll: Asked = { test, segment: null, answer: whole, mustPass, alpha: alphaWhole };
    return [
      ofAll,
      ...segments.flatMap((segment): Asked[] => {
        const answer = test.ask(within(segment), { alpha: alphaSegment, passAlpha });
        // One device is no segment.
        if (!answer || answer.devices < 2) return [];
        return [{ test, segment, answer, mustPass: false, alpha: alphaSegment }];
      }),
    ];
  });

  const failed = asked.filter(({ answer }) => answer?.outcome === 'fail');
  const blamed = failed.length > 0 ? onlySegment(failed, passAlpha) : undefined;
  const open = asked.filter(({ answer, mustPass }) => mustPass && answer?.outcome !== 'pass');
  const soakLeftMs = evidence.minSoakMs - evidence.soakedMs;
  const outcome = failed.length > 0 ? 'fail' : open.length > 0 || soakLeftMs > 0 ? 'undecided' : 'pass';
  const expired =
    outcome === 'undecided' && evidence.maxSoakMs !== null && evidence.soakedMs >= evidence.maxSoakMs;
  const findings = asked.map((one) => findingOf(one, evidence));
  const needs =
    outcome === 'undecided'
      ? [
          ...(soakLeftMs > 0 ? [`soak: needs ${duration(soakLeftMs)} more`] : []),
          ...open.map((one) => `${one.test.metric}: ${tellNeeds(one.answer, evidence)}`),
        ]
      : [];
  return {
    outcome,
    expired,
    segments: blamed ? [blamed] : [],
    words: wordsOf({ outcome, expired, failed, blamed, needs }),
    needs,
    findings,
    pendingDevices: tests.reduce((most, { pending }) => Math.max(most, pending), 0),
  };
}

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
const shortfall = ({ test, answer }: Asked): number => -(answer?.high ?? 0) / test.gate.margin;

function findingOf(asked: Asked, evidence: GateEvidence): GateFinding {
  const { test, segment, answer, mustPass } = asked;
  const { gate, metric } = test;
  const scale = unitScale[gate.facts.unit];
  const shown = (value: number | undefined): number | null =>
    value !== undefined && Number.isFinite(value) ? Number((value / scale).toPrecision(6)) : null;
  const outcome = answer?.outcome ?? 'undecided';
  return {
    kind: gate.kind,
    metric,
    segment,
    outcome,
    mustPass,
    difference: shown(answer?.difference),
    low: shown(answer?.low),
    high: shown(answer?.high),
    margin: Number((gate.margin / scale).toPrecision(6)),
    unit: gate.facts.unit,
    devices: Math.round(answer?.devices ?? 0),
    controlDevices: answer?.controlDevices ?? 0,
    words: test.isReported ? tell(test, answer, segment) : `${gate.facts.noun}: nobody reports it`,
    needs:
      outcome === 'undecided' && segment === null && test.isReported ? tellNeeds(answer, evidence) : null,
  };
}

function wordsOf(found: {
  readonly outcome: GateVerdict['outcome'];
  readonly expired: boolean;
  readonly failed: readonly Asked[];
  readonly blamed: Segment | undefined;
  readonly needs: readonly string[];
}): string {
  const { outcome, expired, failed, blamed, needs } = found;
  if (outcome === 'pass') return 'all gates passed';
  if (outcome === 'undecided') {
    const why = needs.join('; ');
    return expired ? `still undecided at the end of the longest soak: ${why}` : why;
  }
  const worst = [...failed].sort((a, b) => shortfall(b) - shortfall(a));
  const told = worst.find(({ segment }) => !blamed || segment?.value === blamed.value) ?? worst[0]!;
  const where = blamed ? `only ${blamed.by} ${blamed.value} fails: ` : '';
  return where + tell(told.test, told.answer, told.segment);
}
