// Runs a float graph op by op on tfjs, over samples, and shows the caller every tensor asked for. Memory is bounded: what
// nobody reads any more is freed, and only as many samples run at once as fit a budget.
import type * as Tf from '@tensorflow/tfjs-core';
import { fault } from '../ir/diagnostics.js';
import { viewOf } from '../ir/cost.js';
import { elements, tensorOf, type Graph, type TensorId } from '../ir/graph.js';
import type { Op } from '../ir/ops.js';
import { openTfjs, type Tfjs } from './backend.js';
import { numbersOf } from './ops/spec.js';
import { floatSpecOf } from './ops/table.js';

/** Inputs in the graph's order, each `count` samples in memory order. */
export interface Samples {
  readonly count: number;
  readonly inputs: readonly Float32Array[];
}

/** Values of `count` samples from `first` on. The array is the callee's only until it returns. */
export type Visit = (id: TensorId, values: Float32Array, first: number, count: number) => void;

export interface EvaluateOptions {
  /**
   * Computed tensors or inputs to show; the graph's outputs when left out. A variable shows every value it takes, as many as
   * there are.
   */
  readonly want?: readonly TensorId[];
  readonly visit: Visit;
  /** Runs between batches: yields, and throws when the work was cancelled. */
  readonly pause?: (done: number) => Promise<void>;
  /** Variables start anew with every sample. Default true. */
  readonly reset?: boolean;
}

/** Of all results of one batch together. */
const BATCH_BYTES = 48 * 1024 * 1024;
const MOST_SAMPLES = 32;

/** Throws compiler.float-unsupported, naming every op that exists for integers only. */
export async function evaluateFloat(graph: Graph, samples: Samples, o: EvaluateOptions): Promise<void> {
  const without = graph.ops.filter((op) => floatSpecOf(op) === undefined);
  if (without.length > 0) {
    const ops = without.map((op) => `${op.kind.toUpperCase()} (${op.name})`).join(', ');
    throw fault('compiler.float-unsupported', { count: without.length, ops });
  }
  const evaluation = new Evaluation(await openTfjs(), graph, new Set(o.want ?? graph.outputs));
  try {
    const step = batchSize(graph, o.reset ?? true);
    for (let first = 0; first < samples.count; first += step) {
      const count = Math.min(step, samples.count - first);
      if (o.reset ?? true) evaluation.reset();
      evaluation.run(slice(graph, samples, first, count), count, (id, values) =>
        o.visit(id, values, first, count),
      );
      await o.pause?.(first + count);
    }
  } finally {
    evaluation.dispose();
  }
}

/** Results of an op whose operands are all constant, as float values; null for an op without float semantics. */
export function foldFloat(tf: Tfjs, graph: Graph, op: Op): Float32Array[] | null {
  if (floatSpecOf(op) === undefined) return null;
  const evaluation = new Evaluation(tf, { ...graph, ops: [op] }, new Set(op.outputs));
  const results = new Map<TensorId, Float32Array>();
  try {
    evaluation.run([], 1, (id, values) => results.set(id, values));
    return op.outputs.map((id) => results.get(id)!);
  } finally {
    evaluation.dispose();
  }
}

function slice(graph: Graph, { inputs }: Samples, first: number, count: number): Float32Array[] {
  return graph.inputs.map((id, i) => {
    const size = elements(tensorOf(graph, id));
    return inputs[i]!.subarray(first * size, (first + count) * size);
  });
}

/**
 * Samples that can be stacked along dimension 0: 1 where some op would mix them up, or where state goes on from one to the
 * next.
 */
export function batchSize(graph: Graph, reset = true): number {
  const variables = [...graph.tensors.values()].filter((t) => t.variable !== undefined);
  const goesOn = variables.some((t) => !reset || t.shape[0] !== 1);
  const stacked = graph.ops.every((op) => {
    const view = viewOf(graph, op);
    const computed = [...view.inputs.filter((t) => t.data === null), ...view.outputs];
    const stacks = floatSpecOf(op)?.stacks ?? (() => false);
    return computed.every((t) => t.shape[0] === 1) && stacks(view);
  });
  const inputs = graph.inputs.every((id) => tensorOf(graph, id).shape[0] === 1);
  if (goesOn || !stacked || !inputs) return 1;
  const bytes = graph.ops.reduce(
    (n, op) => n + op.outputs.reduce((m, id) => m + elements(tensorOf(graph, id)) * 4, 0),
    0,
  );
  return Math.max(1, Math.min(MOST_SAMPLES, Math.floor(BATCH_BYTES / Math.max(1, bytes))));
}

