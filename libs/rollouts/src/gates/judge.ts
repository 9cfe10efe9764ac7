/** The verdict on a step, with its evidence in numbers and in words. What decides is in weigh.ts. */
import type { Resource } from '@tinyfleet/contracts';
import type { GateEvidence } from './evidence.js';
import { unitScale, type GatePolicy } from './kinds.js';
import { shortfall, weigh, type Asked, type Weighed } from './weigh.js';
import { duration, tell, tellNeeds } from './words.js';

export type GateFinding = Resource<'GateFinding'>;
export type GateVerdict = Resource<'GateVerdict'>;

/** May be called as often as one likes: its errors hold under peeking. */
export function judge(policy: GatePolicy, evidence: GateEvidence): GateVerdict {
  const weighed = weigh(policy, evidence);
  const { outcome, expired, blamed, asked, open, soakLeftMs } = weighed;
  const needs =
    outcome === 'undecided'
      ? [
          ...(soakLeftMs > 0 ? [`soak: needs ${duration(soakLeftMs)} more`] : []),
          ...open.map(({ test, answer }) => `${test.metric}: ${tellNeeds(test, answer, evidence)}`),
        ]
      : [];
  return {
    outcome,
    expired,
    segments: blamed ? [blamed] : [],
    words: wordsOf(weighed, needs),
    needs,
    findings: asked.map((one) => findingOf(one, evidence)),
    pendingDevices: asked.reduce((most, { test }) => Math.max(most, test.pending), 0),
  };
}

function findingOf(asked: Asked, evidence: GateEvidence): GateFinding {
  const { test, segment, answer, mustPass } = asked;
  const { gate, metric } = test;
  const bounds = answer?.bounds();
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
    low: shown(bounds?.low),
    high: shown(bounds?.high),
    margin: Number((gate.margin / scale).toPrecision(6)),
    unit: gate.facts.unit,
    devices: Math.round(answer?.devices ?? 0),
    controlDevices: answer?.controlDevices ?? 0,
    words: test.isReported ? tell(test, answer, segment) : `${gate.facts.noun}: nobody reports it`,
    needs:
      outcome === 'undecided' && segment === null && test.isReported
        ? tellNeeds(test, answer, evidence)
        : null,
  };
}

function wordsOf({ outcome, expired, failed, blamed }: Weighed, needs: readonly string[]): string {
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
