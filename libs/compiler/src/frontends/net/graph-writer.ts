// Writes IR for frontends whose files hold layers without tensor shapes of their own (ONNX, Keras): results' shapes follow
// from the operands, names become unique, and what the file makes us allocate is counted. Operands and attributes are the
// IR's (TFLite's) own; what a source format means by a layer is decided by its frontend.
import {
  DTYPE_BYTES,
  type DType,
  type Graph,
  type Quantization,
  type Tensor,
  type TensorId,
} from '../../ir/graph.js';
import { specOf, type Activation, type Op, type OpAttrs, type OpKind, type Padding } from '../../ir/ops.js';
import { broadcastShape, windowOutput } from '../../ir/shapes.js';
import { within, type ModelLimits } from '../limits.js';
import { nodeFault } from './fault.js';
import { bytesOf, product, type NdArray } from './nd-array.js';

/** What the elements of a tensor are. */
export interface TensorType {
  readonly dtype: DType;
  readonly quantization: Quantization | null;
}

export const FLOAT: TensorType = { dtype: 'float32', quantization: null };

export interface Named {
  readonly name: string;
  /** Of the result; the first operand's when left out. */
  readonly type?: TensorType;
}

export type Pair = readonly [h: number, w: number];

export interface WindowSpec {
  readonly stride: Pair;
  readonly padding: Padding;
}

export interface ConvSpec extends WindowSpec, Named {
  readonly dilation?: Pair;
  readonly activation?: Activation;
}

export const NO_PADDING: Padding = { top: 0, left: 0, bottom: 0, right: 0 };

export class GraphWriter {
  private readonly tensors = new Map<TensorId, Tensor>();
  private readonly ops: Op[] = [];
  private readonly inputs: TensorId[] = [];
  private readonly names = new Set<string>();
  private bytes = 0;
  /** Position of the source node that is being written. */
  sourceIndex = 0;

  constructor(
    private readonly name: string,
    private readonly limits: ModelLimits,
  ) {}

  shape(id: TensorId): readonly number[] {
    return this.tensors.get(id)!.shape;
  }

  type(id: TensorId): TensorType {
    const { dtype, quantization } = this.tensors.get(id)!;
    return { dtype, quantization };
  }

  tensorName(id: TensorId): string {
    return this.tensors.get(id)!.name;
  }

  input(name: string, shape: readonly number[], type: TensorType = FLOAT): TensorId {
    const id = this.tensor({ name, shape, ...type, data: null });
    this.inputs.push(id);
    return id;
  }

  constant(name: string, array: NdArray): TensorId {
    const { dtype, shape, quantization } = array;
    this.account(name, shape, dtype);
    return this.tensor({ name, shape, dtype, quantization, data: bytesOf(array) });
  }

  floats(name: string, shape: readonly number[], values: ArrayLike<number>): TensorId {
    return this.constant(name, {
      dtype: 'float32',
      shape,
      values: Float32Array.from(values),
      quantization: null,
    });
  }

  int32(name: string, values: readonly number[], shape: readonly number[] = [values.length]): TensorId {
    return this.constant(name, {
      dtype: 'int32',
      shape,
      values: Int32Array.from(values),
      quantization: null,
    });
  }

  op<K extends OpKind>(
    kind: K,
    operands: readonly TensorId[],
    o: { readonly attrs: OpAttrs[K]; readonly shape: readonly number[] } & Named,
  ): TensorId {
    return this.ops1(kind, operands, { ...o, shapes: [o.shape] })[0]!;
  }

  /** An op with as many results as `shapes`. */
  ops1<K extends OpKind>(
    kind: K,
    operands: readonly TensorId[],
    o: { readonly attrs: OpAttrs[K]; readonly shapes: readonly (readonly number[])[] } & Named,
  ): TensorId[] {
    within('operators', this.ops.length + 1, this.limits.operators);
    const type = o.type ?? this.type(operands[0]!);
    const name = this.unique(o.name);
    const outputs = o.shapes.map((shape, i) =>
      this.tensor({ name: i === 0 ? name : `${name}:${i}`, shape, ...type, data: null }),
    );
    const { sourceIndex } = this;
    const op = { kind, name, inputs: [...operands], outputs, attrs: o.attrs, sourceIndex } as unknown as Op;
    this.check(op);
    this.ops.push(op);
    return outputs;
  }

  /** The IR's own rules, so that what no frontend thought of is told with the node's name. */
  private check(op: Op): void {
    const { name, inputs, outputs, attrs } = op;
    const spec = specOf(op);
    const rule = (fact: boolean, words: string): void => {
      if (!fact) this.invalid(name, words);
    };
    const count = inputs.length;
    rule(count >= spec.minInputs && count <= spec.maxInputs, `it has ${count} operands`);
    const look = (id: TensorId): Tensor => this.tensors.get(id)!;
    spec.check({ attrs, inputs: inputs.map(look), outputs: outputs.map(look) }, rule);
  }

  /** State that outlives an inference, zero at first. */
  variable(name: string, shape: readonly number[], type: TensorType = FLOAT): TensorId {
    return this.tensor({ name, shape, ...type, data: null, variable: { initial: null } });
  }

  /** An op without a result: it writes a variable. */
  effect<K extends OpKind>(
    kind: K,
    operands: readonly TensorId[],
    o: { readonly attrs: OpAttrs[K] } & Named,
  ): void {
    this.ops1(kind, operands, { ...o, shapes: [] });
  }

