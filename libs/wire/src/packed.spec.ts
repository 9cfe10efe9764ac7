/** Topics, packed histograms, picks, boot ids. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  bootCounter,
  bootId,
  bootIdFromHex,
  bootIdFromSigned,
  bootIdToHex,
  bootIdToSigned,
  clientId,
  confidenceBin,
  crc32,
  downTopic,
  mayPublish,
  maySubscribe,
  packHistogram,
  packPicks,
  parseClientId,
  parseTopic,
  tryParseTopic,
  unpackHistogram,
  unpackPicks,
  upTopic,
} from './index.js';

const address = { project: 'demo', device: 'demo-007' };

describe('topics', () => {
  it('should parse what it builds', () => {
    expect(upTopic(address, 'telemetry.json')).toBe('fleet/1/demo/demo-007/up/telemetry.json');
    expect(parseTopic(upTopic(address, 'hello'))).toEqual({ ...address, direction: 'up', name: 'hello' });
    expect(parseTopic(downTopic(address, 'chunk'))).toEqual({ ...address, direction: 'down', name: 'chunk' });
    expect(parseClientId(clientId(address))).toEqual(address);
  });

  it('should refuse everything else', () => {
    for (const topic of [
      '',
      'fleet/1/demo/demo-007/up',
      'fleet/2/demo/demo-007/up/hello',
      'fleet/1/demo/demo-007/up/hello/x',
      'fleet/1/demo/demo-007/up/desired',
      'fleet/1/demo/+/up/hello',
      'fleet/1/Demo/demo-007/up/hello',
      `fleet/1/demo/${'d'.repeat(64)}/up/hello`,
    ]) {
      expect(tryParseTopic(topic)).toBeUndefined();
      expect(() => parseTopic(topic)).toThrow(/not a topic/);
    }
    expect(() => upTopic({ project: 'a/b', device: 'c' }, 'hello')).toThrow(/not a valid name/);
    expect(parseClientId('a/b/c')).toBeUndefined();
  });

  it('should let a device use its own topics only', () => {
    expect(mayPublish(address, upTopic(address, 'state'))).toBe(true);
    expect(mayPublish(address, downTopic(address, 'desired'))).toBe(false);
    expect(mayPublish(address, upTopic({ ...address, device: 'demo-008' }, 'state'))).toBe(false);
    expect(maySubscribe(address, 'fleet/1/demo/demo-007/down/#')).toBe(true);
    expect(maySubscribe(address, downTopic(address, 'ask'))).toBe(true);
    for (const filter of [
      '#',
      'fleet/1/demo/+/down/#',
      'fleet/1/demo/demo-007/#',
      '$share/g/x',
      '+/1/demo/demo-007/down/ask',
    ])
      expect(maySubscribe(address, filter)).toBe(false);
  });
});

describe('packed histogram', () => {
  it('should pack by hand-checked example', () => {
    expect([...packHistogram([1, 0, 3, 2])]).toEqual([2, 0b10_11_00_01]);
    expect([...packHistogram([0, 0, 0])]).toEqual([0]);
    expect([...packHistogram([256, 1])]).toEqual([9, 0x00, 0b11, 0]);
  });

  it('should give back any counts', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 65_535 }), { maxLength: 64 }), (counts) => {
        expect(unpackHistogram(packHistogram(counts), counts.length)).toEqual(counts);
      }),
    );
  });

  it('should refuse counts above 65,535, other lengths, padding and waste', () => {
    expect(unpackHistogram(packHistogram([65_535]), 1)).toEqual([65_535]);
    expect(() => packHistogram([65_536])).toThrow(/65536/);
    expect(() => unpackHistogram(Uint8Array.of(), 1)).toThrow(/empty/);
    expect(() => unpackHistogram(Uint8Array.of(17, 0, 0, 0), 1)).toThrow(/above 16/);
    expect(() => unpackHistogram(Uint8Array.of(2, 0xff), 5)).toThrow(/2 bits are 3 bytes/);
    expect(() => unpackHistogram(Uint8Array.of(1, 0b11), 1)).toThrow(/padding/);
    expect(() => unpackHistogram(Uint8Array.of(2, 0b01), 1)).toThrow(/wider/);
  });

  it('should put int8 probabilities into bins', () => {
    expect([0, 31, 32, 127, 128, 255].map((p) => confidenceBin(p, 8))).toEqual([0, 0, 1, 3, 4, 7]);
  });
});

describe('picks', () => {
  const picks = [
    { offset: 0, predicted: 3, confidence: 255 },
    { offset: 300, predicted: 0, confidence: 7 },
  ];

  it('should give back what was packed', () => {
    expect([...packPicks(picks)]).toEqual([0, 0, 3, 255, 44, 1, 0, 7]);
    expect(unpackPicks(packPicks(picks), 301)).toEqual(picks);
  });

  it('should refuse offsets that do not rise or reach the bound, and more than the limit', () => {
    expect(() => unpackPicks(packPicks(picks), 300)).toThrow(/not below 300/);
    expect(() => packPicks([...picks, ...picks])).toThrow(/does not rise/);
    expect(() => unpackPicks(new Uint8Array(5), 10)).toThrow(/multiple of 4/);
    const many = (n: number) =>
      Array.from({ length: n }, (_, offset) => ({ offset, predicted: 0, confidence: 0 }));
    expect(unpackPicks(packPicks(many(16)), 16)).toHaveLength(16);
    expect(() => packPicks(many(17))).toThrow(/at most 16/);
    expect(() => unpackPicks(packPicks(many(17), 17), 20)).toThrow(/at most 16/);
  });
});

describe('boot id', () => {
  it('should keep counter, hexadecimal and signed forms', () => {
    const id = bootId(0x80000001, 0xdeadbeef);
    expect(bootIdToHex(id)).toBe('80000001deadbeef');
    expect(bootIdFromHex('80000001deadbeef')).toBe(id);
    expect(bootIdFromHex('1')).toBeUndefined();
    expect(bootCounter(id)).toBe(0x80000001);
    expect(bootIdFromSigned(bootIdToSigned(id))).toBe(id);
    expect(bootIdToSigned(2n ** 64n - 1n)).toBe(-1n);
  });
});

describe('checksum', () => {
  it('should be the CRC-32 of ISO 3309', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
  });
});
