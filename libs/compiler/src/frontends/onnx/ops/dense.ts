// Gemm and MatMul: fully connected layers where one side is constant, batched products where none is.
import type { TensorId } from '../../../ir/graph.js';
import { batchMatmul } from '../../net/emit.js';
import { permuted, reshaped, type NdArray } from '../../net/nd-array.js';
import type { OnnxContext } from '../context.js';
import { checkWeights, dequantized, scaledBias } from '../quantization.js';
import { activation, canonical, denseRows } from '../values.js';

export function importGemm(c: OnnxContext): void {
  if (c.int('transA', 0) !== 0) throw c.option('transA');
  const b = c.constant(1);
  if (b.shape.length !== 2) throw c.invalid(`weights [${b.shape.join(', ')}]`);
  const transposed = c.int('transB', 0) !== 0;
  const alpha = c.float('alpha', 1);
  const kn = scaled(c, checkWeights(c, b, transposed ? 0 : 1), alpha);
  const weights = transposed ? kn : permuted(kn, [1, 0]);
  const [units, k] = weights.shape as [number, number];
  if (!c.has(2)) return dense(c, { weights, k, bias: null });
  const beta = c.float('beta', 1);
  const value = c.inputs[2]!;
  const size = value.kind === 'constant' ? value.array.values.length : -1;
  if (size !== 1 && size !== units) throw c.option('a third operand that is not one constant per unit');
  const given = scaled(c, c.constant(2), beta);
  const bias: NdArray =
    size === units
      ? reshaped(given, [units])
      : { ...given, shape: [units], values: given.values.constructor === Float32Array
            ? new Float32Array(units).fill(given.values[0]!)
            : new Int32Array(units).fill(given.values[0]!) }; // prettier-ignore
  dense(c, { weights, k, bias });
}

export function importMatMul(c: OnnxContext): void {
  const right = c.inputs[1];
  if (right?.kind === 'constant' && right.array.shape.length === 2) {
    const weights = permuted(checkWeights(c, right.array, 1), [1, 0]);
    return dense(c, { weights, k: weights.shape[1]!, bias: null });
  }
  const [a, b] = [c.canonical(0), c.canonical(1)];
  const [m, k] = a.shape.slice(-2) as [number, number];
  const [rows, n] = b.shape.slice(-2) as [number, number];
  if (a.shape.length < 2 || b.shape.length < 2 || k !== rows)
    throw c.invalid(`[${a.shape.join(', ')}] times [${b.shape.join(', ')}]`);
  const y = batchMatmul(c.writer, a.id, b.id, { m, n, name: c.name, type: c.type() });
  c.result(activation(y, c.writer.shape(y)));
}

function dense(c: OnnxContext, o: { weights: NdArray; k: number; bias: NdArray | null }): void {
  const { writer, name } = c;
  const units = o.weights.shape[0]!;
  const value = c.operand(0);
  if (value.shape.at(-1) !== o.k) throw c.invalid(`rows of ${value.shape.at(-1) ?? 1} for weights of ${o.k}`);
  // Behind a flattened image the weights take the image's order: no element has to move.
  const rows = denseRows(value, o.k);
  let x: TensorId;
  let weights = o.weights;
  if (rows === null) x = canonical(writer, value).id;
  else {
    x = writer.reshape(value.id, [rows.rows, o.k], `${name}/rows`);
    const order = [0, ...rows.order.map((d) => d + 1)];
    weights = reshaped(permuted(reshaped(weights, [units, ...rows.shape]), order), [units, o.k]);
  }
  const filter = writer.constant(`${name}/weights`, weights);
  const bias = o.bias === null ? null : scaledBias(writer.type(x), o.bias, weights);
  const b = bias === null ? null : writer.constant(`${name}/bias`, bias);
  const shape = [...value.shape.slice(0, -1), units];
  const y = writer.dense(x, filter, b, { name, shape, type: c.type() });
  c.result(activation(y, shape));
}

function scaled(c: OnnxContext, array: NdArray, by: number): NdArray {
  if (by === 1) return array;
  if (array.quantization !== null && c.isQuantized()) throw c.option('alpha or beta with integers');
  const real = dequantized(array);
  return { ...real, values: Float32Array.from(real.values, (value) => value * by) };
}
