/**
 * Shapes of the public HTTP API, one schema per noun. They validate requests and responses, make the OpenAPI
 * file and type the client. Times are RFC 3339 UTC, sizes bytes, durations carry their unit in the name.
 */
import { z } from './zod.js';
import { BootIdHex, DigestHex, Name, ReleaseRef, Tag, Timestamp, Version } from './names.js';

export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    /** Registered error code, e.g. `models.not-a-model`; see docs/errors. */
    code: z.string(),
    detail: z.string(),
    /** What the reader can do about it. */
    hint: z.string().optional(),
    data: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: 'Problem' });

export const page = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });

export const PageQuery = z.object({
  cursor: z.string().max(512).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
});

export const Role = z.enum(['viewer', 'operator', 'developer', 'admin']).meta({ id: 'Role' });

// ---- setup and sessions

export const SetupState = z
  .object({ done: z.boolean(), serverVersion: z.string() })
  .meta({ id: 'SetupState' });
export const SetupRequest = z.object({
  token: z.string().min(16).max(128),
  email: z.email().max(254),
  password: z.string().min(10).max(256),
});
export const LoginRequest = z.object({ email: z.email().max(254), password: z.string().max(256) });
export const Me = z
  .object({
    email: z.string(),
    /** `session` for a browser, `token` for the CLI and scripts. */
    via: z.enum(['session', 'token']),
    projects: z.array(z.object({ name: Name, role: Role })),
    /** May create projects. */
    isAdmin: z.boolean(),
  })
  .meta({ id: 'Me' });
export const ApiToken = z
  .object({ name: z.string(), createdAt: Timestamp, lastUsedAt: Timestamp.nullable(), prefix: z.string() })
  .meta({ id: 'ApiToken' });
export const ApiTokenCreated = ApiToken.extend({ token: z.string() }).meta({ id: 'ApiTokenCreated' });

// ---- projects

export const Project = z
  .object({
    name: Name,
    title: z.string(),
    /** True for the demo: its devices are simulated. */
    simulated: z.boolean(),
    createdAt: Timestamp,
    deviceCount: z.int(),
    /** Length of a telemetry window the devices are told to use. */
    windowSeconds: z.int(),
    /** Devices keep every n-th prediction for labelling; 0 = none. */
    pickEvery: z.int(),
  })
  .meta({ id: 'Project' });
export const ProjectCreate = z.object({
  name: Name,
  title: z.string().max(120).default(''),
  simulated: z.boolean().default(false),
  windowSeconds: z.int().min(1).max(86_400).default(3_600),
  pickEvery: z.int().min(0).max(65_535).default(50),
});

// ---- device types and devices

export const DeviceType = z
  .object({
    name: Name,
    title: z.string(),
    core: z.enum([
      'cortex-m0plus',
      'cortex-m3',
      'cortex-m4',
      'cortex-m4f',
      'cortex-m7',
      'cortex-m33',
      'cortex-m55',
      'riscv32',
      'avr',
      'xtensa',
      'wasm',
      'host',
    ]),
    clockHz: z.int(),
    flashBytes: z.int(),
    ramBytes: z.int(),
    /** What is left for one model slot and for the arena. */
    slotBytes: z.int(),
    arenaBytes: z.int(),
    stateBytes: z.int(),
    sectorBytes: z.int(),
    programUnitBytes: z.int(),
    /** Runtime ABI `major.minor`. */
    abi: z.string(),
    builtIn: z.boolean(),
    source: z.string(),
  })
  .meta({ id: 'DeviceType' });
export const DeviceTypeCreate = DeviceType.omit({ builtIn: true }).partial({ source: true, abi: true });

