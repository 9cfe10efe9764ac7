// Strangers' tree files: every fault is a registered one, whatever the file says.
import { describe, expect, it } from '@jest/globals';
import { isFleetError } from '@tinyfleet/errors';
import type { Diagnostic } from '../../ir/diagnostics.js';
import type { Graph } from '../../ir/graph.js';
import { DEFAULT_MODEL_LIMITS } from '../limits.js';
import { openTrees, type TreeImportOptions } from './open.js';

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const open = (value: unknown, options: TreeImportOptions = {}, notes: Diagnostic[] = []): Graph | undefined =>
  openTrees(bytes(value), DEFAULT_MODEL_LIMITS, options, notes);

const split = (nodeid: number, condition: number, children: unknown[]) => ({
  nodeid,
  split: 'f1',
  split_condition: condition,
  yes: nodeid * 2 + 1,
  no: nodeid * 2 + 2,
  children,
});
const leaf = (nodeid: number, value: number) => ({ nodeid, leaf: value });
const stump = split(0, 2.5, [leaf(1, -1), leaf(2, 4)]);
const model = (tree: object) => ({
  learner: {
    learner_model_param: { num_class: '0', num_feature: '2', base_score: '5E-1' },
    objective: { name: 'reg:squarederror' },
    gradient_booster: { name: 'gbtree', model: { tree_info: [0], trees: [tree] } },
  },
});
const arrays = {
  left_children: [1, -1, -1],
  right_children: [2, -1, -1],
  split_indices: [1, 0, 0],
  split_conditions: [2.5, -1, 4],
};
const light = (root: object) => ({
  tree_info: [{ tree_structure: root }],
  max_feature_idx: 1,
  objective: 'binary sigmoid:1',
});
const lightSplit = {
  split_feature: 1,
  threshold: 0.5,
  decision_type: '<=',
  missing_type: 'None',
  left_child: { leaf_value: 1 },
  right_child: { leaf_value: 2 },
};

