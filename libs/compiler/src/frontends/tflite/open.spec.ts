// Models read, faults named, limits at their edge. Hostile files: fuzz.spec.ts.
import { describe, expect, it } from '@jest/globals';
import { FleetError } from '@tinyfleet/errors';
import { MODELS } from '../../../test/models.js';
import { writeFlatbuffer } from '../../backends/tflite/flatbuffer-writer.js';
import { TENSOR_TYPES } from '../../ir/tflite-schema.js';
import { writeTflite } from '../../backends/tflite/write.js';
import type { ReportDiagnostic } from '../../ir/diagnostics.js';
import { dumpGraph } from '../../ir/dump.js';
import { MODEL } from '../../ir/tflite-schema.js';
import { verify } from '../../ir/verify.js';
import { readFlatbuffer } from './flatbuffer-reader.js';
import { DEFAULT_LIMITS, type TfliteLimits } from './limits.js';
import { describeFile } from '../describe.js';
import { match } from './match.js';
import { open } from './open.js';

/** The model as plain values, changed, as a file again. */
function changed(name: string, change: (model: any) => void): Uint8Array {
  const model = structuredClone(readFlatbuffer(writeTflite(MODELS[name]!()), MODEL, DEFAULT_LIMITS));
  change(model);
  return writeFlatbuffer(MODEL, 'TFL3', model);
}

function failureOf(
  file: Uint8Array,
  limits?: Partial<TfliteLimits>,
): { code: string; diagnostics: ReportDiagnostic[]; data: any } {
  try {
    open(file, { ...DEFAULT_LIMITS, ...limits });
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    return {
      code: error.code,
      diagnostics: (error.data['diagnostics'] ?? []) as ReportDiagnostic[],
      data: error.data,
    };
  }
  throw new Error('the model was accepted');
}

