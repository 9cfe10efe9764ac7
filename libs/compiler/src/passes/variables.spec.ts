// Passes around variables: windows over streams, reads without a copy, and what they must leave alone. That values stay the same is
// tools/oracle's READ_VARIABLE and test/streams.medium.spec.ts.
import { describe, expect, it } from '@jest/globals';
import { GraphBuilder } from '../ir/builder.js';
import { tensorOf, type Graph } from '../ir/graph.js';
import { verify } from '../ir/verify.js';
import { makePlan } from '../plan/make-plan.js';
import { eliminateDead } from './eliminate-dead.js';
import { elideRead } from './elide-read.js';
import { foldReshape } from './fold-reshape.js';
import { shiftState } from './shift-state.js';

const kinds = (graph: Graph): string[] => graph.ops.map((op) => op.kind);
const Q = { scale: 0.05, zeroPoint: -3 };

interface Stream {
  readonly kept?: number;
  readonly fresh?: number;
  readonly begin?: number;
  readonly batch?: number;
  readonly pinned?: 'value' | 'kept';
  readonly twice?: boolean;
}

/** kept rows and fresh ones through a convolution over all; the last `kept` of them live on. */
function streaming(o: Stream): Graph {
  const { kept = 4, fresh = 2, begin = fresh, batch = 1 } = o;
  const b = new GraphBuilder('g');
  const x = b.input('x', [batch, fresh, 3, 1], Q);
  const initial = Uint8Array.from({ length: batch * kept * 3 }, (_, i) => i + 1);
  const state = b.variable('state', [batch, kept, 3, 1], Q, { initial });
  const old = b.readVariable(state, 'old');
  const shapes = [[batch, kept + fresh, 3, 1]];
  const [value] = b.move('concatenation', [old, x], { axis: 1 }, { name: 'value', shapes });
  const attrs = { begin: [0, begin, 0, 0], size: [batch, kept, 3, 1], strides: [1, 1, 1, 1] };
  const [end] = b.move('slice', [value!], attrs, { name: 'end', shapes: [[batch, kept, 3, 1]] });
  b.assignVariable(state, end!, 'keep');
  if (o.twice) b.readVariable(state, 'again');
  const filter = b.constant('w', [1, kept + fresh, 3, 1], new Int8Array((kept + fresh) * 3).fill(3), {
    scale: 0.1,
  });
  const conv = b.conv2d({ input: value!, filter }, { name: 'conv', ...Q });
  const also = { value: [value!], kept: [old] };
  return b.build([conv, ...(o.pinned === undefined ? [] : also[o.pinned])]);
}

describe('shift-state', () => {
  it.each([
    [4, 2],
    [2, 3],
    [1, 1],
  ])('should make one window of %i kept rows and %i new ones', (kept, fresh) => {
    const graph = shiftState(streaming({ kept, fresh }));
    expect(kinds(graph)).toEqual(['shift_state', 'view', 'conv_2d']);
    verify(graph, 'shift-state');
    const window = tensorOf(graph, graph.ops[0]!.inputs[1]!);
    expect(window.shape).toEqual([1, kept + fresh, 3, 1]);
    // The first values are where the next shift leaves the kept rows.
    const first = Array.from({ length: kept * 3 }, (_, i) => i + 1);
    expect([...window.variable!.initial!]).toEqual([...new Array<number>(fresh * 3).fill(0), ...first]);
  });

  it('should need no arena for the window, in the order the model has', () => {
    const plan = makePlan(eliminateDead(shiftState(streaming({}))));
    expect(plan.steps.map(({ op }) => op)).toEqual(['SHIFT_STATE', 'CONV_2D']);
    expect(plan.steps[1]!.inputs[0]).toMatchObject({ space: 'state', bytes: 18 });
    expect([plan.stateBytes, plan.arenaBytes]).toEqual([32, 16]);
  });

  it.each([
    ['keeps other rows than the last', { begin: 0 }],
    ['has several batches', { batch: 2 }],
    ['is an output', { pinned: 'value' }],
    ['shows the old rows', { pinned: 'kept' }],
    ['is read again', { twice: true }],
  ] as [string, Stream][])('should leave a stream alone that %s', (_, stream) => {
    const graph = streaming(stream);
    expect(shiftState(graph)).toBe(graph);
  });
});

describe('elide-read', () => {
  /** y = old + x, in this order with `state = x`. */
  const around = (order: 'before' | 'after'): Graph => {
    const b = new GraphBuilder('g');
    const x = b.input('x', [1, 4], Q);
    const state = b.variable('state', [1, 4], Q);
    const old = b.readVariable(state, 'old');
    if (order === 'before') b.assignVariable(state, x, 'keep');
    const sum = b.add(old, x, { name: 'sum', ...Q });
    if (order === 'after') b.assignVariable(state, x, 'keep');
    return b.build([sum]);
  };

  it('should read in place what is overwritten later', () => {
    const graph = elideRead(around('after'));
    expect(kinds(graph)).toEqual(['view', 'add', 'assign_variable']);
    const plan = makePlan(graph);
    expect(plan.steps.map(({ op }) => op)).toEqual(['ADD', 'ASSIGN_VARIABLE']);
    expect(plan.steps[0]!.inputs[0]!.space).toBe('state');
  });

  it('should copy what is overwritten before its last reader', () => {
    expect(kinds(elideRead(around('before')))[0]).toBe('read_variable');
  });

  it('should copy what becomes an output, also through a reshape', () => {
    const b = new GraphBuilder('g');
    const x = b.input('x', [1, 4], Q);
    const state = b.variable('state', [1, 4], Q);
    const old = b.readVariable(state, 'old');
    b.assignVariable(state, x, 'keep');
    const graph = b.build([b.reshape(old, 'flat', [4])]);
    expect(kinds(foldReshape(elideRead(graph)))).toContain('read_variable');
    // A view of a variable that becomes an output must stay a copy, too.
    const viewed = {
      ...graph,
      ops: graph.ops.map((op) => (op.name === 'old' ? { ...op, kind: 'view' } : op)),
    } as Graph;
    expect(kinds(foldReshape(viewed))).toContain('reshape');
  });
});

describe('eliminate-dead', () => {
  it('should keep what is written for the next inference, and drop what is only read', () => {
    const graph = eliminateDead(streaming({ twice: true }));
    expect(kinds(graph).filter((kind) => kind.endsWith('variable'))).toEqual([
      'read_variable',
      'assign_variable',
    ]);
  });
});
