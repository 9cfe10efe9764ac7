// Ops that move elements to where they are: a transposition of extents of 1, a slice of everything, a concatenation of one.
// They become reshapes, which fold-reshape makes free.
import { viewOf } from '../ir/cost.js';
import { elements, tensorOf, type Graph } from '../ir/graph.js';
import type { Op } from '../ir/ops.js';
import type { MovementOps } from '../ir/ops/movement.js';
import type { OpView } from '../ir/ops/spec.js';
import { isIdentity, isStrided, stridedOf, type StridedKind } from '../ir/strided.js';

export function dropMoves(graph: Graph): Graph {
  const ops = graph.ops.map((op): Op => {
    if (!staysInPlace(graph, op)) return op;
    const { name, inputs, outputs, sourceIndex } = op;
    return { kind: 'reshape', name, inputs, outputs, attrs: {}, sourceIndex };
  });
  return { ...graph, ops };
}

function staysInPlace(graph: Graph, op: Op): boolean {
  if (isStrided(op.kind)) {
    const view = viewOf(graph, op) as OpView<MovementOps[StridedKind]>;
    return isIdentity(stridedOf(op.kind, view as OpView<never>), elements(view.inputs[0]!));
  }
  switch (op.kind) {
    case 'pad':
    case 'mirror_pad':
      return [...op.attrs.before, ...op.attrs.after].every((n) => n === 0);
    case 'concatenation':
    case 'pack':
      return op.inputs.length === 1;
    case 'split':
    case 'unpack':
      return op.outputs.length === 1;
    case 'resize_nearest_neighbor':
      return tensorOf(graph, op.inputs[0]!).shape.join() === tensorOf(graph, op.outputs[0]!).shape.join();
    default:
      return false;
  }
}
