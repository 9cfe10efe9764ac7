// An ONNX model as an IR graph: floats, or integers where QuantizeLinear and DequantizeLinear say so. Call `match` first.
// Faults of the container end the reading at once; faults of the graph are collected over all nodes and thrown together,
// unsupported operators in one diagnostic. Inputs of four dimensions become channels-last, as cameras and sensors give
// them; outputs keep ONNX's order.
import { isFleetError } from '@tinyfleet/errors';
import { failure, fault, type Diagnostic } from '../../ir/diagnostics.js';
import type { Graph, TensorId } from '../../ir/graph.js';
import { within, type ModelLimits } from '../limits.js';
import { quantize } from '../net/emit.js';
import { NodeFault } from '../net/fault.js';
import { FLOAT, GraphWriter, type TensorType } from '../net/graph-writer.js';
import { floats as realsOf, integers as integersOf, type NdArray } from '../net/nd-array.js';
import type { FeatureOptions } from '../trees.js';
import { Unsupported } from '../net/unsupported.js';
import { OnnxContext } from './context.js';
import { FOLDS } from './folding.js';
import { HINTS, IMPORTERS } from './ops/table.js';
import { readModel } from './proto-reader.js';
import { analyze, quantizedConstant, type QdqGraph } from './quantization.js';
import type { GraphProto, NodeProto, ValueInfoProto } from './schema.js';
import { elementType, readTensor } from './tensors.js';
import { isTreeModel, openTrees } from './trees.js';
import { activation, canonical, identity, shapeInOrder, type Order, type Value } from './values.js';

/** Operator sets whose meanings we know. */
const OPSETS = [7, 21] as const;

/** Throws FleetError `compiler.*`; its `data.diagnostics` lists every fault. Warnings go to `notes`. */
export function open(
  file: Uint8Array,
  limits: ModelLimits,
  notes: Diagnostic[] = [],
  features?: FeatureOptions,
): Graph {
  const model = readModel(file, limits);
  const { graph } = model;
  if (graph === null) throw fault('compiler.graph-invalid', { op: 'model', reason: 'it has no graph' });
  within('operators', graph.node.length, limits.operators);
  within('tensors', graph.initializer.length, limits.tensors);
  if (model.functions.length > 0 || graph.sparseInitializer.length > 0) {
    const option = model.functions.length > 0 ? 'functions of its own' : 'sparse weights';
    throw fault('compiler.option-unsupported', { op: 'the model', option });
  }
  if (isTreeModel(graph))
    return trees(graph, { limits, notes, ...(features === undefined ? {} : { features }) });
  const opset = model.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version ?? 1;
  if (opset < OPSETS[0])
    throw fault('compiler.option-unsupported', { op: 'the model', option: `operator set ${opset}` });
  return new Importer(graph, { opset, limits, notes }).run();
}

function trees(graph: GraphProto, o: Parameters<typeof openTrees>[1]): Graph {
  try {
    return openTrees(graph, o);
  } catch (error) {
    throw error instanceof NodeFault ? failure([error.diagnostic]) : error;
  }
}

class Importer {
  private readonly writer: GraphWriter;
  private readonly values = new Map<string, Value>();
  private readonly diagnostics: Diagnostic[] = [];
  private readonly unsupported = new Unsupported();
  private qdq: QdqGraph = { scales: new Map(), aliases: new Map(), conversions: new Set() };
  /** Names that reach a convolution, pool or resize with their dimensions in ONNX's order. */
  private readonly spatial = new Set<string>();
  /** Elements that folding may still read and make. */
  private room: number;

  constructor(
    private readonly graph: GraphProto,
    private readonly o: {
      readonly opset: number;
      readonly limits: ModelLimits;
      readonly notes: Diagnostic[];
    },
  ) {
    this.writer = new GraphWriter(graph.name || 'main', o.limits);
    this.room = foldedElements(o.limits);
    for (const { opType, input, output } of [...graph.node].reverse()) {
      const reaches = KEEPS_ORDER.has(opType) && output.some((name) => this.spatial.has(name));
      if (SPATIAL.has(opType) || reaches) input.forEach((name) => this.spatial.add(name));
    }
  }

  run(): Graph {
    const { graph, diagnostics } = this;
    this.attempt(() => this.readConstants());
    for (const input of graph.input) this.attempt(() => this.readInput(input));
    graph.node.forEach((node, i) => {
      this.writer.sourceIndex = i;
      this.node(node, i);
    });
    this.unsupported.refuse(Object.keys(IMPORTERS), HINTS);
    const outputs = graph.output.flatMap((output) => this.attempt(() => this.readOutput(output)) ?? []);
    if (diagnostics.length === 0 && outputs.length === 0)
      diagnostics.push(invalid('model', 'it has no output'));
    if (diagnostics.length > 0) throw failure(diagnostics);
    return this.writer.build(outputs);
  }

