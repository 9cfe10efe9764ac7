// Labelled data through the very kernels devices run: accuracy, confusion, and the class x confidence histogram that
// telemetry windows will be held against.
import { DTYPES, Runtime, type Fields, type LoadedBundle } from '@tinyfleet/runtime';
import type { Monitor } from '../backends/bundle/contents.js';
import { fault } from '../ir/diagnostics.js';
import { byteLength, type Tensor } from '../ir/graph.js';
import { roundHalfAway } from '../ir/multipliers.js';
import { MONITOR_KINDS } from '../plan/generated/bundle-layout.js';
import { FEATURE_BINS } from './monitors.js';
import { elementBytes, npyFloats, readNpy, type NpyArray } from './npy.js';

export interface Evaluation {
  readonly samples: number;
  readonly accuracy: number;
  /** confusion[true][predicted] */
  readonly confusion: number[][];
  /** histogram[predicted][bin of confidence]: bin = floor(confidence * bins / 256), as devices count. */
  readonly histogram: number[][];
  /** Of those, how many were right: the calibration that label-free accuracy rests on. */
  readonly correct: number[][];
  /** Of what telemetry summarizes beside the class, in its order: what windows are held against. */
  readonly features: readonly FeatureBaseline[];
  readonly ood: FeatureBaseline | null;
}

/** A monitored value over the validation data, counted as devices count it. */
export interface FeatureBaseline {
  readonly name: string;
  /** Ascending; bin i holds edges[i-1] <= q < edges[i]. */
  readonly edges: readonly number[];
  /** 16 bins, and how many predictions in each were right. */
  readonly counts: number[];
  readonly correct: number[];
  readonly n: number;
  /** Sums of (q - centre). */
  readonly centre: number;
  readonly sum: number;
  readonly sumSquares: number;
  readonly min: number;
  readonly max: number;
  /** By predicted class. */
  readonly classes: readonly { readonly n: number; readonly sum: number }[];
  /** value = (q - zeroPoint) x scale */
  readonly scale: number;
  readonly zeroPoint: number;
}

/**
 * NPY files. Inputs [n, ...]: int8 or int16 in the model's own quantization, or floats, which are quantized as the contract
 * says. Labels uint8 [n].
 */
export interface ValidationData {
  readonly inputs: Uint8Array;
  readonly labels: Uint8Array;
}

/** Throws compiler.validation-invalid, and the runtime's errors for a bundle that does not load. */
export async function evaluate(
  bundle: Uint8Array,
  data: ValidationData,
  pause?: () => Promise<void>,
): Promise<Evaluation> {
  const runtime = await Runtime.open();
  return evaluateLoaded(runtime.load(bundle), data, { pause });
}

export interface EvaluateControl {
  /** Runs every few samples: it yields, and throws when the work was cancelled. */
  readonly pause?: (() => Promise<void>) | undefined;
  /** The model was float: integers are the values themselves (pixels 0..255), not quantized ones. */
  readonly real?: boolean;
}

export async function evaluateLoaded(
  bundle: LoadedBundle,
  data: ValidationData,
  control: EvaluateControl = {},
): Promise<Evaluation> {
  return evaluationOf(bundle.view.monitors.map(readMonitor), await observe(bundle, data, control));
}

/** What every monitor saw of every sample, and how the sample is labelled. */
export interface Observations {
  readonly labels: Uint8Array;
  readonly classes: number;
  /** Of the class monitor class << 8 | confidence, of others a value per sample; by monitor. */
  readonly values: readonly Int32Array[];
}

