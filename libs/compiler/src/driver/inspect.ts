// What a model is, without building it: for import.
import { createHash } from 'node:crypto';
import { tensorOf, type DType, type Graph, type Tensor, type TensorId } from '../ir/graph.js';
import { scaleOf, zeroPointOf } from '../ir/multipliers.js';
import { macsOf } from '../ir/cost.js';
import type { ModelLimits } from '../frontends/limits.js';
import { openSource, type Source, type SourceFormat } from './frontends.js';

export interface TensorContract {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: number[];
  readonly scale: number | null;
  readonly zeroPoint: number | null;
}

export interface ModelInspection {
  readonly format: SourceFormat;
  /** Of the graph in the file. */
  readonly name: string;
  readonly inputs: TensorContract[];
  readonly outputs: TensorContract[];
  /** Classes of the output that holds probabilities; null when none does. */
  readonly classes: number | null;
  /** Operator name (TFLite's) -> how often. */
  readonly operators: Record<string, number>;
  readonly macs: number;
  readonly constantBytes: number;
  readonly sourceBytes: number;
  /** SHA-256, lower-case hex. */
  readonly sourceDigest: string;
}

/** Throws FleetError `compiler.*` for what cannot be compiled, with every fault in `data.diagnostics`. */
export function inspect(source: Source, limits?: Partial<ModelLimits>): ModelInspection {
  const { format, graph } = openSource(source, limits);
  const operators: Record<string, number> = {};
  for (const op of graph.ops) {
    const name = (op.kind === 'relu' ? op.attrs.activation : op.kind).toUpperCase();
    operators[name] = (operators[name] ?? 0) + 1;
  }
  const contract = (id: TensorId): TensorContract => describe(tensorOf(graph, id));
  const probabilities = probabilityOutput(graph);
  return {
    format,
    name: graph.name,
    inputs: graph.inputs.map(contract),
    outputs: graph.outputs.map(contract),
    classes: probabilities === null ? null : tensorOf(graph, probabilities).shape.at(-1)!,
    operators,
    macs: graph.ops.reduce((n, op) => n + macsOf(graph, op), 0),
    constantBytes: [...graph.tensors.values()].reduce((n, tensor) => n + (tensor.data?.length ?? 0), 0),
    sourceBytes: source.bytes.length,
    sourceDigest: createHash('sha256').update(source.bytes).digest('hex'),
  };
}

/** As many as the API takes labels; more are no classes that a person names. */
const MOST_CLASSES = 4096;

/** The output that a softmax over one row makes: classes and their confidence. */
export function probabilityOutput(graph: Graph): TensorId | null {
  return graph.outputs.find((id) => isProbabilities(graph, id)) ?? null;
}

export function isProbabilities(graph: Graph, id: TensorId): boolean {
  const op = graph.ops.find((candidate) => candidate.outputs.includes(id));
  if (op === undefined) return false;
  if (op.kind === 'view' || op.kind === 'reshape') {
    const same = tensorOf(graph, id).shape.at(-1) === tensorOf(graph, op.inputs[0]!).shape.at(-1);
    return same && isProbabilities(graph, op.inputs[0]!);
  }
  const { shape, dtype, quantization } = tensorOf(graph, id);
  const classes = shape.at(-1)!;
  // Telemetry reads int16 confidences in Q0.15; the form with zero point -32768 has none of its own.
  if (dtype === 'int16' && quantization?.zeroPoints[0] !== 0) return false;
  const oneRow = shape.slice(0, -1).every((extent) => extent === 1);
  const makes =
    op.kind === 'softmax' ||
    op.kind === 'prototypes' ||
    (op.kind === 'tree_ensemble' && op.attrs.probabilities);
  return makes && oneRow && classes > 1 && classes <= MOST_CLASSES;
}

function describe(tensor: Tensor): TensorContract {
  const { name, dtype, shape, quantization } = tensor;
  return {
    name,
    dtype,
    shape: [...shape],
    scale: quantization === null ? null : scaleOf(tensor),
    zeroPoint: quantization === null ? null : zeroPointOf(tensor),
  };
}
