import { describe, expect, it } from '@jest/globals';
import { unpackHistogram, unpackPicks } from '@tinyfleet/wire';
import { parseTelemetryJson } from './json.js';

const valid = {
  bootId: '0000000100000002',
  sequence: 3,
  uptimeMs: 20_000,
  build: 'AQIDBAUGBwg=',
  schema: 0,
  startMs: 10_000,
  lengthMs: 10_000,
  n: 3,
  classes: [0, 1, 2, 0],
  confidenceBins: 2,
  firstIndex: 40,
  picks: [[2, 1, 250]],
  features: [{ histogram: Array<number>(16).fill(1), n: 16, sum: -5, sumSquares: 90, min: -3, max: 7 }],
};
const parse = (json: unknown) =>
  parseTelemetryJson(Buffer.from(typeof json === 'string' ? json : JSON.stringify(json)));

describe('parseTelemetryJson', () => {
  it('should become the message that CBOR would have carried', () => {
    const message = parse(valid);
    expect(message).toMatchObject({
      component: 'model',
      bootId: 0x1_0000_0002n,
      sequence: 3,
      n: 3,
      startMs: 10_000,
    });
    expect(unpackHistogram(message.classes, 4)).toEqual([0, 1, 2, 0]);
    expect(parse({ ...valid, classes: Buffer.from(message.classes).toString('base64') })).toEqual(message);
    expect(unpackPicks(message.picks!, 3)).toEqual([{ offset: 2, predicted: 1, confidence: 250 }]);
    expect(message.features).toMatchObject([{ n: 16, sum: -5, sumSquares: 90, min: -3, max: 7 }]);
  });

  it.each([
    ['no JSON', '{', 'the document'],
    ['no object', '[1]', 'the document'],
    ['a boot id that is a number', { ...valid, bootId: 5 }, 'bootId'],
    ['a build that is not base64', { ...valid, build: 'x!' }, 'build'],
    ['a histogram that is a number', { ...valid, classes: 7 }, 'classes'],
    ['an n that is a text', { ...valid, n: '3' }, 'n'],
  ])('should refuse %s and name the field', (_what, json, field) => {
    expect(() => parse(json)).toThrow(new RegExp(`at ${field}: `));
  });

  it('should refuse a missing field and a count out of range by the rules of the codec', () => {
    const { n: _, ...rest } = valid;
    expect(() => parse(rest)).toThrow(/has no .*\bn\b/);
    expect(() => parse({ ...valid, n: 4_096 })).toThrow();
    expect(() => parse({ ...valid, classes: [-1, 0, 0, 0] })).toThrow();
  });
});
