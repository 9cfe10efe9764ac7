// Float evaluation of the trained network, tensor by tensor: the ranges that calibration needs, and the accuracy
// that quantization is compared with. Not the int8 arithmetic, which only the firmware's kernels do.
import { VIBRATION_AXES, VIBRATION_COUNTS_PER_G, VIBRATION_SAMPLES } from '@tinyfleet/sensors';
import type { Dataset } from './dataset.js';
import type { FloatModel } from './train.js';

/** Rows and channels of a [1, rows, 1, channels] tensor. */
export interface Tensor {
  readonly rows: number;
  readonly channels: number;
  readonly data: Float64Array;
}

/** Padding before the first row for padding SAME, as TensorFlow defines it. */
export function samePadding(rows: number, kernel: number, stride: number): { rows: number; before: number } {
  const out = Math.ceil(rows / stride);
  return { rows: out, before: Math.floor(Math.max(0, (out - 1) * stride + kernel - rows) / 2) };
}

/** The output of every layer for one int8 frame; the last one holds the logits. */
export function forward(model: FloatModel, frame: Int8Array): Tensor[] {
  const input = Float64Array.from(frame, (count) => count / VIBRATION_COUNTS_PER_G);
  const outputs: Tensor[] = [];
  let x: Tensor = { rows: VIBRATION_SAMPLES, channels: VIBRATION_AXES, data: input };
  for (const layer of model.layers) {
    if (layer.kind === 'average-pool') x = averagePool(x, layer.size);
    else if (layer.kind === 'dense') x = dense({ ...x, rows: 1, channels: x.rows * x.channels }, layer);
    else x = convolve(x, layer);
    outputs.push(x);
  }
  return outputs;
}

type Convolution = Extract<FloatModel['layers'][number], { kind: 'conv' | 'depthwise' }>;
type Dense = Extract<FloatModel['layers'][number], { kind: 'dense' }>;

function convolve(x: Tensor, layer: Convolution): Tensor {
  const kernel = layer.shape[1]!;
  const filters = layer.bias.length;
  const { rows, before } = samePadding(x.rows, kernel, layer.stride);
  const data = new Float64Array(rows * filters);
  for (let row = 0; row < rows; row++) {
    for (let f = 0; f < filters; f++) {
      let sum = layer.bias[f]!;
      for (let k = 0; k < kernel; k++) {
        const at = row * layer.stride - before + k;
        if (at < 0 || at >= x.rows) continue;
        if (layer.kind === 'depthwise') sum += x.data[at * x.channels + f]! * layer.weights[k * filters + f]!;
        else {
          for (let c = 0; c < x.channels; c++) {
            sum += x.data[at * x.channels + c]! * layer.weights[(f * kernel + k) * x.channels + c]!;
          }
        }
      }
      data[row * filters + f] = layer.activation === 'relu' ? Math.max(0, sum) : sum;
    }
  }
  return { rows, channels: filters, data };
}

function averagePool(x: Tensor, size: number): Tensor {
  const rows = Math.floor(x.rows / size);
  const data = new Float64Array(rows * x.channels);
  for (let i = 0; i < rows * size * x.channels; i++) {
    const row = Math.floor(i / (size * x.channels));
    data[row * x.channels + (i % x.channels)]! += x.data[i]! / size;
  }
  return { rows, channels: x.channels, data };
}

function dense(x: Tensor, layer: Dense): Tensor {
  const data = Float64Array.from(layer.bias, (bias, f) => {
    let sum = bias;
    for (let c = 0; c < x.channels; c++) sum += x.data[c]! * layer.weights[f * x.channels + c]!;
    return sum;
  });
  return { rows: 1, channels: layer.bias.length, data };
}

export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

/** Confusion counts, truth-major. */
export function confusion(data: Dataset, predict: (frame: Int8Array) => number, classes = 4): number[][] {
  const table = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  const frame = data.x.length / data.y.length;
  for (let i = 0; i < data.y.length; i++) {
    table[data.y[i]!]![predict(data.x.subarray(i * frame, (i + 1) * frame))]!++;
  }
  return table;
}

export function accuracyOf(table: number[][]): number {
  let right = 0;
  let all = 0;
  table.forEach((row, truth) =>
    row.forEach((count, predicted) => {
      all += count;
      if (truth === predicted) right += count;
    }),
  );
  return right / all;
}
