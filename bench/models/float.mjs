// Float models: golden outputs of ONNX Runtime, the figures that the shared README states, and what is left of them in int8.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stdout } from 'node:process';
import { gunzipSync } from 'node:zlib';
import { compile, runFloat } from '@tinyfleet/compiler';
import { Runtime } from '@tinyfleet/runtime';
import { bar, table } from '../report.mjs';
import { readSource, ROOMY } from './sources.mjs';

const TOLERANCE = 1e-4;
const IMAGES = 2_000;
const CALIBRATION = 200;

/** File, pixels times this, stated accuracy on the first 2,000 digits. */
const DIGITS = [
  ['mnist_cntk.onnx', 1, 0.991],
  ['tinymaix_mnist_arduino.h5', 1 / 255, 0.854],
  ['tinymaix_mnist_dw.h5', 1 / 255, 0.933],
];

export async function measureFloat(data) {
  const models = join(data, 'models');
  const bars = [];
  const goldens = [];
  const digits = readDigits(data);
  for (const name of ['mnist_cntk', 'yunet_n_320', 'stm_yamnet256_head']) {
    const error = name === 'mnist_cntk' ? await cntkError(models, digits) : await goldenError(models, name);
    goldens.push([name, error.toExponential(2), TOLERANCE]);
    const unit = 'x max |reference|';
    bars.push(bar({ id: `models.golden.${name}`, value: error, bar: TOLERANCE, better: 'lower', unit }));
  }
  table(['against ONNX Runtime', 'max |diff| / max |reference|', 'wanted'], goldens);

  stdout.write('\n');
  const rows = [];
  const runtime = await Runtime.open();
  for (const [file, scale, stated] of DIGITS) {
    const source = readSource(join(models, file));
    const pixels = Float32Array.from(digits.images, (pixel) => pixel * scale);
    const [scores] = await runFloat(source, { count: IMAGES, inputs: [pixels] });
    const float = accuracy(scores.values, digits.labels);
    const calibration = [npy(pixels.subarray(0, CALIBRATION * 784), CALIBRATION)];
    const { bundle } = await compile(source, { deviceType: ROOMY, calibration });
    const int8 = accuracy(onDevice(runtime.load(bundle), pixels), digits.labels);
    rows.push([file, percent(stated), percent(float), percent(int8)]);
    const id = `models.figure.${file.replace(/\.\w+$/, '')}`;
    const off = Math.abs(Math.round(float * 1000) / 1000 - stated);
    bars.push(bar({ id, value: off, bar: 0, better: 'lower', unit: 'off the stated accuracy' }));
  }
  table([`accuracy on ${IMAGES} digits`, 'stated', 'float', 'int8 on the device'], rows);
  return bars;
}

const percent = (share) => `${(share * 100).toFixed(1)} %`;

function readDigits(data) {
  const read = (file) => gunzipSync(readFileSync(join(data, 'images_mnist_10k', file)));
  return {
    images: read('images_u8.bin.gz').subarray(0, IMAGES * 784),
    labels: read('labels_u8.bin.gz').subarray(0, IMAGES),
  };
}

function accuracy(scores, labels) {
  const classes = scores.length / labels.length;
  const right = labels.filter((label, i) => {
    const row = scores.subarray(i * classes, (i + 1) * classes);
    return row.indexOf(Math.max(...row)) === label;
  });
  return right.length / labels.length;
}

/** Scores of every image from the bundle's kernels, quantized as its contract says. */
function onDevice(bundle, pixels) {
  const [input] = bundle.view.inputs;
  const scores = [];
  for (let at = 0; at < pixels.length; at += input.bytes) {
    const row = Int8Array.from(pixels.subarray(at, at + input.bytes), (value) =>
      Math.max(-128, Math.min(127, Math.floor(value / input.scale + 0.5) + input.zeroPoint)),
    );
    const [output] = bundle.run([new Uint8Array(row.buffer)]);
    scores.push(...new Int8Array(output.buffer, output.byteOffset, output.length));
  }
  return Int8Array.from(scores);
}

function worst(found, expected) {
  let [difference, largest] = [0, 0];
  expected.forEach((value, i) => {
    difference = Math.max(difference, Math.abs(found[i] - value));
    largest = Math.max(largest, Math.abs(value));
  });
  return found.length === expected.length ? difference / largest : Infinity;
}

async function cntkError(models, { images }) {
  const { logits } = JSON.parse(readFileSync(join(models, 'mnist_cntk_golden.json'), 'utf8'));
  const pixels = Float32Array.from(images.subarray(0, logits.length * 784));
  const [output] = await runFloat(readSource(join(models, 'mnist_cntk.onnx')), {
    count: logits.length,
    inputs: [pixels],
  });
  return worst(output.values, logits.flat());
}

/** Inputs by the generator that the golden file describes; images are fed channels last. */
async function goldenError(models, name) {
  const golden = JSON.parse(readFileSync(join(models, `${name}_golden.json`), 'utf8'));
  const expected = gunzipSync(readFileSync(join(models, `${name}_golden.f32.bin.gz`)));
  let state = 12_345;
  const inputs = Object.values(golden.inputs).map(({ shape, lo, hi }) => {
    const values = Float32Array.from({ length: shape.reduce((n, extent) => n * extent, 1) }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return lo + (hi - lo) * (state / 2 ** 32);
    });
    return shape.length === 4 ? channelsLast(values, shape) : values;
  });
  const outputs = await runFloat(readSource(join(models, `${name}.onnx`)), { count: 1, inputs });
  const errors = Object.values(golden.outputs).map(({ offset, bytes }, i) => {
    const from = expected.byteOffset + offset;
    return worst(outputs[i].values, new Float32Array(expected.buffer.slice(from, from + bytes)));
  });
  return Math.max(...errors);
}

function channelsLast(values, [n, channels, h, w]) {
  const plane = h * w;
  const result = new Float32Array(values.length);
  for (let image = 0; image < n; image++)
    for (let c = 0; c < channels; c++)
      for (let i = 0; i < plane; i++)
        result[(image * plane + i) * channels + c] = values[(image * channels + c) * plane + i];
  return result;
}

/** A float32 NPY file of `count` rows. */
function npy(values, count) {
  const shape = `${count}, ${values.length / count}`;
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape}), }`;
  const header = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`;
  const head = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length & 0xff, header.length >> 8]);
  const data = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return new Uint8Array(Buffer.concat([head, Buffer.from(header, 'latin1'), data]));
}
