// Flash images: NOR rules, sharing, and power cuts inside an operation.
import { describe, expect, it } from '@jest/globals';
import { FLASH_FAILED, FLASH_OK, FlashImage, type FlashGeometry } from './flash-image.js';
import { SectorStore } from './sector-store.js';

const geometry: FlashGeometry = { bytes: 4 * 256, sectorBytes: 256, unitBytes: 4, erased: 0xff };
const make = (store = new SectorStore()) => new FlashImage(geometry, store);
const read = (flash: FlashImage, offset: number, n: number) => {
  const into = new Uint8Array(n);
  expect(flash.read(offset, into)).toBe(FLASH_OK);
  return [...into];
};

describe('FlashImage', () => {
  it('should read erased bytes, and what was programmed across sectors', () => {
    const flash = make();
    expect(flash.program(252, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8))).toBe(FLASH_OK);
    expect(read(flash, 250, 12)).toEqual([0xff, 0xff, 1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0xff]);
  });

  it('should refuse to program a unit twice, half a unit, or beyond the end', () => {
    const flash = make();
    expect(flash.program(0, Uint8Array.of(0xff, 0xff, 0xff, 0xfe))).toBe(FLASH_OK);
    expect(flash.program(0, Uint8Array.of(0, 0, 0, 0))).toBe(FLASH_FAILED);
    expect(flash.program(8, Uint8Array.of(1, 2))).toBe(FLASH_FAILED);
    expect(flash.program(2, Uint8Array.of(1, 2, 3, 4))).toBe(FLASH_FAILED);
    expect(flash.program(1_020, new Uint8Array(8))).toBe(FLASH_FAILED);
    expect(flash.read(1_020, new Uint8Array(8))).toBe(FLASH_FAILED);
    expect(flash.stats.breaches).toBe(4);
  });

  it('should erase whole sectors only', () => {
    const flash = make();
    flash.program(256, Uint8Array.of(1, 2, 3, 4));
    expect(flash.erase(260)).toBe(FLASH_FAILED);
    expect(flash.erase(256)).toBe(FLASH_OK);
    expect(read(flash, 256, 4)).toEqual([0xff, 0xff, 0xff, 0xff]);
  });

  it('should share equal sectors and copy one on write', () => {
    const store = new SectorStore();
    const [a, b] = [make(store), make(store)];
    for (const flash of [a, b]) flash.program(0, new Uint8Array(256).fill(7));
    expect(a.contentKey(0, 256)).toBe(b.contentKey(0, 256));
    expect(store.size).toBe(1);
    expect(a.privateBytes + b.privateBytes).toBe(0);
    b.flipBit(17, 3);
    expect(a.contentKey(0, 256)).not.toBe(b.contentKey(0, 256));
    expect(read(a, 17, 1)).toEqual([7]);
    expect(read(b, 17, 1)).toEqual([7 ^ 8]);
  });

  it('should start from the shared sectors of another image', () => {
    const store = new SectorStore();
    const base = make(store);
    base.program(0, Uint8Array.of(1, 2, 3, 4));
    const copy = new FlashImage(geometry, store, base.shareAll());
    copy.program(4, Uint8Array.of(5, 6, 7, 8));
    expect(read(copy, 0, 8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(read(base, 0, 8)).toEqual([1, 2, 3, 4, 0xff, 0xff, 0xff, 0xff]);
  });

  it('should tear the operation a power cut hits and fail everything after it until power returns', () => {
    const flash = make();
    flash.cut = { operations: 1, part: 0.5 };
    expect(flash.program(0, Uint8Array.of(1, 2, 3, 4))).toBe(FLASH_OK);
    expect(flash.program(4, Uint8Array.of(5, 6, 7, 8))).toBe(FLASH_FAILED);
    expect(flash.powerLost).toBe(true);
    expect(flash.program(8, Uint8Array.of(9, 9, 9, 9))).toBe(FLASH_FAILED);
    flash.restorePower();
    expect(read(flash, 0, 12)).toEqual([1, 2, 3, 4, 5, 6, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
  });

  it('should leave half a sector behind a torn erase', () => {
    const flash = make();
    flash.program(0, new Uint8Array(256).fill(1));
    flash.cut = { operations: 0, part: 0.25 };
    expect(flash.erase(0)).toBe(FLASH_FAILED);
    expect(read(flash, 63, 2)).toEqual([0xff, 1]);
  });
});
