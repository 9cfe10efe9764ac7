// The bytes of a bundle, read back by the tables of the format; that devices accept them is tested in the driver.
import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { OPS, readBundle, RECORDS } from '@tinyfleet/runtime';
import { MODELS } from '../../../test/models.js';
import { tensorOf } from '../../ir/graph.js';
import { PASSES } from '../../passes/table.js';
import { runPasses } from '../../passes/pass.js';
import { makePlan } from '../../plan/make-plan.js';
import type { BundleContents } from './contents.js';
import { encodeBundle } from './encode.js';
import { record } from './record.js';
import { infoSection, strings } from './sections.js';

function contents(name: string): BundleContents {
  const { graph } = runPasses(MODELS[name]!(), PASSES, { diagnostics: [] });
  const plan = makePlan(graph);
  const contract = (planned: (typeof plan.inputs)[0]) =>
    ({
      tensor: tensorOf(graph, planned.tensor),
      planned,
      role: 'generic',
      sensor: null,
      classes: 0,
    }) as const;
  return {
    plan,
    inputs: plan.inputs.map(contract),
    outputs: plan.outputs.map((planned) => ({ ...contract(planned), role: 'probabilities', classes: 3 })),
    labels: ['grün', 'β', ''],
    monitors: [],
    golden: [
      {
        kind: 'random',
        frames: 1,
        seed: 7,
        sample: null,
        outputsCrc: 1,
        stepCrcs: plan.steps.map((_, i) => i),
      },
      {
        kind: 'stored',
        frames: 1,
        seed: 0,
        sample: Uint8Array.of(1, 2, 3),
        outputsCrc: 2,
        stepCrcs: plan.steps.map(() => 9),
      },
    ],
    optimized: true,
    reduced: false,
    streaming: false,
    info: { model: 'm', version: '1.0.0', compiler: 'c', sourceSha256: new Uint8Array(32) },
  };
}

describe('encodeBundle', () => {
  const given = contents('convNet');
  const { bytes, sections } = encodeBundle(given);
  const view = readBundle(bytes);

  it('should lay sections at multiples of 16, in order, with zero between', () => {
    expect(bytes.length % 16).toBe(0);
    let end = 0;
    for (const { offset, length } of Object.values(sections)) {
      expect(offset % 16).toBe(0);
      expect(offset).toBeGreaterThanOrEqual(end);
      expect(bytes.subarray(end, offset).every((byte) => byte === 0)).toBe(true);
      end = offset + length;
    }
    expect(view.totalBytes).toBe(bytes.length);
  });

  it('should hash what follows the digest', () => {
    const digest = createHash('sha256')
      .update(bytes.subarray(RECORDS.header.fields.arena_bytes.offset))
      .digest();
    expect(Buffer.from(view.digest)).toEqual(digest);
  });

  it('should name exactly the ops of its plan', () => {
    const numbers = new Set(given.plan.steps.map((step) => OPS[step.op].number as number));
    for (let bit = 0; bit < 256; bit++)
      expect((view.opSet[bit >> 3]! >> (bit & 7)) & 1).toBe(numbers.has(bit) ? 1 : 0);
    expect(view.ownOpSet.every((byte) => byte === 0)).toBe(true);
  });

  it('should write every step with its operands and parameters', () => {
    expect(view.steps).toHaveLength(given.plan.steps.length);
    view.steps.forEach((step, i) => {
      const planned = given.plan.steps[i]!;
      expect(step).toMatchObject({ op: planned.op, node: planned.node, params: planned.params });
      expect(step.inputs.map((o) => [o.offset, o.bytes])).toEqual(
        planned.inputs.map((o) => [o.offset, o.bytes]),
      );
      expect(step.outputs[0]).toMatchObject({
        offset: planned.outputs[0]!.offset,
        bytes: planned.outputs[0]!.bytes,
      });
    });
  });

  it('should keep labels, tensor names and scales', () => {
    expect(view.labels).toEqual(['grün', 'β', '']);
    expect(view.inputs[0]).toMatchObject({
      name: 'x',
      dims: [1, 9, 8, 2],
      scale: Math.fround(0.05),
      zeroPoint: -3,
    });
    expect(view.outputs[0]).toMatchObject({ name: 'probabilities', classes: 3, scale: 1 / 256 });
  });

  it('should point each golden vector at its own step CRCs and sample', () => {
    const data = new DataView(bytes.buffer, bytes.byteOffset);
    const golden = (i: number, field: keyof typeof RECORDS.golden.fields): number =>
      data.getUint32(
        sections.golden!.offset + i * RECORDS.golden.bytes + RECORDS.golden.fields[field].offset,
        true,
      );
    const steps = given.plan.steps.length;
    expect([golden(0, 'steps_offset'), golden(1, 'steps_offset')]).toEqual([0, steps * 4]);
    expect(data.getUint32(sections.step_crcs!.offset + golden(1, 'steps_offset'), true)).toBe(9);
    expect([golden(1, 'sample_offset'), golden(1, 'sample_bytes'), golden(0, 'seed')]).toEqual([0, 3, 7]);
    expect(sections.samples!.length).toBe(3);
  });
});

