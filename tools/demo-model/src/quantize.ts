// Post-training quantization to int8: symmetric weights per output channel, activations by min-max over a
// calibration set, biases int32; TensorFlow Lite's conventions. Yields the compiler's IR; the .tflite writer and
// every integer computation are the compiler's and the firmware's.
import { GraphBuilder, type Graph } from '@tinyfleet/compiler';
import {
  VIBRATION_AXES,
  VIBRATION_COUNTS_PER_G,
  VIBRATION_FRAME_BYTES,
  VIBRATION_SAMPLES,
} from '@tinyfleet/sensors';
import { type Dataset } from './dataset.js';
import { forward } from './evaluate.js';
import { type FloatLayer, type FloatModel } from './train.js';

interface Range {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** Scale and zero point so that real 0 is exact and [low, high] is covered (Jacob et al. 2018, section 2.1). */
function rangeOf(low: number, high: number): Range {
  const [from, to] = [Math.min(0, low), Math.max(0, high)];
  const scale = Math.fround(to > from ? (to - from) / 255 : 1);
  const zeroPoint = Math.max(-128, Math.min(127, Math.round(-128 - from / scale)));
  return { scale, zeroPoint };
}

/** Min-max of every layer's output over the calibration frames. */
function calibrate(model: FloatModel, data: Dataset): Range[] {
  const low = model.layers.map(() => 0);
  const high = model.layers.map(() => 0);
  for (let i = 0; i < data.y.length; i++) {
    const frame = data.x.subarray(i * VIBRATION_FRAME_BYTES, (i + 1) * VIBRATION_FRAME_BYTES);
    forward(model, frame).forEach((tensor, layer) => {
      for (const value of tensor.data) {
        if (value < low[layer]!) low[layer] = value;
        if (value > high[layer]!) high[layer] = value;
      }
    });
  }
  return low.map((value, layer) => rangeOf(value, high[layer]!));
}

interface QuantizedWeights {
  readonly values: Int8Array;
  readonly scales: number[];
  readonly bias: Int32Array;
}

type Weighted = Exclude<FloatLayer, { kind: 'average-pool' }>;

/** `channelOf` names the output channel of a weight; int8 in -127..127. */
function quantizeWeights(
  layer: Weighted,
  inputScale: number,
  channelOf: (i: number) => number,
): QuantizedWeights {
  const largest = layer.bias.map(() => 0);
  layer.weights.forEach((w, i) => (largest[channelOf(i)] = Math.max(largest[channelOf(i)]!, Math.abs(w))));
  const scales = largest.map((value) => Math.fround(value > 0 ? value / 127 : 1));
  const values = Int8Array.from(layer.weights, (w, i) =>
    Math.max(-127, Math.min(127, Math.round(w / scales[channelOf(i)]!))),
  );
  const bias = Int32Array.from(layer.bias, (b, c) => Math.round(b / Math.fround(inputScale * scales[c]!)));
  return { values, scales, bias };
}

/** The int8 graph: input [1, 64, 1, 3] at 1/32 g per count, output softmax over the four classes. */
export function quantize(model: FloatModel, calibration: Dataset, name: string): Graph {
  const ranges = calibrate(model, calibration);
  const g = new GraphBuilder(name);
  let input: Range = { scale: 1 / VIBRATION_COUNTS_PER_G, zeroPoint: 0 };
  let x = g.input('frame', [1, VIBRATION_SAMPLES, 1, VIBRATION_AXES], input);
  model.layers.forEach((layer, i) => {
    const id = `layer${i}`;
    if (layer.kind === 'average-pool') {
      x = g.pool2d('average_pool_2d', x, {
        name: `${id}/pool`,
        filter: [layer.size, 1],
        stride: [layer.size, 1],
      });
      return; // keeps its input's scale
    }
    const output = ranges[i]!;
    const filters = layer.bias.length;
    const perFilter = layer.weights.length / filters;
    const depthwise = layer.kind === 'depthwise';
    const q = quantizeWeights(layer, input.scale, (w) =>
      depthwise ? w % filters : Math.floor(w / perFilter),
    );
    // TFLite's classic FULLY_CONNECTED has one scale for all units; the coarsest keeps every weight in range.
    const dense = layer.kind === 'dense' ? perTensor(layer, input.scale, q) : q;
    const filter = g.constant(`${id}/weights`, layer.shape, dense.values, {
      scale: layer.kind === 'dense' ? dense.scales[0]! : dense.scales,
      axis: depthwise ? 3 : 0,
    });
    const biasScales = dense.scales.map((scale) => Math.fround(input.scale * scale));
    const bias = g.constant(`${id}/bias`, [filters], dense.bias, {
      scale: layer.kind === 'dense' ? biasScales[0]! : biasScales,
    });
    const operands = { input: x, filter, bias };
    if (layer.kind === 'dense') x = g.fullyConnected(operands, { name: `${id}/dense`, ...output });
    else {
      const o = { name: `${id}/${layer.kind}`, ...output, stride: [layer.stride, 1] as const,
                  padding: 'same' as const, activation: layer.activation }; // prettier-ignore
      x = depthwise ? g.depthwiseConv2d(operands, o) : g.conv2d(operands, o);
    }
    input = output;
  });
  return g.build([g.softmax(x, 'class')]);
}

function perTensor(layer: Weighted, inputScale: number, q: QuantizedWeights): QuantizedWeights {
  const scale = Math.max(...q.scales);
  const values = Int8Array.from(layer.weights, (w) => Math.max(-127, Math.min(127, Math.round(w / scale))));
  const bias = Int32Array.from(layer.bias, (b) => Math.round(b / Math.fround(inputScale * scale)));
  return { values, scales: [scale], bias };
}
