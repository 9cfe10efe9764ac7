/**
 * The kinds of gates: what each measures, in which unit, and its defaults. One table, so that a new kind is one row
 * here and one source of numbers in cohort-hours.ts.
 */
import type { Resource } from '@tinyfleet/contracts';

export type GateKind = Resource<'GateKind'>;
export type GatePolicy = Resource<'GatePolicy'>;

export interface KindFacts {
  /** events: devices to which something happened. means: a value of each device, compared with the control's. */
  readonly family: 'events' | 'means';
  readonly unit: Resource<'GateFinding'>['unit'];
  /** In `unit`. */
  readonly margin: number;
  readonly passFromDevices: number;
  /** 1: more is better; -1: less is; 0: any change is worse. */
  readonly better: 1 | -1 | 0;
  /** A share of trials: the noise of one trial is at least that of a coin with that share. */
  readonly isShare: boolean;
  /** Compared with the control by clock hour, or by day where an hour holds too little. */
  readonly hours: 1 | 24;
  /** What it is, in a sentence. */
  readonly noun: string;
}

// An events gate with margin m passes with few events from about 15 / m devices on: with fewer, not even none at all
// shows enough. Means pass from 30 on when devices differ by up to the margin.
const events = (margin: number, passFromDevices: number, noun: string): KindFacts => ({
  family: 'events',
  unit: 'points',
  margin,
  passFromDevices,
  better: -1,
  isShare: true,
  hours: 1,
  noun,
});
const means = (
  facts: Pick<KindFacts, 'unit' | 'margin' | 'better' | 'noun'> & Partial<KindFacts>,
): KindFacts => ({ family: 'means', passFromDevices: 30, isShare: false, hours: 1, ...facts });

export const gateKinds: Readonly<Record<GateKind, KindFacts>> = {
  'install-success': events(10, 150, 'devices that did not install it'),
  'install-failure': events(5, 300, 'failed installations'),
  'install-timeout': events(10, 150, 'installations without an end in time'),
  'self-test': events(5, 300, 'failed self-tests'),
  silence: events(5, 300, 'silent devices'),
  confidence: means({ unit: 'points', margin: 3, better: 1, noun: 'confidence' }),
  'class-mix': means({ unit: 'points', margin: 10, better: 0, noun: 'share of a class', isShare: true }),
  ood: means({ unit: 'points', margin: 5, better: -1, noun: 'out-of-distribution inputs', isShare: true }),
  latency: means({ unit: 'percent', margin: 10, better: -1, noun: 'latency' }),
  energy: means({ unit: 'percent-per-day', margin: 5, better: -1, noun: 'battery used' }),
  resets: means({ unit: 'per-device-day', margin: 0.2, better: -1, noun: 'resets' }),
  accuracy: means({ unit: 'points', margin: 4, better: 1, noun: 'accuracy', isShare: true, hours: 24 }),
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

/** All gates but class-mix, which only its owner can say a change of is wrong. */
export const defaultGateKinds = (Object.keys(gateKinds) as GateKind[]).filter((kind) => kind !== 'class-mix');
