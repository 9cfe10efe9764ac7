// Makes IR graphs by hand: for tests, for tools that train their own models, and for frontends without shapes of their
// own. Shapes, padding and per-channel axes follow from the operands; the verifier has the last word.
import { elements, type DType, type Graph, type Quantization, type Tensor, type TensorId } from './graph.js';
import type { Activation, Op, OpAttrs, OpKind } from './ops.js';
import type { MovementOps } from './ops/movement.js';
import { reducedShape, type ReduceAttrs } from './ops/reduction.js';
import { broadcastShape, resolvePadding, windowOutput, type PaddingScheme } from './shapes.js';
import { verify } from './verify.js';

/** One scale, or one per channel. Numbers are rounded to float32, as the file format holds them. */
export interface QuantizationSpec {
  readonly scale: number | readonly number[];
  readonly zeroPoint?: number;
  /** Sliced dimension of several scales. */
  readonly axis?: number;
}

/** Results are float where the first operand is; else they need a scale. */
export interface Activated extends Partial<QuantizationSpec> {
  readonly name: string;
  readonly activation?: Activation;
}

interface Strided {
  readonly stride?: readonly [h: number, w: number];
  readonly padding?: PaddingScheme;
}

export class GraphBuilder {
  private readonly tensors = new Map<TensorId, Tensor>();
  private readonly ops: Op[] = [];
  private readonly inputs: TensorId[] = [];

  constructor(private readonly name: string) {}

  /** Float without a quantization. */
  input(
    name: string,
    shape: readonly number[],
    q: QuantizationSpec | null,
    dtype: DType = q === null ? 'float32' : 'int8',
  ): TensorId {
    const id = this.tensor({ name, shape, dtype, quantization: q && quantization(q), data: null });
    this.inputs.push(id);
    return id;
  }

  /** `values` are the quantized integers, or floats, in memory order. */
  constant(
    name: string,
    shape: readonly number[],
    values: Int8Array | Int32Array | Int16Array | Float32Array,
    q: QuantizationSpec | null = null,
  ): TensorId {
    const dtype = dtypeOf(values);
    if (values.length !== elements({ shape }))
      throw new RangeError(`${name}: ${values.length} values for [${shape.join(', ')}]`);
    const data = new Uint8Array(values.byteLength);
    const view = new DataView(data.buffer);
    values.forEach((value, i) => {
      if (dtype === 'int8') view.setInt8(i, value);
      else if (dtype === 'float32') view.setFloat32(i * 4, value, true);
      else if (dtype === 'int16') view.setInt16(i * 2, value, true);
      else view.setInt32(i * 4, value, true);
    });
    return this.tensor({ name, shape, dtype, quantization: q && quantization(q), data });
  }

  /** filter [out, kh, kw, in]. */
  conv2d(
    operands: { input: TensorId; filter: TensorId; bias?: TensorId },
    o: Activated & Strided & { dilation?: readonly [number, number] },
  ): TensorId {
    const filter = this.shape(operands.filter);
    const { attrs, h, w } = this.convWindow(operands.input, filter, o);
    const shape = [this.shape(operands.input)[0]!, h, w, filter[0]!];
    return this.op('conv_2d', list(operands), attrs, shape, o);
  }

  /** filter [1, kh, kw, in * depthMultiplier]. */
  depthwiseConv2d(
    operands: { input: TensorId; filter: TensorId; bias?: TensorId },
    o: Activated & Strided & { dilation?: readonly [number, number] },
  ): TensorId {
    const filter = this.shape(operands.filter);
    const { attrs, h, w } = this.convWindow(operands.input, filter, o);
    const [batch, , , depth] = this.shape(operands.input);
    const shape = [batch!, h, w, filter[3]!];
    return this.op(
      'depthwise_conv_2d',
      list(operands),
      { ...attrs, depthMultiplier: filter[3]! / depth! },
      shape,
      o,
    );
  }

  /** filter [units, k]. */
  fullyConnected(operands: { input: TensorId; filter: TensorId; bias?: TensorId }, o: Activated): TensorId {
    const [units, k] = this.shape(operands.filter);
    const shape = [elements({ shape: this.shape(operands.input) }) / k!, units!];
    return this.op('fully_connected', list(operands), { activation: o.activation ?? 'none' }, shape, o);
  }

  /** Keeps its input's quantization, as TFLite demands. */
  pool2d(
    kind: 'average_pool_2d' | 'max_pool_2d',
    input: TensorId,
    o: { name: string; filter: readonly [number, number]; activation?: Activation } & Strided,
  ): TensorId {
    const [batch, inH, inW, depth] = this.shape(input);
    const [filterH, filterW] = o.filter;
    const [strideH, strideW] = o.stride ?? o.filter;
    const extent = { filterH, filterW, strideH, strideW };
    const { h, w, padding } = resolvePadding({ h: inH!, w: inW! }, extent, o.padding ?? 'valid');
    const attrs = { ...extent, padding, activation: o.activation ?? 'none' } as const;
    return this.like(kind, [input], attrs, [batch!, h, w, depth!], o.name);
  }

