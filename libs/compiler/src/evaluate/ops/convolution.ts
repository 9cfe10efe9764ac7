// Convolutions, dense layers and pools. tfjs wants filters as HWIO, TFLite stores OHWI; padding is explicit in both.
import type * as Tf from '@tensorflow/tfjs-core';
import type { ConvAttrs, Padding, PoolAttrs, TransposeConvAttrs } from '../../ir/ops.js';
import type { ConvolutionOps } from '../../ir/ops/convolution.js';
import type { Tfjs } from '../backend.js';
import { always, clamp, type FloatCall, type FloatSpecs } from './spec.js';

export const CONVOLUTION_FLOAT: FloatSpecs<ConvolutionOps> = {
  conv_2d: {
    run: (call) => {
      const { tf, attrs, values } = call;
      const filter = call.prepared('filter', () => tf.transpose(values[1]!, [1, 2, 3, 0]));
      const { spread, dilations } = spreadFilter(call, filter as Tf.Tensor4D);
      const convolve = (x: Tf.Tensor4D, f: Tf.Tensor4D): Tf.Tensor4D =>
        tf.conv2d(x, f, [attrs.strideH, attrs.strideW], explicit(attrs.padding), 'NHWC', dilations);
      const x = values[0]! as Tf.Tensor4D;
      const groups = x.shape[3] / spread.shape[2];
      if (groups === 1) return activated(call, convolve(x, spread));
      const filters = tf.split<Tf.Tensor4D>(spread, groups, 3);
      const parts = tf.split<Tf.Tensor4D>(x, groups, 3).map((part, i) => convolve(part, filters[i]!));
      return activated(call, tf.concat(parts, 3));
    },
    stacks: always,
  },
  transpose_conv: { run: transposeConv, stacks: always },
  depthwise_conv_2d: {
    run: (call) => {
      const { tf, attrs, inputs, values } = call;
      const [, kh, kw] = inputs[1]!.shape as [number, number, number];
      const depth = inputs[0]!.shape[3]!;
      const filter = call.prepared('filter', () =>
        tf.reshape(values[1]!, [kh, kw, depth, attrs.depthMultiplier]),
      );
      const { spread, dilations } = spreadFilter(call, filter as Tf.Tensor4D);
      // The wasm kernel takes equal strides only.
      const unequal = attrs.strideH !== attrs.strideW;
      const stride = unequal ? 1 : attrs.strideH;
      const full = tf.depthwiseConv2d(
        values[0]! as Tf.Tensor4D,
        spread,
        [stride, stride],
        explicit(attrs.padding),
        'NHWC',
        dilations,
      );
      const x = unequal
        ? tf.stridedSlice(full, [0, 0, 0, 0], full.shape, [1, attrs.strideH, attrs.strideW, 1])
        : full;
      return activated(call, x);
    },
    stacks: always,
  },
  fully_connected: {
    run: (call) => {
      const { tf, inputs, values } = call;
      const rows = tf.reshape<Tf.Rank.R2>(values[0]!, [-1, inputs[1]!.shape[1]!]);
      return activated(call, tf.matMul(rows, values[1]!, false, true));
    },
    stacks: ({ outputs }) => outputs[0]!.shape.slice(0, -1).every((extent) => extent === 1),
  },
  average_pool_2d: { run: averagePool, stacks: always },
  max_pool_2d: {
    run: ({ tf, attrs, values }) => {
      const padded = padWith(tf, values[0]! as Tf.Tensor4D, attrs.padding, -3.4028234663852886e38);
      const window: [number, number] = [attrs.filterH, attrs.filterW];
      const x = tf.maxPool(padded, window, [attrs.strideH, attrs.strideW], 'valid');
      return clamp(tf, x, attrs.activation);
    },
    stacks: always,
  },
};

function activated(
  { tf, attrs, values }: FloatCall<{ readonly activation: ConvAttrs['activation'] }>,
  x: Tf.Tensor,
): Tf.Tensor {
  const bias = values[2];
  return clamp(tf, bias === undefined ? x : tf.add(x, tf.reshape(bias, [-1])), attrs.activation);
}

