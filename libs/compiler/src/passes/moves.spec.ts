// Passes around ops that move elements: what they put together, and what they must leave alone. That values stay the same is
// test/passes.medium.spec.ts.
import { describe, expect, it } from '@jest/globals';
import { MODELS } from '../../test/models.js';
import { GraphBuilder } from '../ir/builder.js';
import { tensorOf, type Graph } from '../ir/graph.js';
import { verify } from '../ir/verify.js';
import { dropMoves } from './drop-moves.js';
import { foldConstants } from './fold-constants.js';
import { foldCrop } from './fold-crop.js';
import { foldPad } from './fold-pad.js';
import { unbatchDilation } from './unbatch-dilation.js';

const kinds = (graph: Graph): string[] => graph.ops.map((op) => op.kind);
const Q = { scale: 0.05, zeroPoint: -3 };

interface Conv {
  readonly before?: number[];
  readonly after?: number[];
  readonly value?: number;
  readonly stride?: [number, number];
  readonly crop?: { begin: number[]; size: number[] };
  readonly pinned?: boolean;
}

/** x [1, 4, 4, 1], padded, through a 3 x 3 convolution, cropped. */
function bordered(o: Conv): Graph {
  const b = new GraphBuilder('g');
  const x = b.input('x', [1, 4, 4, 1], Q);
  const { before = [0, 1, 1, 0], after = [0, 1, 1, 0], value = Q.zeroPoint } = o;
  const shape = [1, 4, 4, 1].map((n, i) => n + before[i]! + after[i]!);
  const [padded] = b.move('pad', [x], { before, after, value }, { name: 'padded', shapes: [shape] });
  const filter = b.constant('w', [1, 3, 3, shape[3]!], new Int8Array(9 * shape[3]!).fill(3), { scale: 0.1 });
  const conv = b.conv2d({ input: padded!, filter }, { name: 'conv', ...Q, stride: o.stride ?? [1, 1] });
  const ends = o.pinned ? [conv, padded!] : [conv];
  if (o.crop === undefined) return b.build(ends);
  const attrs = { ...o.crop, strides: [1, 1, 1, 1] };
  const [cropped] = b.move('slice', [conv], attrs, { name: 'cropped', shapes: [o.crop.size] });
  return b.build([cropped!, ...ends.slice(1)]);
}

const paddingOf = (graph: Graph): unknown => {
  const conv = graph.ops.find((op) => op.kind === 'conv_2d')!;
  return 'padding' in conv.attrs ? conv.attrs.padding : null;
};

describe('fold-pad', () => {
  it('should make a border of zero points padding', () => {
    const graph = foldPad(bordered({ after: [0, 2, 0, 0] }));
    expect(kinds(graph)).toEqual(['conv_2d']);
    expect(paddingOf(graph)).toEqual({ top: 1, left: 1, bottom: 2, right: 0 });
    verify(graph, 'fold-pad');
  });

  it.each([
    ['another value', { value: 0 }],
    ['channels', { before: [0, 0, 0, 1], after: [0, 0, 0, 0] }],
    ['an output', { pinned: true }],
    ['more rows than kernels count', { before: [0, 32_768, 0, 0], after: [0, 0, 0, 0] }],
  ] as [string, Conv][])('should leave a pad of %s alone', (_, conv) => {
    expect(kinds(foldPad(bordered(conv)))).toContain('pad');
  });

  it('should leave a pad alone that others read too', () => {
    const b = new GraphBuilder('g');
    const x = b.input('x', [1, 4, 4, 1], Q);
    const around = { before: [0, 1, 0, 0], after: [0, 1, 0, 0], value: Q.zeroPoint };
    const [padded] = b.move('pad', [x], around, { name: 'padded', shapes: [[1, 6, 4, 1]] });
    const filter = b.constant('w', [1, 3, 3, 1], new Int8Array(9), { scale: 0.1 });
    const conv = b.conv2d({ input: padded!, filter }, { name: 'conv', ...Q });
    const pool = b.pool2d('max_pool_2d', padded!, { name: 'pool', filter: [2, 2] });
    expect(kinds(foldPad(b.build([conv, pool])))).toEqual(['pad', 'conv_2d', 'max_pool_2d']);
  });
});

describe('fold-crop', () => {
  const cut = (o: Conv): Graph => foldCrop(foldPad(bordered(o)));

  it('should shrink the padding that the slice cuts', () => {
    const graph = cut({ crop: { begin: [0, 1, 0, 0], size: [1, 3, 3, 1] } });
    expect(kinds(graph)).toEqual(['conv_2d']);
    expect(paddingOf(graph)).toEqual({ top: 0, left: 1, bottom: 1, right: 0 });
    expect(graph.outputs).toEqual(graph.ops[0]!.outputs);
    verify(graph, 'fold-crop');
  });

  it.each([
    ['cuts deeper than padding', { crop: { begin: [0, 2, 0, 0], size: [1, 2, 4, 1] } }],
    ['follows a stride', { stride: [2, 2], crop: { begin: [0, 0, 0, 0], size: [1, 1, 2, 1] } }],
  ] as [string, Conv][])('should keep a slice that %s', (_, conv) => {
    expect(kinds(cut(conv))).toEqual(['conv_2d', 'slice']);
  });
});