  /** An op that moves elements: the type and scale of its first operand, the given shapes of its results. */
  move<K extends keyof MovementOps>(
    kind: K,
    inputs: readonly TensorId[],
    attrs: MovementOps[K],
    o: { readonly name: string; readonly shapes: readonly (readonly number[])[] },
  ): TensorId[] {
    const source = this.tensors.get(inputs[0]!)!;
    const outputs = o.shapes.map((shape, i) => {
      const { variable: _, ...like } = source;
      return this.tensor({ ...like, name: i === 0 ? o.name : `${o.name}:${i}`, shape, data: null });
    });
    const op = { kind, name: o.name, inputs, outputs, attrs, sourceIndex: this.ops.length };
    this.ops.push(op as unknown as Op);
    return outputs;
  }

  /** What outlives an inference; starts as zero bytes unless `initial` says otherwise. */
  variable(
    name: string,
    shape: readonly number[],
    q: QuantizationSpec,
    { initial = null, dtype = 'int8' }: { initial?: Uint8Array | null; dtype?: DType } = {},
  ): TensorId {
    return this.tensor({
      name,
      shape,
      dtype,
      quantization: quantization(q),
      data: null,
      variable: { initial },
    });
  }

  readVariable(variable: TensorId, name: string): TensorId {
    const { variable: _, ...like } = this.tensors.get(variable)!;
    return this.push('read_variable', [variable], {}, this.tensor({ ...like, name }), name);
  }

  assignVariable(variable: TensorId, value: TensorId, name: string): void {
    const op = { kind: 'assign_variable', name, inputs: [variable, value], outputs: [], attrs: {} } as const;
    this.ops.push({ ...op, sourceIndex: this.ops.length });
  }

  /** MEAN, SUM; without a scale REDUCE_MAX, REDUCE_MIN, which keep their input's. */
  reduce(
    kind: 'mean' | 'sum' | 'reduce_max' | 'reduce_min',
    input: TensorId,
    attrs: ReduceAttrs,
    o: { readonly name: string } & Partial<QuantizationSpec>,
  ): TensorId {
    const shape = reducedShape(this.shape(input), attrs);
    const { scale, name } = o;
    if (scale === undefined) return this.like(kind, [input], attrs, shape, name);
    return this.op(kind, [input], attrs, shape, { ...o, scale });
  }

  /** The int32 index of the largest or smallest element along `axis`. */
  argument(kind: 'arg_max' | 'arg_min', input: TensorId, axis: number, name: string): TensorId {
    const shape = this.shape(input).toSpliced(axis, 1);
    const id = this.tensor({ name, shape, dtype: 'int32', quantization: null, data: null });
    return this.push(kind, [input], { axis }, id, name);
  }

  batchMatmul(a: TensorId, b: TensorId, o: QuantizationSpec & { readonly name: string }): TensorId {
    const [p, q] = [this.shape(a), this.shape(b)];
    const batches = broadcastShape(p.slice(0, -2), q.slice(0, -2)) ?? [];
    const shape = [...batches, p.at(-2)!, q.at(-1)!];
    return this.op('batch_matmul', [a, b], { adjX: false, adjY: false }, shape, o);
  }

  reshape(input: TensorId, name: string, shape: readonly number[]): TensorId {
    return this.like('reshape', [input], {}, shape, name);
  }

  /** Output scale 1/256 and zero point -128, the only ones TFLite's int8 softmax has. */
  softmax(input: TensorId, name: string, beta = 1): TensorId {
    return this.op('softmax', [input], { beta: Math.fround(beta) }, this.shape(input), {
      name,
      scale: 1 / 256,
      zeroPoint: -128,
    });
  }

  add(a: TensorId, b: TensorId, o: Activated): TensorId {
    return this.binary('add', a, b, o);
  }

  binary(kind: 'add' | 'sub' | 'mul' | 'div', a: TensorId, b: TensorId, o: Activated): TensorId {
    const shape = broadcastShape(this.shape(a), this.shape(b)) ?? this.shape(a);
    return this.op(kind, [a, b], { activation: o.activation ?? 'none' }, shape, o);
  }

  /** One quantization for all three, so it is the first operand's. */
  extreme(kind: 'maximum' | 'minimum', a: TensorId, b: TensorId, name: string): TensorId {
    return this.like(kind, [a, b], {}, broadcastShape(this.shape(a), this.shape(b)) ?? this.shape(a), name);
  }