  /** Collects what a node or tensor has wrong; null then. */
  private attempt<T>(action: () => T): T | null {
    try {
      return action();
    } catch (error) {
      if (error instanceof NodeFault) this.diagnostics.push(error.diagnostic);
      else if (
        isFleetError(error) &&
        error.code !== 'compiler.limit-exceeded' &&
        error.code !== 'compiler.model-damaged'
      )
        this.diagnostics.push({
          code: error.code as Diagnostic['code'],
          severity: 'error',
          data: withoutDiagnostics(error.data),
        });
      else throw error;
      return null;
    }
  }

  private readConstants(): void {
    const { graph, o } = this;
    let bytes = 0;
    const constants = new Map<string, () => NdArray>();
    for (const tensor of graph.initializer) {
      const array = readTensor(tensor, tensor.name, o.limits);
      bytes += array.values.byteLength;
      within('bytes in all constants', bytes, o.limits.graphBytes);
      this.values.set(tensor.name, { kind: 'constant', array });
      constants.set(tensor.name, () => array);
    }
    for (const { opType, output, attribute } of graph.node) {
      const t = opType === 'Constant' ? attribute.find(({ name }) => name === 'value')?.t : null;
      if (!t || !output[0]) continue;
      let array: NdArray | null = null;
      constants.set(output[0], () => (array ??= readTensor(t, output[0]!, o.limits)));
    }
    this.qdq = analyze(graph.node, constants);
  }

  private resolve(name: string): string {
    return this.qdq.aliases.get(name) ?? name;
  }

  private typeOf(name: string): TensorType {
    const quantization = this.qdq.scales.get(this.resolve(name));
    return quantization === undefined ? FLOAT : { dtype: 'int8', quantization };
  }

  private readInput(input: ValueInfoProto): void {
    const { name } = input;
    if (this.values.has(name)) return;
    const tensor = input.type?.tensorType ?? null;
    const bad = (reason: string, shape = ''): NodeFault =>
      new NodeFault({
        code: 'compiler.shape-unsupported',
        severity: 'error',
        data: { tensor: name, shape, reason },
        tensor: name,
      });
    if (tensor === null) throw bad('it is no tensor');
    const dims = tensor.shape?.dim ?? [];
    const given = dims.map((dim) => dim.dimParam || (dim.dimValue > 0 ? dim.dimValue : '?'));
    if (given.slice(1).some((extent) => typeof extent === 'string'))
      throw bad('only the first extent may be open', given.join(', '));
    const shape = given.map((extent) => (typeof extent === 'string' ? 1 : extent));
    if (typeof given[0] === 'string')
      this.note('compiler.batch-chosen', { tensor: name, extent: given[0], batch: 1 });
    const type = this.inputType(name, tensor.elemType);
    const order = this.inputOrder(name, shape.length);
    const id = this.writer.input(name, shapeInOrder(shape, order), type);
    if (order.some((k, i) => k !== i) && shape[1] !== 1) {
      const to = shapeInOrder(shape, order).join(', ');
      this.note('compiler.layout-moved', { tensor: name, from: shape.join(', '), to });
    }
    this.values.set(name, activation(id, shape, order));
  }

  private inputType(name: string, elemType: number): TensorType {
    const quantized = this.typeOf(name);
    const { dtype, name: type } = elementType(elemType);
    const expected = 'float32 (or int8, uint8 in QDQ models)';
    const integers = (dtype === 'int8' || dtype === 'uint8') && quantized.dtype === 'int8';
    if (dtype === 'float32' || integers) return quantized;
    throw new NodeFault({
      code: 'compiler.type-unsupported',
      severity: 'error',
      data: { tensor: name, op: "the model's input", type, expected },
      tensor: name,
    });
  }

  /** Channels last when images reach a convolution, pool or resize in ONNX's order. */
  private inputOrder(name: string, rank: number): Order {
    return rank === 4 && this.spatial.has(name) ? [0, 2, 3, 1] : identity(rank);
  }

  private node(node: NodeProto, index: number): void {
    const inputs = node.input.map((name) =>
      name === '' ? null : (this.values.get(this.resolve(name)) ?? undefined),
    );
    const poison = (): void =>
      node.output.forEach((name) => name !== '' && this.values.set(name, { kind: 'unknown' }));
    const name = node.name || node.output[0] || `${node.opType}_${index}`;
    const own = node.domain === '' || node.domain === 'ai.onnx';
    const opType = own ? node.opType : `${node.domain}.${node.opType}`;
    const missing = node.input.find((_, i) => inputs[i] === undefined);
    if (missing !== undefined && this.diagnostics.length === 0 && this.unsupported.empty)
      this.diagnostics.push(invalid(name, `${missing} is read before it is computed`));
    const known = own && (opType in IMPORTERS || opType in FOLDS || SPECIAL.has(opType));
    const constant = inputs.every((value) => value === null || value?.kind === 'constant');
    if (!known || (!constant && !(opType in IMPORTERS) && !SPECIAL.has(opType))) {
      const folded = inputs.some((value) => value?.kind === 'unknown' || value === undefined);
      if (!known || !folded) this.unsupported.add(opType, name);
      return poison();
    }
    if (inputs.some((value) => value === undefined || value?.kind === 'unknown')) return poison();
    const context = new OnnxContext(node, name, this.o.opset, this.writer, {
      limits: this.o.limits,
      inputs: inputs as (Value | null)[],
      typeOf: (output) => this.typeOf(output),
      define: (output, value) => this.values.set(output, value),
    });
    const done = this.attempt(() => {
      this.import(context, { index, constant, node });
      return true;
    });
    if (done === null) poison();
  }

