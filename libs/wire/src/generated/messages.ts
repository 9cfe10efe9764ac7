/** Generated from docs/spec/wire.cddl and device.cddl by npm run generate. Do not edit. */
import type { Schema } from '../schema.js';

export const component = { model: 0, firmware: 1 } as const;
/** A value of a newer protocol is '#<number>'. */
export type Component = keyof typeof component | `#${number}`;

export const resetCause = {
  unknown: 0,
  'power-on': 1,
  external: 2,
  software: 3,
  watchdog: 4,
  'brown-out': 5,
  fault: 6,
  'deep-sleep': 7,
  update: 8,
} as const;
/** A value of a newer protocol is '#<number>'. */
export type ResetCause = keyof typeof resetCause | `#${number}`;

export const slotState = {
  empty: 0,
  partial: 1,
  staged: 2,
  trial: 3,
  active: 4,
  retained: 5,
  rejected: 6,
  corrupt: 7,
} as const;
/** A value of a newer protocol is '#<number>'. */
export type SlotState = keyof typeof slotState | `#${number}`;

export const updateState = {
  idle: 0,
  fetching: 1,
  verified: 2,
  staged: 3,
  trial: 4,
  soak: 5,
  active: 6,
  shadow: 7,
  reverted: 8,
  failed: 9,
  offline: 10,
  queued: 11,
  aborted: 12,
} as const;
/** A value of a newer protocol is '#<number>'. */
export type UpdateState = keyof typeof updateState | `#${number}`;

export const transferMethod = { full: 0, compressed: 1, delta: 2 } as const;
/** A value of a newer protocol is '#<number>'. */
export type TransferMethod = keyof typeof transferMethod | `#${number}`;

export const signatureAlgorithm = { ed25519: 1, p256: 2, 'hmac-sha256': 3 } as const;
/** A value of a newer protocol is '#<number>'. */
export type SignatureAlgorithm = keyof typeof signatureAlgorithm | `#${number}`;

export const command = {
  reboot: 1,
  erase: 2,
  'send-samples': 3,
  'set-cadence': 4,
  'set-edges': 5,
  abort: 6,
  'rotate-key': 7,
  shadow: 8,
  revert: 9,
  'say-hello': 10,
  capture: 11,
} as const;
/** A value of a newer protocol is '#<number>'. */
export type Command = keyof typeof command | `#${number}`;

export const sensor = {
  tensor: 0,
  accelerometer: 1,
  gyroscope: 2,
  microphone: 3,
  camera: 4,
  temperature: 5,
  humidity: 6,
  pressure: 7,
  current: 8,
  magnetometer: 9,
  gas: 10,
  light: 11,
  motion: 12,
  generic: 255,
} as const;
/** A value of a newer protocol is '#<number>'. */
export type Sensor = keyof typeof sensor | `#${number}`;

export const unit = {
  raw: 0,
  g: 1,
  'degree-per-second': 2,
  pascal: 3,
  celsius: 4,
  'relative-humidity': 5,
  ampere: 6,
  volt: 7,
  tesla: 8,
  lux: 9,
  ppm: 10,
  pcm: 11,
} as const;
/** A value of a newer protocol is '#<number>'. */
export type Unit = keyof typeof unit | `#${number}`;

export const capability = {
  'latency-measured': 1,
  'trusted-time': 2,
  'retained-slot': 4,
  shadow: 8,
  samples: 16,
  'wake-on-ask': 32,
  'one-slot': 64,
  firmware: 128,
} as const;
/** A value of a newer protocol is '#<number>'. */
export type Capability = keyof typeof capability | `#${number}`;

export const lossCounter = {
  'mqtt-overflow': 1,
  'packet-too-large': 2,
  'cbor-invalid': 3,
  'chunk-crc': 4,
  'chunk-stale': 5,
  'telemetry-merged': 6,
  'telemetry-dropped': 7,
  'flash-error': 8,
  reconnect: 9,
  'ask-refused': 10,
  'manifest-refused': 11,
  'inference-skipped': 12,
  'sample-dropped': 13,
  'shadow-skipped': 14,
  'telemetry-held': 15,
} as const;
/** A value of a newer protocol is '#<number>'. */
export type LossCounter = keyof typeof lossCounter | `#${number}`;

