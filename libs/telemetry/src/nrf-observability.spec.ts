import { describe, expect, it } from '@jest/globals';
import { encode } from 'cborg';
import fc from 'fast-check';
import { isFleetError } from '@tinyfleet/errors';
import { unpackHistogram } from '@tinyfleet/wire';
import { nrfBuildPrefix, parseNrfObservability } from './nrf-observability.js';

const model = { id: 7, num_classes: 3, num_features: 0, version: 2 };
/** Classes 1 1 0 2 2 2 were predicted. */
const transitions = [
  [0, 0, 1],
  [1, 1, 0],
  [0, 0, 2],
];
const metrics = [
  { id: 2, v: 1, d: transitions },
  {
    id: 3,
    v: 1,
    d: [
      [5, 0, 0, 1],
      [4, 0, 0, 2],
      [3, 0, 0, 3],
    ],
  },
  { id: 4, v: 1, d: [[2, 5]] },
  { id: 5, v: 1, d: [[4, 1, 1]] },
  { id: 6, v: 1, d: [Array.from({ length: 20 }, (_, i) => (i === 19 ? 6 : 0))] },
  { id: 1_000, v: 1, d: [['what']] },
].slice(0, 5);
const payload = { format_version: 2, num_inferences: 6, num_features: 0, model, metrics };
const parse = (value: unknown) => parseNrfObservability(encode(value));

describe('parseNrfObservability', () => {
  it('should become one window for each model of the list', () => {
    const [first, second, ...rest] = parse([payload, { ...payload, model: { ...model, id: 8 } }]);
    expect(rest).toEqual([]);
    expect(first).toMatchObject({ component: 'model', sequence: 0, n: 6, confidenceBins: 1, switches: 2 });
    expect(first!.build).toEqual(Uint8Array.of(0, 0, 0, 7, 0, 0, 0, 2));
    expect(second).toMatchObject({ sequence: 1, bootId: first!.bootId, schema: first!.schema });
    expect(second!.build).toEqual(nrfBuildPrefix(8, 2));
    expect(parse(payload)).toHaveLength(1);
  });

  it('should count classes from the transitions, the first inference included', () => {
    expect(unpackHistogram(parse([payload])[0]!.classes, 3)).toEqual([1, 2, 3]);
    const circle = [
      [0, 1, 0],
      [1, 3, 0],
      [0, 0, 0],
    ];
    const counts = parse([{ ...payload, metrics: [{ id: 2, v: 1, d: circle }] }])[0]!;
    expect(unpackHistogram(counts.classes, 3)).toEqual([1, 5, 0]);
  });

  it('should make features of entropy, margin and probabilities, in this order', () => {
    const features = parse([payload])[0]!.features!;
    expect(features).toHaveLength(5);
    expect(features[0]).toMatchObject({ n: 6, sum: 3, sumSquares: 5, min: 0, max: 2 });
    // 20 bins are joined by two.
    expect(features[1]).toMatchObject({ n: 6, min: 9, max: 9 });
    expect(unpackHistogram(features[4]!.histogram, 16).slice(0, 4)).toEqual([3, 0, 0, 3]);
  });

  it('should tell other bins, other metrics and other classes apart by the schema', () => {
    const schemaOf = (changes: object) => parse([{ ...payload, ...changes }])[0]!.schema;
    const same = schemaOf({ num_inferences: 6 });
    expect(schemaOf({ metrics: [...metrics].reverse() })).toBe(same);
    const others = [
      metrics.slice(0, 4),
      metrics.map((one) => (one.id === 5 ? { ...one, d: [[6, 0]] } : one)),
    ];
    expect(new Set([same, ...others.map((one) => schemaOf({ metrics: one }))]).size).toBe(3);
  });

  it('should leave out a model that inferred nothing, and skip metrics it does not know', () => {
    expect(parse([{ ...payload, num_inferences: 0 }])).toEqual([]);
    const unknown = [...metrics, { id: 1_000, v: 3, d: [[1, 2]], more: 'of it' }];
    expect(parse([{ ...payload, metrics: unknown }])[0]!.features).toHaveLength(5);
  });

  it.each([
    ['a text', 'x', 'a payload'],
    ['format 3', [{ ...payload, format_version: 3 }], 'format_version'],
    ['no model', [{ ...payload, model: 5 }], 'model'],
    ['65,536 inferences', [{ ...payload, num_inferences: 65_536 }], 'num_inferences'],
    ['no list of metrics', [{ ...payload, metrics: {} }], 'metrics'],
    ['a ragged matrix', [{ ...payload, metrics: [{ id: 5, v: 1, d: [[1], [1, 2]] }] }], 'metric 5'],
    ['a negative count', [{ ...payload, metrics: [{ id: 5, v: 1, d: [[-1]] }] }], 'metric 5'],
    ['two rows of entropy', [{ ...payload, metrics: [{ id: 5, v: 1, d: [[1], [2]] }] }], 'metric 5'],
    ['transitions of others', [{ ...payload, num_inferences: 9 }], 'metric 2'],
    ['nine models', Array<unknown>(9).fill(payload), 'the list'],
  ])('should refuse %s by its field', (_what, value, field) => {
    expect(() => parse(value)).toThrow(new RegExp(`at ${field}: `));
  });

  it('should take 65,535 inferences and eight models', () => {
    expect(parse([{ ...payload, num_inferences: 65_535, metrics: [] }])[0]!.n).toBe(65_535);
    expect(parse(Array<unknown>(8).fill(payload))).toHaveLength(8);
  });

  it('should refuse damaged payloads with registered errors only', () => {
    const whole = encode([payload]);
    const survives = (bytes: Uint8Array): void => {
      try {
        parseNrfObservability(bytes);
      } catch (error) {
        if (!isFleetError(error)) throw error;
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 4_096 }), survives));
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, value) => {
        const damaged = whole.slice();
        damaged[at] = value;
        survives(damaged);
        survives(whole.slice(0, at));
      }),
    );
    // A list in a list, as deep as a message may be long.
    survives(new Uint8Array(4_096).fill(0x81));
  });
});