  prelu(input: TensorId, alpha: TensorId, o: Activated): TensorId {
    return this.op('prelu', [input, alpha], {}, this.shape(input), o);
  }

  unary(
    kind: 'elu' | 'hard_swish' | 'quantize',
    input: TensorId,
    o: QuantizationSpec & { name: string },
  ): TensorId {
    return this.op(kind, [input], {}, this.shape(input), o);
  }

  leakyRelu(input: TensorId, alpha: number, o: QuantizationSpec & { name: string }): TensorId {
    return this.op('leaky_relu', [input], { alpha: Math.fround(alpha) }, this.shape(input), o);
  }

  /** With the only int8 outputs that TFLite has: all of [0, 1] or [-1, 1]. */
  curve(kind: 'logistic' | 'tanh', input: TensorId, name: string): TensorId {
    const output = kind === 'logistic' ? { scale: 1 / 256, zeroPoint: -128 } : { scale: 1 / 128 };
    return this.op(kind, [input], {}, this.shape(input), { name, ...output });
  }

  relu(input: TensorId, name: string, activation: Exclude<Activation, 'none'> = 'relu'): TensorId {
    return this.like('relu', [input], { activation }, this.shape(input), name);
  }

  build(outputs: readonly TensorId[], roots: readonly TensorId[] = []): Graph {
    const { name, tensors, ops, inputs } = this;
    const graph: Graph = { name, tensors, ops, inputs, outputs: [...outputs], roots: [...roots] };
    verify(graph, 'builder');
    return graph;
  }

  private convWindow(
    input: TensorId,
    filter: readonly number[],
    o: Strided & { activation?: Activation; dilation?: readonly [number, number] },
  ) {
    const [, inH, inW] = this.shape(input);
    const [strideH, strideW] = o.stride ?? [1, 1];
    const [dilationH, dilationW] = o.dilation ?? [1, 1];
    const window = { strideH, strideW, dilationH, dilationW };
    const extent = { ...window, filterH: filter[1]!, filterW: filter[2]! };
    const { padding } = resolvePadding({ h: inH!, w: inW! }, extent, o.padding ?? 'valid');
    const attrs = { ...window, padding, activation: o.activation ?? ('none' as const) };
    return { attrs, ...windowOutput({ h: inH!, w: inW! }, { ...extent, padding }) };
  }

  private like<K extends OpKind>(
    kind: K,
    inputs: TensorId[],
    attrs: OpAttrs[K],
    shape: readonly number[],
    name: string,
  ): TensorId {
    const source = this.tensors.get(inputs[0]!)!;
    const id = this.tensor({ ...source, name, shape, data: null });
    return this.push(kind, inputs, attrs, id, name);
  }

  private op<K extends OpKind>(
    kind: K,
    inputs: TensorId[],
    attrs: OpAttrs[K],
    shape: readonly number[],
    o: Activated,
  ): TensorId {
    const float = this.tensors.get(inputs[0]!)!.dtype === 'float32';
    const id = this.tensor({
      name: o.name,
      shape,
      dtype: float ? 'float32' : 'int8',
      quantization: float ? null : quantization(o),
      data: null,
    });
    return this.push(kind, inputs, attrs, id, o.name);
  }

  private push<K extends OpKind>(
    kind: K,
    inputs: TensorId[],
    attrs: OpAttrs[K],
    output: TensorId,
    name: string,
  ): TensorId {
    this.ops.push({ kind, name, inputs, outputs: [output], attrs, sourceIndex: this.ops.length } as Op);
    return output;
  }

  private tensor(spec: Omit<Tensor, 'id'>): TensorId {
    const id = this.tensors.size;
    this.tensors.set(id, { ...spec, shape: [...spec.shape], id });
    return id;
  }

  private shape(id: TensorId): readonly number[] {
    return this.tensors.get(id)!.shape;
  }
}

function list(operands: { input: TensorId; filter: TensorId; bias?: TensorId }): TensorId[] {
  const { input, filter, bias } = operands;
  return bias === undefined ? [input, filter] : [input, filter, bias];
}

function dtypeOf(values: Int8Array | Int32Array | Int16Array | Float32Array): DType {
  if (values instanceof Float32Array) return 'float32';
  return values instanceof Int8Array ? 'int8' : values instanceof Int16Array ? 'int16' : 'int32';
}

function quantization(spec: Partial<QuantizationSpec>): Quantization {
  const { scale } = spec;
  if (scale === undefined) throw new RangeError('an integer tensor needs a scale');
  const several = typeof scale !== 'number';
  const scales = (several ? scale : [scale]).map(Math.fround);
  return {
    scales,
    zeroPoints: scales.map(() => spec.zeroPoint ?? 0),
    axis: several ? (spec.axis ?? 0) : null,
  };
}
