// Float .tflite models: their known figures in float, and end to end on the device's kernels.
import { gunzipSync } from 'node:zlib';
import { expect, it } from '@jest/globals';
import { Runtime, type LoadedBundle } from '@tinyfleet/runtime';
import { describeWith } from '@tinyfleet/testing';
import { compile, type CompileOptions, type CompileResult } from '../src/index.js';
import { deviceInput, deviceRows } from '../src/driver/evaluate.js';
import { tensorOf } from '../src/ir/graph.js';
import { openSource } from '../src/driver/frontends.js';
import { evaluateFloat } from '../src/evaluate/evaluate.js';
import { fanFeatures, mnist, model, npy, percentile, sharedFile } from './real-data.js';

const deviceType = { name: 'any', core: 'wasm', clockHz: 1, slotBytes: 1 << 22, arenaBytes: 1 << 22 };

async function floatOutputs(file: string, inputs: Float32Array, count: number): Promise<Float32Array> {
  const { graph } = openSource(model(file));
  const all: Float32Array[] = [];
  await evaluateFloat(graph, { count, inputs: [inputs] }, { visit: (_, values) => all.push(values.slice()) });
  return Float32Array.from(all.flatMap((values) => [...values]));
}

async function built(
  file: string,
  options: Partial<CompileOptions>,
): Promise<CompileResult & { loaded: LoadedBundle }> {
  const result = await compile(model(file), { deviceType, ...options });
  const loaded = (await Runtime.open()).load(result.bundle);
  for (let i = 0; i < loaded.view.goldenCount; i++) expect(loaded.selfTest(i).passed).toBe(true);
  return { ...result, loaded };
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.slice().buffer);
}

function largest(values: ArrayLike<number>): number {
  return Array.from(values).reduce((best, value, i, all) => (value > all[best]! ? i : best), 0);
}

/** As numbers; the files do not say which the training took. */
const SEX = ['F', 'M', 'I'];

/** Mean squared error of each row of three. */
function errorsOf(inputs: Float32Array, outputs: Float32Array): number[] {
  return Array.from({ length: inputs.length / 3 }, (_, i) => {
    const errors = [0, 1, 2].map((axis) => (inputs[i * 3 + axis]! - outputs[i * 3 + axis]!) ** 2);
    return errors.reduce((sum, error) => sum + error) / 3;
  });
}

