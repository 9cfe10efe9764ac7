// What the .tflite backend writes, read back by our own frontend and run by an interpreter that is not ours.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { isFleetError } from '@tinyfleet/errors';
import { describeWith, findTool } from '@tinyfleet/testing';
import { format } from 'prettier';
import { openSource } from '../src/driver/frontends.js';
import { compile, tfliteModel } from '../src/index.js';
import type { Graph } from '../src/ir/graph.js';
import { numbers, runLitert, type LitertJob, type LitertResult } from './litert/litert.js';
import { readVectors, vectorFiles, type Frame, type Sizes, type VectorCase } from './vectors.js';

const folder = join(findTool('shared-data') ?? '', 'mlperf_tiny');
const deviceType = { name: 'any', core: 'm4', clockHz: 1e8, slotBytes: 1 << 20, arenaBytes: 1 << 20 };

async function rewritten(bytes: Uint8Array): Promise<Uint8Array> {
  return tfliteModel(await compile({ bytes, fileName: 'source' }, { deviceType, optimize: false }));
}

const MODELS = [
  'hello_world_int8',
  'ad01_int8',
  'micro_speech_quantized',
  'kws_ref_model',
  'vww_96_int8',
  'pretrainedResnet_quant',
];

describeWith(['shared-data'], '.tflite of the MLPerf Tiny models', () => {
  for (const name of MODELS)
    it(`should mean the same as the original of ${name} to LiteRT.js, and the same bundle to us`, async () => {
      const original = readFileSync(join(folder, `${name}.tflite`));
      const ours = await rewritten(original);
      const options = { deviceType, optimize: false };
      const [a, b] = await Promise.all(
        [original, ours].map((bytes) => compile({ bytes, fileName: 'x' }, options)),
      );
      expect(b!.contents.plan.steps.map((step) => [step.op, step.params])).toEqual(
        a!.contents.plan.steps.map((step) => [step.op, step.params]),
      );
      expect(Buffer.compare(b!.contents.plan.constants, a!.contents.plan.constants)).toBe(0);

      const { count, input_bytes } = JSON.parse(
        readFileSync(join(folder, 'vectors', name, 'meta.json'), 'utf8'),
      ) as {
        count: number;
        input_bytes: number;
      };
      const inputs = readFileSync(join(folder, 'vectors', name, 'inputs.bin'));
      const inferences = Array.from({ length: Math.min(count, 20) }, (_, i) => [
        inputs.subarray(i * input_bytes, (i + 1) * input_bytes),
      ]);
      const [theirs, mine] = await runLitert(
        [original, ours].map((model) => ({ model, inferences, inputs: ['int8'], outputs: ['int8'] })),
      );
      expect(theirs).not.toHaveProperty('error');
      expect(mine).toEqual(theirs);
    });
});

/**
 * Where TensorFlow Lite's interpreter and TensorFlow Lite Micro part by more than 1, or what the former or our writer cannot
 * say: `<OP>.<type>` -> what happens -> cases. TINYFLEET_UPDATE=1 rewrites it; look at the difference.
 */
const table = new URL('litert/apart.json', import.meta.url);
type Apart = Record<string, Record<string, string[]>>;

interface Row {
  readonly one: VectorCase;
  readonly original: LitertResult;
  /** A text: the model cannot be written. */
  readonly ours: LitertResult | string;
}

describe('.tflite of single operators', () => {
  const names = vectorFiles().map((file) => file.replace(/\.gz$/, ''));
  const rows = new Map<string, Row[]>();
  const found: Apart = {};

  beforeAll(async () => {
    const all: { name: string; one: VectorCase; ours: Uint8Array | string; runs: Frame[][] }[] = [];
    for (const name of names)
      for (const one of readVectors(`${name}.gz`)) {
        const { graph } = openSource({ bytes: one.bytes, fileName: 'single-op.tflite' });
        all.push({ name, one, ours: written(graph), runs: runsOf(graph, one) });
      }
    const jobs = all.flatMap(({ one, ours, runs }) =>
      [one.bytes, ...(typeof ours === 'string' ? [] : [ours])].flatMap((model) => jobsOf(model, one, runs)),
    );
    const results = await runLitert(jobs);
    for (const { name, one, ours, runs } of all) {
      const take = (): LitertResult => joined(results.splice(0, runs.length));
      const list = rows.get(name) ?? [];
      list.push({ one, original: take(), ours: typeof ours === 'string' ? ours : take() });
      rows.set(name, list);
    }
    for (const [name, list] of rows)
      for (const row of list) {
        const what = difference(row);
        if (what !== '') ((found[name] ??= {})[what] ??= []).push(row.one.name);
      }
    if (process.env['TINYFLEET_UPDATE'] === '1')
      writeFileSync(table, await format(JSON.stringify(found), { parser: 'json', printWidth: 110 }));
  }, 600_000);

  it.each(names)('should be no further from the reference than the model that was read: %s', (name) => {
    for (const { one, original, ours } of rows.get(name)!)
      if (typeof ours !== 'string' && !apart(original, one))
        expect([one.name, apart(ours, one)]).toEqual([one.name, false]);
  });

  it.each(names)(
    'should be within 1 of the reference in LiteRT.js, which rounds once, or be listed: %s',
    (name) => {
      const listed = JSON.parse(readFileSync(table, 'utf8')) as Apart;
      expect(found[name] ?? {}).toEqual(listed[name] ?? {});
    },
  );
});

/** State starts anew in every run; without any, all runs are one. */
function runsOf(graph: Graph, { frames }: VectorCase): Frame[][] {
  return [...graph.tensors.values()].some(({ variable }) => variable) ? frames : [frames.flat()];
}

function jobsOf(model: Uint8Array, { inputs, outputs }: VectorCase, runs: readonly Frame[][]): LitertJob[] {
  const types = (sizes: Sizes): string[] => sizes.map(([type]) => type);
  return runs.map((run) => ({
    model,
    inferences: run.map((frame) => frame.inputs),
    inputs: types(inputs),
    outputs: types(outputs),
  }));
}

function joined(results: readonly LitertResult[]): LitertResult {
  const failed = results.find((result) => 'error' in result);
  return failed ?? { outputs: results.flatMap((result) => ('outputs' in result ? result.outputs : [])) };
}

function written(graph: Graph): Uint8Array | string {
  try {
    return tfliteModel({ graph });
  } catch (error) {
    if (isFleetError(error) && error.code === 'compiler.tflite-unsupported') return 'cannot be written';
    throw error;
  }
}

/** Empty when all outputs are within 1 of the vectors. */
function difference({ ours, one }: Row): string {
  if (typeof ours === 'string') return ours;
  if ('error' in ours) return 'LiteRT.js cannot run it';
  return apart(ours, one) ? 'differs by more than 1' : '';
}

function apart(result: LitertResult, { outputs, frames }: VectorCase): boolean {
  if ('error' in result) return true;
  const expected = frames.flat();
  return result.outputs.some((inference, i) =>
    inference.some((data, k) => {
      const wanted = numbers(expected[i]!.outputs[k]!, outputs[k]![0]);
      return numbers(data, outputs[k]![0]).some((value, at) => Math.abs(value - wanted[at]!) > 1);
    }),
  );
}
