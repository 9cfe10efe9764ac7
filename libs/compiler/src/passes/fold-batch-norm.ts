// Float graphs: a factor or summand per channel beside a convolution or dense layer becomes part of its weights and bias.
// That is what batch normalization is once training is over. Behind a layer it always can; before one a summand only where
// no padding lies between (the border would not get it). Rounding differs in the last bits, so integer graphs are left alone.
import {
  consumers,
  producers,
  elements,
  float32Values,
  tensorOf,
  type Graph,
  type Tensor,
  type TensorId,
} from '../ir/graph.js';
import type { Op } from '../ir/ops.js';

type Layer = Extract<Op, { kind: 'conv_2d' | 'depthwise_conv_2d' | 'transpose_conv' | 'fully_connected' }>;
type Linear = Extract<Op, { kind: 'add' | 'sub' | 'mul' | 'div' }>;

/** y = factor * x + summand, per channel. */
interface Affine {
  readonly op: Linear;
  readonly data: TensorId;
  readonly factor: (channel: number) => number;
  readonly summand: (channel: number) => number;
  readonly adds: boolean;
}

export function foldBatchNorm(graph: Graph): Graph {
  let current = graph;
  for (;;) {
    const next = foldOne(current);
    if (next === null) return current;
    current = next;
  }
}

function foldOne(graph: Graph): Graph | null {
  const producer = producers(graph);
  const users = consumers(graph);
  const pinned = new Set<TensorId>([...graph.outputs, ...graph.roots]);
  const between = (id: TensorId): boolean => !pinned.has(id) && users.get(id)?.length === 1;
  for (const op of graph.ops) {
    const affine = affineOf(graph, op);
    if (affine === null) continue;
    const before = producer.get(affine.data);
    if (
      before !== undefined &&
      isLayer(before) &&
      before.attrs.activation === 'none' &&
      between(affine.data)
    ) {
      const folded = behind(graph, before, affine);
      if (folded !== null) return folded;
    }
    const result = op.outputs[0]!;
    const after = users.get(result)?.[0];
    if (after === undefined || !isLayer(after) || !between(result) || affine.op.attrs.activation !== 'none')
      continue;
    if (after.inputs.indexOf(result) !== 0 || after.inputs.lastIndexOf(result) !== 0) continue;
    const folded = ahead(graph, after, affine);
    if (folded !== null) return folded;
  }
  return null;
}

function isLayer(op: Op): op is Layer {
  const { kind } = op;
  return (
    kind === 'conv_2d' ||
    kind === 'depthwise_conv_2d' ||
    kind === 'transpose_conv' ||
    kind === 'fully_connected'
  );
}

function affineOf(graph: Graph, op: Op): Affine | null {
  const { kind } = op;
  if (kind !== 'add' && kind !== 'sub' && kind !== 'mul' && kind !== 'div') return null;
  const [a, b] = op.inputs.map((id) => tensorOf(graph, id)) as [Tensor, Tensor];
  const [data, constant] = b.data !== null ? [a, b] : [b, a];
  const reversed = constant === a;
  const output = tensorOf(graph, op.outputs[0]!);
  if (data.data !== null || constant.data === null || output.dtype !== 'float32') return null;
  if (data.shape.join() !== output.shape.join()) return null;
  const channels = output.shape.at(-1)!;
  const perChannel = elements(constant) === channels && constant.shape.at(-1) === channels;
  if (elements(constant) !== 1 && !perChannel) return null;
  const values = float32Values(constant);
  const value = (channel: number): number => values[values.length === 1 ? 0 : channel]!;
  const common = { op, data: data.id };
  const one = (): number => 1;
  const zero = (): number => 0;
  switch (kind) {
    case 'mul':
      return { ...common, factor: value, summand: zero, adds: false };
    case 'div':
      return reversed ? null : { ...common, factor: (c) => 1 / value(c), summand: zero, adds: false };
    case 'add':
      return { ...common, factor: one, summand: value, adds: true };
    case 'sub':
      return reversed
        ? { ...common, factor: () => -1, summand: value, adds: true }
        : { ...common, factor: one, summand: (c) => -value(c), adds: true };
  }
}

interface Weights {
  readonly filter: Float32Array;
  readonly bias: Float32Array;
  readonly outputs: number;
  /** Output channel of a filter element. */
  readonly outputOf: (i: number) => number;
}

