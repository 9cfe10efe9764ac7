// What quantization cost: every layer of the int8 model on the device's kernels beside the same layer in float, and the
// accuracy of both on labelled data.
import type { LoadedBundle } from '@tinyfleet/runtime';
import { dequantize } from '../evaluate/dequantize.js';
import { evaluateFloat, type Samples } from '../evaluate/evaluate.js';
import { fault } from '../ir/diagnostics.js';
import { elements, tensorOf, type DType, type Graph, type TensorId } from '../ir/graph.js';
import type { Plan } from '../plan/types.js';
import type { Calibration } from './calibrate.js';
import { deviceRows, readLabels, type ValidationData } from './evaluate.js';
import { elementBytes, npyFloats, readNpy } from './npy.js';

export interface QuantizationReport {
  readonly method: 'min-max';
  readonly samples: number;
  readonly source: Calibration['source'];
  readonly range: readonly [low: number, high: number] | null;
  readonly layers: readonly LayerError[];
  readonly outputs: readonly LayerError[];
  /** The float model on the validation data; null without. */
  readonly float: FloatAccuracy | null;
}

export interface LayerError {
  readonly op: string;
  readonly name: string;
  /** 10 log10(signal power / error power); null where no error is left. */
  readonly sqnrDb: number | null;
  readonly maxError: number;
  /** Largest value of the float layer, for comparison. */
  readonly maxValue: number;
}

export interface FloatAccuracy {
  readonly samples: number;
  readonly accuracy: number;
  /** confusion[true][predicted] */
  readonly confusion: number[][];
}

export interface QuantizedModel {
  /** The float graph that was calibrated. */
  readonly float: Graph;
  /** The int8 graph that was planned: computed tensors have the float graph's ids. */
  readonly graph: Graph;
  readonly plan: Plan;
  readonly bundle: LoadedBundle;
}

const MOST_COMPARED = 16;
const COMPARED_BYTES = 64 * 1024 * 1024;

class ErrorSum {
  private signal = 0;
  private error = 0;
  private maxError = 0;
  private maxValue = 0;

  add(float: ArrayLike<number>, device: ArrayLike<number>): void {
    for (let i = 0; i < float.length; i++) {
      const error = Math.abs(float[i]! - device[i]!);
      this.signal += float[i]! * float[i]!;
      this.error += error * error;
      this.maxError = Math.max(this.maxError, error);
      this.maxValue = Math.max(this.maxValue, Math.abs(float[i]!));
    }
  }

  result(op: string, name: string): LayerError {
    const sqnrDb =
      this.error === 0 || this.signal === 0
        ? null
        : Number((10 * Math.log10(this.signal / this.error)).toFixed(1));
    return { op, name, sqnrDb, maxError: shortened(this.maxError), maxValue: shortened(this.maxValue) };
  }
}

/** Four significant digits say what there is to say, and keep reports readable. */
function shortened(value: number): number {
  return Number(value.toPrecision(4));
}

