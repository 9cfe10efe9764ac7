// Labelled data through the very kernels devices run: accuracy, confusion, and the class x confidence histogram that
// telemetry windows will be held against.
import { DTYPES, Runtime, type LoadedBundle } from '@tinyfleet/runtime';
import { fault } from '../ir/diagnostics.js';
import { byteLength, type Tensor } from '../ir/graph.js';
import { roundHalfAway } from '../ir/multipliers.js';
import { MONITOR_KINDS } from '../plan/generated/bundle-layout.js';
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
  { pause = async () => {}, real = false }: EvaluateControl = {},
): Promise<Evaluation> {
  const monitor = bundle.view.monitors.findIndex((m) => m['kind'] === MONITOR_KINDS.classes);
  const [input, ...more] = bundle.view.inputs;
  if (monitor < 0) throw invalid('the model has no class probabilities to compare with labels');
  if (input === undefined || more.length > 0) throw invalid('the model has several inputs');
  const { count: classes, bins } = bundle.view.monitors[monitor] as { count: number; bins: number };
  const rows = deviceRows(readNpy(data.inputs, 'x.npy'), input, real);
  const labels = readLabels(data.labels, rows.count, classes);
  const table = (columns: number): number[][] =>
    Array.from({ length: classes }, () => new Array<number>(columns).fill(0));
  const [confusion, histogram, correct] = [table(classes), table(bins), table(bins)];
  let right = 0;
  for (let i = 0; i < rows.count; i++) {
    const truth = labels[i]!;
    // Samples are independent; a device that streams carries state from one to the next.
    bundle.resetState();
    const { values } = bundle.runMonitored([rows.row(i)]);
    const { value } = values.find((v) => v.monitor === monitor)!;
    const [predicted, confidence] = [value >> 8, value & 0xff];
    const bin = Math.floor((confidence * bins) / 256);
    confusion[truth]![predicted]!++;
    histogram[predicted]![bin]!++;
    if (predicted === truth) {
      right++;
      correct[predicted]![bin]!++;
    }
    if (i % 64 === 63) await pause();
  }
  return { samples: rows.count, accuracy: right / rows.count, confusion, histogram, correct };
}

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