  /** filter [out, kh, kw, in / groups]. */
  conv2d(input: TensorId, filter: TensorId, bias: TensorId | null, o: ConvSpec): TensorId {
    const [out, kh, kw] = this.shape(filter);
    const { attrs, shape } = this.convWindow(input, [kh!, kw!], o);
    return this.op('conv_2d', present(input, filter, bias), { ...o, attrs, shape: [...shape, out!] });
  }

  /** filter [1, kh, kw, in * multiplier]. */
  depthwiseConv2d(input: TensorId, filter: TensorId, bias: TensorId | null, o: ConvSpec): TensorId {
    const [, kh, kw, out] = this.shape(filter);
    const { attrs, shape } = this.convWindow(input, [kh!, kw!], o);
    const depthMultiplier = out! / this.shape(input)[3]!;
    return this.op('depthwise_conv_2d', present(input, filter, bias), {
      ...o,
      attrs: { ...attrs, depthMultiplier },
      shape: [...shape, out!],
    });
  }

  /** filter [units, k]; rows are what the input has beyond k elements. */
  dense(
    input: TensorId,
    filter: TensorId,
    bias: TensorId | null,
    o: Named & { readonly shape: readonly number[]; readonly activation?: Activation },
  ): TensorId {
    const attrs = { activation: o.activation ?? 'none' } as const;
    return this.op('fully_connected', present(input, filter, bias), { ...o, attrs });
  }

  pool2d(
    kind: 'average_pool_2d' | 'max_pool_2d',
    input: TensorId,
    o: WindowSpec & Named & { readonly filter: Pair },
  ): TensorId {
    const [batch, inH, inW, depth] = this.shape(input);
    const [[filterH, filterW], [strideH, strideW]] = [o.filter, o.stride];
    const attrs = { filterH, filterW, strideH, strideW, padding: o.padding, activation: 'none' } as const;
    const { h, w } = windowOutput({ h: inH!, w: inW! }, attrs);
    return this.op(kind, [input], { ...o, attrs, shape: this.positive(o.name, [batch!, h, w, depth!]) });
  }

  /** The same elements under another shape; the input itself when it has that shape. */
  reshape(input: TensorId, shape: readonly number[], name: string): TensorId {
    if (this.shape(input).join() === shape.join()) return input;
    return this.op('reshape', [input], { name, attrs: {}, shape });
  }

  /** Broadcast shape of operands, checked. */
  broadcast(a: TensorId, b: TensorId, name: string): number[] {
    const shape = broadcastShape(this.shape(a), this.shape(b));
    if (shape === null)
      return this.invalid(name, `shapes ${this.say(a)} and ${this.say(b)} do not broadcast`);
    return shape;
  }

  say(id: TensorId): string {
    return `[${this.shape(id).join(', ')}]`;
  }

  invalid(op: string, reason: string): never {
    throw nodeFault('compiler.graph-invalid', { op, reason }, { op });
  }

  build(outputs: readonly TensorId[]): Graph {
    const { name, ops, inputs } = this;
    const live = new Set([...inputs, ...outputs, ...ops.flatMap((op) => [...op.inputs, ...op.outputs])]);
    const tensors = new Map([...this.tensors].filter(([id]) => live.has(id)));
    return { name, tensors, ops, inputs, outputs: [...outputs], roots: [] };
  }

  private convWindow(input: TensorId, [filterH, filterW]: Pair, o: ConvSpec) {
    const [batch, inH, inW] = this.shape(input);
    const [strideH, strideW] = o.stride;
    const [dilationH, dilationW] = o.dilation ?? [1, 1];
    const window = { strideH, strideW, dilationH, dilationW, padding: o.padding };
    const { h, w } = windowOutput({ h: inH!, w: inW! }, { ...window, filterH, filterW });
    const attrs = { ...window, activation: o.activation ?? ('none' as const) };
    return { attrs, shape: this.positive(o.name, [batch!, h, w]) };
  }

  private positive(name: string, shape: readonly number[]): readonly number[] {
    if (shape.some((extent) => extent < 1)) this.invalid(name, `its output would be [${shape.join(', ')}]`);
    return shape;
  }

  private unique(name: string): string {
    let candidate = name;
    for (let n = 2; this.names.has(candidate); n++) candidate = `${name}#${n}`;
    this.names.add(candidate);
    return candidate;
  }

  private account(name: string, shape: readonly number[], dtype: DType): void {
    within(`dimensions in ${name}`, shape.length, this.limits.rank);
    const bytes = product(shape) * DTYPE_BYTES[dtype];
    within(`bytes in ${name}`, bytes, this.limits.tensorBytes);
    this.bytes += bytes;
    within('bytes in all tensors', this.bytes, this.limits.graphBytes);
  }

  private tensor(spec: Omit<Tensor, 'id'>): TensorId {
    within('tensors', this.tensors.size + 1, this.limits.tensors);
    if (spec.data === null) this.account(spec.name, spec.shape, spec.dtype);
    const id = this.tensors.size;
    this.tensors.set(id, { ...spec, shape: [...spec.shape], id });
    return id;
  }
}

function present(...ids: (TensorId | null)[]): TensorId[] {
  return ids.filter((id) => id !== null);
}