export const Presence = z.enum(['never', 'connected', 'pending', 'silent']).meta({ id: 'Presence' });
export const SlotReport = z.object({
  digest: DigestHex.nullable(),
  state: z.string(),
  releaseSequence: z.int(),
  bytes: z.int(),
  /** The release whose build has this digest, when we know it. */
  release: ReleaseRef.nullable(),
});
export const Device = z
  .object({
    name: Name,
    type: Name,
    tags: z.array(Tag),
    site: z.string().nullable(),
    createdAt: Timestamp,
    presence: Presence,
    lastContactAt: Timestamp.nullable(),
    nextContactBy: Timestamp.nullable(),
    firmwareVersion: z.string().nullable(),
    /** What it runs now, as it reported. */
    activeRelease: ReleaseRef.nullable(),
    activeDigest: DigestHex.nullable(),
    updateState: z.string().nullable(),
  })
  .meta({ id: 'Device' });
export const DeviceDetail = Device.extend({
  bootId: BootIdHex.nullable(),
  resetCause: z.string().nullable(),
  abi: z.string().nullable(),
  slots: z.array(SlotReport),
  lastError: z.object({ code: z.int(), title: z.string(), at: Timestamp }).nullable(),
  desiredRelease: ReleaseRef.nullable(),
  reported: z.record(z.string(), z.unknown()),
}).meta({ id: 'DeviceDetail' });
export const DeviceRegister = z.object({
  name: Name,
  type: Name,
  tags: z.array(Tag).max(32).default([]),
  site: z.string().max(63).nullable().default(null),
});
export const DeviceRegistered = z
  .object({
    device: Device,
    /** Shown once. */
    token: z.string(),
    mqttUsername: z.string(),
  })
  .meta({ id: 'DeviceRegistered' });
export const DevicePatch = z.object({
  tags: z.array(Tag).max(32).optional(),
  site: z.string().max(63).nullable().optional(),
});
export const DeviceCommandName = z
  .enum([
    'reboot',
    'erase',
    'send-samples',
    'set-cadence',
    'set-edges',
    'abort',
    'shadow',
    'revert',
    'say-hello',
  ])
  .meta({ id: 'DeviceCommandName' });
export const DeviceCommandState = z
  .enum(['queued', 'sent', 'taken', 'refused', 'expired'])
  .meta({ id: 'DeviceCommandState' });
export const DeviceCommand = z
  .object({
    id: z.uuid(),
    command: DeviceCommandName,
    argument: z.int().nullable(),
    /** Base64. */
    data: z.string().nullable(),
    state: DeviceCommandState,
    createdAt: Timestamp,
    createdBy: z.string(),
    /** Not sent any more after this time. */
    expiresAt: Timestamp,
    sentAt: Timestamp.nullable(),
    finishedAt: Timestamp.nullable(),
  })
  .meta({ id: 'DeviceCommand' });
export const DeviceCommandCreate = z.object({
  command: DeviceCommandName,
  /** Meaning and range: docs/spec/wire.md, Commands. */
  argument: z.int().min(0).max(4_294_967_295).optional(),
  data: z.base64().max(1_368).optional(),
  expiresInSeconds: z.int().min(10).max(2_592_000).default(86_400),
});
/** e.g. `type = "wasm" and tag in ("pilot","eu") and not state = "silent"` */
export const Filter = z.string().max(2_000).meta({ id: 'Filter' });

// ---- models and builds

export const TensorContract = z.object({
  name: z.string(),
  dtype: z.enum(['int8', 'uint8', 'int16', 'int32', 'int64', 'bool', 'float32']),
  shape: z.array(z.int()),
  scale: z.number().nullable(),
  zeroPoint: z.int().nullable(),
});
export const ModelVersion = z
  .object({
    model: Name,
    version: Version,
    createdAt: Timestamp,
    createdBy: z.string(),
    fileName: z.string(),
    format: z.string(),
    sourceDigest: DigestHex,
    sourceBytes: z.int(),
    labels: z.array(z.string()),
    inputs: z.array(TensorContract),
    outputs: z.array(TensorContract),
    /** Operator name -> how often. */
    operators: z.record(z.string(), z.int()),
    macs: z.int(),
    hasValidationData: z.boolean(),
    /** Samples that the scales of a float model are made from. */
    hasCalibrationData: z.boolean().default(false),
  })
  .meta({ id: 'ModelVersion' });
