// What each pass does, what it must leave alone, and the runner between them.
import { describe, expect, it } from '@jest/globals';
import { MODELS } from '../../test/models.js';
import { GraphBuilder } from '../ir/builder.js';
import type { Graph } from '../ir/graph.js';
import { IrViolation } from '../ir/verify.js';
import { eliminateDead } from './eliminate-dead.js';
import { foldReshape } from './fold-reshape.js';
import { fuseActivation } from './fuse-activation.js';
import { runPasses } from './pass.js';
import { PASSES } from './table.js';

const kinds = (graph: Graph): string[] => graph.ops.map((op) => op.kind);

describe('the pass table', () => {
  it('should say of every pass why it is there and what holds before and after', () => {
    for (const pass of PASSES) {
      for (const text of [pass.why, pass.requires, pass.ensures]) expect(text).toMatch(/^[^\n]{4,}$/);
    }
    expect(new Set(PASSES.map((pass) => pass.name)).size).toBe(PASSES.length);
  });

  it('should change nothing when run again', () => {
    for (const make of Object.values(MODELS)) {
      const once = runPasses(make(), PASSES, { diagnostics: [] }).graph;
      expect(runPasses(once, PASSES, { diagnostics: [] }).graph.ops).toEqual(once.ops);
    }
  });

  it('should name the pass that breaks the IR', () => {
    const breaks = {
      ...PASSES[0]!,
      name: 'breaks',
      run: (graph: Graph) => ({ ...graph, ops: graph.ops.slice(1) }),
    };
    expect(() => runPasses(MODELS['convNet']!(), [breaks], { diagnostics: [] })).toThrow(IrViolation);
    expect(() => runPasses(MODELS['convNet']!(), [breaks], { diagnostics: [] })).toThrow(/after breaks/);
  });
});

describe('fuse-activation', () => {
  const build = (change: (b: GraphBuilder, conv: number) => [number[], number[]?]): Graph => {
    const b = new GraphBuilder('g');
    const x = b.input('x', [1, 4], { scale: 0.1 });
    const filter = b.constant('w', [4, 4], new Int8Array(16).fill(2), { scale: 0.1 });
    const dense = b.fullyConnected({ input: x, filter }, { name: 'dense', scale: 0.1, zeroPoint: 3 });
    return b.build(...change(b, dense));
  };

  it('should make the clamp part of its producer', () => {
    const graph = fuseActivation(build((b, dense) => [[b.relu(dense, 'relu', 'relu6')]]));
    expect(kinds(graph)).toEqual(['fully_connected']);
    expect(graph.ops[0]!.attrs).toEqual({ activation: 'relu6' });
    expect(graph.ops[0]!.outputs[0]).toBe(graph.outputs[0]);
  });

  it('should leave a tensor alone that others read, is an output or a root', () => {
    const relu = (b: GraphBuilder, dense: number): number => b.relu(dense, 'relu');
    const read = build((b, dense) => [[b.add(relu(b, dense), dense, { name: 'sum', scale: 0.1 })]]);
    const output = build((b, dense) => [[relu(b, dense), dense]]);
    const root = build((b, dense) => [[relu(b, dense)], [dense]]);
    for (const graph of [read, output, root]) expect(fuseActivation(graph).ops).toEqual(graph.ops);
  });

  it('should not fuse two activations into one op', () => {
    const graph = fuseActivation(build((b, dense) => [[b.relu(b.relu(dense, 'a'), 'b', 'relu6')]]));
    expect(kinds(graph)).toEqual(['fully_connected', 'relu']);
  });
});

describe('fold-reshape', () => {
  it('should make chains of reshapes views of the one tensor that has the bytes', () => {
    const graph = foldReshape(MODELS['residualNet']!());
    const views = graph.ops.filter((op) => op.kind === 'view');
    expect(views.map((op) => op.name)).toEqual(['rows', 'flat']);
    expect(new Set(views.map((op) => op.inputs[0])).size).toBe(1);
  });

  it('should keep the copy between input and output', () => {
    const b = new GraphBuilder('g');
    const x = b.input('x', [2, 3], { scale: 1 });
    const graph = b.build([b.reshape(b.reshape(x, 'a', [6]), 'b', [3, 2])]);
    expect(kinds(foldReshape(graph))).toEqual(['view', 'reshape']);
  });
});

describe('eliminate-dead', () => {
  it('should drop what reaches no output, and keep roots', () => {
    const b = new GraphBuilder('g');
    const x = b.input('x', [1, 4], { scale: 0.1 });
    const dead = b.reshape(x, 'dead', [4]);
    const kept = b.reshape(x, 'kept', [2, 2]);
    const root = b.reshape(x, 'root', [4, 1]);
    const graph = eliminateDead(b.build([kept], [root]));
    expect(graph.ops.map((op) => op.name)).toEqual(['kept', 'root']);
    expect(graph.tensors.has(dead)).toBe(false);
  });
});