  private import(
    c: OnnxContext,
    { index, constant, node }: { index: number; constant: boolean; node: NodeProto },
  ): void {
    if (c.opType === 'Constant') return c.define(constantOf(c));
    if (c.opType === 'QuantizeLinear' || c.opType === 'DequantizeLinear') {
      if (c.inputs[0]?.kind === 'constant') return c.define(quantizedConstant(c));
      if (!this.qdq.conversions.has(index)) return;
      const x = c.settled(0);
      const type = this.typeOf(node.output[0]!);
      return c.result({ ...x, id: quantize(this.writer, x.id, { name: c.name, type }) });
    }
    const fold = constant ? FOLDS[c.opType] : undefined;
    const folded = fold?.(
      c.inputs.map((value) => (value?.kind === 'constant' ? value.array : null)),
      c,
      this.room,
    );
    if (folded) {
      const [first] = c.inputs;
      const moved = first?.kind === 'constant' && folded[0]?.values === first.array.values;
      const made = folded.reduce((n, array) => n + array.values.length, 0);
      const read = c.inputs.reduce((n, v) => n + (v?.kind === 'constant' ? v.array.values.length : 0), 0);
      // What only gets another shape is neither read nor made.
      if (!moved) this.room -= made + read;
      const limit = foldedElements(this.o.limits);
      within('elements in constants that the graph computes', limit - this.room, limit);
      return folded.forEach((array, i) => c.define(array, i));
    }
    const importer = IMPORTERS[c.opType];
    if (importer === undefined) throw c.invalid('its operands do not fit together');
    importer(c);
  }

  private readOutput({ name }: ValueInfoProto): TensorId[] {
    const value = this.values.get(this.resolve(name));
    if (value === undefined || value.kind === 'unknown') {
      if (this.diagnostics.length > 0) return [];
      throw new NodeFault(invalid('model', `output ${name} is never computed`));
    }
    if (value.kind === 'constant')
      throw new NodeFault(invalid('model', `output ${name} does not depend on the input`));
    return [canonical(this.writer, value).id];
  }

  private note(code: Diagnostic['code'], data: Diagnostic['data']): void {
    this.o.notes.push({ code, severity: 'warning', data });
  }
}

/** Constants that a graph computes: a few times the largest tensor. */
function foldedElements(limits: ModelLimits): number {
  return limits.tensorBytes;
}

/** Handled beside the table: they make constants or vanish. */
const SPECIAL: ReadonlySet<string> = new Set(['Constant', 'QuantizeLinear', 'DequantizeLinear']);

const SPATIAL: ReadonlySet<string> = new Set([
  'Conv',
  'ConvTranspose',
  'MaxPool',
  'AveragePool',
  'GlobalAveragePool',
  'GlobalMaxPool',
  'Resize',
  'Upsample',
]);

/** Results have their operand's dimensions in its order. */
const KEEPS_ORDER: ReadonlySet<string> = new Set([
  'Add',
  'BatchNormalization',
  'Cast',
  'Clip',
  'Concat',
  'DequantizeLinear',
  'Div',
  'Identity',
  'Mul',
  'Pad',
  'QuantizeLinear',
  'Relu',
  'Slice',
  'Split',
  'Sub',
]);

function constantOf(c: OnnxContext) {
  const tensor = c.tensor('value');
  if (tensor !== null) return tensor;
  const [ints, reals] = [c.ints('value_ints'), c.floats('value_floats')];
  if (c.hasAttribute('value_ints') && ints !== null) return integersOf(ints);
  if (c.hasAttribute('value_floats') && reals !== null) return realsOf([reals.length], reals);
  if (c.hasAttribute('value_int')) return integersOf([c.int('value_int', 0)], []);
  if (c.hasAttribute('value_float')) return realsOf([], [c.float('value_float', 0)]);
  throw c.option('a constant that is no tensor of numbers');
}

function invalid(op: string, reason: string): Diagnostic {
  return { code: 'compiler.graph-invalid', severity: 'error', data: { op, reason }, op };
}

function withoutDiagnostics(data: Readonly<Record<string, unknown>>): Diagnostic['data'] {
  return Object.fromEntries(
    Object.entries(data).filter(([key]) => key !== 'diagnostics'),
  ) as Diagnostic['data'];
}
