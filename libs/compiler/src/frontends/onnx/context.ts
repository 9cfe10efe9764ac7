// What an operator importer sees of the model: its attributes, its operands as values, the writer, and where its results
// go. A fault ends the node (NodeFault), not the reading.
import type { TensorId } from '../../ir/graph.js';
import type { ModelLimits } from '../limits.js';
import { quantize } from '../net/emit.js';
import { nodeFault, type NodeFault } from '../net/fault.js';
import { FLOAT, type GraphWriter, type TensorType } from '../net/graph-writer.js';
import type { NdArray } from '../net/nd-array.js';
import type { FoldNode } from './folding.js';
import type { AttributeProto, NodeProto } from './schema.js';
import { readTensor } from './tensors.js';
import {
  activation,
  canonical,
  inOrder,
  spatialOrder,
  type Activation,
  type Order,
  type Value,
} from './values.js';

export class OnnxContext implements FoldNode {
  readonly opType: string;

  constructor(
    private readonly node: NodeProto,
    readonly name: string,
    readonly opset: number,
    readonly writer: GraphWriter,
    private readonly graph: {
      readonly limits: ModelLimits;
      readonly inputs: readonly (Value | null)[];
      readonly typeOf: (name: string) => TensorType;
      readonly define: (name: string, value: Value) => void;
    },
  ) {
    this.opType = node.opType;
  }

  get inputs(): readonly (Value | null)[] {
    return this.graph.inputs;
  }

  /** How many results the node names. */
  get outputs(): number {
    return this.node.output.length;
  }

  has(position: number): boolean {
    return (this.inputs[position] ?? null) !== null;
  }

  private attribute(name: string): AttributeProto | undefined {
    return this.node.attribute.find((attribute) => attribute.name === name);
  }

  int(name: string, fallback: number): number {
    return this.attribute(name)?.i ?? fallback;
  }

  float(name: string, fallback: number): number {
    return Math.fround(this.attribute(name)?.f ?? fallback);
  }

  ints(name: string): readonly number[] | null {
    return this.attribute(name)?.ints ?? null;
  }

  floats(name: string): readonly number[] | null {
    return this.attribute(name)?.floats ?? null;
  }

  hasAttribute(name: string): boolean {
    return this.attribute(name) !== undefined;
  }

  text(name: string, fallback: string): string {
    const bytes = this.attribute(name)?.s;
    return bytes ? new TextDecoder().decode(bytes) : fallback;
  }

  texts(name: string): string[] {
    return (this.attribute(name)?.strings ?? []).map((bytes) => new TextDecoder().decode(bytes));
  }

  tensor(name: string): NdArray | null {
    const tensor = this.attribute(name)?.t;
    return tensor ? readTensor(tensor, `${this.name}.${name}`, this.graph.limits) : null;
  }

  /** A computed operand; a constant becomes one. */
  operand(position: number): Activation {
    const value = this.value(position);
    if (value.kind === 'tensor') return value;
    const { array } = value;
    return activation(this.writer.constant(`${this.name}/operand${position}`, array), array.shape);
  }

  /** In ONNX's order of dimensions and elements. */
  canonical(position: number): Activation {
    return canonical(this.writer, this.operand(position));
  }

  /** In one order of dimensions, whatever it is. */
  settled(position: number): Activation {
    const value = this.operand(position);
    return value.unflattened === undefined ? value : canonical(this.writer, value);
  }

  /** Channels last: an operand of 3 or 4 dimensions. */
  spatial(position: number): Activation & { readonly rank: number } {
    const value = this.operand(position);
    const rank = value.shape.length;
    const order = spatialOrder(rank);
    if (order === null) {
      const shape = value.shape.join(', ');
      const reason = `${this.opType} is supported for 3 and 4 dimensions`;
      throw nodeFault('compiler.shape-unsupported', { tensor: this.name, shape, reason }, { op: this.name });
    }
    return { ...inOrder(this.writer, value, order), rank };
  }

