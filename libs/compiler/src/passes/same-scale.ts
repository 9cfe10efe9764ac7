// Do two tensors' integers mean the same reals, exactly? Frontends let scales differ by a rounding; passes may not.
import { tensorOf, type Graph, type TensorId } from '../ir/graph.js';

export function sameScale(graph: Graph, a: TensorId, b: TensorId): boolean {
  const [p, q] = [tensorOf(graph, a).quantization, tensorOf(graph, b).quantization];
  if (p === null || q === null) return p === q;
  return p.scales[0] === q.scales[0] && p.zeroPoints[0] === q.zeroPoints[0];
}
