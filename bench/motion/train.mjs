// Trains the small network that tells activities from a waist accelerometer, with tfjs, from a fixed seed: the layers model and the
// validation data that a build wants, and what a simulated device replays, one file for each subject, in a folder. The backend on WebAssembly has no gradient of a convolution with respect to its
// filter, so both convolutions are trained as matrix products over patches, which are the same sums.
//
//   node bench/motion/train.mjs FOLDER [--train 1,3,5] [--validate 2,4] [--replay 1,2]
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { zipSync } from 'fflate';
import { AXES, CLASSES, FRAME_ROWS, G_PER_COUNT, framesOf, recordings } from './data.mjs';

/** Strided patches: 32 positions of 8 rows, then 8 of 4 positions. */
const FIRST = { rows: 8, step: 4, filters: 16, positions: 32, before: 2 };
const SECOND = { rows: 4, filters: 24, positions: 8 };
const FRAME = FRAME_ROWS * AXES;
const EPOCHS = 20;
const BATCH = 64;
const RATE = 0.004;

/** mulberry32. */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function joined(all, subjects, hop) {
  const parts = subjects.map((subject) => framesOf(all.get(subject), hop));
  const x = new Float32Array(parts.reduce((sum, part) => sum + part.x.length, 0));
  let at = 0;
  for (const part of parts) {
    x.set(part.x, at);
    at += part.x.length;
  }
  return { x, y: Uint8Array.from(parts.flatMap((part) => [...part.y])) };
}

/** Patches of the first convolution, zeros beyond both ends, as TensorFlow pads "same". */
function patches({ x, y }) {
  const size = FIRST.rows * AXES;
  const out = new Float32Array(y.length * FIRST.positions * size);
  for (let i = 0; i < y.length; i++)
    for (let p = 0; p < FIRST.positions; p++)
      for (let r = 0; r < FIRST.rows; r++) {
        const row = p * FIRST.step - FIRST.before + r;
        if (row < 0 || row >= FRAME_ROWS) continue;
        for (let axis = 0; axis < AXES; axis++)
          out[(i * FIRST.positions + p) * size + r * AXES + axis] = x[i * FRAME + row * AXES + axis];
      }
  return out;
}

function forward(weights, input, count) {
  const [w1, b1, w2, b2, w3, b3] = weights;
  return tf.tidy(() => {
    const first = tf.relu(tf.add(tf.matMul(input, w1), b1));
    const pairs = tf.reshape(first, [count * SECOND.positions, SECOND.rows * FIRST.filters]);
    const second = tf.relu(tf.add(tf.matMul(pairs, w2), b2));
    const pooled = tf.mean(tf.reshape(second, [count, SECOND.positions, SECOND.filters]), 1);
    return tf.add(tf.matMul(pooled, w3), b3);
  });
}

/** @returns the six weights, as tensors */
export function train(data, seed, print = () => {}) {
  const random = generator(seed);
  const uniform = (shape, fanIn) => {
    const limit = Math.sqrt(6 / fanIn);
    const values = Float32Array.from({ length: shape[0] * shape[1] }, () => limit * (2 * random() - 1));
    return tf.variable(tf.tensor2d(values, shape));
  };
  const zeros = (n) => tf.variable(tf.zeros([n]));
  const sizes = [FIRST.rows * AXES, SECOND.rows * FIRST.filters, SECOND.filters];
  const weights = [
    ...[uniform([sizes[0], FIRST.filters], sizes[0]), zeros(FIRST.filters)],
    ...[uniform([sizes[1], SECOND.filters], sizes[1]), zeros(SECOND.filters)],
    ...[uniform([sizes[2], CLASSES.length], sizes[2]), zeros(CLASSES.length)],
  ];
  const rows = patches(data);
  const each = rows.length / data.y.length;
  const order = Uint32Array.from(data.y, (_, i) => i);
  const optimizer = tf.train.adam(RATE);
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    optimizer.learningRate = RATE * (0.02 + 0.49 * (1 + Math.cos((Math.PI * epoch) / EPOCHS)));
    let loss = 0;
    const batches = Math.floor(order.length / BATCH);
    for (let b = 0; b < batches; b++) {
      const input = new Float32Array(BATCH * each);
      const target = new Float32Array(BATCH * CLASSES.length);
      for (let k = 0; k < BATCH; k++) {
        const i = order[b * BATCH + k];
        input.set(rows.subarray(i * each, (i + 1) * each), k * each);
        target[k * CLASSES.length + data.y[i]] = 1;
      }
      loss += tf.tidy(() => {
        const x = tf.tensor2d(input, [BATCH * FIRST.positions, each / FIRST.positions]);
        const y = tf.tensor2d(target, [BATCH, CLASSES.length]);
        const cost = () => tf.losses.softmaxCrossEntropy(y, forward(weights, x, BATCH));
        return optimizer.minimize(cost, true, weights).dataSync()[0];
      });
    }
    if (epoch % 5 === 4) print(`epoch ${epoch + 1}: loss ${(loss / batches).toFixed(3)}`);
  }
  return weights;
}