export async function observe(
  bundle: LoadedBundle,
  data: ValidationData,
  { pause = async () => {}, real = false }: EvaluateControl = {},
): Promise<Observations> {
  const monitor = bundle.view.monitors.findIndex((m) => m['kind'] === MONITOR_KINDS.classes);
  const [input, ...more] = bundle.view.inputs;
  if (monitor < 0) throw invalid('the model has no class probabilities to compare with labels');
  if (input === undefined || more.length > 0) throw invalid('the model has several inputs');
  const { count: classes } = bundle.view.monitors[monitor] as { count: number };
  const rows = deviceRows(readNpy(data.inputs, 'x.npy'), input, real);
  const labels = readLabels(data.labels, rows.count, classes);
  const seen = bundle.view.monitors.map(() => new Int32Array(rows.count));
  for (let i = 0; i < rows.count; i++) {
    // Samples are independent; a device that streams carries state from one to the next.
    bundle.resetState();
    for (const { monitor: at, value } of bundle.runMonitored([rows.row(i)]).values) seen[at]![i] = value;
    if (i % 64 === 63) await pause();
  }
  return { labels, classes, values: seen };
}

/** A monitor, as far as counting needs it. */
export type CountedMonitor = Pick<Monitor, 'kind' | 'name' | 'bins' | 'edges' | 'centre'> & Scale;
interface Scale {
  readonly scale: number;
  readonly zeroPoint: number;
}

function readMonitor(fields: Fields): CountedMonitor {
  const kind = KIND_NAMES.get(fields['kind'] as number)!;
  const edges = (fields['edges'] as readonly number[]).filter((edge) => edge < NO_EDGE);
  const [bins, centre] = [fields['bins'] as number, fields['centre'] as number];
  return { kind, name: kind, bins, centre, edges: kind === 'classes' ? [] : edges, scale: 1, zeroPoint: 0 };
}

export function evaluationOf(
  monitors: readonly CountedMonitor[],
  { labels, classes, values }: Observations,
): Evaluation {
  const at = monitors.findIndex(({ kind }) => kind === 'classes');
  const bins = binsOnDevice(classes, monitors[at]!.bins);
  const table = (columns: number): number[][] =>
    Array.from({ length: classes }, () => new Array<number>(columns).fill(0));
  const [confusion, histogram, correct] = [table(classes), table(bins), table(bins)];
  let right = 0;
  const predictions = values[at]!.map((value) => value >> 8);
  const isRight = labels.map((truth, i) => {
    const [predicted, confidence] = [predictions[i]!, values[at]![i]! & 0xff];
    const bin = Math.floor((confidence * bins) / 256);
    confusion[truth]![predicted]!++;
    histogram[predicted]![bin]!++;
    if (predicted !== truth) return 0;
    right++;
    correct[predicted]![bin]!++;
    return 1;
  });
  const of = (kind: Monitor['kind']): FeatureBaseline[] =>
    monitors.flatMap((monitor, i) =>
      monitor.kind === kind
        ? [countValues(monitor, values[i]!, { isRight, predictions, count: classes })]
        : [],
    );
  return {
    samples: labels.length,
    accuracy: right / labels.length,
    confusion,
    histogram,
    correct,
    features: of('feature'),
    ood: of('ood')[0] ?? null,
  };
}

/** Devices keep 192 cells of class and confidence (FLEET_WINDOW_CELLS): more classes have fewer bins. */
function binsOnDevice(classes: number, bins: number): number {
  return classes * bins <= 192 ? bins : Math.max(1, Math.floor(192 / classes));
}

function countValues(
  { name, edges, centre, scale, zeroPoint }: CountedMonitor,
  values: Int32Array,
  given: { isRight: ArrayLike<number>; predictions: Int32Array; count: number },
): FeatureBaseline {
  const { isRight, predictions, count } = given;
  const classes = Array.from({ length: count }, () => ({ n: 0, sum: 0 }));
  const [counts, correct] = [
    new Array<number>(FEATURE_BINS).fill(0),
    new Array<number>(FEATURE_BINS).fill(0),
  ];
  let [sum, sumSquares] = [0, 0];
  let [min, max] = [values[0]!, values[0]!];
  values.forEach((q, i) => {
    let bin = 0;
    while (bin < edges.length && edges[bin]! <= q) bin++;
    counts[bin]!++;
    correct[bin]! += isRight[i]!;
    sum += q - centre;
    sumSquares += (q - centre) ** 2;
    min = Math.min(min, q);
    max = Math.max(max, q);
    const own = classes[predictions[i]!]!;
    own.n++;
    own.sum += q - centre;
  });
  return {
    name,
    edges,
    counts,
    correct,
    n: values.length,
    centre,
    sum,
    sumSquares,
    min,
    max,
    classes,
    scale,
    zeroPoint,
  };
}

