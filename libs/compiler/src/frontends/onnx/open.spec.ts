// ONNX files: limits, faults told together, layouts, and QDQ models as integer graphs.
import { describe, expect, it } from '@jest/globals';
import { isFleetError, type FleetError } from '@tinyfleet/errors';
import {
  encodeModel,
  floatTensor,
  int32Tensor,
  int64Tensor,
  int8Tensor,
  node,
  onnxModel,
  smallNet,
  valueInfo,
  type ModelParts,
} from '../../../test/onnx-writer.js';
import type { Diagnostic, ReportDiagnostic } from '../../ir/diagnostics.js';
import { float32Values, int32Values, tensorOf, type Graph } from '../../ir/graph.js';
import { verify } from '../../ir/verify.js';
import { DEFAULT_MODEL_LIMITS, type ModelLimits } from '../limits.js';
import { match } from './match.js';
import { open } from './open.js';

function opened(file: Uint8Array, limits: Partial<ModelLimits> = {}, notes: Diagnostic[] = []): Graph {
  const graph = open(file, { ...DEFAULT_MODEL_LIMITS, ...limits }, notes);
  verify(graph, 'frontend');
  return graph;
}

function refused(file: Uint8Array, limits: Partial<ModelLimits> = {}): FleetError {
  try {
    opened(file, limits);
  } catch (error) {
    if (isFleetError(error)) return error;
    throw error;
  }
  throw new Error('it was opened');
}

function diagnosticsOf(error: FleetError): ReportDiagnostic[] {
  return error.data['diagnostics'] as ReportDiagnostic[];
}

const kinds = (graph: Graph): string[] => graph.ops.map((op) => op.kind);
const shapeOf = (graph: Graph, id: number): readonly number[] => tensorOf(graph, id).shape;

const line: ModelParts = {
  nodes: [node('Relu', ['x'], ['y'])],
  inputs: [valueInfo('x', [1, 4])],
  outputs: ['y'],
};

describe('match', () => {
  it('should know a model by its top level', () => {
    expect(match(smallNet())).toBe(true);
    expect(match(encodeModel({ irVersion: 8, opsetImport: [{ version: 13 }] }))).toBe(false);
    expect(match(new TextEncoder().encode('{"modelTopology": {}}'))).toBe(false);
    expect(match(new Uint8Array(100))).toBe(false);
  });
});