function explicit({
  top,
  bottom,
  left,
  right,
}: Padding): [[0, 0], [number, number], [number, number], [0, 0]] {
  return [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
}

function padWith(tf: Tfjs, x: Tf.Tensor4D, p: Padding, value: number): Tf.Tensor4D {
  const nothing = p.top + p.bottom + p.left + p.right === 0;
  return nothing ? x : tf.pad(x, explicit(p), value);
}

/** tfjs has either strides or dilations: with both, zeros between the filter's rows and columns say the same. */
function spreadFilter(
  call: FloatCall<ConvAttrs>,
  filter: Tf.Tensor4D,
): { spread: Tf.Tensor4D; dilations: [number, number] } {
  const { strideH, strideW, dilationH, dilationW } = call.attrs;
  if ((strideH === 1 && strideW === 1) || (dilationH === 1 && dilationW === 1)) {
    return { spread: filter, dilations: [dilationH, dilationW] };
  }
  const spread = call.prepared('spread', () => {
    const [kh, kw, depth, outputs] = filter.shape;
    const [h, w] = [(kh - 1) * dilationH + 1, (kw - 1) * dilationW + 1];
    const [from, to] = [filter.dataSync(), new Float32Array(h * w * depth * outputs)];
    const cell = depth * outputs;
    for (let y = 0; y < kh; y++) {
      for (let x = 0; x < kw; x++) {
        const at = (y * kw + x) * cell;
        to.set(from.subarray(at, at + cell), (y * dilationH * w + x * dilationW) * cell);
      }
    }
    return call.tf.tensor4d(to, [h, w, depth, outputs]);
  });
  return { spread: spread as Tf.Tensor4D, dilations: [1, 1] };
}

/** tfjs's full output, from which the padding is cut; rows and columns that no input reaches are bias alone. */
function transposeConv(call: FloatCall<TransposeConvAttrs>): Tf.Tensor {
  const { tf, attrs, inputs, outputs, values } = call;
  const { strideH, strideW, padding } = attrs;
  const [depth, kh, kw] = inputs[1]!.shape as [number, number, number];
  const [, inH, inW] = inputs[0]!.shape as [number, number, number];
  const [, h, w] = outputs[0]!.shape as [number, number, number];
  const x = values[0]! as Tf.Tensor4D;
  const [batch] = x.shape;
  // [out, kh, kw, in] -> [kh, kw, out, in]
  const filter = call.prepared('filter', () => tf.transpose(values[1]!, [1, 2, 0, 3]));
  const [fullH, fullW] = [(inH - 1) * strideH + kh, (inW - 1) * strideW + kw];
  const shape: [number, number, number, number] = [batch, fullH, fullW, depth];
  const full = tf.conv2dTranspose(x, filter as Tf.Tensor4D, shape, [strideH, strideW], 'valid');
  const [bottom, right] = [Math.max(0, padding.top + h - fullH), Math.max(0, padding.left + w - fullW)];
  const wide = padWith(tf, full, { top: 0, left: 0, bottom, right }, 0);
  return activated(call, tf.slice(wide, [0, padding.top, padding.left, 0], [batch, h, w, depth]));
}

/** TFLite divides by the number of elements inside the input: the mean with zeros around, times window / inside. */
function averagePool(call: FloatCall<PoolAttrs>): Tf.Tensor {
  const { tf, attrs, inputs, values } = call;
  const window: [number, number] = [attrs.filterH, attrs.filterW];
  const pool = (x: Tf.Tensor4D): Tf.Tensor4D =>
    tf.avgPool(padWith(tf, x, attrs.padding, 0), window, [attrs.strideH, attrs.strideW], 'valid');
  const mean = pool(values[0]! as Tf.Tensor4D);
  const padded = Object.values(attrs.padding).some((rows) => rows > 0);
  if (!padded) return clamp(tf, mean, attrs.activation);
  const inside = call.prepared('inside', () => {
    const [, h, w] = inputs[0]!.shape as [number, number, number];
    return pool(tf.ones([1, h, w, 1]));
  });
  return clamp(tf, tf.div(mean, inside), attrs.activation);
}