const KIND_NAMES = new Map(
  Object.entries(MONITOR_KINDS).map(([name, number]) => [number as number, name as Monitor['kind']]),
);
/** Marks edges that are not used. */
const NO_EDGE = 32_767;

function invalid(reason: string) {
  return fault('compiler.validation-invalid', { reason });
}

/** Class numbers below `classes`, one per sample. */
export function readLabels(file: Uint8Array, samples: number, classes: number): Uint8Array {
  const labels = readNpy(file, 'y.npy');
  if (labels.type !== 'u1' && labels.type !== 'i1') throw invalid('the labels are not one-byte integers');
  if (labels.shape.length !== 1 || labels.data.length !== samples) {
    throw invalid(`there are ${labels.data.length} labels for ${samples} samples`);
  }
  const wrong = labels.data.findIndex((label) => label >= classes);
  if (wrong >= 0) {
    throw invalid(`sample ${wrong} has label ${labels.data[wrong]}, the model has ${classes} classes`);
  }
  return labels.data;
}

/** A contract's input, or a tensor that will be one. */
export interface DeviceInput {
  readonly bytes: number;
  /** Number of docs/spec/bundle.yaml. */
  readonly dtype: number;
  readonly scale: number;
  readonly zeroPoint: number;
}

/** Samples as a device takes them: quantized bytes. */
export function deviceRows(
  array: NpyArray,
  input: DeviceInput,
  real: boolean,
): { readonly count: number; readonly row: (i: number) => Uint8Array } {
  const count = array.shape[0] ?? 0;
  if (count === 0) throw invalid('there are no samples');
  const wide = input.dtype === DTYPES.int16.number;
  const size = input.bytes / (wide ? 2 : 1);
  const given = array.data.length / elementBytes(array) / count;
  if (given !== size) throw invalid(`one sample has ${given} elements, the model takes ${size}`);
  if (!real && !array.type.startsWith('f')) {
    const own = wide ? 'i2' : 'i1';
    if (array.type !== own) {
      throw invalid(`the inputs are ${NAMES[array.type]}; the model takes ${NAMES[own]}, or floats`);
    }
    return { count, row: (i) => array.data.subarray(i * input.bytes, (i + 1) * input.bytes) };
  }
  return { count, row: (i) => quantized(npyFloats(array, i * size, size), input) };
}

/** The first of `count` samples. */
export function floatRow(values: Float32Array, count: number, input: DeviceInput): Uint8Array {
  return quantized(values.subarray(0, values.length / count), input);
}

function quantized(values: Float32Array, input: DeviceInput): Uint8Array {
  const wide = input.dtype === DTYPES.int16.number;
  const [low, high] = wide ? [-32_768, 32_767] : [-128, 127];
  const bytes = new Uint8Array(input.bytes);
  const view = new DataView(bytes.buffer);
  values.forEach((value, at) => {
    const q = Math.min(high, Math.max(low, roundHalfAway(value / input.scale) + input.zeroPoint));
    if (wide) view.setInt16(at * 2, q, true);
    else view.setInt8(at, q);
  });
  return bytes;
}

export function deviceInput(tensor: Tensor): DeviceInput {
  const { scales, zeroPoints } = tensor.quantization ?? { scales: [1], zeroPoints: [0] };
  const dtype = DTYPES[tensor.dtype].number;
  return { bytes: byteLength(tensor), dtype, scale: scales[0]!, zeroPoint: zeroPoints[0]! };
}

const NAMES: Readonly<Record<NpyArray['type'], string>> = {
  i1: 'int8',
  u1: 'uint8',
  i2: 'int16',
  u2: 'uint16',
  i4: 'int32',
  u4: 'uint32',
  f4: 'float32',
  f8: 'float64',
};