export interface Hello {
  component: Component;
  bootId: bigint;
  sequence: number;
  uptimeMs: number;
  unixTimeMs?: number;
  deviceType: string;
  firmwareVersion: string;
  abi: number;
  opSet: Uint8Array;
  ownOpSet?: Uint8Array;
  opVersions?: Record<number, number>;
  resetCause: ResetCause;
  lastSequence?: number;
  lastBootId?: bigint;
  slots: Array<Slot>;
  maxPacketBytes: number;
  methods: Array<TransferMethod>;
  slotBytes: number;
  programUnitBytes: number;
  sectorBytes: number;
  arenaBytes: number;
  stateBytes: number;
  fetchSlot: number;
  releaseSequence: number;
  floor: number;
  capabilities: number;
  sensors?: Array<SensorDescriptor>;
  dutyCycleS?: number;
  algorithms?: Array<SignatureAlgorithm>;
  keySequence?: number;
  telemetryDropped?: number;
  counters?: Record<number, number>;
  askCounter?: number;
  shadowStateBytes?: number;
  currentKey?: Uint8Array;
  nextKey?: Uint8Array;
  frontEnd?: Uint8Array;
  firmwareSlots?: Array<Slot>;
  firmwareSlotBytes?: number;
  settings?: Record<number, number>;
}

export interface Slot {
  digest: Uint8Array;
  state: SlotState;
  releaseSequence: number;
  bytes: number;
  error?: number;
}

export interface SensorDescriptor {
  sensor: Sensor;
  axes: number;
  unit: Unit;
  fullScale: number;
  sampleRateMhz: number;
}

export interface State {
  component: Component;
  bootId: bigint;
  sequence: number;
  uptimeMs: number;
  unixTimeMs?: number;
  deployment: number;
  revision: number;
  updateState: UpdateState;
  error?: number;
  offset?: number;
  digest?: Uint8Array;
  selfTest?: SelfTest;
  attempts?: number;
  shadow?: ShadowCounters;
  detail?: number;
}

export interface SelfTest {
  passed: boolean;
  vectors: number;
  failedVector?: number;
  failedStep?: number;
  cycles?: number;
  latencyUs?: number;
  arenaBytes: number;
  stackBytes?: number;
}

export interface ShadowCounters {
  runs: number;
  agreed: number;
  disagreed?: Uint8Array;
  skipped?: number;
}

export interface Want {
  component: Component;
  bootId: bigint;
  sequence: number;
  uptimeMs: number;
  unixTimeMs?: number;
  transfer: Uint8Array;
  offset: number;
  count: number;
  chunkBytes?: number;
}

export interface Telemetry {
  component: Component;
  bootId: bigint;
  sequence: number;
  uptimeMs: number;
  unixTimeMs?: number;
  packed?: Uint8Array;
  build: Uint8Array;
  schema: number;
  startMs: number;
  lengthMs: number;
  n: number;
  startUnixMs?: number;
  classes: Uint8Array;
  confidenceBins?: number;
  features?: Array<FeatureSummary>;
  ood?: Uint8Array;
  switches?: number;
  saturated?: number;
  stuck?: number;
  droppedFrames?: number;
  invalid?: number;
  cyclesMean?: number;
  cyclesMax?: number;
  arenaBytes?: number;
  stackBytes?: number;
  batteryPercent?: number;
  resets?: number;
  firstIndex?: number;
  picks?: Uint8Array;
  counters?: Record<number, number>;
  merged?: number;
}

export interface FeatureSummary {
  histogram: Uint8Array;
  n: number;
  sum: number;
  sumSquares: number;
  min: number;
  max: number;
}

export interface Sample {
  component: Component;
  bootId: bigint;
  sequence: number;
  uptimeMs: number;
  unixTimeMs?: number;
  build: Uint8Array;
  index: number;
  ask: number;
  offset: number;
  bytes: number;
  data: Uint8Array;
  predicted?: number;
  confidence?: number;
  encoding?: 'int8' | 'int16-le' | `#${number}`;
  trigger?: 'asked' | 'low-confidence' | 'high-ood' | `#${number}`;
}

export interface Desired {
  serverTimeMs: number;
  revision: number;
  deployment: number;
  manifest?: Uint8Array;
  transfer?: Transfer;
  windowS?: number;
  nextContactS?: number;
  pickEvery?: number;
  soakS?: number;
  shadowEvery?: number;
}