/** Calibration samples (a few of them) through both, layer by layer. */
export async function compareLayers(
  model: QuantizedModel,
  samples: Samples,
  pause: () => Promise<void>,
): Promise<Pick<QuantizationReport, 'layers' | 'outputs'>> {
  const { float, graph, plan, bundle } = model;
  // The first result that the float graph has, too; what a step remembers is no layer.
  const steps = plan.steps.flatMap((step, index) => {
    const output = step.outputTensors.findIndex((id) => {
      const tensor = float.tensors.get(id);
      return tensor?.dtype === 'float32' && tensor.variable === undefined;
    });
    return output < 0 ? [] : [{ step, index, output, tensor: step.outputTensors[output]! }];
  });
  const want = [...new Set([...steps.map(({ tensor }) => tensor), ...float.outputs])];
  const bytes = want.reduce((n, id) => n + elements(tensorOf(float, id)) * 4, 0);
  const count = Math.max(1, Math.min(MOST_COMPARED, samples.count, Math.floor(COMPARED_BYTES / bytes)));
  const floats = new Map<TensorId, Float32Array>();
  const some = {
    count,
    inputs: samples.inputs.map((v) => v.subarray(0, (v.length / samples.count) * count)),
  };
  await evaluateFloat(float, some, {
    want,
    visit: (id, values, first) => {
      const size = elements(tensorOf(float, id));
      const all = floats.get(id) ?? new Float32Array(size * count);
      all.set(values, first * size);
      floats.set(id, all);
    },
    pause,
  });

  const real = (id: TensorId, data: Uint8Array): Float32Array => {
    const tensor = tensorOf(graph, id);
    return dequantize(tensor, integersOf(data, tensor.dtype), tensor.quantization!);
  };
  const expected = (id: TensorId, sample: number): Float32Array => {
    const size = elements(tensorOf(float, id));
    return floats.get(id)!.subarray(sample * size, (sample + 1) * size);
  };
  const sums = new Map(steps.map(({ index }) => [index, new ErrorSum()]));
  const outputs = graph.outputs.map(() => new ErrorSum());
  const rows = graph.inputs.map((id, i) => {
    const shape = [count, elements(tensorOf(graph, id))];
    const data = new Uint8Array(some.inputs[i]!.slice().buffer);
    return deviceRows({ shape, type: 'f4', data }, bundle.view.inputs[i]!, true);
  });
  for (let sample = 0; sample < count; sample++) {
    bundle.resetState();
    let next = 0;
    bundle.trace(
      rows.map(({ row }) => row(sample)),
      (step) => {
        const here = steps[next];
        if (here?.index !== step) return;
        next++;
        sums.get(step)!.add(expected(here.tensor, sample), real(here.tensor, bundle.stepOutput(here.output)));
      },
    );
    bundle.outputs().forEach((data, i) => {
      const id = graph.outputs[i]!;
      if (tensorOf(float, id).dtype === 'float32') outputs[i]!.add(expected(id, sample), real(id, data));
    });
    await pause();
  }
  return {
    layers: steps.map(({ step, index }) => sums.get(index)!.result(step.op, step.name)),
    outputs: outputs.map((sum, i) => sum.result('output', tensorOf(graph, graph.outputs[i]!).name)),
  };
}

function integersOf(data: Uint8Array, dtype: DType): Int8Array | Int16Array | Uint8Array | Int32Array {
  const copy = new Uint8Array(data).buffer;
  switch (dtype) {
    case 'int16':
      return new Int16Array(copy);
    case 'int32':
      return new Int32Array(copy);
    case 'int8':
      return new Int8Array(copy);
    default:
      return new Uint8Array(copy);
  }
}

/** Of the original: the largest of the output's values is the prediction, the first of equal ones. */
export async function evaluateFloatModel(
  float: Graph,
  output: TensorId,
  data: ValidationData,
  pause: () => Promise<void>,
): Promise<FloatAccuracy> {
  const inputs = readNpy(data.inputs, 'x.npy');
  const count = inputs.shape[0] ?? 0;
  const size = elements(tensorOf(float, float.inputs[0]!));
  if (inputs.data.length / elementBytes(inputs) !== count * size) {
    throw fault('compiler.validation-invalid', { reason: `one sample does not have ${size} elements` });
  }
  const classes = tensorOf(float, output).shape.at(-1)!;
  const labels = readLabels(data.labels, count, classes);
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  let right = 0;
  // In pieces: all samples as floats could be much larger than the file.
  const piece = 256;
  for (let from = 0; from < count; from += piece) {
    const n = Math.min(piece, count - from);
    await evaluateFloat(
      float,
      { count: n, inputs: [npyFloats(inputs, from * size, n * size)] },
      {
        want: [output],
        visit: (_, values, first, samples) => {
          for (let i = 0; i < samples; i++) {
            const row = values.subarray(i * classes, (i + 1) * classes);
            let best = 0;
            row.forEach((value, k) => (best = value > row[best]! ? k : best));
            const truth = labels[from + first + i]!;
            confusion[truth]![best]!++;
            if (truth === best) right++;
          }
        },
        pause,
      },
    );
  }
  return { samples: count, accuracy: right / count, confusion };
}
