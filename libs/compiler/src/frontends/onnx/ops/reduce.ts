// ReduceMean, ReduceSum, ReduceMax, ReduceMin, ArgMax.
import { argMax, reduce, type ReduceKind } from '../../net/emit.js';
import type { OnnxContext } from '../context.js';
import { activation, identity, type Activation } from '../values.js';
import { squeezed } from './shape.js';

export function importReduce(kind: ReduceKind, c: OnnxContext): void {
  const x = c.settled(0);
  const rank = x.shape.length;
  const given = c.list(1, 'axes') ?? [];
  if (given.length === 0 && c.int('noop_with_empty_axes', 0) !== 0) return c.result(x);
  const axes = given.length === 0 ? identity(rank) : given.map((axis) => c.axis(axis, rank));
  const at = axes.map((axis) => x.order.indexOf(axis)).sort((a, b) => a - b);
  const id = reduce(c.writer, kind, x.id, { axes: at, name: c.name, type: c.type() });
  keep(
    c,
    activation(
      id,
      x.shape.map((n, k) => (axes.includes(k) ? 1 : n)),
      x.order,
    ),
    axes,
  );
}

export function importArgMax(c: OnnxContext): void {
  if (c.int('select_last_index', 0) !== 0) throw c.option('select_last_index');
  const x = c.settled(0);
  const axis = c.axis(c.int('axis', 0), x.shape.length);
  const id = argMax(c.writer, x.id, { axis: x.order.indexOf(axis), name: c.name });
  keep(
    c,
    activation(
      id,
      x.shape.map((n, k) => (k === axis ? 1 : n)),
      x.order,
    ),
    [axis],
  );
}

function keep(c: OnnxContext, y: Activation, axes: readonly number[]): void {
  c.result(c.int('keepdims', 1) !== 0 ? y : squeezed(c, y, axes));
}