export interface Transfer {
  method: TransferMethod;
  payloadBytes: number;
  payloadDigest: Uint8Array;
  resultDigest: Uint8Array;
  baseDigest?: Uint8Array;
  chunkBytes?: number;
  resultBytes?: number;
}

export interface Chunk {
  transfer: Uint8Array;
  offset: number;
  data: Uint8Array;
  crc32: number;
}

export interface Ask {
  counter: number;
  command: Command;
  argument?: number;
  data?: Uint8Array;
  signature?: Uint8Array;
}

export interface NextKey {
  algorithm: SignatureAlgorithm;
  key: Uint8Array;
  keySequence: number;
}

export interface NewEdges {
  build: Uint8Array;
  monitors: Uint8Array;
}

export interface CaptureRule {
  bytes: number;
  confidenceBelow?: number;
  oodFrom?: number;
  batteryPercent?: number;
}

export interface DeviceParameters {
  project: string;
  device: string;
  deviceType: string;
  vendorId: Uint8Array;
  classId: Uint8Array;
  token?: string;
  brokerHost: string;
  brokerPort: number;
  tls?: boolean;
  authority?: string;
  certificate?: string;
  privateKey?: string;
  key?: VerificationKey;
  nextKey?: VerificationKey;
  deviceKey?: Uint8Array;
  flash: FlashGeometry;
  arenaBytes: number;
  stateBytes: number;
  sensors?: Array<SensorDescriptor>;
  inferencePeriodMs?: number;
  windowS?: number;
  pickEvery?: number;
  dutyCycleS?: number;
  seed?: number;
}

export interface VerificationKey {
  algorithm: SignatureAlgorithm;
  key: Uint8Array;
}

export interface FlashGeometry {
  bytes: number;
  sectorBytes: number;
  unitBytes: number;
  erased: number;
  slotBytes: number;
  slots?: number;
}