export const Model = z
  .object({ name: Name, createdAt: Timestamp, latestVersion: Version.nullable(), versionCount: z.int() })
  .meta({ id: 'Model' });

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
    validation: z
      .object({ samples: z.int(), accuracy: z.number(), confusion: z.array(z.array(z.int())) })
      .nullable(),
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

// ---- releases and rollouts

export const Release = z
  .object({
    ref: ReleaseRef,
    model: Name,
    version: Version,
    sequence: z.int(),
    state: z.enum(['draft', 'signed', 'revoked']),
    notes: z.string(),
    createdAt: Timestamp,
    createdBy: z.string(),
    signedAt: Timestamp.nullable(),
    notAfter: Timestamp.nullable().default(null),
    builds: z.array(
      z.object({
        deviceType: Name,
        bundleDigest: DigestHex,
        bundleBytes: z.int(),
        manifestBytes: z.int().nullable(),
        /** How it may travel for less than its own bytes: docs/design/transfer.md. */
        transfers: z
          .array(
            z.object({
              method: z.enum(['compressed', 'delta']),
              /** Of a delta: the bundle that a device must hold, and its release. */
              baseDigest: DigestHex.nullable(),
              base: ReleaseRef.nullable(),
              /** Largest flash sector that it is for. */
              sectorBytes: z.int(),
              /** `useless`: it saves too little to be offered. */
              state: z.enum(['queued', 'ready', 'useless', 'failed']),
              bytes: z.int().nullable(),
            }),
          )
          .default([]),
      }),
    ),
    provenance: z.object({ sourceDigest: DigestHex, compilerVersion: z.string() }),
  })
  .meta({ id: 'Release' });
export const ReleaseCreate = z.object({
  model: Name,
  version: Version,
  sign: z.boolean().default(false),
  notes: z.string().max(10_000).default(''),
  /** How long a device must be healthy before it gives up the old slot. Default: one telemetry window, at most 600. */
  soakSeconds: z.int().min(0).max(604_800).optional(),
  /** No device is offered it after this time. Default: for ever. */
  notAfter: Timestamp.optional(),
});
export const SigningKey = z
  .object({
    keyId: z.string(),
    algorithm: z.literal('ed25519'),
    publicKeyHex: z.string(),
    /** Rises with each rotation. */
    sequence: z.int(),
    /** `next`: handed to devices, signs nothing yet. `active`: signs releases. `retired`: only hands over to the active one. */
    state: z.enum(['next', 'active', 'retired']),
    createdAt: Timestamp,
    /** Devices that trust it, by their last hello: as the key they have, or as the one that may follow. */
    devices: z.object({ current: z.int(), next: z.int() }),
  })
  .meta({ id: 'SigningKey' });

export const RolloutState = z
  .enum(['running', 'paused', 'succeeded', 'failed', 'aborted'])
  .meta({ id: 'RolloutState' });
export const DeploymentState = z
  .enum([
    'waiting',
    'offered',
    'fetching',
    'verified',
    'staged',
    'trial',
    'soak',
    'active',
    'reverted',
    'failed',
    'incompatible',
    'silent',
    'aborted',
  ])
  .meta({ id: 'DeploymentState' });
export const Rollout = z
  .object({
    /** Counts from 1 in the project. */
    number: z.int(),
    release: ReleaseRef,
    filter: Filter,
    state: RolloutState,
    /** Why it is in this state, in words. */
    reason: z.string(),
    /** Cumulative percent of the target, e.g. [10, 50, 100]. */
    steps: z.array(z.int()),
    step: z.int(),
    createdAt: Timestamp,
    createdBy: z.string(),
    finishedAt: Timestamp.nullable(),
    deviceCount: z.int(),
    counts: z.partialRecord(DeploymentState, z.int()),
  })
  .meta({ id: 'Rollout' });
