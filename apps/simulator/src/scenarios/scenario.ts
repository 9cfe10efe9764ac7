// Scenario files: what the world and the fleet do, in YAML. This is the schema and the loader; timeline.ts carries
// events out. Unknown fields are refused, because a misspelt outage that never comes is worse than an error.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { FleetError } from '@tinyfleet/errors';
import { VIBRATION_CLASSES } from '@tinyfleet/sensors';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import type { DeviceSettings } from '../device/device.js';
import { Duration, Share } from './duration.js';

const Weights = z
  .strictObject({
    normal: z.number().min(0).default(0),
    imbalance: z.number().min(0).default(0),
    bearing: z.number().min(0).default(0),
    looseness: z.number().min(0).default(0),
  })
  .refine((mix) => Object.values(mix).some((weight) => weight > 0), 'one weight must be above 0');

const FaultClass = z.enum(VIBRATION_CLASSES);

export const Vibration = z.strictObject({
  kind: z.literal('vibration'),
  share: Share.default(1),
  mix: Weights.default({ normal: 0.55, imbalance: 0.15, bearing: 0.15, looseness: 0.15 }),
  /** Length of one unscripted state of the machine. */
  episode: Duration.default(1_200_000),
  dailyLoad: z.number().min(0).max(0.5).default(0.15),
  /** 0 = all machines alike, 1 = as they differ in the field. */
  spread: z.number().min(0).max(1).default(1),
});
const Spectra = z.strictObject({
  kind: z.literal('spectra'),
  share: Share.default(1),
  bands: z.int().min(1).max(512).default(40),
  words: z.int().min(1).max(256).default(12),
  silence: Share.default(0.3),
});
const Noise = z.strictObject({
  kind: z.literal('noise'),
  share: Share.default(1),
  sigma: z.number().positive().default(40),
});
const Recording = z.strictObject({
  kind: z.literal('recording'),
  share: Share.default(1),
  /** Relative to the scenario file. */
  file: z.string().min(1),
  format: z.enum(['int8', 'int16', 'csv', 'npy', 'wav']).optional(),
  label: z.string().optional(),
  /** One label per frame, in order. */
  labels: z.array(z.string()).min(1).optional(),
  hopValues: z.int().min(1).optional(),
  frame: Duration.default(1_000),
  gain: z.number().optional(),
  offset: z.number().optional(),
  /** Which value of the recorded row each one is, from 1 on, negative: turned around. */
  axes: z
    .array(z.int().refine((axis) => axis !== 0, 'axes count from 1 on'))
    .min(1)
    .max(16)
    .optional(),
  /** Hangs for so long, so often that it is this share of all. */
  stuck: z.strictObject({ share: Share, for: Duration }).optional(),
  once: z.boolean().optional(),
});
export const SensorSpec = z.discriminatedUnion('kind', [Vibration, Spectra, Noise, Recording]);
export type SensorSpec = z.infer<typeof SensorSpec>;

/** The firmware counts 32 bits of microseconds. */
const MAX_PERIOD_MS = 4_294_967;
const Period = Duration.refine((ms) => ms <= MAX_PERIOD_MS, `at most ${MAX_PERIOD_MS}ms`);

/** Which devices an event meets: a share of the fleet, a number of them, or names with * as wildcard. */
const Targets = z.union([
  Share,
  z.strictObject({ count: z.int().min(1) }),
  z.array(z.string().min(1)).min(1),
]);

const Drift = z.strictObject({
  gain: z.number().positive().optional(),
  offsetG: z.number().optional(),
  noise: z.number().min(0).optional(),
  speed: z.number().positive().optional(),
  stuckAxis: z.int().min(0).max(2).optional(),
  /** Time over which it grows from nothing; 0s is a step. */
  over: Duration.default(0),
});

const Fault = z.strictObject({
  class: FaultClass,
  for: Duration,
  severity: z.tuple([z.number().min(0).max(1), z.number().min(0).max(1)]).default([0.2, 1]),
});

/** A bundle that is bad in the field although its self-test passes: from the event on, while the device runs it. */
const BadModel = z
  .strictObject({
    /** First digits of its digest; without: any but the one that the device runs when the event comes. */
    bundle: z
      .string()
      .regex(/^[0-9a-f]{4,64}$/)
      .optional(),
    reset: z.enum(['fault', 'watchdog']).optional(),
    /** Of each boot, before it resets the device. */
    afterInferences: z.int().min(0).max(1_000_000_000).default(0),
    /** Share of the battery that it takes a day. */
    drain: Share.optional(),
  })
  .refine((model) => model.reset !== undefined || model.drain !== undefined, 'a bad model resets or drains');

