// ONNX-ML tree ensembles on the device's kernels, against what ONNX Runtime computes. Features are whole numbers, so integers
// lose nothing; scores are in fixed point and leave in 8 or 16 bits.
import { describe, expect, it } from '@jest/globals';
import { Runtime } from '@tinyfleet/runtime';
import { compile } from '../src/index.js';
import { tensorOf } from '../src/ir/graph.js';
import { formatVectors, type FormatCase } from './format-vectors.js';

const deviceType = { name: 'any', core: 'wasm', clockHz: 1, slotBytes: 1 << 20, arenaBytes: 1 << 20 };

async function check({ name, bytes, inputs, outputs }: FormatCase): Promise<void> {
  const { bundle, graph } = await compile({ bytes, fileName: name }, { deviceType });
  const [x, y] = [tensorOf(graph, graph.inputs[0]!), tensorOf(graph, graph.outputs[0]!)];
  const [scale, zeroPoint] = [y.quantization!.scales[0]!, y.quantization!.zeroPoints[0]!];
  const loaded = (await Runtime.open()).load(bundle);
  const [{ shape, values: rows }, { shape: wanted, values: expected }] = [inputs[0]!, outputs[0]!];
  const [features, classes] = [shape[1]!, wanted[1]!];
  for (let i = 0; i < shape[0]!; i++) {
    const input = new DataView(new ArrayBuffer(features * (x.dtype === 'int16' ? 2 : 1)));
    for (let f = 0; f < features; f++) {
      const { scales, zeroPoints, axis } = x.quantization!;
      const slice = axis === null ? 0 : f;
      const q = Math.round(rows[i * features + f]! / scales[slice]!) + zeroPoints[slice]!;
      if (x.dtype === 'int16') input.setInt16(f * 2, Math.min(32_767, Math.max(-32_768, q)), true);
      else input.setInt8(f, Math.min(127, Math.max(-128, q)));
    }
    const output = loaded.run([new Uint8Array(input.buffer)])[0]!;
    const view = new DataView(output.buffer, output.byteOffset, output.byteLength);
    for (let c = 0; c < classes; c++) {
      const q = y.dtype === 'int16' ? view.getInt16(c * 2, true) : view.getInt8(c);
      // One step of the output, and the rounding of softmax.
      const most = y.dtype === 'int16' ? scale * 2 : scale * 1.5;
      expect(Math.abs((q - zeroPoint) * scale - expected[i * classes + c]!)).toBeLessThanOrEqual(most);
    }
  }
}

describe('an ONNX-ML tree ensemble', () => {
  it.each(formatVectors('onnx-trees.gz').map((c) => [c.name, c] as const))(
    'should give the scores of ONNX Runtime: %s',
    (_, c) => check(c),
  );
});