export function accuracy(weights, data) {
  const rows = patches(data);
  const guess = tf.tidy(() =>
    tf
      .argMax(
        forward(
          weights,
          tf.tensor2d(rows, [data.y.length * FIRST.positions, FIRST.rows * AXES]),
          data.y.length,
        ),
        1,
      )
      .dataSync(),
  );
  return guess.reduce((sum, one, i) => sum + (one === data.y[i] ? 1 : 0), 0) / data.y.length;
}

/** The network as a layers model: what a build imports. */
function layersModel() {
  const conv = (filters, rows, step, padding) =>
    tf.layers.conv2d({
      filters,
      kernelSize: [rows, 1],
      strides: [step, 1],
      padding,
      activation: 'relu',
    });
  const first = conv(FIRST.filters, FIRST.rows, FIRST.step, 'same');
  const model = tf.sequential({ name: 'motion' });
  model.add(tf.layers.inputLayer({ inputShape: [FRAME_ROWS, 1, AXES] }));
  model.add(first);
  model.add(conv(SECOND.filters, SECOND.rows, SECOND.rows, 'valid'));
  model.add(tf.layers.averagePooling2d({ poolSize: [SECOND.positions, 1], strides: [SECOND.positions, 1] }));
  model.add(tf.layers.flatten());
  model.add(tf.layers.dense({ units: CLASSES.length, activation: 'softmax' }));
  return model;
}

async function save(weights, folder) {
  const model = layersModel();
  const shapes = model.getWeights().map(({ shape }) => shape);
  model.setWeights(weights.map((one, i) => tf.reshape(one, shapes[i])));
  await model.save({
    async save({ modelTopology, weightSpecs, weightData }) {
      const paths = ['weights.bin'];
      const manifest = [{ paths, weights: weightSpecs }];
      const json = { format: 'layers-model', modelTopology, weightsManifest: manifest };
      const files = {
        'model.json': Buffer.from(JSON.stringify(json)),
        'weights.bin': new Uint8Array(weightData),
      };
      writeFileSync(join(folder, 'motion.zip'), zipSync(files, { level: 0, mtime: new Date(2000, 0, 1) }));
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    },
  });
}

/** NPY 1.0, C order. */
function npy(values, descr, shape) {
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const head = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${dims}), }`;
  const padded = `${head.padEnd(Math.ceil((head.length + 11) / 64) * 64 - 11)}\n`;
  const magic = Buffer.from([
    0x93,
    0x4e,
    0x55,
    0x4d,
    0x50,
    0x59,
    1,
    0,
    padded.length & 255,
    padded.length >> 8,
  ]);
  return Buffer.concat([
    magic,
    Buffer.from(padded),
    Buffer.from(values.buffer, values.byteOffset, values.byteLength),
  ]);
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { train: { type: 'string' }, validate: { type: 'string' }, replay: { type: 'string' } },
  });
  const folder = resolve(positionals[0] ?? 'motion');
  mkdirSync(folder, { recursive: true });
  setWasmPaths(`${new URL('.', import.meta.resolve('@tensorflow/tfjs-backend-wasm')).pathname}`);
  await tf.setBackend('wasm');
  const all = recordings();
  const numbers = (text) => text?.split(',').map(Number);
  const validated = numbers(values.validate) ?? [...all.keys()].filter((subject) => subject % 5 === 0);
  const trained = numbers(values.train) ?? [...all.keys()].filter((subject) => !validated.includes(subject));
  const validation = joined(all, validated, FRAME_ROWS / 2);
  const weights = train(joined(all, trained, FRAME_ROWS), 7, (line) => process.stdout.write(`${line}\n`));
  process.stdout.write(
    `accuracy on subjects ${validated.join(', ')}: ${accuracy(weights, validation).toFixed(3)}\n`,
  );
  await save(weights, folder);
  const shape = [validation.y.length, FRAME_ROWS, 1, AXES];
  writeFileSync(join(folder, 'validation-x.npy'), npy(validation.x, '<f4', shape));
  writeFileSync(join(folder, 'validation-y.npy'), npy(validation.y, '|u1', [validation.y.length]));
  for (const subject of numbers(values.replay) ?? all.keys()) {
    const { counts } = all.get(subject);
    const file = join(folder, `subject-${String(subject).padStart(2, '0')}.npy`);
    writeFileSync(file, npy(counts, '<i2', [counts.length / AXES, AXES]));
  }
  writeFileSync(join(folder, 'replay.json'), JSON.stringify({ gPerCount: G_PER_COUNT }));
  writeFileSync(join(folder, 'labels.txt'), `${CLASSES.join('\n')}\n`);
}

await main();