describe('unbatch-dilation', () => {
  it('should find the dilated convolution between the batches', () => {
    const graph = unbatchDilation(MODELS['borderNet']!());
    verify(graph, 'unbatch-dilation');
    expect(kinds(graph).filter((kind) => /batch/.test(kind))).toEqual([]);
    const dilated = graph.ops.find((op) => op.name === 'dilated')!;
    expect(dilated.attrs).toMatchObject({ dilationH: 2, dilationW: 2 });
    const folded = foldCrop(foldPad(graph));
    expect(folded.ops.find((op) => op.name === 'dilated')!.attrs).toMatchObject({
      padding: { top: 1, left: 1, bottom: 1, right: 1 },
    });
    verify(folded, 'fold-crop');
  });

  it('should leave other blocks behind than before alone', () => {
    const graph = MODELS['borderNet']!();
    const ops = graph.ops.map((op) =>
      op.kind === 'batch_to_space_nd' ? { ...op, attrs: { block: [4, 1] } } : op,
    );
    expect(unbatchDilation({ ...graph, ops }).ops).toEqual(ops);
  });
});

describe('drop-moves', () => {
  it('should make reshapes of moves that move nothing', () => {
    const b = new GraphBuilder('g');
    const x = b.input('x', [1, 3, 1, 2], Q);
    const one = (
      kind: 'transpose' | 'slice' | 'concatenation' | 'pad',
      attrs: object,
      name: string,
      shape: number[],
    ) => b.move(kind, [x], attrs as never, { name, shapes: [shape] })[0]!;
    const none = [0, 0, 0, 0];
    const outputs = [
      one('transpose', { perm: [2, 1, 0, 3] }, 'units', [1, 3, 1, 2]),
      one('slice', { begin: none, size: [1, 3, 1, 2], strides: [1, 1, 1, 1] }, 'all', [3, 2]),
      one('concatenation', { axis: 1 }, 'alone', [1, 3, 1, 2]),
      one('pad', { before: none, after: none, value: 0 }, 'bare', [1, 3, 1, 2]),
      one('transpose', { perm: [0, 3, 2, 1] }, 'turned', [1, 2, 1, 3]),
      one('slice', { begin: [0, 1, 0, 0], size: [1, 2, 1, 2], strides: [1, 1, 1, 1] }, 'rest', [1, 2, 1, 2]),
    ];
    expect(kinds(dropMoves(b.build(outputs)))).toEqual([
      ...Array<string>(4).fill('reshape'),
      'transpose',
      'slice',
    ]);
  });
});

describe('fold-constants', () => {
  it('should move the bytes of constants, through chains, and keep what enlarges', () => {
    const b = new GraphBuilder('g');
    const x = b.input('x', [4], Q);
    const table = b.constant('table', [2, 3], Int8Array.of(1, 2, 3, 4, 5, 6), Q);
    const [turned] = b.move('transpose', [table], { perm: [1, 0] }, { name: 'turned', shapes: [[3, 2]] });
    const [left, right] = b.move(
      'split',
      [turned!],
      { axis: 1 },
      {
        name: 'parts',
        shapes: [
          [3, 1],
          [3, 1],
        ],
      },
    );
    const joined = b.move(
      'concatenation',
      [right!, left!],
      { axis: 1 },
      { name: 'joined', shapes: [[3, 2]] },
    )[0]!;
    const back = { begin: [2, 0], size: [2, 1], strides: [-1, 1] };
    const [pair] = b.move('slice', [joined], back, { name: 'pair', shapes: [[2]] });
    const [wide] = b.move('broadcast_to', [pair!], {}, { name: 'wide', shapes: [[2, 2]] });
    const reshaped = b.reshape(wide!, 'flat', [4]);
    const graph = foldConstants(b.build([b.add(x, reshaped, { name: 'sum', ...Q })]));
    expect(kinds(graph)).toEqual(['broadcast_to', 'reshape', 'add']);
    expect([...tensorOf(graph, joined).data!]).toEqual([4, 1, 5, 2, 6, 3]);
    expect([...tensorOf(graph, pair!).data!]).toEqual([6, 5]);
    verify(graph, 'fold-constants');
  });

  it('should leave an output a step', () => {
    const b = new GraphBuilder('g');
    b.input('x', [1], Q);
    const table = b.constant('table', [2, 3], new Int8Array(6), Q);
    const graph = b.build(
      b.move('transpose', [table], { perm: [1, 0] }, { name: 'turned', shapes: [[3, 2]] }),
    );
    expect(foldConstants(graph)).toBe(graph);
  });
});
