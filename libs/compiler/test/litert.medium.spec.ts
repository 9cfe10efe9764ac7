// What the .tflite backend writes, read back by our own frontend and run by an interpreter that is not ours.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { isFleetError } from '@tinyfleet/errors';
import { describeWith, findTool } from '@tinyfleet/testing';
import { format } from 'prettier';
import { compile, tfliteModel } from '../src/index.js';
import { numbers, runLitert, type LitertJob, type LitertResult } from './litert/litert.js';
import { readVectors, vectorFiles, type VectorCase } from './vectors.js';

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
    const all: { name: string; one: VectorCase; ours: Uint8Array | string }[] = [];
    for (const name of names)
      for (const one of readVectors(`${name}.gz`)) all.push({ name, one, ours: await written(one.bytes) });
    const jobs = all.flatMap(({ one, ours }) =>
      [one.bytes, ...(typeof ours === 'string' ? [] : [ours])].map((model): LitertJob => {
        const inferences = one.frames.map((frames) => frames[0]!.inputs);
        const [inputs, outputs] = [one.inputs, one.outputs].map((sizes) => sizes.map(([type]) => type));
        return { model, inferences, inputs: inputs!, outputs: outputs! };
      }),
    );
    const results = await runLitert(jobs);
    for (const { name, one, ours } of all) {
      const original = results.shift()!;
      const list = rows.get(name) ?? [];
      list.push({ one, original, ours: typeof ours === 'string' ? ours : results.shift()! });
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

  it.each(names)('should mean the same to LiteRT.js as the model that was read: %s', (name) => {
    for (const { one, original, ours } of rows.get(name)!)
      if (typeof ours !== 'string' && !('error' in original))
        expect([one.name, ours]).toEqual([one.name, original]);
  });

  it.each(names)(
    'should be within 1 of the reference in LiteRT.js, which rounds once, or be listed: %s',
    (name) => {
      const listed = JSON.parse(readFileSync(table, 'utf8')) as Apart;
      expect(found[name] ?? {}).toEqual(listed[name] ?? {});
    },
  );
});

async function written(bytes: Uint8Array): Promise<Uint8Array | string> {
  try {
    return await rewritten(bytes);
  } catch (error) {
    if (isFleetError(error) && error.code === 'compiler.tflite-unsupported') return 'cannot be written';
    throw error;
  }
}

/** Empty when all outputs are within 1 of the vectors. */
function difference({ ours, one: { outputs, frames } }: Row): string {
  if (typeof ours === 'string') return ours;
  if ('error' in ours) return 'LiteRT.js cannot run it';
  let worst = 0;
  ours.outputs.forEach((inference, run) => {
    inference.forEach((data, k) => {
      const wanted = numbers(frames[run]![0]!.outputs[k]!, outputs[k]![0]);
      const got = numbers(data, outputs[k]![0]);
      for (const [at, value] of wanted.entries()) worst = Math.max(worst, Math.abs(value - got[at]!));
    });
  });
  return worst > 1 ? 'differs by more than 1' : '';
}
