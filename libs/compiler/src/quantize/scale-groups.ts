// Which tensors share one scale: ops that move or compare bytes tie their operands and results together. A group's scale
// covers the values of all its members, unless one of them has a fixed scale (a softmax's result).
import type { Quantization, TensorId } from '../ir/graph.js';
import { asymmetricInt8, union, type Range } from './ranges.js';

interface Group {
  range: Range;
  fixed: Quantization | null;
}

const NOTHING: Range = { min: 0, max: 0 };

/** Disjoint sets with path halving. */
export class ScaleGroups {
  private readonly parent = new Map<TensorId, TensorId>();
  private readonly groups = new Map<TensorId, Group>();

  constructor(private readonly ranges: ReadonlyMap<TensorId, Range>) {}

  fix(id: TensorId, fixed: Quantization): void {
    this.group(id).fixed = fixed;
  }

  fixedScale(id: TensorId): Quantization | null {
    return this.group(id).fixed;
  }

  /** A tensor without a calibrated range of its own: a constant, or a copy under another scale. */
  add(id: TensorId, range: Range): void {
    this.group(id).range = range;
  }

  /** Fixed scales must not meet others: see `fixedScale`. */
  tie(a: TensorId, b: TensorId): void {
    const [p, q] = [this.root(a), this.root(b)];
    if (p === q) return;
    const [one, other] = [this.group(p), this.group(q)];
    this.parent.set(q, p);
    this.groups.delete(q);
    one.range = union(one.range, other.range);
    one.fixed ??= other.fixed;
  }

  quantization(id: TensorId): Quantization {
    const { fixed, range } = this.group(id);
    return fixed ?? asymmetricInt8(range);
  }

  private group(id: TensorId): Group {
    const root = this.root(id);
    let group = this.groups.get(root);
    if (group === undefined) {
      group = { range: this.ranges.get(root) ?? NOTHING, fixed: null };
      this.groups.set(root, group);
    }
    return group;
  }

  private root(id: TensorId): TensorId {
    let at = id;
    for (;;) {
      const up = this.parent.get(at) ?? at;
      if (up === at) return at;
      this.parent.set(at, this.parent.get(up) ?? up);
      at = up;
    }
  }
}