describe('tree files', () => {
  it('should be known by what they hold', () => {
    expect(open([stump])!.name).toBe('xgboost');
    expect(open(model(arrays))!.name).toBe('xgboost');
    expect(open(light(lightSplit))!.name).toBe('lightgbm');
    expect(open({ modelTopology: {} })).toBeUndefined();
    expect(open([1, 2])).toBeUndefined();
    expect(openTrees(Uint8Array.of(123, 34), DEFAULT_MODEL_LIMITS, {}, [])).toBeUndefined();
  });

  it('should keep whole features as they are and floor thresholds', () => {
    const notes: Diagnostic[] = [];
    const graph = open([stump], {}, notes)!;
    expect(graph.tensors.get(0)).toMatchObject({
      dtype: 'int16',
      shape: [1, 2],
      quantization: { scales: [1], zeroPoints: [0], axis: null },
    });
    const nodes = new DataView(graph.tensors.get(1)!.data!.buffer);
    // f1 < 2.5 is f1 <= 2; then -1 and 4 with 26 fraction bits.
    expect([0, 2, 4, 6].map((at) => nodes.getInt16(at, true))).toEqual([1, 2, 1, 2]);
    expect([nodes.getInt32(12, true), nodes.getInt32(20, true)]).toEqual([-(2 ** 26), 2 ** 28]);
    expect(notes[0]).toMatchObject({
      code: 'compiler.trees-quantized',
      data: { exact: 2, trees: 1, nodes: 3 },
    });
  });

  it('should not take small fractions for whole numbers', () => {
    const notes: Diagnostic[] = [];
    const graph = open(light({ ...lightSplit, threshold: 2e-10 }), {}, notes)!;
    expect(notes[0]!.data).toMatchObject({ exact: 1 });
    expect(graph.tensors.get(0)!.quantization!.scales[1]).toBeLessThan(1e-12);
    // LightGBM's zero: whole values on both sides of it are told apart.
    const zero: Diagnostic[] = [];
    open(light({ ...lightSplit, threshold: 1.0000000180025095e-35 }), {}, zero);
    expect(zero[0]!.data).toMatchObject({ exact: 2 });
  });

  it('should take a base score of logits for a probability', () => {
    const raw = model(arrays);
    const graph = open({ learner: { ...raw.learner, objective: { name: 'binary:logitraw' } } })!;
    expect([...graph.tensors.get(3)!.data!]).toEqual([0, 0, 0, 0]);
  });

  it('should refuse trees times classes that would fill the memory', () => {
    const wide = model(arrays);
    const trees = Array<object>(200).fill(arrays);
    const learner = {
      ...wide.learner,
      learner_model_param: { num_class: '32000', num_feature: '2', base_score: '5E-1' },
      gradient_booster: { name: 'gbtree', model: { tree_info: trees.map(() => 0), trees } },
    };
    expect(() => open({ learner })).toThrow(expect.objectContaining({ code: 'compiler.limit-exceeded' }));
  });

  it('should leave out splits that no integer of the type can tell apart', () => {
    const graph = open([split(0, 1000, [leaf(1, -1), leaf(2, 4)])], {
      features: { dtype: 'int8', scale: 1 },
    })!;
    expect(graph.tensors.get(1)!.data).toHaveLength(8); // always less than 1000: one leaf
  });

  it.each<readonly [string, unknown, TreeImportOptions?]>([
    [
      'a feature without a number',
      [split(0, 1, [leaf(1, 0), leaf(2, 0)])].map((t) => ({ ...t, split: 'age' })),
    ],
    ['a child that is missing', [{ ...stump, yes: 7 }]],
    ['a leaf that is no number', [{ ...stump, children: [leaf(1, NaN), leaf(2, 4)] }]],
    [
      'an objective with another output',
      { ...model(arrays), learner: { ...model(arrays).learner, objective: { name: 'count:poisson' } } },
    ],
    ['a linear booster', { learner: { ...model(arrays).learner, gradient_booster: { name: 'gblinear' } } }],
    ['a tree that runs in a circle', model({ ...arrays, left_children: [0, -1, -1] })],
    ['a tree with shared nodes', model({ ...arrays, right_children: [1, -1, -1] })],
    ['children that are not there', model({ ...arrays, left_children: [99, -1, -1] })],
    ['lists of different lengths', model({ ...arrays, split_conditions: [1] })],
    ['categories', model({ ...arrays, split_type: [1, 0, 0] })],
    ['a feature beyond the last', model({ ...arrays, split_indices: [2, 0, 0] })],
    ['a categorical split of LightGBM', light({ ...lightSplit, decision_type: '==' })],
    ['zeros as missing', light({ ...lightSplit, missing_type: 'Zero' })],
    ['a scale of zero', [stump], { features: { scale: 0 } }],
    ['ranges of another number', [stump], { features: { ranges: [[0, 1]] } }],
    ['a threshold that no float32 scale reaches', light({ ...lightSplit, threshold: 1e300 })],
    ['a class that does not exist', [stump], { dump: { objective: 'multiclass' } }],
  ])('should be refused: %s', (...[, value, options]) => {
    expect(() => open(value, options)).toThrow(expect.objectContaining({ code: 'compiler.trees-invalid' }));
  });

  it('should survive mutations with a graph or a registered error', () => {
    const texts = [[stump], model(arrays), light(lightSplit)].map((value) => JSON.stringify(value));
    let state = 7;
    const random = (n: number): number => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) % n;
    };
    const pieces = ['-1', '1e308', '"x"', 'null', '[]', '{}', '65536', '0.5', '""', 'true'];
    let opened = 0;
    for (let i = 0; i < 3000; i++) {
      let text = texts[i % texts.length]!;
      for (let change = 0; change <= random(3); change++) {
        const at = [...text.matchAll(/-?\d[\d.]*|"[^"]*"|\[[^[\]]*\]/g)];
        const hit = at[random(at.length)];
        if (hit === undefined) continue;
        text =
          text.slice(0, hit.index) + pieces[random(pieces.length)]! + text.slice(hit.index + hit[0].length);
      }
      try {
        if (openTrees(new TextEncoder().encode(text), DEFAULT_MODEL_LIMITS, {}, []) !== undefined) opened++;
      } catch (error) {
        if (!isFleetError(error)) throw error;
      }
    }
    expect(opened).toBeGreaterThan(100);
  });

  it('should not end with a tree that is nested ever deeper', () => {
    const deep = '[{"nodeid":0,"children":'.padEnd(30) + '['.repeat(100_000);
    expect(openTrees(new TextEncoder().encode(deep), DEFAULT_MODEL_LIMITS, {}, [])).toBeUndefined();
    const head = '{"nodeid":1,"split":"f1","split_condition":2,"yes":1,"no":2,"children":[';
    const nested = `[${head.repeat(3000)}{"nodeid":1,"leaf":1}${',{"nodeid":2,"leaf":3}]}'.repeat(3000)}]`;
    expect(openTrees(new TextEncoder().encode(nested), DEFAULT_MODEL_LIMITS, {}, [])!.ops).toHaveLength(1);
  });
});