function weightsOf(graph: Graph, layer: Layer): Weights {
  const filter = tensorOf(graph, layer.inputs[1]!);
  const deep = layer.kind === 'depthwise_conv_2d';
  const outputs = deep ? filter.shape[3]! : filter.shape[0]!;
  const each = elements(filter) / outputs;
  const bias = layer.inputs[2];
  return {
    filter: float32Values(filter),
    bias: bias === undefined ? new Float32Array(outputs) : float32Values(tensorOf(graph, bias)),
    outputs,
    outputOf: deep ? (i) => i % outputs : (i) => Math.floor(i / each),
  };
}

/** The layer computes what the op made of its result. */
function behind(graph: Graph, layer: Layer, { op, factor, summand }: Affine): Graph | null {
  const { filter, bias, outputs, outputOf } = weightsOf(graph, layer);
  if (tensorOf(graph, op.outputs[0]!).shape.at(-1) !== outputs) return null;
  const newFilter = filter.map((weight, i) => weight * factor(outputOf(i)));
  const newBias = bias.map((value, channel) => value * factor(channel) + summand(channel));
  return withLayer(graph, layer, op, {
    filter: newFilter,
    bias: newBias,
    input: layer.inputs[0]!,
    output: op.outputs[0]!,
    activation: op.attrs.activation,
  });
}

/** The layer computes of the op's operand what it did of its result. */
function ahead(graph: Graph, layer: Layer, { op, data, factor, summand, adds }: Affine): Graph | null {
  const { filter, bias, outputOf } = weightsOf(graph, layer);
  const inputOf = inputChannel(graph, layer);
  if (inputOf === null) return null;
  if (adds && layer.kind !== 'fully_connected') {
    // Each output sees the whole window's summands only where nothing is padded and nothing overlaps.
    if (layer.kind === 'transpose_conv' || Object.values(layer.attrs.padding).some((n) => n > 0)) return null;
  }
  const sums = new Float64Array(bias.length);
  filter.forEach((weight, i) => (sums[outputOf(i)]! += weight * summand(inputOf(i))));
  return withLayer(graph, layer, op, {
    filter: filter.map((weight, i) => weight * factor(inputOf(i))),
    bias: bias.map((value, channel) => value + sums[channel]!),
    input: data,
    output: layer.outputs[0]!,
    activation: layer.attrs.activation,
  });
}

/** Input channel of a filter element, where the op's channels are the layer's. */
function inputChannel(graph: Graph, layer: Layer): ((i: number) => number) | null {
  const depth = tensorOf(graph, layer.inputs[0]!).shape.at(-1)!;
  const filter = tensorOf(graph, layer.inputs[1]!);
  const last = filter.shape.at(-1)!;
  if (layer.kind === 'depthwise_conv_2d') {
    return (i) => Math.floor((i % last) / layer.attrs.depthMultiplier);
  }
  return last === depth ? (i) => i % last : null;
}

interface NewLayer {
  readonly filter: Float32Array;
  readonly bias: Float32Array;
  readonly input: TensorId;
  readonly output: TensorId;
  readonly activation: Layer['attrs']['activation'];
}

function withLayer(graph: Graph, layer: Layer, removed: Op, o: NewLayer): Graph {
  const source = tensorOf(graph, layer.inputs[1]!);
  const first = Math.max(...graph.tensors.keys()) + 1;
  const constant = (id: TensorId, name: string, shape: readonly number[], values: Float32Array): Tensor => {
    return { id, name, shape, dtype: 'float32', quantization: null, data: bytesOf(values) };
  };
  const given = layer.inputs[2] === undefined ? null : tensorOf(graph, layer.inputs[2]);
  const filter = constant(first, source.name, source.shape, o.filter);
  const bias = constant(first + 1, given?.name ?? `${layer.name}/bias`, [o.bias.length], o.bias);
  const tensors = new Map([...graph.tensors, [filter.id, filter] as const, [bias.id, bias] as const]);
  const attrs = { ...layer.attrs, activation: o.activation };
  const folded = { ...layer, attrs, inputs: [o.input, filter.id, bias.id], outputs: [o.output] } as Op;
  // In the place of the later of both: its operands are there by then.
  const [early, late] = removed.outputs[0] === o.output ? [layer, removed] : [removed, layer];
  const ops = graph.ops.flatMap((op) => (op === early ? [] : op === late ? [folded] : [op]));
  return { ...graph, tensors, ops };
}

function bytesOf(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => view.setFloat32(i * 4, value, true));
  return bytes;
}