describe('an ONNX model', () => {
  it('should become channels last, with the flattened weights in the same order', () => {
    const notes: Diagnostic[] = [];
    const graph = opened(smallNet(), {}, notes);
    expect(kinds(graph)).toEqual(['conv_2d', 'relu', 'max_pool_2d', 'reshape', 'fully_connected']);
    expect(shapeOf(graph, graph.inputs[0]!)).toEqual([1, 4, 4, 3]);
    expect(notes.map(({ code, data }) => [code, data])).toEqual([
      ['compiler.batch-chosen', { tensor: 'x', extent: 'batch', batch: 1 }],
      ['compiler.layout-moved', { tensor: 'x', from: '1, 3, 4, 4', to: '1, 4, 4, 3' }],
    ]);
    const filter = float32Values(tensorOf(graph, graph.ops[0]!.inputs[1]!));
    // [out, kh, kw, in]: the second number is the first of the second input channel.
    expect([...filter.slice(0, 2)]).toEqual([Math.fround(Math.sin(0)), Math.fround(Math.sin(9))]);
    const rows = float32Values(tensorOf(graph, graph.ops[4]!.inputs[1]!));
    // Unit 0: rows (h, w, c) of [c, h, w, units].
    expect([...rows.slice(0, 3)]).toEqual([0, 12, 3].map((i) => Math.fround(Math.sin(i))));
  });

  it('should relabel transposes instead of moving elements', () => {
    const file = onnxModel({
      nodes: [
        node('Transpose', ['x'], ['t'], [{ name: 'perm', ints: [0, 3, 1, 2] }]),
        node('Relu', ['t'], ['r']),
        node('Transpose', ['r'], ['y'], [{ name: 'perm', ints: [0, 2, 3, 1] }]),
      ],
      inputs: [valueInfo('x', [1, 4, 5, 3])],
      outputs: ['y'],
    });
    const graph = opened(file);
    expect(kinds(graph)).toEqual(['relu']);
    expect(shapeOf(graph, graph.outputs[0]!)).toEqual([1, 4, 5, 3]);
  });

  it('should tell all unsupported operators at once, with their nodes', () => {
    const file = onnxModel({
      ...line,
      nodes: [
        node('Erf', ['x'], ['a']),
        node('TopK', ['a'], ['b']),
        node('Erf', ['b'], ['c']),
        node('Relu', ['c'], ['y']),
      ],
    });
    const error = refused(file);
    expect(error.code).toBe('compiler.op-unsupported');
    expect(error.message).toContain('(2): Erf (Erf_a, Erf_c); TopK (TopK_b)');
    expect(diagnosticsOf(error).map(({ op }) => op)).toEqual([undefined, 'Erf_a', 'Erf_c', 'TopK_b']);
    expect(diagnosticsOf(error)[3]!.hint).toContain('ArgMax');
  });

  it('should collect what is wrong with several nodes', () => {
    const file = onnxModel({
      nodes: [
        node('Conv', ['x', 'w'], ['c'], [{ name: 'group', i: 2 }]),
        node('Elu', ['x'], ['e'], [{ name: 'alpha', f: 0.5 }]),
        node('Add', ['c', 'e'], ['y']),
      ],
      inputs: [valueInfo('x', [1, 3, 4, 4])],
      outputs: ['y'],
      constants: [floatTensor('w', [1, 3, 1, 1], [1, 2, 3])],
    });
    const found = diagnosticsOf(refused(file)).map(({ code, op }) => [code, op]);
    expect(found).toEqual([
      ['compiler.graph-invalid', 'Conv_c'],
      ['compiler.option-unsupported', 'Elu_e'],
    ]);
  });

  it('should fold what does not depend on the input', () => {
    const file = onnxModel({
      nodes: [
        node('Shape', ['x'], ['s']),
        node('Gather', ['s', 'zero'], ['n']),
        node('Concat', ['n', 'rest'], ['t'], [{ name: 'axis', i: 0 }]),
        node('Reshape', ['x', 't'], ['y']),
      ],
      inputs: [valueInfo('x', ['n', 6])],
      outputs: ['y'],
      constants: [int64Tensor('zero', [0]), int64Tensor('rest', [2, -1])],
    });
    expect(shapeOf(opened(file), opened(file).outputs[0]!)).toEqual([1, 2, 3]);
  });

  it.each<[string, Uint8Array, string]>([
    [
      'weights in another file',
      onnxModel({ ...line, constants: [{ ...floatTensor('w', [1], [1]), dataLocation: 1 }] }),
      'another file',
    ],
    ['an old operator set', onnxModel({ ...line, opset: 6 }), 'operator set 6'],
    ['open extents', onnxModel({ ...line, inputs: [valueInfo('x', [1, 'width'])] }), 'only the first extent'],
    ['integers', onnxModel({ ...line, inputs: [valueInfo('x', [1, 4], 7)] }), 'int64'],
    [
      'weights of another size',
      onnxModel({ ...line, constants: [{ ...floatTensor('w', [2], [1]) }] }),
      '4 bytes for [2]',
    ],
    [
      'an unknown element type',
      onnxModel({ ...line, constants: [{ ...floatTensor('w', [1], [1]), dataType: 99 }] }),
      'type 99',
    ],
    ['an output nobody computes', onnxModel({ ...line, outputs: ['z'] }), 'never computed'],
    [
      'operands in the wrong order',
      onnxModel({ ...line, nodes: [node('Relu', ['z'], ['y'])] }),
      'before it is computed',
    ],
    ['no graph', encodeModel({ irVersion: 8 }), 'no graph'],
    ['functions', encodeModel({ graph: { node: [] }, functions: [{}] }), 'functions'],
  ])('should refuse %s', (_, file, words) => {
    expect(refused(file).message).toContain(words);
  });
});

