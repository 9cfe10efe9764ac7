// What becomes of a model between two releases, as edits of its integer graph: the last layer tuned, all layers tuned, one
// more class. The sizes of updates are measured on bundles compiled from these; the edited models are not accurate.
import { tensorOf, type Graph, type Op, type Tensor, type TensorId } from '@tinyfleet/compiler';

/** xorshift32 from a seed; whole numbers in [low, high]. */
function numbers(seed: number): (low: number, high: number) => number {
  let state = seed >>> 0 || 1;
  return (low, high) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return low + (state % (high - low + 1));
  };
}

const withTensors = (graph: Graph, changed: readonly Tensor[]): Graph => ({
  ...graph,
  tensors: new Map([...graph.tensors, ...changed.map((tensor): [TensorId, Tensor] => [tensor.id, tensor])]),
});

const clampInt8 = (value: number): number => Math.max(-127, Math.min(127, value));
const WEIGHTED: ReadonlySet<Op['kind']> = new Set(['conv_2d', 'depthwise_conv_2d', 'fully_connected']);

function lastDense(graph: Graph): Op {
  const dense = graph.ops.findLast((op) => op.kind === 'fully_connected');
  if (dense === undefined) throw new RangeError('the model has no fully connected layer');
  return dense;
}

function constant(graph: Graph, id: TensorId | undefined): Tensor & { readonly data: Uint8Array } {
  const tensor = id === undefined ? undefined : tensorOf(graph, id);
  if (tensor === undefined || tensor.data === null) throw new RangeError('the layer has no constant there');
  return { ...tensor, data: tensor.data };
}

function mapInt32(data: Uint8Array, change: (value: number) => number): Uint8Array {
  // Not slice(): of a Buffer it is a view of the file.
  const out = new Uint8Array(data);
  const view = new DataView(out.buffer);
  for (let at = 0; at < out.length; at += 4) view.setInt32(at, change(view.getInt32(at, true)), true);
  return out;
}

/** Every weight, bias and scale of the last fully connected layer is new, as after training it alone and calibrating. */
export function tuneLastLayer(graph: Graph, seed = 1): Graph {
  const next = numbers(seed);
  const [, weights, bias] = lastDense(graph).inputs.map((id) => tensorOf(graph, id));
  const filter = constant(graph, weights?.id);
  const scales = filter.quantization?.scales.map((scale) => Math.fround(scale * (1 + next(-50, 50) / 1000)));
  const quantization = filter.quantization && { ...filter.quantization, scales: scales ?? [] };
  const data = Uint8Array.from(new Int8Array(filter.data), (value) => clampInt8(value + next(-12, 12)));
  const changed: Tensor[] = [{ ...filter, data, quantization }];
  if (bias?.data) changed.push({ ...bias, data: mapInt32(bias.data, (value) => value + next(-400, 400)) });
  return withTensors(graph, changed);
}

/** `share` of all weights moves by 1 to `lsb`, and every bias a little. Scales stay: they would only change constants' few. */
export function tuneAllLayers(graph: Graph, { share = 0.3, lsb = 2, seed = 1 } = {}): Graph {
  const next = numbers(seed);
  const step = (): number => (next(0, 1) === 0 ? -1 : 1) * next(1, lsb);
  const changed: Tensor[] = [];
  for (const op of graph.ops.filter((candidate) => WEIGHTED.has(candidate.kind))) {
    const [, weights, bias] = op.inputs.map((id) => tensorOf(graph, id));
    const filter = constant(graph, weights?.id);
    const move = (value: number): number =>
      next(0, 9999) < share * 10_000 ? clampInt8(value + step()) : value;
    changed.push({ ...filter, data: Uint8Array.from(new Int8Array(filter.data), move) });
    if (bias?.data) changed.push({ ...bias, data: mapInt32(bias.data, (value) => value + next(-64, 64)) });
  }
  return withTensors(graph, changed);
}

/** The last fully connected layer tells one class more, and what follows it (a softmax) too; the other rows stay. */
export function addClass(graph: Graph, seed = 1): Graph {
  const next = numbers(seed);
  const dense = lastDense(graph);
  const filter = constant(graph, dense.inputs[1]);
  const [rows = 0, columns = 0] = filter.shape;
  const grown: Tensor[] = [
    {
      ...filter,
      shape: [rows + 1, columns],
      data: Uint8Array.from([...filter.data, ...Array.from({ length: columns }, () => next(-90, 90))]),
      quantization: perRow(filter),
    },
  ];
  if (dense.inputs[2] !== undefined) {
    const bias = constant(graph, dense.inputs[2]);
    const data = new Uint8Array(bias.data.length + 4);
    data.set(bias.data);
    new DataView(data.buffer).setInt32(bias.data.length, next(-500, 500), true);
    grown.push({ ...bias, shape: [rows + 1], data, quantization: perRow(bias) });
  }
  for (const op of graph.ops.slice(graph.ops.indexOf(dense)))
    for (const output of op.outputs.map((id) => tensorOf(graph, id)))
      grown.push({ ...output, shape: [...output.shape.slice(0, -1), rows + 1] });
  return withTensors(graph, grown);
}

function perRow({ quantization }: Tensor): Tensor['quantization'] {
  if (quantization === null || quantization.scales.length === 1) return quantization;
  const { scales, zeroPoints } = quantization;
  return { ...quantization, scales: [...scales, scales[0]!], zeroPoints: [...zeroPoints, zeroPoints[0]!] };
}
