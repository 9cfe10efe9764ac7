/**
 * The kinds of gates: what each measures, in which unit, and its defaults. One table, so that a new kind is one row
 * here, its defaults in contracts, and one source of numbers in cohort-hours.ts.
 */
import { gateDefaults, type GateDefaults, type Resource } from '@tinyfleet/contracts';

export type GateKind = Resource<'GateKind'>;
export type GatePolicy = Resource<'GatePolicy'>;

export interface KindFacts extends GateDefaults {
  /** events: devices to which something happened. means: a value of each device, compared with the control's. */
  readonly family: 'events' | 'means';
  /** 1: more is better; -1: less is; 0: any change is worse. */
  readonly better: 1 | -1 | 0;
  /** A share of trials: the noise of one trial is at least that of a coin with that share. */
  readonly isShare: boolean;
  /** Compared with the control by clock hour, or by day where an hour holds too little. */
  readonly hours: 1 | 24;
  /** What it is, in a sentence. */
  readonly noun: string;
}

const events = (kind: GateKind, noun: string): KindFacts => ({
  ...gateDefaults[kind],
  family: 'events',
  better: -1,
  isShare: true,
  hours: 1,
  noun,
});
const means = (
  kind: GateKind,
  facts: Pick<KindFacts, 'better' | 'noun'> & Partial<Pick<KindFacts, 'isShare' | 'hours'>>,
): KindFacts => ({ ...gateDefaults[kind], family: 'means', isShare: false, hours: 1, ...facts });

export const gateKinds: Readonly<Record<GateKind, KindFacts>> = {
  'install-success': events('install-success', 'devices that did not install it'),
  'install-failure': events('install-failure', 'failed installations'),
  'install-timeout': events('install-timeout', 'installations without an end in time'),
  'self-test': events('self-test', 'failed self-tests'),
  silence: events('silence', 'silent devices'),
  confidence: means('confidence', { better: 1, noun: 'confidence' }),
  'class-mix': means('class-mix', { better: 0, noun: 'share of a class', isShare: true }),
  ood: means('ood', { better: -1, noun: 'out-of-distribution inputs', isShare: true }),
  latency: means('latency', { better: -1, noun: 'latency' }),
  energy: means('energy', { better: -1, noun: 'battery used' }),
  resets: means('resets', { better: -1, noun: 'resets' }),
  accuracy: means('accuracy', { better: 1, noun: 'accuracy', isShare: true, hours: 24 }),
};

/** From the unit of a margin to the unit that is computed in. */
export const unitScale: Readonly<Record<KindFacts['unit'], number>> = {
  points: 0.01,
  percent: 0.01,
  'percent-per-day': 1,
  'per-device-day': 1,
};

/** A gate with its defaults filled in; `margin` in computed units. */
export interface ResolvedGate {
  readonly kind: GateKind;
  readonly facts: KindFacts;
  readonly margin: number;
  readonly passFromDevices: number;
}

export function resolveGates(policy: GatePolicy): ResolvedGate[] {
  return policy.gates.map(({ kind, margin, passFromDevices }) => {
    const facts = gateKinds[kind];
    return {
      kind,
      facts,
      margin: (margin ?? facts.margin) * unitScale[facts.unit],
      passFromDevices: passFromDevices ?? facts.passFromDevices,
    };
  });
}
