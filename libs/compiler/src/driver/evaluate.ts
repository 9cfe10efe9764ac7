// Labelled data through the very kernels devices run: accuracy, confusion, and the class x confidence histogram that
// telemetry windows will be held against.
import { Runtime, type LoadedBundle } from '@tinyfleet/runtime';
import { fault } from '../ir/diagnostics.js';
import { MONITOR_KINDS } from '../plan/generated/bundle-layout.js';
import { readNpy } from './npy.js';

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

/** NPY files: inputs int8 [n, ...] in the model's own quantization, labels uint8 [n]. */
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
  return evaluateLoaded(runtime.load(bundle), data, pause);
}

/** `pause` runs every few samples: it yields, and throws when the work was cancelled. */
export async function evaluateLoaded(
  bundle: LoadedBundle,
  data: ValidationData,
  pause: () => Promise<void> = async () => {},
): Promise<Evaluation> {
  const invalid = (reason: string) => fault('compiler.validation-invalid', { reason });
  const monitor = bundle.view.monitors.findIndex((m) => m['kind'] === MONITOR_KINDS.classes);
  const [input, ...more] = bundle.view.inputs;
  if (monitor < 0) throw invalid('the model has no class probabilities to compare with labels');
  if (input === undefined || more.length > 0) throw invalid('the model has several inputs');
  const { count: classes, bins } = bundle.view.monitors[monitor] as { count: number; bins: number };
  const inputs = readNpy(data.inputs, 'x.npy');
  const labels = readNpy(data.labels, 'y.npy');
  const samples = inputs.shape[0] ?? 0;
  if (samples === 0) throw invalid('there are no samples');
  if (inputs.data.length !== samples * input.bytes) {
    throw invalid(`one sample has ${inputs.data.length / samples} bytes, the model takes ${input.bytes}`);
  }
  if (!inputs.signed) throw invalid('the inputs are uint8; the model takes int8');
  if (labels.shape.length !== 1 || labels.data.length !== samples) {
    throw invalid(`there are ${labels.data.length} labels for ${samples} samples`);
  }
  const table = (columns: number): number[][] =>
    Array.from({ length: classes }, () => new Array<number>(columns).fill(0));
  const [confusion, histogram, correct] = [table(classes), table(bins), table(bins)];
  let right = 0;
  for (let i = 0; i < samples; i++) {
    const truth = labels.data[i]!;
    if (truth >= classes) throw invalid(`sample ${i} has label ${truth}, the model has ${classes} classes`);
    const { values } = bundle.runMonitored([inputs.data.subarray(i * input.bytes, (i + 1) * input.bytes)]);
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
  return { samples, accuracy: right / samples, confusion, histogram, correct };
}