describe('open', () => {
  for (const [name, make] of Object.entries(MODELS)) {
    it(`should read back what the .tflite backend wrote (${name})`, () => {
      const graph = make();
      const file = writeTflite(graph);
      expect(match(file)).toBe(true);
      const read = open(file);
      verify(read, 'frontend');
      expect(dumpGraph(read)).toBe(dumpGraph(graph));
      expect(writeTflite(read)).toEqual(file);
    });
  }

  it('should list every unsupported operator with its nodes and a hint', () => {
    const file = changed('residualNet', (model) => {
      // MAX_POOL_2D becomes SHAPE, ADD becomes a custom op.
      for (const code of model.operatorCodes) {
        if (code.builtinCode === 17) code.builtinCode = code.deprecatedBuiltinCode = 77;
        if (code.builtinCode === 0)
          Object.assign(code, { builtinCode: 32, deprecatedBuiltinCode: 32, customCode: 'Fft' });
      }
    });
    const { code, diagnostics, data } = failureOf(file);
    expect(code).toBe('compiler.op-unsupported');
    expect(data).toMatchObject({ count: 2, ops: 'CUSTOM:Fft (sum); SHAPE (max)' });
    expect(diagnostics.slice(1).map((d) => [d.op, /: (.*)\.$/.exec(d.message)![1]])).toEqual([
      ['sum', 'CUSTOM:Fft'],
      ['max', 'SHAPE'],
    ]);
    expect(diagnostics.find((d) => d.op === 'max')!.hint).toContain('batch 1');
  });

  it('should leave out what only computes the shape of a reshape', () => {
    const plain = open(writeTflite(MODELS['convNet']!()));
    const file = changed('convNet', (model) => {
      const [{ operators, tensors, inputs }] = model.subgraphs;
      const reshape = operators.find((operator: any) => operator.options?.type === 17);
      // Its shape comes from the input's: SHAPE, then a custom op that nobody has.
      const like = tensors[reshape.inputs[1]];
      const [whole, packed] = ['whole', 'packed'].map(
        (name) => tensors.push({ ...like, name, buffer: 0 }) - 1,
      );
      model.operatorCodes.push(
        { deprecatedBuiltinCode: 77, builtinCode: 77, version: 1 },
        { deprecatedBuiltinCode: 32, builtinCode: 32, version: 1, customCode: 'Pick' },
      );
      const codes = model.operatorCodes.length;
      reshape.inputs[1] = packed;
      operators.splice(
        operators.indexOf(reshape),
        0,
        { opcodeIndex: codes - 2, inputs: [inputs[0]], outputs: [whole] },
        { opcodeIndex: codes - 1, inputs: [whole], outputs: [packed] },
      );
    });
    expect(open(file).ops.map((op) => op.kind)).toEqual(plain.ops.map((op) => op.kind));
  });

  it('should refuse the same operators where their result is data', () => {
    const file = changed('convNet', (model) => {
      const [{ operators, tensors, outputs, inputs }] = model.subgraphs;
      model.operatorCodes.push({ deprecatedBuiltinCode: 77, builtinCode: 77, version: 1 });
      const shape = tensors.push({ ...tensors[inputs[0]], name: 'shape', type: 2, shape: [4] }) - 1;
      const opcodeIndex = model.operatorCodes.length - 1;
      operators.push({ opcodeIndex, inputs: [inputs[0]], outputs: [shape] });
      outputs.push(shape);
    });
    expect(failureOf(file).data).toMatchObject({ ops: 'SHAPE (shape)' });
  });

  it('should report all faults of a graph together', () => {
    const file = changed('convNet', (model) => {
      const [{ operators, tensors }] = model.subgraphs;
      tensors[operators[0].inputs[1]].quantization.zeroPoint = [1, 0, 0, 0];
      tensors[operators[1].outputs[0]].shape = [1, 3, 3, 8];
      operators[4].options.value.activation = 4;
    });
    const { diagnostics } = failureOf(file);
    expect(diagnostics.map((d) => [d.code, d.op ?? d.tensor])).toEqual([
      ['compiler.quantization-invalid', 'conv'],
      ['compiler.graph-invalid', 'depthwise'],
      ['compiler.graph-invalid', 'pool'],
      ['compiler.option-unsupported', 'dense'],
    ]);
  });

  it('should name the tensor whose type keeps a model from compiling', () => {
    const file = changed('denseNet', (model) => {
      model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].type = TENSOR_TYPES.indexOf('int4');
    });
    const { code, diagnostics } = failureOf(file);
    expect(code).toBe('compiler.type-unsupported');
    expect(diagnostics.map((d) => d.tensor)).toContain('x');
  });

  it.each([
    ['a dynamic extent', (t: any) => (t.shapeSignature = [1, -1]), 'compiler.shape-unsupported'],
    ['an extent of 0', (t: any) => (t.shape = [1, 0]), 'compiler.shape-unsupported'],
    ['a negative scale', (t: any) => (t.quantization.scale = [-1]), 'compiler.quantization-invalid'],
    ['a zero point of 128', (t: any) => (t.quantization.zeroPoint = [128]), 'compiler.quantization-invalid'],
    ['a buffer that does not exist', (t: any) => (t.buffer = 99), 'compiler.graph-invalid'],
    ['no scale', (t: any) => (t.quantization = null), 'compiler.quantization-invalid'],
  ])('should refuse an input with %s', (_, change, code) => {
    const file = changed('denseNet', (model) =>
      change(model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]]),
    );
    expect(failureOf(file).code).toBe(code);
  });

  it('should refuse a dilation that reaches beyond all coordinates of the kernels', () => {
    const file = changed('residualNet', (model) => {
      const stem = model.subgraphs[0].operators[0].options.value;
      Object.assign(stem, { dilationW: 65_535, dilationH: 1 });
    });
    expect(failureOf(file)).toMatchObject({
      code: 'compiler.graph-invalid',
      data: { reason: 'its padding is out of range' },
    });
  });

  it('should refuse operators that read what is not yet computed', () => {
    const file = changed('denseNet', (model) => model.subgraphs[0].operators.reverse());
    expect(failureOf(file)).toMatchObject({ code: 'compiler.graph-invalid', data: { op: 'c' } });
  });

  it('should accept a bias whose scales name the axis of the weights', () => {
    const file = changed('convNet', (model) => {
      const [{ operators, tensors }] = model.subgraphs;
      tensors[operators[0].inputs[2]].quantization.quantizedDimension = 3;
    });
    expect(open(file).ops).toHaveLength(6);
  });
});

