import { describe, expect, it } from '@jest/globals';
import { crc32, encodeCaptureRule, encodeNewEdges, settingMark } from './index.js';

const build = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('data of commands', () => {
  it('should name monitors in 34 bytes each', () => {
    const data = encodeNewEdges(build, [{ index: 2, centre: -1, edges: [-300, 7] }]);
    expect(hex(data)).toBe(`a2014801020304050607080258220203ffffd4fe0700${'ff7f'.repeat(13)}`);
    expect(hex(encodeNewEdges(build, []))).toBe('a20148010203040506070802' + '40');
  });

  it('should refuse edges that fall, and more than fit', () => {
    const refused = (edges: number[]) => () => encodeNewEdges(build, [{ index: 0, centre: 0, edges }]);
    expect(refused([3, 2])).toThrow(/edges\[1\]/);
    expect(refused([])).toThrow(/edges/);
    expect(refused(new Array<number>(16).fill(1))).toThrow(/edges/);
    expect(refused(new Array<number>(15).fill(1))).not.toThrow();
    const monitors = Array.from({ length: 7 }, (_, index) => ({ index, centre: 0, edges: [0] }));
    expect(() => encodeNewEdges(build, monitors)).toThrow(/monitors/);
    expect(() => encodeNewEdges(build, monitors.slice(1))).not.toThrow();
  });

  it('should mark what they set as devices do, and with 0 what sets nothing', () => {
    const edges = encodeNewEdges(build, [{ index: 2, centre: -1, edges: [7] }]);
    const rule = encodeCaptureRule({ bytes: 8 });
    expect(settingMark('set-edges', undefined, edges)).toEqual({ mark: crc32(edges), build });
    expect(settingMark('set-edges', undefined, encodeNewEdges(build, []))).toEqual({ mark: 0, build });
    expect(settingMark('capture', undefined, rule)).toEqual({ mark: crc32(rule), build: undefined });
    expect(settingMark('capture', undefined, encodeCaptureRule({ bytes: 0 }))).toMatchObject({ mark: 0 });
    expect(settingMark('set-cadence', 250, undefined)).toEqual({ mark: 250, build: undefined });
    expect(settingMark('set-edges', undefined, edges.subarray(1))).toBeUndefined();
    expect(settingMark('shadow', 4, undefined)).toBeUndefined();
  });

  it('should say when inputs are to be sent', () => {
    expect(hex(encodeCaptureRule({ bytes: 4_000, confidenceBelow: 128 }))).toBe('a201190fa0021880');
    expect(() => encodeCaptureRule({ bytes: 1, confidenceBelow: 256 })).toThrow(/confidenceBelow/);
  });
});
