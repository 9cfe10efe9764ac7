// Trains the float network with tfjs on its CPU backend and hands out plain arrays. The network is small enough
// (17 k multiply-accumulates) that minutes of the slowest backend suffice; nothing here knows of int8.
import * as tf from '@tensorflow/tfjs';
import {
  Random,
  VIBRATION_AXES,
  VIBRATION_CLASSES,
  VIBRATION_COUNTS_PER_G,
  VIBRATION_SAMPLES,
} from '@tinyfleet/sensors';
import type { Dataset } from './dataset.js';

export type Activation = 'relu' | 'none';

/** One layer with weights in TensorFlow Lite's order (OHWI, depthwise 1HWC, dense OI). */
export type FloatLayer =
  | {
      kind: 'conv' | 'depthwise';
      weights: number[];
      shape: number[];
      bias: number[];
      stride: number;
      activation: Activation;
    }
  | { kind: 'average-pool'; size: number }
  | { kind: 'dense'; weights: number[]; shape: number[]; bias: number[]; activation: Activation };

export interface FloatModel {
  readonly layers: FloatLayer[];
}

export interface TrainOptions {
  readonly seed: number;
  readonly epochs: number;
  readonly batch: number;
  readonly rate: number;
  readonly log?: (line: string) => void;
}

function network(seed: number): tf.Sequential {
  let next = seed;
  const init = () => tf.initializers.heNormal({ seed: next++ });
  const model = tf.sequential();
  const conv = (filters: number, kernel: number, strides: number) =>
    ({ filters, kernelSize: [kernel, 1] as [number, number], strides: [strides, 1] as [number, number],
       padding: 'same' as const, activation: 'relu' as const }); // prettier-ignore
  model.add(
    tf.layers.conv2d({
      inputShape: [VIBRATION_SAMPLES, 1, VIBRATION_AXES],
      ...conv(8, 9, 2),
      kernelInitializer: init(),
    }),
  );
  model.add(
    tf.layers.depthwiseConv2d({
      kernelSize: [5, 1],
      strides: [2, 1],
      padding: 'same',
      activation: 'relu',
      depthwiseInitializer: init(),
    }),
  );
  model.add(tf.layers.conv2d({ ...conv(16, 1, 1), kernelInitializer: init() }));
  model.add(tf.layers.conv2d({ ...conv(24, 3, 2), kernelInitializer: init() }));
  model.add(tf.layers.averagePooling2d({ poolSize: [8, 1], strides: [8, 1] }));
  model.add(tf.layers.flatten());
  model.add(
    tf.layers.dense({
      units: VIBRATION_CLASSES.length,
      kernelInitializer: tf.initializers.glorotNormal({ seed: next++ }),
    }),
  );
  return model;
}

/** Trains on the data set (shuffled by the seed each epoch) and returns the float weights. */
export async function train(data: Dataset, options: TrainOptions): Promise<FloatModel> {
  await tf.setBackend('cpu');
  const model = network(options.seed);
  const n = data.y.length;
  const frame = data.x.length / n;
  const order = Array.from({ length: n }, (_, i) => i);
  const r = new Random(options.seed);
  const optimizer = tf.train.adam(options.rate);
  const batches = Math.floor(n / options.batch);
  for (let epoch = 0; epoch < options.epochs; epoch++) {
    for (let i = n - 1; i > 0; i--) {
      const j = r.bits() % (i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    // Cosine decay ends each run in a flat place without a validation loop.
    (optimizer as unknown as { learningRate: number }).learningRate =
      options.rate * (0.02 + 0.98 * 0.5 * (1 + Math.cos((Math.PI * epoch) / options.epochs)));
    let loss = 0;
    for (let b = 0; b < batches; b++) {
      const x = new Float32Array(options.batch * frame);
      const y = new Int32Array(options.batch);
      for (let k = 0; k < options.batch; k++) {
        const i = order[b * options.batch + k]!;
        for (let j = 0; j < frame; j++) x[k * frame + j] = data.x[i * frame + j]! / VIBRATION_COUNTS_PER_G;
        y[k] = data.y[i]!;
      }
      loss += tf.tidy(() => {
        const input = tf.tensor4d(x, [options.batch, VIBRATION_SAMPLES, 1, VIBRATION_AXES]);
        const target = tf.oneHot(tf.tensor1d(y, 'int32'), VIBRATION_CLASSES.length);
        const cost = optimizer.minimize(
          () =>
            tf.losses.softmaxCrossEntropy<tf.Tensor, tf.Scalar>(
              target,
              model.apply(input, { training: true }) as tf.Tensor2D,
            ),
          true,
        )!;
        return cost.dataSync()[0]!;
      });
    }
    options.log?.(`epoch ${epoch + 1}/${options.epochs} loss ${(loss / batches).toFixed(4)}`);
  }
  const layers = model.layers.flatMap((layer) => exportLayer(layer));
  model.dispose();
  return { layers };
}

function exportLayer(layer: tf.layers.Layer): FloatLayer[] {
  const kind = layer.getClassName();
  if (kind === 'Flatten') return [];
  if (kind === 'AveragePooling2D') return [{ kind: 'average-pool', size: 8 }];
  const [kernel, biasTensor] = layer.getWeights() as [tf.Tensor, tf.Tensor];
  const bias = [...biasTensor.dataSync()];
  const config = layer.getConfig() as { strides?: [number, number] };
  const stride = config.strides?.[0] ?? 1;
  if (kind === 'Dense') {
    const oi = kernel.transpose([1, 0]);
    return [{ kind: 'dense', weights: [...oi.dataSync()], shape: oi.shape, bias, activation: 'none' }];
  }
  if (kind === 'DepthwiseConv2D') {
    const [h, w, c] = kernel.shape as [number, number, number];
    return [
      {
        kind: 'depthwise',
        weights: [...kernel.dataSync()],
        shape: [1, h, w, c],
        bias,
        stride,
        activation: 'relu',
      },
    ];
  }
  const ohwi = kernel.transpose([3, 0, 1, 2]);
  return [
    { kind: 'conv', weights: [...ohwi.dataSync()], shape: ohwi.shape, bias, stride, activation: 'relu' },
  ];
}
