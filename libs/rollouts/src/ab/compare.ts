/**
 * A comparison of two versions, B against A, on devices of the same types and sites in the same hours. The estimate and its
 * standard error are those of the gates (gates/means.ts); bounds are two-sided and may be looked at as often as one likes, so
 * it may stop as soon as they leave zero, or lie within what makes no difference (docs/design/rollouts.md).
 */
import type { Resource } from '@tinyfleet/contracts';
import { tMixtureMultiplier } from '@tinyfleet/quality';
import type { GateEvidence } from '../gates/evidence.js';
import type { GateFinding, GateVerdict } from '../gates/judge.js';
import { resolveGates, unitScale, type GatePolicy, type ResolvedGate } from '../gates/kinds.js';
import { compareDevices, differenceOf } from '../gates/means.js';
import { duration } from '../gates/words.js';

export type AbOutcome = Resource<'AbOutcome'>;
type Effect = Resource<'AbReport'>['effects'][number];

export interface AbVerdict {
  readonly outcome: AbOutcome;
  readonly words: string;
  readonly effects: readonly Effect[];
  /** The same, as the evidence of a step. */
  readonly gates: GateVerdict;
}

/** @param policy one gate, of means */
export function compareArms(policy: GatePolicy, evidence: GateEvidence): AbVerdict {
  const [gate] = resolveGates(policy);
  const effects = effectsOf(gate!, policy.alpha, evidence);
  const { soakedMs, minSoakMs, maxSoakMs } = evidence;
  const seen = clear(gate!, effects);
  const isEarly = soakedMs < minSoakMs;
  const isOver = maxSoakMs !== null && soakedMs >= maxSoakMs;
  const outcome = isEarly ? 'open' : (seen ?? (isOver ? 'none' : 'open'));
  const needs =
    outcome === 'open' ? [isEarly ? `${duration(minSoakMs - soakedMs)} more` : needOf(effects)] : [];
  const words = `${lead(outcome)}: ${effects.length === 0 ? `nobody reports ${gate!.facts.noun} yet` : effects.map(tell).join('; ')}`;
  return {
    outcome,
    words,
    effects,
    gates: {
      outcome: outcome === 'open' ? 'undecided' : 'pass',
      expired: outcome === 'none',
      segments: [],
      words,
      needs,
      findings: effects.map((effect) => toFinding(effect, gate!, outcome)),
      pendingDevices: 0,
    },
  };
}

/** Of B against A in the unit of the metric; positive is better, or more of the class. */
function effectsOf(gate: ResolvedGate, alpha: number, { ledger }: GateEvidence): Effect[] {
  const { facts, kind, margin } = gate;
  const metrics = kind === 'class-mix' ? ledger.metrics.filter((one) => one.startsWith(`${kind}:`)) : [kind];
  // All classes of the model share alpha, also those that nobody has predicted yet.
  const tests = kind === 'class-mix' ? Math.max(1, ledger.classCount) : 1;
  const scale = unitScale[facts.unit];
  return metrics.flatMap((metric): Effect[] => {
    const sums = ledger.sums(metric);
    if (!sums?.trials.some((trials) => trials > 0)) return [];
    const comparison = compareDevices(ledger, sums, { isShare: facts.isShare, margin });
    const found = differenceOf(comparison, () => true);
    const unknown = {
      effect: null,
      low: null,
      high: null,
      devicesB: found?.devices ?? 0,
      devicesA: found?.controlDevices ?? 0,
    };
    const of = { metric, unit: facts.unit, margin: round(margin / scale) };
    if (!found || !comparison.isReady) return [{ ...of, ...unknown }];
    const { estimate, variance, df, devices: devicesB, controlDevices: devicesA } = found;
    const times = tMixtureMultiplier(alpha / 2 / tests, variance / (variance + margin ** 2), df);
    const effect = (facts.better || 1) * estimate;
    const reach = times * Math.sqrt(variance);
    const [low, high] = Number.isFinite(reach) ? [effect - reach, effect + reach] : [null, null];
    const inUnit = (value: number | null): number | null => value && round(value / scale);
    return [{ ...of, effect: inUnit(effect), low: inUnit(low), high: inUnit(high), devicesB, devicesA }];
  });
}

function clear({ facts }: ResolvedGate, effects: readonly Effect[]): AbOutcome | undefined {
  if (effects.length === 0) return undefined;
  const known = effects.filter((one): one is Effect & { low: number; high: number } => one.low !== null);
  const isWithin = ({ low, high, margin }: { low: number; high: number; margin: number }): boolean =>
    low > -margin && high < margin;
  if (known.length === effects.length && known.every(isWithin)) return 'same';
  const apart = known.find(({ low, high }) => low > 0 || high < 0);
  if (!apart) return undefined;
  if (facts.better === 0) return 'differs';
  return apart.low > 0 ? 'b-better' : 'a-better';
}

const leads: Readonly<Record<AbOutcome, string>> = {
  'b-better': 'B is better',
  'a-better': 'A is better',
  differs: 'B and A differ',
  same: 'no difference that matters',
  open: 'not clear yet',
  none: 'its time is over and it is not clear',
};
const lead = (outcome: AbOutcome): string => leads[outcome];

function tell({ metric, unit, effect, low, high, margin, devicesB, devicesA }: Effect): string {
  const sides = `${devicesB} devices with B, ${devicesA} with A`;
  if (effect === null) return `${metric}: ${sides}, too little to compare`;
  const bounds = low === null || high === null ? 'no bounds yet' : `bounds ${signed(low)} to ${signed(high)}`;
  const unitName = unit === 'percent' ? '%' : unit;
  // Less latency is better: a sign alone would say the opposite.
  const told = metric.startsWith('class-mix:')
    ? `${signed(effect)} ${unitName}`
    : `${shown(Math.abs(effect))} ${unitName} ${effect < 0 ? 'worse' : 'better'}`;
  return `${metric} ${told} with B (${bounds}, margin ${margin}); ${sides}`;
}

function needOf(effects: readonly Effect[]): string {
  if (effects.every(({ effect }) => effect === null))
    return effects.some(({ devicesB }) => devicesB > 0)
      ? 'needs more hours of the same devices'
      : 'needs reports of both sides in the same hours';
  return 'needs more devices or time';
}

function toFinding(effect: Effect, { kind }: ResolvedGate, outcome: AbOutcome): GateFinding {
  const { metric, unit, low, high, margin, devicesB, devicesA } = effect;
  return {
    kind,
    metric,
    segment: null,
    outcome: outcome === 'open' ? 'undecided' : 'pass',
    mustPass: false,
    difference: effect.effect,
    ...{ low, high, margin, unit },
    devices: devicesB,
    controlDevices: devicesA,
    words: tell(effect),
    needs: null,
  };
}

const round = (value: number): number => Number(value.toPrecision(6));
const shown = (value: number): string => String(Number(value.toFixed(Math.abs(value) >= 10 ? 1 : 2)));
const signed = (value: number): string => `${value < 0 ? '' : '+'}${shown(value)}`;
