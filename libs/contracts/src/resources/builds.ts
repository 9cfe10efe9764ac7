/** Builds, their reports and how they fit. */
import { z } from '../zod.js';
import { DigestHex, Name, Timestamp, Version } from '../names.js';
import { Problem } from './problem.js';

export const BuildState = z
  .enum(['queued', 'running', 'succeeded', 'failed', 'cancelled'])
  .meta({ id: 'BuildState' });
export const Diagnostic = z.object({
  severity: z.enum(['error', 'warning', 'info']),
  code: z.string(),
  message: z.string(),
  hint: z.string().optional(),
  op: z.string().optional(),
  tensor: z.string().optional(),
});
const LayerError = z.object({
  op: z.string(),
  name: z.string(),
  /** 10 log10(signal power / error power); null where no error is left. */
  sqnrDb: z.number().nullable(),
  maxError: z.number(),
  /** Largest value of the float layer, for comparison. */
  maxValue: z.number(),
});
/** What it cost to make an int8 model of a float one. */
export const QuantizationReport = z
  .object({
    method: z.string(),
    /** Calibration samples. */
    samples: z.int(),
    /** Where the ranges come from: the user's samples, validation data, or a stated range. */
    source: z.string(),
    range: z.tuple([z.number(), z.number()]).nullable(),
    layers: z.array(LayerError),
    outputs: z.array(LayerError),
    /** The float model on the validation data; null without. */
    float: z
      .object({ samples: z.int(), accuracy: z.number(), confusion: z.array(z.array(z.int())) })
      .nullable(),
  })
  .meta({ id: 'QuantizationReport' });
/** A monitored value over validation data that ran through the firmware's code, counted as devices count it. */
export const FeatureBaseline = z
  .object({
    name: z.string(),
    /** Ascending; bin i holds edges[i-1] <= q < edges[i]. */
    edges: z.array(z.int()),
    /** 16 bins, and how many predictions in each were right. */
    counts: z.array(z.int()),
    correct: z.array(z.int()),
    n: z.int(),
    /** Sums are of (q - centre). */
    centre: z.int(),
    sum: z.number(),
    sumSquares: z.number(),
    min: z.int(),
    max: z.int(),
    /** By predicted class: what other classes alone would make of it. */
    classes: z.array(z.object({ n: z.int(), sum: z.number() })).default([]),
    /** value = (q - zeroPoint) x scale */
    scale: z.number(),
    zeroPoint: z.int(),
  })
  .meta({ id: 'FeatureBaseline' });
/** What windows of a build are held against, and the map from confidence to the chance of being right. */
export const Baseline = z
  .object({
    samples: z.int(),
    accuracy: z.number(),
    /** histogram[predicted][bin of confidence], and of those how many were right. */
    histogram: z.array(z.array(z.int())).default([]),
    correct: z.array(z.array(z.int())).default([]),
    /** confusion[true][predicted] */
    confusion: z.array(z.array(z.int())).default([]),
    /** In the order of telemetry. */
    features: z.array(FeatureBaseline).default([]),
    ood: FeatureBaseline.nullable().default(null),
  })
  .meta({ id: 'Baseline' });
/** What the compiler says about a bundle: JSON behind the CLI's text and the dashboard's drawing. */
export const BuildReport = z
  .object({
    compilerVersion: z.string(),
    abi: z.string(),
    bundleBytes: z.int(),
    /** Section name -> bytes. */
    flash: z.record(z.string(), z.int()),
    arenaBytes: z.int(),
    /** Peak of live bytes: no plan can do with less. */
    arenaLowerBoundBytes: z.int(),
    stateBytes: z.int(),
    macs: z.int(),
    fits: z.object({ slot: z.boolean(), arena: z.boolean() }),
    ops: z.array(
      z.object({
        index: z.int(),
        op: z.string(),
        name: z.string(),
        macs: z.int(),
        /** Inner-loop rounds: MACs, window elements of a pool, else elements. */
        work: z.int().default(0),
        outputBytes: z.int(),
        constantBytes: z.int().default(0),
        /** Bytes alive while it runs. */
        liveBytes: z.int().default(0),
      }),
    ),
    /** Arena over time: which tensor lies where during which plan steps (inclusive). */
    arena: z.array(
      z.object({
        tensor: z.string(),
        offset: z.int(),
        bytes: z.int(),
        firstStep: z.int(),
        lastStep: z.int(),
      }),
    ),
    goldenVectors: z.int(),
    goldenCoverage: z.number().nullable(),
    validation: Baseline.nullable(),
    /** Null for models that came quantized. */
    quantization: QuantizationReport.nullable().default(null),
    diagnostics: z.array(Diagnostic),
    seconds: z.number(),
  })
  .meta({ id: 'BuildReport' });
const MemoryFit = z.object({ requiredBytes: z.int(), availableBytes: z.int(), fits: z.boolean() });
/** Does this build fit a device type, and what would an inference cost there? Estimates say their error. */
export const DeviceFit = z
  .object({
    deviceType: Name,
    title: z.string(),
    core: z.string(),
    clockHz: z.int(),
    fits: z.boolean(),
    slot: MemoryFit,
    arena: MemoryFit,
    state: MemoryFit,
    /** Null for cores without published figures. */
    estimate: z
      .object({
        instructions: z.number(),
        cycles: z.number(),
        milliseconds: z.number(),
        /** Null where no board of this type has published figures. */
        microjoules: z.number().nullable(),
        /** Relative: 0.25 = within 25 % of what the model was fitted to. */
        timeError: z.number(),
        energyError: z.number().nullable(),
      })
      .nullable(),
    /** What to change, in words; empty when it fits. */
    advice: z.array(z.string()),
  })
  .meta({ id: 'DeviceFit' });
export const Build = z
  .object({
    model: Name,
    version: Version,
    deviceType: Name,
    state: BuildState,
    /** 0..1 */
    progress: z.number(),
    stage: z.string(),
    createdAt: Timestamp,
    finishedAt: Timestamp.nullable(),
    bundleDigest: DigestHex.nullable(),
    bundleBytes: z.int().nullable(),
    arenaBytes: z.int().nullable(),
    error: Problem.nullable(),
  })
  .meta({ id: 'Build' });
export const BuildRequest = z.object({
  model: Name,
  /** Default: the newest. */
  version: Version.optional(),
  /** Default: the types of the project's devices. */
  deviceTypes: z.array(Name).max(32).optional(),
  options: z.record(z.string(), z.unknown()).default({}),
});