  constant(position: number): NdArray {
    const value = this.value(position);
    if (value.kind === 'constant') return value.array;
    throw this.invalid(`operand ${position} must be constant`);
  }

  /** Null when it is left out or computed. */
  optionalConstant(position: number): NdArray | null {
    const value = this.inputs[position] ?? null;
    return value?.kind === 'constant' ? value.array : null;
  }

  /** A list of integers: an operand in newer operator sets, an attribute in older ones. */
  list(position: number, attribute: string): readonly number[] | null {
    if (this.has(position)) return [...this.constant(position).values];
    return this.ints(attribute);
  }

  /** An axis as an index from 0. */
  axis(value: number, rank: number): number {
    const axis = value < 0 ? value + rank : value;
    if (Number.isInteger(axis) && axis >= 0 && axis < rank) return axis;
    throw this.invalid(`axis ${value} of ${rank} dimensions`);
  }

  /** Of a result, by the quantization the file gives it. */
  type(position = 0): TensorType {
    const name = this.node.output[position] ?? '';
    const type = this.graph.typeOf(name);
    const integer = this.inputs.some((v) => v?.kind === 'tensor' && this.writer.type(v.id).dtype === 'int8');
    if (!integer || type.dtype !== 'float32') return type;
    const reason = 'no QuantizeLinear follows, so it would be computed in floats between integers';
    throw nodeFault(
      'compiler.quantization-invalid',
      { tensor: name, reason },
      { op: this.name, tensor: name },
    );
  }

  isQuantized(): boolean {
    return this.type().dtype !== 'float32';
  }

  /** Hands over a result; integers of another scale than the file wants are converted. */
  result(value: Activation, position = 0): void {
    const output = this.node.output[position];
    if (output === undefined || output === '') return;
    const [found, wanted] = [this.writer.type(value.id), this.graph.typeOf(output)];
    const sameScale =
      found.quantization?.scales[0] === wanted.quantization?.scales[0] &&
      found.quantization?.zeroPoints[0] === wanted.quantization?.zeroPoints[0];
    const converted =
      wanted.dtype === 'float32' || sameScale
        ? value
        : {
            ...value,
            id: quantize(this.writer, value.id, { name: `${this.name}/requantize`, type: wanted }),
          };
    this.graph.define(output, converted);
  }

  define(array: NdArray, position = 0): void {
    const output = this.node.output[position];
    if (output !== undefined) this.graph.define(output, { kind: 'constant', array });
  }

  /** The same dimensions and order, other elements. */
  elementWise(value: Activation, id: TensorId): void {
    this.result({ kind: 'tensor', id, shape: value.shape, order: value.order });
  }

  spatialResult(id: TensorId, rank: number, order: Order = spatialOrder(rank)!): void {
    const extents = this.writer.shape(id);
    const shape: number[] = [];
    order.forEach((k, i) => k >= 0 && (shape[k] = extents[i]!));
    this.result(activation(id, shape, order));
  }

  invalid(reason: string): NodeFault {
    const op = `${this.opType} ${this.name}`;
    return nodeFault('compiler.graph-invalid', { op, reason }, { op: this.name });
  }

  option(option: string, hint?: string): NodeFault {
    const op = `${this.opType} ${this.name}`;
    const more = { op: this.name, ...(hint === undefined ? {} : { hint }) };
    return nodeFault('compiler.option-unsupported', { op, option }, more);
  }

  /** Float-only operators, and what is made of several. */
  floatOnly(): void {
    if (this.type() !== FLOAT && this.isQuantized())
      throw this.option('integers', 'leave this operator in floats only in a float model');
  }

  private value(position: number): Activation | { kind: 'constant'; array: NdArray } {
    const value = this.inputs[position] ?? null;
    if (value === null || value.kind === 'unknown') throw this.invalid(`operand ${position} is missing`);
    return value;
  }
}

export type ImportNode = (context: OnnxContext) => void;