class Evaluation {
  private readonly constants = new Map<TensorId, Tf.Tensor>();
  private readonly prepared = new Map<string, Tf.Tensor>();
  private readonly variables = new Map<TensorId, Tf.Tensor>();
  private readonly lastUse = new Map<TensorId, number>();

  constructor(
    private readonly tf: Tfjs,
    private readonly graph: Graph,
    private readonly want: ReadonlySet<TensorId>,
  ) {
    graph.ops.forEach((op, i) => [...op.inputs, ...op.outputs].forEach((id) => this.lastUse.set(id, i)));
  }

  /** Shows wanted tensors as they are made. */
  run(
    inputs: readonly Float32Array[],
    batch: number,
    show: (id: TensorId, values: Float32Array) => void,
  ): void {
    const { tf, graph } = this;
    const live = new Map<TensorId, Tf.Tensor>();
    const keep = (id: TensorId, value: Tf.Tensor, at: number): void => {
      if (this.want.has(id)) show(id, value.dataSync() as Float32Array);
      if ((this.lastUse.get(id) ?? -1) <= at) value.dispose();
      else live.set(id, value);
    };
    try {
      graph.inputs.forEach((id, i) => {
        if (inputs[i] === undefined) return;
        keep(id, tf.tensor(inputs[i].slice(), this.shape(id, batch)), -1);
      });
      graph.ops.forEach((op, at) => {
        const results = this.runOp(op, batch, { live, show });
        op.outputs.forEach((id, i) => keep(id, results[i]!, at));
        for (const id of new Set(op.inputs)) {
          if (this.lastUse.get(id) !== at) continue;
          live.get(id)?.dispose();
          live.delete(id);
        }
      });
    } finally {
      live.forEach((value) => value.dispose());
    }
  }

  private runOp(
    op: Op,
    batch: number,
    {
      live,
      show,
    }: { live: ReadonlyMap<TensorId, Tf.Tensor>; show: (id: TensorId, values: Float32Array) => void },
  ): Tf.Tensor[] {
    const { tf, graph } = this;
    const view = viewOf(graph, op);
    const values = op.inputs.map((id) => live.get(id) ?? this.constant(id, batch));
    const assigned = new Map<TensorId, Tf.Tensor>();
    const results = tf.tidy(() => {
      const made = floatSpecOf(op)!.run({
        ...view,
        tf,
        batch,
        values,
        prepared: (key, make) => this.prepare(`${op.name} ${key}`, make),
        assign: (operand, value, all = value) => {
          const id = op.inputs[operand]!;
          assigned.set(id, tf.keep(tf.clone(value)));
          if (this.want.has(id)) show(id, all.dataSync() as Float32Array);
        },
      });
      const list = made instanceof tf.Tensor ? [made] : made;
      return op.outputs.map((id, i) => tf.reshape(tf.cast(list[i]!, 'float32'), this.shape(id, batch)));
    });
    assigned.forEach((value, id) => {
      this.variables.get(id)?.dispose();
      this.variables.set(id, value);
    });
    return results;
  }

  private shape(id: TensorId, batch: number): number[] {
    const { shape } = tensorOf(this.graph, id);
    return batch === 1 ? [...shape] : [shape[0]! * batch, ...shape.slice(1)];
  }

  /** A constant, or the present value of a variable. */
  private constant(id: TensorId, batch: number): Tf.Tensor {
    const tensor = tensorOf(this.graph, id);
    const store = tensor.variable === undefined ? this.constants : this.variables;
    let value = store.get(id);
    if (value === undefined) {
      const start = tensor.variable === undefined ? tensor : { ...tensor, data: tensor.variable.initial };
      const numbers = start.data === null ? new Float32Array(elements(tensor)) : numbersOf(start);
      value = this.tf.tensor(numbers, [...tensor.shape]);
      if (tensor.variable !== undefined && batch > 1) {
        const one = value;
        value = this.tf.tile(one, [batch, ...tensor.shape.slice(1).map(() => 1)]);
        one.dispose();
      }
      store.set(id, value);
    }
    return value;
  }

  private prepare(key: string, make: () => Tf.Tensor): Tf.Tensor {
    let value = this.prepared.get(key);
    if (value === undefined) {
      value = this.tf.keep(this.tf.clone(make()));
      this.prepared.set(key, value);
    }
    return value;
  }

  reset(): void {
    this.variables.forEach((value) => value.dispose());
    this.variables.clear();
  }

  dispose(): void {
    this.reset();
    for (const store of [this.constants, this.prepared]) {
      store.forEach((value) => value.dispose());
      store.clear();
    }
  }
}