describeWith(['shared-data'], 'float .tflite', () => {
  it('should compute a sine in float and nearly the same in int8', async () => {
    const angles = Float32Array.from({ length: 100 }, (_, i) => (i / 100) * 2 * Math.PI);
    const outputs = await floatOutputs('tflm_hello_world_float.tflite', angles, 100);
    angles.forEach((angle, i) => expect(Math.abs(outputs[i]! - Math.sin(angle))).toBeLessThan(0.12));
    const { report } = await built('tflm_hello_world_float.tflite', { calibration: [npy(angles, [100, 1])] });
    expect(report.quantization).toMatchObject({ samples: 100, source: 'calibration', range: null });
    expect(report.quantization!.outputs[0]!.maxError).toBeLessThan(0.05);
    expect(report.diagnostics).toEqual([]);
  });

  it('should reconstruct a healthy fan and no imbalanced one, in float and in int8', async () => {
    // This file was trained on deviations scaled to standard deviations, unlike its Keras sibling.
    const features = (condition: string) => fanFeatures(condition).map((value) => value * 1.4826);
    const [healthy, imbalanced] = [features('fan_0_low_0_weight'), features('fan_0_low_1_weight')];
    const floatErrors = async (inputs: Float32Array) =>
      errorsOf(inputs, await floatOutputs('fan_autoencoder_float.tflite', inputs, inputs.length / 3));
    const normal = percentile(await floatErrors(healthy), 0.95);
    expect(normal).toBeCloseTo(7.063e-7, 10);
    expect(percentile(await floatErrors(imbalanced), 0.05)).toBeCloseTo(9.386e-6, 9);

    const samples = Float32Array.from([...healthy, ...imbalanced]);
    const { loaded, graph } = await built('fan_autoencoder_float.tflite', {
      calibration: [npy(samples, [samples.length / 3, 3])],
    });
    const [input, output] = [graph.inputs[0]!, graph.outputs[0]!].map((id) =>
      deviceInput(tensorOf(graph, id)),
    );
    const device = (inputs: Float32Array): number[] => {
      const count = inputs.length / 3;
      const { row } = deviceRows({ shape: [count, 3], type: 'f4', data: bytesOf(inputs) }, input!, true);
      const outputs = Array.from({ length: count }, (_, i) => [
        ...new Int8Array(loaded.run([row(i)])[0]!.buffer),
      ]);
      const reals = outputs.flat().map((q) => (q - output!.zeroPoint) * output!.scale);
      return errorsOf(inputs, Float32Array.from(reals));
    };
    const limit = percentile(device(healthy), 0.95);
    expect(percentile(device(imbalanced), 0.05)).toBeGreaterThan(limit * 3);
  });

  it('should warn that scales come from random inputs, and say of which range', async () => {
    const { report } = await built('rune_gesture_float.tflite', { inputRange: [-4, 4] });
    expect(report.quantization).toMatchObject({ source: 'range', range: [-4, 4] });
    expect(report.diagnostics.map(({ code }) => code)).toContain('compiler.calibration-missing');
    expect(Math.min(...report.quantization!.layers.map(({ sqnrDb }) => sqnrDb!))).toBeGreaterThan(30);
  });

  it.each([
    ['tinymaix_mnist_arduino.h5', 1 / 255, 0.854],
    ['tinymaix_mnist_dw.h5', 1 / 255, 0.933],
    ['tflm_mnist_lstm_float.tflite', 1 / 255, null],
  ] as const)(
    'should tell digits apart as well as stated, and as well in int8: %s',
    async (file, scale, stated) => {
      const count = 2000;
      const { pixels, labels } = mnist(count, scale);
      const validation = { inputs: npy(pixels, [count, 784]), labels: npy(labels, [count]) };
      const { report } = await built(file, { validation });
      const [float, int8] = [report.quantization!.float!.accuracy, report.validation!.accuracy];
      if (stated !== null) expect(Math.abs(float - stated)).toBeLessThan(0.00051);
      expect(float).toBeGreaterThan(0.8);
      expect(int8).toBeGreaterThan(float - 0.02);
    },
    120_000,
  );

  it('should tell digits apart with logits alone: mnist_cntk.onnx', async () => {
    const count = 2000;
    const { pixels, labels } = mnist(count, 1);
    const { loaded, report } = await built('mnist_cntk.onnx', { calibration: [npy(pixels, [count, 784])] });
    const accuracy = (predict: (i: number) => ArrayLike<number>): number =>
      labels.filter((label, i) => largest(predict(i)) === label).length / count;
    const outputs = await floatOutputs('mnist_cntk.onnx', pixels, count);
    const float = accuracy((i) => outputs.subarray(i * 10, (i + 1) * 10));
    const { row } = deviceRows(
      { shape: [count, 784], type: 'f4', data: bytesOf(pixels) },
      loaded.view.inputs[0]!,
      true,
    );
    const int8 = accuracy((i) => new Int8Array(loaded.run([row(i)])[0]!.buffer));
    expect(float).toBeCloseTo(0.991, 3);
    expect(int8).toBeGreaterThan(0.988);
    expect(report.quantization!.outputs[0]!.sqnrDb).toBeGreaterThan(30);
  }, 120_000);

  it('should predict abalone rings nearly as well in int8', async () => {
    const rows = gunzipSync(sharedFile('models', 'tfjs_abalone', 'abalone.csv.gz'))
      .toString()
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(',').map((text, i) => (i === 0 ? SEX.indexOf(text) : Number(text))));
    const inputs = Float32Array.from(rows.flatMap((row) => row.slice(0, 8)));
    const rings = rows.map((row) => row[8]!);
    const source = {
      ...model('tfjs_abalone/model.json'),
      files: new Map([['weights.bin', sharedFile('models', 'tfjs_abalone', 'weights.bin')]]),
    };
    const floats: number[] = [];
    await evaluateFloat(
      openSource(source).graph,
      { count: rows.length, inputs: [inputs] },
      { visit: (_, values) => floats.push(...values) },
    );
    const { bundle, graph } = await compile(source, {
      deviceType,
      calibration: [npy(inputs, [rows.length, 8])],
    });
    const loaded = (await Runtime.open()).load(bundle);
    const [input, output] = [graph.inputs[0]!, graph.outputs[0]!].map((id) =>
      deviceInput(tensorOf(graph, id)),
    );
    const { row } = deviceRows({ shape: [rows.length, 8], type: 'f4', data: bytesOf(inputs) }, input!, true);
    const device = rows.map((_, i) => {
      const [q] = new Int8Array(loaded.run([row(i)])[0]!.buffer);
      return (q! - output!.zeroPoint) * output!.scale;
    });
    const rmse = (predicted: readonly number[]): number =>
      Math.sqrt(predicted.reduce((sum, value, i) => sum + (value - rings[i]!) ** 2, 0) / rings.length);
    expect(rmse(device)).toBeLessThan(rmse(floats) * 1.05);
  });

  it.each([
    'dtln_part1_dynrange.tflite',
    'cwru_lenet_raw.h5',
    'tinymaix_cifar10.h5',
    'fan_autoencoder.h5',
    'stm_yamnet256_head.onnx',
  ])(
    'should bring %s to the device, layer by layer',
    async (file) => {
      const { report } = await built(file, {});
      const { layers, outputs } = report.quantization!;
      expect(layers.length).toBeGreaterThan(1);
      expect(Math.min(...outputs.map(({ sqnrDb }) => sqnrDb!))).toBeGreaterThan(20);
    },
    120_000,
  );
});