describe('limits on ONNX files', () => {
  const file = smallNet();
  const atLimit: [keyof ModelLimits, number][] = [
    ['fileBytes', file.length],
    // A model, an operator set, a graph, 5 nodes, 3 attributes, 3 tensors, 8 of the input, one output.
    ['tables', 23],
    ['nesting', 6],
    ['nameBytes', 12],
    ['tensors', 9],
    ['operators', 5],
    ['rank', 4],
    ['tensorBytes', 216],
  ];
  it.each(atLimit)('should hold %s at %d, and not one less', (name, limit) => {
    expect(() => opened(file, { [name]: limit })).not.toThrow();
    const error = refused(file, { [name]: limit - 1 });
    expect([error.code, error.data['limit']]).toEqual(['compiler.limit-exceeded', limit - 1]);
  });

  it('should bound lists', () => {
    const ints = Array.from({ length: 50 }, () => 1);
    const listed = onnxModel({ ...line, nodes: [node('Relu', ['x'], ['y'], [{ name: 'a', ints }])] });
    const lists = 50 + 9;
    expect(() => opened(listed, { vectorElements: lists })).not.toThrow();
    expect(refused(listed, { vectorElements: lists - 1 }).code).toBe('compiler.limit-exceeded');
  });

  it('should bound what folding makes', () => {
    const bomb = (count: number): Uint8Array =>
      onnxModel({
        ...line,
        nodes: [...line.nodes, node('ConstantOfShape', ['s'], ['z'])],
        constants: [int64Tensor('s', [count])],
      });
    // The shape is read, the elements are made.
    expect(() => opened(bomb(999), { tensorBytes: 1000 })).not.toThrow();
    expect(refused(bomb(1000), { tensorBytes: 1000 }).code).toBe('compiler.limit-exceeded');
  });

  it('should bound all tensors together', () => {
    expect(refused(file, { graphBytes: 500 }).message).toContain('bytes in all');
  });

  it('should not be slowed down by millions of empty messages', () => {
    const nodes = 4 * 1024 * 1024;
    const length = [0x80, 0x80, 0x80, 0x04];
    const bytes = new Uint8Array(3 + length.length + 2 * nodes);
    bytes.set([0x08, 8, 0x3a, ...length]);
    for (let i = 3 + length.length; i < bytes.length; i += 2) bytes[i] = 0x0a;
    const started = performance.now();
    expect(refused(bytes).code).toBe('compiler.limit-exceeded');
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe('a QDQ model', () => {
  const scale = (name: string, ...values: number[]) =>
    floatTensor(name, values.length === 1 ? [] : [values.length], values);
  const zero = (name: string, value: number) => int8Tensor(name, [], [value]);
  const quantized = (weightZero = 0): Uint8Array =>
    onnxModel({
      nodes: [
        node('QuantizeLinear', ['x', 'sx', 'zx'], ['xq']),
        node('DequantizeLinear', ['xq', 'sx', 'zx'], ['xd']),
        node('DequantizeLinear', ['w', 'sw', 'zw'], ['wd'], [{ name: 'axis', i: 0 }]),
        node('DequantizeLinear', ['b', 'sb'], ['bd'], [{ name: 'axis', i: 0 }]),
        node('Conv', ['xd', 'wd', 'bd'], ['c']),
        node('Relu', ['c'], ['r']),
        node('QuantizeLinear', ['r', 'sr', 'zr'], ['rq']),
        node('DequantizeLinear', ['rq', 'sr', 'zr'], ['y']),
      ],
      inputs: [valueInfo('x', [1, 2, 3, 3])],
      outputs: ['y'],
      constants: [
        scale('sx', 0.5),
        zero('zx', 3),
        int8Tensor('w', [2, 2, 1, 1], [1, -2, 3, -4]),
        scale('sw', 0.25, 0.125),
        int8Tensor('zw', [2], [weightZero, 0]),
        int32Tensor('b', [2], [100, -100]),
        scale('sb', 0.125, 0.0625),
        scale('sr', 1),
        zero('zr', -128),
      ],
    });

  it('should become an integer graph', () => {
    const graph = opened(quantized());
    expect(kinds(graph)).toEqual(['conv_2d', 'relu', 'transpose']);
    const [x, w, b] = graph.ops[0]!.inputs.map((id) => tensorOf(graph, id)) as [never, never, never];
    expect(x).toMatchObject({ dtype: 'int8', quantization: { scales: [0.5], zeroPoints: [3], axis: null } });
    expect(w).toMatchObject({ dtype: 'int8', quantization: { scales: [0.25, 0.125], axis: 0 } });
    expect([...int32Values(b)]).toEqual([100, -100]);
    const c = tensorOf(graph, graph.ops[0]!.outputs[0]!);
    expect(c).toMatchObject({ dtype: 'int8', quantization: { scales: [1], zeroPoints: [-128] } });
    expect(tensorOf(graph, graph.outputs[0]!)).toMatchObject({ dtype: 'int8', shape: [1, 2, 3, 3] });
  });

  it('should refuse weights with a zero point', () => {
    expect(refused(quantized(1)).message).toContain('zero point 0');
  });
});

describe('tree ensembles', () => {
  it('should be refused before nodes times classes fill the memory', () => {
    const nodes = Array.from({ length: 4000 }, (_, i) => i);
    const zeros = nodes.map(() => 0);
    const ints = (name: string, values: readonly number[]) => ({ name, type: 7, ints: values });
    const attributes = [
      ints('nodes_treeids', nodes),
      ints('nodes_nodeids', zeros),
      ints('nodes_featureids', zeros),
      ints('nodes_truenodeids', zeros),
      ints('nodes_falsenodeids', zeros),
      { name: 'nodes_values', type: 6, floats: zeros },
      { name: 'nodes_modes', type: 8, strings: nodes.map(() => new TextEncoder().encode('LEAF')) },
      ints('class_treeids', [0]),
      ints('class_nodeids', [0]),
      ints('class_ids', [1]),
      { name: 'class_weights', type: 6, floats: [1] },
      ints('classlabels_int64s', new Array<number>(20_000).fill(1)),
    ];
    const file = onnxModel({
      nodes: [node('TreeEnsembleClassifier', ['x'], ['label', 'y'], attributes)],
      inputs: [valueInfo('x', [1, 4])],
      outputs: ['y'],
    });
    expect(refused(file).data).toMatchObject({ what: 'nodes times outputs of a tree ensemble' });
  });
});
