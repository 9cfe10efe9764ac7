// The strided form of ops against their definitions on small arrays, where no reference kernel has the op or the rank.
import { describe, expect, it } from '@jest/globals';
import { GraphBuilder } from './builder.js';
import { viewOf } from './cost.js';
import { DTYPE_BYTES } from './graph.js';
import { stridedOf, takeStrided, type StridedKind } from './strided.js';

function run(
  kind: StridedKind,
  attrs: object,
  from: number[],
  to: number[],
): { dims: number; data: number[] } {
  const b = new GraphBuilder('g');
  const x = b.input('x', from, { scale: 1 });
  const graph = b.build(b.move(kind, [x], attrs as never, { name: 'y', shapes: [to] }));
  const form = stridedOf(kind, viewOf(graph, graph.ops[0]!) as never);
  const count = from.reduce((n, extent) => n * extent, 1);
  const bytes = takeStrided(
    Uint8Array.from({ length: count }, (_, i) => i),
    DTYPE_BYTES.int8,
    form,
  );
  return { dims: form.dims.length, data: [...bytes] };
}

describe('strided form', () => {
  it('should tile: the element at i comes from i modulo the extent', () => {
    const { data } = run('tile', { multiples: [2, 1, 3] }, [2, 2, 2], [4, 2, 6]);
    const wanted = Array.from({ length: 4 * 2 * 6 }, (_, i) => {
      const [a, c, d] = [Math.floor(i / 12), Math.floor(i / 6) % 2, i % 6];
      return (a % 2) * 4 + c * 2 + (d % 2);
    });
    expect(data).toEqual(wanted);
  });

  it('should transpose six dimensions', () => {
    const shape = [1, 2, 3, 2, 2, 3];
    const perm = [5, 3, 1, 0, 4, 2];
    const { data } = run(
      'transpose',
      { perm },
      shape,
      perm.map((d) => shape[d]!),
    );
    const strides = [72, 36, 12, 6, 3, 1];
    const wanted: number[] = [];
    for (let f = 0; f < 3; f++)
      for (let d = 0; d < 2; d++)
        for (let b = 0; b < 2; b++)
          for (let e = 0; e < 2; e++)
            for (let c = 0; c < 3; c++)
              wanted.push(b * strides[1]! + c * strides[2]! + d * strides[3]! + e * strides[4]! + f);
    expect(data).toEqual(wanted);
  });

  it('should have as few dimensions as the order needs', () => {
    expect(run('transpose', { perm: [0, 2, 1, 3] }, [1, 4, 1, 5], [1, 1, 4, 5]).dims).toBe(1);
    expect(
      run('slice', { begin: [0, 1, 0], size: [2, 1, 4], strides: [1, 1, 1] }, [2, 3, 4], [2, 4]).dims,
    ).toBe(2);
    expect(run('broadcast_to', {}, [2, 1, 3], [2, 4, 3]).dims).toBe(3);
  });

  it.each([
    ['transpose', { perm: [0, 0] }, [2, 2], [2, 2]],
    ['slice', { begin: [1], size: [2], strides: [2] }, [3], [2]],
    ['slice', { begin: [0], size: [2], strides: [-1] }, [3], [2]],
    ['tile', { multiples: [0] }, [3], [3]],
    ['space_to_depth', { block: 2 }, [1, 3, 2, 1], [1, 1, 1, 4]],
    ['batch_to_space_nd', { block: [2] }, [3, 2, 1], [1, 4, 1]],
  ] as [StridedKind, object, number[], number[]][])('should refuse %s with %j', (kind, attrs, from, to) => {
    expect(() => run(kind, attrs, from, to)).toThrow(/do not fit its input/);
  });
});