describe('encodeBundle, reduced', () => {
  it('should leave out what only tools read, and point at none of it', () => {
    const { bytes, sections } = encodeBundle({ ...contents('convNet'), reduced: true });
    expect(Object.keys(sections)).toEqual([
      'header',
      'contract',
      'plan',
      'constants',
      'golden',
      'step_crcs',
      'samples',
    ]);
    const data = new DataView(bytes.buffer, bytes.byteOffset);
    const tensor = (i: number, field: 'name' | 'labels'): number =>
      data.getUint16(
        sections.contract!.offset + i * RECORDS.tensor.bytes + RECORDS.tensor.fields[field].offset,
        true,
      );
    expect([tensor(0, 'name'), tensor(1, 'name'), tensor(1, 'labels')]).toEqual([65_535, 65_535, 65_535]);
    expect(readBundle(bytes).outputs[0]).toMatchObject({ classes: 3, name: null });
  });
});

describe('record', () => {
  const layout = {
    bytes: 8,
    fields: {
      a: { type: 'u8', offset: 0, count: 1 },
      b: { type: 'i16', offset: 2, count: 2 },
      reserved: { type: 'u16', offset: 6, count: 1 },
    },
  } as const;

  it('should place fields and leave reserved ones zero', () => {
    expect([...record(layout, { a: 255, b: [-1, 258] })]).toEqual([255, 0, 255, 255, 2, 1, 0, 0]);
  });

  it.each([
    ['a missing field', { a: 1 }],
    ['a field of another name', { a: 1, b: [1, 2], c: 3 }],
    ['too few values', { a: 1, b: [1] }],
    ['a value beyond its type', { a: 256, b: [1, 2] }],
    ['a fraction', { a: 0.5, b: [1, 2] }],
  ])('should refuse %s', (_, values) => {
    expect(() => record(layout, values as never)).toThrow(/invariant/);
  });
});

describe('strings', () => {
  it('should cut at 255 bytes, never inside a character', () => {
    const bytes = strings([`a${'ü'.repeat(200)}`]);
    expect(bytes[0]).toBe(255);
    expect(strings(['ü'.repeat(200)])[0]).toBe(254);
    expect(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(1))).toBe(`a${'ü'.repeat(127)}`);
  });
});

describe('infoSection', () => {
  it('should be deterministic CBOR', () => {
    const info = { model: 'kws', version: '1.1.0', compiler: '0.1.0', sourceSha256: Uint8Array.of(1, 2) };
    const hex = Buffer.from(infoSection(info)).toString('hex');
    expect(hex).toBe('a401636b77730265312e312e300365302e312e3004420102');
  });
});