export const schemas = {
  hello: [
    { key: 1, name: 'component', optional: false, type: { kind: 'enum', values: component } },
    { key: 2, name: 'bootId', optional: false, type: { kind: 'boot-id' } },
    { key: 3, name: 'sequence', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 4, name: 'uptimeMs', optional: false, type: { kind: 'uint', min: 0, max: 9007199254740991 } },
    { key: 5, name: 'unixTimeMs', optional: true, type: { kind: 'uint', min: 0, max: 9007199254740991 } },
    { key: 10, name: 'deviceType', optional: false, type: { kind: 'tstr', min: 1, max: 63, isName: true } },
    { key: 11, name: 'firmwareVersion', optional: false, type: { kind: 'tstr', min: 1, max: 32 } },
    { key: 12, name: 'abi', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 13, name: 'opSet', optional: false, type: { kind: 'bstr', min: 0, max: 64 } },
    { key: 14, name: 'ownOpSet', optional: true, type: { kind: 'bstr', min: 0, max: 8 } },
    { key: 15, name: 'opVersions', optional: true, type: { kind: 'table', keyMax: 65535, valueMax: 255 } },
    { key: 16, name: 'resetCause', optional: false, type: { kind: 'enum', values: resetCause } },
    { key: 17, name: 'lastSequence', optional: true, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 18, name: 'lastBootId', optional: true, type: { kind: 'boot-id' } },
    {
      key: 19,
      name: 'slots',
      optional: false,
      type: { kind: 'list', min: 1, max: 4, of: { kind: 'message', schema: 'slot' } },
    },
    { key: 20, name: 'maxPacketBytes', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    {
      key: 21,
      name: 'methods',
      optional: false,
      type: { kind: 'list', min: 1, max: 8, of: { kind: 'enum', values: transferMethod } },
    },
    { key: 22, name: 'slotBytes', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 23, name: 'programUnitBytes', optional: false, type: { kind: 'uint', min: 0, max: 255 } },
    { key: 24, name: 'sectorBytes', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 25, name: 'arenaBytes', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 26, name: 'stateBytes', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 27, name: 'fetchSlot', optional: false, type: { kind: 'uint', min: 0, max: 255 } },
    { key: 28, name: 'releaseSequence', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 29, name: 'floor', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 30, name: 'capabilities', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    {
      key: 31,
      name: 'sensors',
      optional: true,
      type: { kind: 'list', min: 0, max: 8, of: { kind: 'message', schema: 'sensorDescriptor' } },
    },
    { key: 32, name: 'dutyCycleS', optional: true, type: { kind: 'uint', min: 0, max: 4294967295 } },
    {
      key: 33,
      name: 'algorithms',
      optional: true,
      type: { kind: 'list', min: 1, max: 4, of: { kind: 'enum', values: signatureAlgorithm } },
    },
    { key: 34, name: 'keySequence', optional: true, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 35, name: 'telemetryDropped', optional: true, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 36, name: 'counters', optional: true, type: { kind: 'table', keyMax: 255, valueMax: 4294967295 } },
    { key: 37, name: 'askCounter', optional: true, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 38, name: 'shadowStateBytes', optional: true, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 39, name: 'currentKey', optional: true, type: { kind: 'bstr', min: 8, max: 8 } },
    { key: 40, name: 'nextKey', optional: true, type: { kind: 'bstr', min: 8, max: 8 } },
    { key: 41, name: 'frontEnd', optional: true, type: { kind: 'bstr', min: 0, max: 64 } },
    {
      key: 42,
      name: 'firmwareSlots',
      optional: true,
      type: { kind: 'list', min: 1, max: 2, of: { kind: 'message', schema: 'slot' } },
    },
    { key: 43, name: 'firmwareSlotBytes', optional: true, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 44, name: 'settings', optional: true, type: { kind: 'table', keyMax: 255, valueMax: 4294967295 } },
  ],
  slot: [
    { key: 1, name: 'digest', optional: false, type: { kind: 'bstr', min: 32, max: 32 } },
    { key: 2, name: 'state', optional: false, type: { kind: 'enum', values: slotState } },
    { key: 3, name: 'releaseSequence', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 4, name: 'bytes', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 5, name: 'error', optional: true, type: { kind: 'uint', min: 0, max: 65535 } },
  ],
  sensorDescriptor: [
    { key: 1, name: 'sensor', optional: false, type: { kind: 'enum', values: sensor } },
    { key: 2, name: 'axes', optional: false, type: { kind: 'uint', min: 0, max: 255 } },
    { key: 3, name: 'unit', optional: false, type: { kind: 'enum', values: unit } },
    { key: 4, name: 'fullScale', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 5, name: 'sampleRateMhz', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
  ],
  state: [
    { key: 1, name: 'component', optional: false, type: { kind: 'enum', values: component } },
    { key: 2, name: 'bootId', optional: false, type: { kind: 'boot-id' } },
    { key: 3, name: 'sequence', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 4, name: 'uptimeMs', optional: false, type: { kind: 'uint', min: 0, max: 9007199254740991 } },
    { key: 5, name: 'unixTimeMs', optional: true, type: { kind: 'uint', min: 0, max: 9007199254740991 } },
    { key: 10, name: 'deployment', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 11, name: 'revision', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 12, name: 'updateState', optional: false, type: { kind: 'enum', values: updateState } },
    { key: 13, name: 'error', optional: true, type: { kind: 'uint', min: 0, max: 65535 } },
    { key: 14, name: 'offset', optional: true, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 15, name: 'digest', optional: true, type: { kind: 'bstr', min: 32, max: 32 } },
    { key: 16, name: 'selfTest', optional: true, type: { kind: 'message', schema: 'selfTest' } },
    { key: 17, name: 'attempts', optional: true, type: { kind: 'uint', min: 0, max: 255 } },
    { key: 18, name: 'shadow', optional: true, type: { kind: 'message', schema: 'shadowCounters' } },
    { key: 19, name: 'detail', optional: true, type: { kind: 'uint', min: 0, max: 4294967295 } },
  ],
  selfTest: [
    { key: 1, name: 'passed', optional: false, type: { kind: 'bool' } },
    { key: 2, name: 'vectors', optional: false, type: { kind: 'uint', min: 0, max: 255 } },
    { key: 3, name: 'failedVector', optional: true, type: { kind: 'uint', min: 0, max: 255 } },
    { key: 4, name: 'failedStep', optional: true, type: { kind: 'uint', min: 0, max: 65535 } },
    { key: 5, name: 'cycles', optional: true, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 6, name: 'latencyUs', optional: true, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 7, name: 'arenaBytes', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 8, name: 'stackBytes', optional: true, type: { kind: 'uint', min: 0, max: 4294967295 } },
  ],
  shadowCounters: [
    { key: 1, name: 'runs', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 2, name: 'agreed', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 3, name: 'disagreed', optional: true, type: { kind: 'bstr' } },
    { key: 4, name: 'skipped', optional: true, type: { kind: 'uint', min: 0, max: 4294967295 } },
  ],
  want: [
    { key: 1, name: 'component', optional: false, type: { kind: 'enum', values: component } },
    { key: 2, name: 'bootId', optional: false, type: { kind: 'boot-id' } },
    { key: 3, name: 'sequence', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 4, name: 'uptimeMs', optional: false, type: { kind: 'uint', min: 0, max: 9007199254740991 } },
    { key: 5, name: 'unixTimeMs', optional: true, type: { kind: 'uint', min: 0, max: 9007199254740991 } },
    { key: 10, name: 'transfer', optional: false, type: { kind: 'bstr', min: 8, max: 8 } },
    { key: 11, name: 'offset', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 12, name: 'count', optional: false, type: { kind: 'uint', min: 0, max: 255 } },
    { key: 13, name: 'chunkBytes', optional: true, type: { kind: 'uint', min: 0, max: 65535 } },
  ],
  telemetry: [
    { key: 1, name: 'component', optional: false, type: { kind: 'enum', values: component } },
    { key: 2, name: 'bootId', optional: false, type: { kind: 'boot-id' } },
    { key: 3, name: 'sequence', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 4, name: 'uptimeMs', optional: false, type: { kind: 'uint', min: 0, max: 9007199254740991 } },
    { key: 5, name: 'unixTimeMs', optional: true, type: { kind: 'uint', min: 0, max: 9007199254740991 } },
    { key: 6, name: 'packed', optional: true, type: { kind: 'bstr' } },
    { key: 10, name: 'build', optional: false, type: { kind: 'bstr', min: 8, max: 8 } },
    { key: 11, name: 'schema', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 12, name: 'startMs', optional: false, type: { kind: 'uint', min: 0, max: 9007199254740991 } },
    { key: 13, name: 'lengthMs', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 14, name: 'n', optional: false, type: { kind: 'uint', min: 0, max: 4095 } },
    { key: 15, name: 'startUnixMs', optional: true, type: { kind: 'uint', min: 0, max: 9007199254740991 } },
    { key: 16, name: 'classes', optional: false, type: { kind: 'bstr' } },
    { key: 17, name: 'confidenceBins', optional: true, type: { kind: 'uint', min: 0, max: 255 } },
    {
      key: 18,
      name: 'features',
      optional: true,
      type: { kind: 'list', min: 0, max: 16, of: { kind: 'message', schema: 'featureSummary' } },
    },
    { key: 19, name: 'ood', optional: true, type: { kind: 'bstr' } },
    { key: 20, name: 'switches', optional: true, type: { kind: 'uint', min: 0, max: 65535 } },
    { key: 21, name: 'saturated', optional: true, type: { kind: 'uint', min: 0, max: 65535 } },
    { key: 22, name: 'stuck', optional: true, type: { kind: 'uint', min: 0, max: 65535 } },
    { key: 23, name: 'droppedFrames', optional: true, type: { kind: 'uint', min: 0, max: 65535 } },
    { key: 24, name: 'invalid', optional: true, type: { kind: 'uint', min: 0, max: 65535 } },
    { key: 25, name: 'cyclesMean', optional: true, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 26, name: 'cyclesMax', optional: true, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 27, name: 'arenaBytes', optional: true, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 28, name: 'stackBytes', optional: true, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 29, name: 'batteryPercent', optional: true, type: { kind: 'uint', min: 0, max: 255 } },
    { key: 30, name: 'resets', optional: true, type: { kind: 'uint', min: 0, max: 65535 } },
    { key: 31, name: 'firstIndex', optional: true, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 32, name: 'picks', optional: true, type: { kind: 'bstr' } },
    { key: 33, name: 'counters', optional: true, type: { kind: 'table', keyMax: 255, valueMax: 4294967295 } },
    { key: 34, name: 'merged', optional: true, type: { kind: 'uint', min: 0, max: 65535 } },
  ],
  featureSummary: [
    { key: 1, name: 'histogram', optional: false, type: { kind: 'bstr' } },
    { key: 2, name: 'n', optional: false, type: { kind: 'uint', min: 0, max: 65535 } },
    { key: 3, name: 'sum', optional: false, type: { kind: 'int' } },
    { key: 4, name: 'sumSquares', optional: false, type: { kind: 'uint', min: 0, max: 9007199254740991 } },
    { key: 5, name: 'min', optional: false, type: { kind: 'int' } },
    { key: 6, name: 'max', optional: false, type: { kind: 'int' } },
  ],
  sample: [
    { key: 1, name: 'component', optional: false, type: { kind: 'enum', values: component } },
    { key: 2, name: 'bootId', optional: false, type: { kind: 'boot-id' } },
    { key: 3, name: 'sequence', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 4, name: 'uptimeMs', optional: false, type: { kind: 'uint', min: 0, max: 9007199254740991 } },
    { key: 5, name: 'unixTimeMs', optional: true, type: { kind: 'uint', min: 0, max: 9007199254740991 } },
    { key: 10, name: 'build', optional: false, type: { kind: 'bstr', min: 8, max: 8 } },
    { key: 11, name: 'index', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 12, name: 'ask', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 13, name: 'offset', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 14, name: 'bytes', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 15, name: 'data', optional: false, type: { kind: 'bstr' } },
    { key: 16, name: 'predicted', optional: true, type: { kind: 'uint', min: 0, max: 255 } },
    { key: 17, name: 'confidence', optional: true, type: { kind: 'uint', min: 0, max: 255 } },
    { key: 18, name: 'encoding', optional: true, type: { kind: 'enum', values: { int8: 0, 'int16-le': 1 } } },
    {
      key: 19,
      name: 'trigger',
      optional: true,
      type: { kind: 'enum', values: { asked: 0, 'low-confidence': 1, 'high-ood': 2 } },
    },
  ],
  desired: [
    { key: 1, name: 'serverTimeMs', optional: false, type: { kind: 'uint', min: 0, max: 9007199254740991 } },
    { key: 2, name: 'revision', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 3, name: 'deployment', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 4, name: 'manifest', optional: true, type: { kind: 'bstr', min: 1, max: 768 } },
    { key: 5, name: 'transfer', optional: true, type: { kind: 'message', schema: 'transfer' } },
    { key: 6, name: 'windowS', optional: true, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 7, name: 'nextContactS', optional: true, type: { kind: 'uint', min: 1, max: 604800 } },
    { key: 8, name: 'pickEvery', optional: true, type: { kind: 'uint', min: 0, max: 65535 } },
    { key: 9, name: 'soakS', optional: true, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 10, name: 'shadowEvery', optional: true, type: { kind: 'uint', min: 0, max: 65535 } },
  ],
  transfer: [
    { key: 1, name: 'method', optional: false, type: { kind: 'enum', values: transferMethod } },
    { key: 2, name: 'payloadBytes', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 3, name: 'payloadDigest', optional: false, type: { kind: 'bstr', min: 32, max: 32 } },
    { key: 4, name: 'resultDigest', optional: false, type: { kind: 'bstr', min: 32, max: 32 } },
    { key: 5, name: 'baseDigest', optional: true, type: { kind: 'bstr', min: 32, max: 32 } },
    { key: 6, name: 'chunkBytes', optional: true, type: { kind: 'uint', min: 0, max: 65535 } },
    { key: 7, name: 'resultBytes', optional: true, type: { kind: 'uint', min: 0, max: 4294967295 } },
  ],
  chunk: [
    { key: 1, name: 'transfer', optional: false, type: { kind: 'bstr', min: 8, max: 8 } },
    { key: 2, name: 'offset', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 3, name: 'data', optional: false, type: { kind: 'bstr' } },
    { key: 4, name: 'crc32', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
  ],
  ask: [
    { key: 1, name: 'counter', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 2, name: 'command', optional: false, type: { kind: 'enum', values: command } },
    { key: 3, name: 'argument', optional: true, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 4, name: 'data', optional: true, type: { kind: 'bstr' } },
    { key: 5, name: 'signature', optional: true, type: { kind: 'bstr' } },
  ],
  nextKey: [
    { key: 1, name: 'algorithm', optional: false, type: { kind: 'enum', values: signatureAlgorithm } },
    { key: 2, name: 'key', optional: false, type: { kind: 'bstr', min: 32, max: 65 } },
    { key: 3, name: 'keySequence', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
  ],
  newEdges: [
    { key: 1, name: 'build', optional: false, type: { kind: 'bstr', min: 8, max: 8 } },
    { key: 2, name: 'monitors', optional: false, type: { kind: 'bstr', min: 0, max: 204 } },
  ],
  captureRule: [
    { key: 1, name: 'bytes', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 2, name: 'confidenceBelow', optional: true, type: { kind: 'uint', min: 0, max: 255 } },
    { key: 3, name: 'oodFrom', optional: true, type: { kind: 'uint', min: 0, max: 255 } },
    { key: 4, name: 'batteryPercent', optional: true, type: { kind: 'uint', min: 0, max: 255 } },
  ],
  deviceParameters: [
    { key: 1, name: 'project', optional: false, type: { kind: 'tstr', min: 1, max: 63, isName: true } },
    { key: 2, name: 'device', optional: false, type: { kind: 'tstr', min: 1, max: 63, isName: true } },
    { key: 3, name: 'deviceType', optional: false, type: { kind: 'tstr', min: 1, max: 63, isName: true } },
    { key: 4, name: 'vendorId', optional: false, type: { kind: 'bstr', min: 16, max: 16 } },
    { key: 5, name: 'classId', optional: false, type: { kind: 'bstr', min: 16, max: 16 } },
    { key: 6, name: 'token', optional: true, type: { kind: 'tstr', min: 1, max: 128 } },
    { key: 7, name: 'brokerHost', optional: false, type: { kind: 'tstr', min: 1, max: 255 } },
    { key: 8, name: 'brokerPort', optional: false, type: { kind: 'uint', min: 1, max: 65535 } },
    { key: 9, name: 'tls', optional: true, type: { kind: 'bool' } },
    { key: 10, name: 'authority', optional: true, type: { kind: 'tstr', min: 1, max: 8192 } },
    { key: 11, name: 'certificate', optional: true, type: { kind: 'tstr', min: 1, max: 8192 } },
    { key: 12, name: 'privateKey', optional: true, type: { kind: 'tstr', min: 1, max: 4096 } },
    { key: 13, name: 'key', optional: true, type: { kind: 'message', schema: 'verificationKey' } },
    { key: 14, name: 'nextKey', optional: true, type: { kind: 'message', schema: 'verificationKey' } },
    { key: 15, name: 'deviceKey', optional: true, type: { kind: 'bstr', min: 32, max: 32 } },
    { key: 16, name: 'flash', optional: false, type: { kind: 'message', schema: 'flashGeometry' } },
    { key: 17, name: 'arenaBytes', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 18, name: 'stateBytes', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    {
      key: 19,
      name: 'sensors',
      optional: true,
      type: { kind: 'list', min: 0, max: 8, of: { kind: 'message', schema: 'sensorDescriptor' } },
    },
    { key: 20, name: 'inferencePeriodMs', optional: true, type: { kind: 'uint', min: 1, max: 86400000 } },
    { key: 21, name: 'windowS', optional: true, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 22, name: 'pickEvery', optional: true, type: { kind: 'uint', min: 0, max: 65535 } },
    { key: 23, name: 'dutyCycleS', optional: true, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 24, name: 'seed', optional: true, type: { kind: 'uint', min: 0, max: 4294967295 } },
  ],
  verificationKey: [
    { key: 1, name: 'algorithm', optional: false, type: { kind: 'enum', values: signatureAlgorithm } },
    { key: 2, name: 'key', optional: false, type: { kind: 'bstr', min: 32, max: 65 } },
  ],
  flashGeometry: [
    { key: 1, name: 'bytes', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 2, name: 'sectorBytes', optional: false, type: { kind: 'uint', min: 512, max: 1048576 } },
    { key: 3, name: 'unitBytes', optional: false, type: { kind: 'uint', min: 1, max: 32 } },
    { key: 4, name: 'erased', optional: false, type: { kind: 'uint', min: 0, max: 255 } },
    { key: 5, name: 'slotBytes', optional: false, type: { kind: 'uint', min: 0, max: 4294967295 } },
    { key: 6, name: 'slots', optional: true, type: { kind: 'uint', min: 1, max: 2 } },
  ],
} as const satisfies Record<string, Schema>;

/** Message name -> type. */
export interface Messages {
  hello: Hello;
  state: State;
  want: Want;
  telemetry: Telemetry;
  sample: Sample;
  desired: Desired;
  chunk: Chunk;
  ask: Ask;
  deviceParameters: DeviceParameters;
}
export const messageNames = [
  'hello',
  'state',
  'want',
  'telemetry',
  'sample',
  'desired',
  'chunk',
  'ask',
] as const;