export const RolloutCreate = z.object({
  release: ReleaseRef,
  filter: Filter,
  steps: z
    .array(z.int().min(1).max(100))
    .min(1)
    .max(20)
    .default([100])
    .refine((steps) => steps.every((s, i) => i === 0 || s > (steps[i - 1] ?? 0)) && steps.at(-1) === 100, {
      message: 'steps rise and end with 100',
    }),
  /** Share of a step's devices that may fail before the rollout pauses, percent. */
  maxFailurePercent: z.number().min(0).max(100).default(5),
  /** A device that says nothing for this long counts as silent. */
  deviceTimeoutSeconds: z.int().min(10).max(604_800).default(600),
});
export const Deployment = z
  .object({
    device: Name,
    state: DeploymentState,
    step: z.int(),
    /** Bytes of the bundle stored, of all. */
    offset: z.int(),
    bytes: z.int(),
    errorCode: z.int().nullable(),
    errorTitle: z.string().nullable(),
    updatedAt: Timestamp,
  })
  .meta({ id: 'Deployment' });

// ---- telemetry and quality

export const TelemetryWindow = z
  .object({
    bootId: BootIdHex,
    sequence: z.int(),
    startAt: Timestamp,
    lengthMs: z.int(),
    release: ReleaseRef.nullable(),
    n: z.int(),
    /** Predicted count per class. */
    classCounts: z.array(z.int()),
    /** Class-major counts per confidence bin. */
    confidence: z.array(z.array(z.int())),
    switches: z.int().nullable(),
    saturated: z.int().nullable(),
    cyclesMean: z.int().nullable(),
    cyclesMax: z.int().nullable(),
    arenaBytes: z.int().nullable(),
    batteryPercent: z.int().nullable(),
  })
  .meta({ id: 'TelemetryWindow' });
export const RangeQuery = z.object({
  from: Timestamp.optional(),
  to: Timestamp.optional(),
  /** Bucket length; default fits about 200 buckets into the range. */
  bucketSeconds: z.coerce.number().int().min(10).max(604_800).optional(),
});
export const AccuracyPoint = z.object({
  at: Timestamp,
  release: ReleaseRef,
  labels: z.int(),
  correct: z.int(),
  accuracy: z.number(),
  /** 95 % Wilson interval. */
  low: z.number(),
  high: z.number(),
});
export const AccuracySeries = z.object({
  bucketSeconds: z.int(),
  points: z.array(AccuracyPoint),
  /** Over the whole range, by version. */
  totals: z.array(AccuracyPoint.omit({ at: true })),
});
export const ClassMix = z.object({
  bucketSeconds: z.int(),
  labels: z.array(z.string()),
  points: z.array(z.object({ at: Timestamp, release: ReleaseRef, counts: z.array(z.int()) })),
});
export const VersionShare = z.object({
  bucketSeconds: z.int(),
  /** Devices that reported with this version in the bucket. */
  points: z.array(z.object({ at: Timestamp, release: ReleaseRef.nullable(), devices: z.int() })),
});
export const FleetSummary = z
  .object({
    devices: z.int(),
    byPresence: z.partialRecord(Presence, z.int()),
    byType: z.record(z.string(), z.int()),
    byRelease: z.record(z.string(), z.int()),
    runningRollouts: z.int(),
    inferencesLastHour: z.int(),
    windowsLastHour: z.int(),
  })
  .meta({ id: 'FleetSummary' });
export const LabelBatch = z.object({
  labels: z
    .array(
      z.object({
        device: Name,
        bootId: BootIdHex,
        inferenceIndex: z.int().min(0).max(4_294_967_295),
        /** Class index or the model's label text. */
        label: z.union([z.int().min(0).max(4_095), z.string().max(120)]),
      }),
    )
    .min(1)
    .max(5_000),
  source: z.string().max(63).default('api'),
});
export const LabelResult = z.object({ accepted: z.int(), duplicates: z.int() }).meta({ id: 'LabelResult' });

export const AuditEntry = z
  .object({
    at: Timestamp,
    actor: z.string(),
    action: z.string(),
    subject: z.string(),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'AuditEntry' });
