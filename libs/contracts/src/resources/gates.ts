/** Gates of a rollout: what a step has to show before the next one begins (docs/design/gates.md). */
import { z } from '../zod.js';

export const GateKind = z
  .enum([
    'install-success',
    'install-failure',
    'install-timeout',
    'self-test',
    'silence',
    'confidence',
    'class-mix',
    'ood',
    'latency',
    'energy',
    'resets',
    'accuracy',
  ])
  .meta({ id: 'GateKind' });

/** What a kind is compared by where a gate says nothing of it. `margin` in `unit`. */
export interface GateDefaults {
  readonly unit: 'points' | 'percent' | 'percent-per-day' | 'per-device-day';
  readonly margin: number;
  readonly passFromDevices: number;
}
const gate = (unit: GateDefaults['unit'], margin: number, passFromDevices = 30): GateDefaults => ({
  unit,
  margin,
  passFromDevices,
});
// A gate on counts with margin m passes with few events from about 15 / m devices on: with fewer, not even none at all
// shows enough. Means pass from 30 on when devices differ by up to the margin.
export const gateDefaults: Readonly<Record<z.infer<typeof GateKind>, GateDefaults>> = {
  'install-success': gate('points', 10, 150),
  'install-failure': gate('points', 5, 300),
  'install-timeout': gate('points', 10, 150),
  'self-test': gate('points', 5, 300),
  silence: gate('points', 5, 300),
  confidence: gate('points', 3),
  'class-mix': gate('points', 10),
  ood: gate('points', 5),
  latency: gate('percent', 10),
  energy: gate('percent-per-day', 5),
  resets: gate('per-device-day', 0.2),
  accuracy: gate('points', 4),
};
/** All but class-mix, which only its owner can say a change of is wrong. */
export const defaultGateKinds = GateKind.options.filter((kind) => kind !== 'class-mix');

export const Gate = z
  .object({
    kind: GateKind,
    /** How much worse than the control is still good, in the unit of its kind. Default: its kind's. */
    margin: z.number().positive().max(100).optional(),
    /** In a step with fewer devices it can only fail: so few cannot show that all is well. Default: its kind's. */
    passFromDevices: z.int().min(2).max(10_000_000).optional(),
  })
  .meta({ id: 'Gate' });

export const GatePolicy = z
  .object({
    gates: z
      .array(Gate)
      .min(1)
      .max(12)
      .refine((gates) => new Set(gates.map(({ kind }) => kind)).size === gates.length, {
        message: 'each kind once',
      }),
    /** Chance that a version no worse than its margins is stopped, over the whole rollout. */
    alpha: z.number().min(0.0001).max(0.2).default(0.05),
    /** Chance that a step does not pass when the version is worse than a margin. */
    power: z.number().min(0.5).max(0.999).default(0.95),
    /** Telemetry window asked of both sides while a gate is open; devices that sleep send one at each wake. */
    windowSeconds: z.int().min(10).max(3_600).default(300),
    /** Windows of a device count from so long after it became active. */
    warmUpSeconds: z.int().min(0).max(86_400).default(0),
  })
  .meta({ id: 'GatePolicy' });

export const GateOutcome = z.enum(['pass', 'fail', 'undecided']).meta({ id: 'GateOutcome' });

/** One comparison: a metric over all devices of the step, or over those of one type or site. */
export const GateFinding = z
  .object({
    kind: GateKind,
    /** The kind, with the class for class-mix. */
    metric: z.string(),
    /** Null: all devices of the step. */
    segment: z.object({ by: z.enum(['type', 'site']), value: z.string() }).nullable(),
    outcome: GateOutcome,
    /** May this step end without its pass? Few devices, segments and metrics nobody reports can fail and hold nothing up. */
    mustPass: z.boolean(),
    /** Step minus control, positive = better, in `unit`; null: nothing is known yet. */
    difference: z.number().nullable(),
    /** Always-valid bounds of the difference; null: none yet. */
    low: z.number().nullable(),
    high: z.number().nullable(),
    margin: z.number(),
    /** points: hundredths of a share; percent: of the control's value. */
    unit: z.enum(['points', 'percent', 'percent-per-day', 'per-device-day']),
    /** Devices with evidence. */
    devices: z.int(),
    controlDevices: z.int(),
    /** The evidence in a sentence. */
    words: z.string(),
    /** What it still needs; null: nothing. */
    needs: z.string().nullable(),
  })
  .meta({ id: 'GateFinding' });

export const GateVerdict = z
  .object({
    outcome: GateOutcome,
    /** The longest soak is over and a gate is still undecided. */
    expired: z.boolean(),
    /** Failed in these alone: the rest of the step is fine, so these alone need to go back. Empty: the whole step failed, or none did. */
    segments: z.array(z.object({ by: z.enum(['type', 'site']), value: z.string() })),
    /** Why, in a sentence. */
    words: z.string(),
    needs: z.array(z.string()),
    findings: z.array(GateFinding),
    /** In no denominator yet: not heard of, and not yet due. */
    pendingDevices: z.int(),
  })
  .meta({ id: 'GateVerdict' });