const Event = z
  .strictObject({
    /** Since the start of the run. */
    at: Duration,
    /** Repeat with this period. */
    every: Duration.optional(),
    devices: Targets.default(1),
    drift: Drift.optional(),
    fault: Fault.optional(),
    outage: z.strictObject({ for: Duration }).optional(),
    reboot: z.strictObject({ cause: z.enum(['powerOn', 'software', 'watchdog', 'brownOut', 'fault']).default('powerOn') }).optional(),
    powerCut: z.strictObject({ afterOperations: z.int().min(0), part: Share.default(0.5) }).optional(),
    badModel: BadModel.optional(),
    flash: z.strictObject({ flipBits: z.int().min(1).max(1_000), slot: z.enum(['active', 'inactive']).default('active') }).optional(),
  })
  .refine(
    (event) => ['drift', 'fault', 'outage', 'reboot', 'powerCut', 'badModel', 'flash'].filter((key) => key in event && event[key as keyof typeof event] !== undefined).length === 1,
    'an event does exactly one of drift, fault, outage, reboot, powerCut, badModel, flash',
  ); // prettier-ignore
export type ScenarioEvent = z.infer<typeof Event>;

/** Episodes of the past, told as days before now. */
const PastFault = z.strictObject({
  devices: Targets,
  class: FaultClass,
  fromAgo: Duration,
  toAgo: Duration.default(0),
  severity: z.tuple([z.number().min(0).max(1), z.number().min(0).max(1)]).default([0.2, 1]),
});

export const Scenario = z.strictObject({
  name: z.string().min(1).max(63),
  description: z.string().default(''),
  seed: z.int().min(0).max(4_294_967_295).default(1),
  sensors: z.array(SensorSpec).min(1),
  inference: z.strictObject({ period: Period.default(1_000) }).prefault({}),
  /** Processor of the devices, for latencies; without it they are not measured. */
  clock: z
    .strictObject({
      mhz: z.number().min(0.001).max(10_000),
      /** What one step of a model's plan costs, of any op. */
      cyclesPerStep: z.int().min(1).max(100_000_000),
    })
    .optional(),
  /** Devices run on a battery that nobody charges; without it on mains. */
  battery: z.strictObject({ start: Share.default(1), perDay: Share.default(0.01) }).optional(),
  /** Window length until the platform tells another. */
  window: Duration.default(10_000),
  labels: z
    .strictObject({
      /** Of all inferences; the platform keeps as many predictions. */
      share: Share.default(0.02),
      /** Time until somebody has looked at the machine. */
      delay: Duration.default(5_000),
    })
    .prefault({}),
  /** Devices come up one after another over this time. */
  ramp: Duration.default(2_000),
  events: z.array(Event).default([]),
  history: z
    .strictObject({
      period: Duration.default(60_000),
      window: Duration.default(3_600_000),
      faults: z.array(PastFault).default([]),
    })
    .prefault({}),
});
export type Scenario = z.infer<typeof Scenario>;

export interface LoadedScenario {
  readonly scenario: Scenario;
  /** Folder that file names in it are relative to. */
  readonly folder: string;
}

/** As the settings of a device. */
export function batteryOf({ battery }: Scenario): Pick<DeviceSettings, 'battery'> {
  if (battery === undefined) return {};
  return { battery: { startPercent: 100 * battery.start, percentPerDay: 100 * battery.perDay } };
}

/** @throws FleetError simulator.scenario-invalid with the path of the first wrong entry; all of them in `data.issues`. */
export function parseScenario(text: string, file: string): Scenario {
  const document = parseDocument(text, { prettyErrors: true });
  const syntax = document.errors[0];
  if (syntax !== undefined) {
    const line = syntax.linePos?.[0].line;
    const problem = syntax.message.split('\n')[0]!;
    throw new FleetError('simulator.scenario-invalid', {
      file,
      path: line === undefined ? 'YAML' : `line ${line}`,
      problem,
    });
  }
  const result = Scenario.safeParse(document.toJS({ maxAliasCount: 100 }) ?? {});
  if (result.success) return result.data;
  const issues = result.error.issues.map((issue) => ({ path: pathText(issue.path), problem: issue.message }));
  throw new FleetError('simulator.scenario-invalid', { file, ...issues[0]!, issues });
}

/** The demo's fleet. */
export const DEFAULT_SCENARIO = path.join(import.meta.dirname, '../../scenarios/vibration-fleet.yaml');

/** @throws FleetError simulator.scenario-unreadable, simulator.scenario-invalid */
export function loadScenario(file: string): LoadedScenario {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new FleetError(
      'simulator.scenario-unreadable',
      { file, problem: (cause as Error).message },
      { cause },
    );
  }
  return { scenario: parseScenario(text, file), folder: path.dirname(path.resolve(file)) };
}

function pathText(parts: readonly PropertyKey[]): string {
  if (parts.length === 0) return 'the top level';
  return parts
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? String(part) : `.${String(part)}`))
    .join('');
}