describe('edges', () => {
  /** denseNet with a conversion in front of its input and one behind its first output. */
  const withEdges = (o: {
    type: number;
    input?: object;
    output?: object;
    extraReader?: boolean;
  }): Uint8Array =>
    changed('denseNet', (model) => {
      const [graph] = model.subgraphs;
      const [x, y] = [graph.inputs[0], graph.outputs[0]];
      const outer = (inner: number, name: string, quantization: object | undefined): number => {
        const tensors = graph.tensors as object[];
        return (
          tensors.push({ ...tensors[inner], name, type: o.type, quantization: quantization ?? null }) - 1
        );
      };
      const [outerX, outerY] = [outer(x, 'x/outer', o.input), outer(y, 'y/outer', o.output)];
      const codes: number = model.operatorCodes.length;
      model.operatorCodes.push({ builtinCode: 114, deprecatedBuiltinCode: 114, version: 1 });
      model.operatorCodes.push({ builtinCode: 6, deprecatedBuiltinCode: 6, version: 2 });
      graph.operators.unshift({ opcodeIndex: codes, inputs: [outerX], outputs: [x] });
      graph.operators.push({ opcodeIndex: o.type === 0 ? codes + 1 : codes, inputs: [y], outputs: [outerY] });
      if (o.extraReader === true) graph.operators[1].inputs[0] = outerX;
      graph.inputs[0] = outerX;
      graph.outputs[0] = outerY;
    });

  it('should make the int8 tensors behind float conversions the contract', () => {
    const read = open(withEdges({ type: 0 }));
    const plain = open(writeTflite(MODELS['denseNet']!()));
    expect(read.ops.map((op) => op.name)).toEqual(['a', 'c']);
    expect([read.inputs, read.outputs]).toEqual([plain.inputs, plain.outputs]);
    expect(read.tensors).toEqual(plain.tensors);
  });

  it('should do the same for uint8 that is int8 shifted by 128', () => {
    const shifted = {
      input: { scale: [0.05], zeroPoint: [125] },
      output: { scale: [0.08], zeroPoint: [118] },
    };
    expect(open(withEdges({ type: 3, ...shifted })).ops).toHaveLength(2);
  });

  it('should rescale uint8 of another scale on the device', () => {
    const scaled = { input: { scale: [0.1], zeroPoint: [125] }, output: { scale: [0.08], zeroPoint: [118] } };
    const { ops, inputs, tensors } = open(withEdges({ type: 3, ...scaled }));
    expect(ops.map((op) => op.kind)).toEqual(['quantize', 'fully_connected', 'fully_connected']);
    expect(tensors.get(inputs[0]!)).toMatchObject({ dtype: 'int8', quantization: { zeroPoints: [-3] } });
  });

  it('should refuse a float that others read', () => {
    expect(failureOf(withEdges({ type: 0, extraReader: true }))).toMatchObject({
      code: 'compiler.mixed-types',
    });
  });
});

describe('limits', () => {
  const file = writeTflite(MODELS['convNet']!());
  const model = readFlatbuffer(file, MODEL, DEFAULT_LIMITS);
  const counts = countEverything(model);

  it.each<[keyof TfliteLimits, number]>([
    ['fileBytes', file.length],
    ['tables', counts.tables],
    ['vectorElements', counts.vectorElements],
    ['nesting', 4],
    ['nameBytes', counts.nameBytes],
    ['tensors', model.subgraphs![0]!.tensors!.length],
    ['operators', model.subgraphs![0]!.operators!.length],
    ['rank', 4],
    // [1, 9, 8, 2] int8: the largest tensor of the model.
    ['tensorBytes', 144],
  ])('should accept a model at %s = %i and refuse it at one less', (name, found) => {
    expect(open(file, { ...DEFAULT_LIMITS, [name]: found }).ops).toHaveLength(6);
    expect(failureOf(file, { [name]: found - 1 })).toMatchObject({
      code: 'compiler.limit-exceeded',
      data: { found, limit: found - 1 },
    });
  });
});

/** What the reader charges, counted on the decoded values. */
function countEverything(value: unknown): { tables: number; vectorElements: number; nameBytes: number } {
  const counts = { tables: 0, vectorElements: 0, nameBytes: 0 };
  const visit = (node: unknown): void => {
    if (typeof node === 'string') counts.nameBytes = Math.max(counts.nameBytes, node.length);
    else if (Array.isArray(node)) {
      counts.vectorElements += node.length;
      node.forEach(visit);
    } else if (node !== null && typeof node === 'object' && !(node instanceof Uint8Array)) {
      // A union is { type, value } around one table.
      if (!('type' in node && 'value' in node)) counts.tables++;
      Object.values(node).forEach(visit);
    }
  };
  visit(value);
  return counts;
}

describe('match', () => {
  it.each([
    ['', 'it is empty'],
    ['abc', 'only 3 bytes'],
    ['PK\x03\x04abcd', 'ZIP'],
    ['{"format": 1}', 'JSON'],
    ['TLFBxxxxxxxx', 'bundle that TinyFleet built'],
    ['hello, world', 'neither TensorFlow Lite, ONNX, Keras nor'],
  ])('should know %j from a model', (text, reason) => {
    const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
    expect(match(bytes)).toBe(false);
    expect(describeFile(bytes)).toContain(reason);
  });
});
