// Addresses and order: what may share bytes and what must not.
import { describe, expect, it } from '@jest/globals';
import { FleetError } from '@tinyfleet/errors';
import { MODELS } from '../../test/models.js';
import { GraphBuilder } from '../ir/builder.js';
import type { Graph } from '../ir/graph.js';
import { PASSES } from '../passes/table.js';
import { runPasses } from '../passes/pass.js';
import { makePlan } from './make-plan.js';

describe('makePlan', () => {
  it('should not copy what a reshape only renames', () => {
    const plan = makePlan(MODELS['convNet']!());
    const reshape = plan.steps.find((step) => step.op === 'RESHAPE')!;
    expect(reshape.outputs[0]!.offset).toBe(reshape.inputs[0]!.offset);
  });

  it('should write an add over the operand that dies there, and only that one', () => {
    const graph = runPasses(MODELS['residualNet']!(), PASSES, { diagnostics: [] }).graph;
    const plan = makePlan(graph);
    const add = plan.steps.find((step) => step.op === 'ADD')!;
    expect(add.inputs.map((o) => o.offset)).toContain(add.outputs[0]!.offset);

    const pinned = makePlan({
      ...graph,
      outputs: [...graph.outputs, ...graph.ops.find((op) => op.kind === 'add')!.inputs],
    });
    const kept = pinned.steps.find((step) => step.op === 'ADD')!;
    expect(kept.inputs.map((o) => o.offset)).not.toContain(kept.outputs[0]!.offset);
  });

  it('should not write an add of a tensor to itself over it', () => {
    const b = new GraphBuilder('double');
    const x = b.input('x', [1, 64], { scale: 0.1 });
    const plan = makePlan(b.build([b.add(x, x, { name: 'sum', scale: 0.2 })]));
    expect(plan.steps[0]!.outputs[0]!.offset).not.toBe(plan.steps[0]!.inputs[0]!.offset);
  });

  it('should not write an add over an operand whose view is the other operand', () => {
    const b = new GraphBuilder('view');
    const x = b.input('x', [1, 64], { scale: 0.1 });
    const graph = b.build([b.add(x, b.reshape(x, 'same', [1, 64]), { name: 'sum', scale: 0.2 })]);
    const plan = makePlan(runPasses(graph, PASSES, { diagnostics: [] }).graph);
    expect(plan.steps[0]!.outputs[0]!.offset).not.toBe(plan.steps[0]!.inputs[0]!.offset);
  });

  it('should not write the last add over an output', () => {
    const b = new GraphBuilder('tail');
    const x = b.input('x', [1, 64], { scale: 0.1 });
    const doubled = b.add(x, x, { name: 'doubled', scale: 0.2 });
    const plan = makePlan(b.build([b.add(doubled, x, { name: 'tripled', scale: 0.3 }), doubled]));
    const [tripled, kept] = plan.outputs;
    expect(tripled!.operand.offset).not.toBe(kept!.operand.offset);
    expect(tripled!.operand.offset).toBe(plan.inputs[0]!.operand.offset);
  });

  it('should store equal constants once', () => {
    const b = new GraphBuilder('twins');
    const x = b.input('x', [1, 32], { scale: 0.1 });
    const weights = new Int8Array(32 * 32).fill(3);
    const layer = (input: number, name: string): number => {
      const filter = b.constant(`${name}/w`, [32, 32], weights, { scale: 0.01 });
      return b.fullyConnected({ input, filter }, { name, scale: 0.1 });
    };
    const plan = makePlan(b.build([layer(layer(x, 'a'), 'b')]));
    expect(plan.constants.length).toBeLessThan(weights.length + 64);
    expect(plan.steps[0]!.inputs[1]).toEqual(plan.steps[1]!.inputs[1]);
  });

  it('should keep a copy between an input and an output that are the same bytes', () => {
    const b = new GraphBuilder('rename');
    const x = b.input('x', [4, 4], { scale: 0.1 });
    const graph = b.build([b.reshape(x, 'y', [16])]);
    const plan = makePlan(runPasses(graph, PASSES, { diagnostics: [] }).graph);
    expect(plan.steps.map((step) => step.op)).toEqual(['RESHAPE']);
    expect(plan.steps[0]!.outputs[0]!.offset).not.toBe(plan.steps[0]!.inputs[0]!.offset);
  });

  it('should order branches so that fewer bytes are alive', () => {
    // Both branches widen first in the source; one after the other is cheaper.
    const b = new GraphBuilder('branches');
    const x = b.input('x', [1, 16], { scale: 0.1 });
    const dense = (input: number, name: string, [units, width]: [number, number]): number => {
      const filter = b.constant(`${name}/w`, [units, width], new Int8Array(units * width).fill(1), {
        scale: 0.01,
      });
      return b.fullyConnected({ input, filter }, { name, scale: 0.1 });
    };
    const [wideA, wideB] = [dense(x, 'a1', [512, 16]), dense(x, 'b1', [512, 16])];
    const [a, c] = [dense(wideA, 'a2', [16, 512]), dense(wideB, 'b2', [16, 512])];
    const graph = b.build([b.add(a, c, { name: 'sum', scale: 0.1 })]);
    expect(makePlan(graph, { sourceOrder: true }).arenaBytes).toBeGreaterThanOrEqual(1024);
    expect(makePlan(graph).arenaBytes).toBeLessThan(700);
  });

  it('should name an op that no kernel runs', () => {
    const b = new GraphBuilder('future');
    const x = b.input('x', [1, 8], { scale: 0.1 });
    const built = b.build([b.relu(x, 'activation')]);
    const graph = { ...built, ops: built.ops.map((op) => ({ ...op, kind: 'swish' })) } as unknown as Graph;
    expect(() => makePlan(graph)).toThrow(FleetError);
    expect(() => makePlan(graph)).toThrow(/SWISH \(activation\)/);
  });

  it('should refuse scales that no shift can bridge, with the layer', () => {
    const b = new GraphBuilder('far');
    const x = b.input('x', [1, 2], { scale: 1e20 });
    const filter = b.constant('w', [1, 2], Int8Array.of(1, 2), { scale: 1 });
    const graph = b.build([b.fullyConnected({ input: x, filter }, { name: 'dense', scale: 1 })]);
    expect(() => makePlan(graph)).toThrow(/dense has a quantization that cannot be compiled/);
  });
});
