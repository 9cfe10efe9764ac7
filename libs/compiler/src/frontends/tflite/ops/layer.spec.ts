// What layers with weights accept and refuse in int16, in groups, transposed, and from uint8 models.
import { describe, expect, it } from '@jest/globals';
import { isFleetError } from '@tinyfleet/errors';
import { writeTflite } from '../../../backends/tflite/write.js';
import type { DType, Graph, Tensor } from '../../../ir/graph.js';
import type { Op } from '../../../ir/ops.js';
import { verify } from '../../../ir/verify.js';
import { open } from '../open.js';

const PADDING = { top: 0, left: 0, bottom: 0, right: 0 };
const CONV = { strideH: 1, strideW: 1, dilationH: 1, dilationW: 1, padding: PADDING, activation: 'none' };
const TRANSPOSED = { strideH: 2, strideW: 2, padding: PADDING, activation: 'none' };

interface Layer {
  readonly kind?: Op['kind'];
  readonly attrs?: object;
  readonly type?: DType;
  readonly input?: number[];
  readonly filter?: number[];
  readonly output?: number[];
  readonly zeroPoint?: number;
  readonly weightsZeroPoint?: number;
  readonly bias?: { readonly dtype: DType; readonly data: Uint8Array };
}

/** A 1x1 convolution of int16 activations unless said otherwise, as a file. */
function layer(o: Layer = {}): Uint8Array {
  const { kind = 'conv_2d', attrs = CONV, type = 'int16', zeroPoint = 0 } = o;
  const { input = [1, 2, 2, 4], filter = [3, 1, 1, 4], output = [1, 2, 2, 3] } = o;
  const tensor = (id: number, dtype: DType, shape: number[], data: Uint8Array | null, zero = 0): Tensor => {
    const quantization = { scales: [0.5], zeroPoints: [zero], axis: null };
    return { id, name: `t${id}`, dtype, shape, quantization, data };
  };
  const weights = new Uint8Array(filter.reduce((n, extent) => n * extent, 1)).fill(1);
  const tensors = [
    tensor(0, type, input, null, zeroPoint),
    tensor(1, 'int8', filter, weights, o.weightsZeroPoint),
    tensor(2, type, output, null),
    ...(o.bias === undefined ? [] : [tensor(3, o.bias.dtype, [filter[0]!], o.bias.data)]),
  ];
  const inputs = o.bias === undefined ? [0, 1] : [0, 1, 3];
  const op = { kind, name: 'layer', inputs, outputs: [2], attrs, sourceIndex: 0 } as unknown as Op;
  const graph: Graph = {
    name: 'g',
    tensors: new Map(tensors.map((t) => [t.id, t])),
    ops: [op],
    inputs: [0],
    outputs: [2],
    roots: [],
  };
  return writeTflite(graph);
}

function refusal(file: Uint8Array): string {
  try {
    open(file);
  } catch (error) {
    if (isFleetError(error)) return `${error.code} ${JSON.stringify(error.data)}`;
    throw error;
  }
  throw new Error('the model was accepted');
}

const int64s = (...values: bigint[]): Uint8Array => new Uint8Array(BigInt64Array.from(values).buffer);

describe('a layer with weights', () => {
  it('should be read with int16 activations', () => {
    const graph = open(layer());
    verify(graph, 'frontend');
    expect(graph.ops[0]!.kind).toBe('conv_2d');
  });

  it('should have zero point 0 in int16', () => {
    expect(refusal(layer({ zeroPoint: 3 }))).toMatch(/quantization-invalid.*int16 layers need zero point 0/);
  });

  it('should have int64 biases below 2^46', () => {
    const most = 2n ** 46n - 1n;
    expect(open(layer({ bias: { dtype: 'int64', data: int64s(most, -most, 0n) } })).ops).toHaveLength(1);
    for (const value of [most + 1n, -most - 1n])
      expect(refusal(layer({ bias: { dtype: 'int64', data: int64s(0n, value, 0n) } }))).toMatch(
        /beyond 2\^46/,
      );
  });

  it('should have a bias of the right type', () => {
    const bias = { dtype: 'int64' as const, data: int64s(0n, 0n, 0n) };
    expect(refusal(layer({ type: 'int8', bias }))).toMatch(/type-unsupported/);
  });

  it('should convolve in groups that divide both depths', () => {
    expect(open(layer({ filter: [6, 1, 1, 2], output: [1, 2, 2, 6] })).ops).toHaveLength(1);
    expect(refusal(layer({ filter: [3, 1, 1, 2] }))).toMatch(/does not fit the input depth/);
    expect(refusal(layer({ filter: [3, 1, 1, 3] }))).toMatch(/does not fit the input depth/);
  });

  it('should have a zero point of weights in a uint8 model only', () => {
    expect(refusal(layer({ type: 'int8', weightsZeroPoint: 3 }))).toMatch(/weights need zero point 0/);
    const legacy = { type: 'int8' as const, weightsZeroPoint: 3, attrs: { ...CONV, legacy: true } };
    const graph = open(layer(legacy));
    expect(graph.tensors.get(1)).toMatchObject({ dtype: 'int8', quantization: { zeroPoints: [3] } });
    expect(graph.ops[0]!.attrs).toMatchObject({ legacy: true });
  });

  it('should be transposed to an output that the input can come from', () => {
    const shape = { kind: 'transpose_conv' as const, attrs: TRANSPOSED, filter: [3, 2, 2, 4] };
    const graph = open(layer({ ...shape, output: [1, 4, 4, 3] }));
    expect(graph.ops[0]).toMatchObject({ kind: 'transpose_conv', attrs: { strideH: 2 } });
    expect(refusal(layer({ ...shape, output: [1, 6, 4, 3] }))).toMatch(/is not what makes/);
    expect(refusal(layer({ ...shape, filter: [3, 2, 2, 5], output: [1, 4, 4, 3] }))).toMatch(
      /filter depth 5/,
    );
  });
});
