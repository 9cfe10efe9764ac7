// Memory-mapped flash: one copy per content, and no device sees another's bits.
import { describe, expect, it } from '@jest/globals';
import { LinearMemory } from '../device/linear-memory.js';
import { FlashImage, type FlashGeometry } from './flash-image.js';
import { FlashMaps, type DeviceMappings } from './flash-maps.js';
import { SectorStore } from './sector-store.js';

const geometry: FlashGeometry = { bytes: 8 * 256, sectorBytes: 256, unitBytes: 4, erased: 0xff };

function setup() {
  const memory = new LinearMemory(new WebAssembly.Memory({ initial: 1 }), 1_000);
  const store = new SectorStore();
  const device = (fill: number) => {
    const flash = new FlashImage(geometry, store);
    flash.program(512, new Uint8Array(512).fill(fill));
    return { flash, mappings: new Map() as DeviceMappings };
  };
  return { memory, maps: new FlashMaps(memory), device };
}

describe('FlashMaps', () => {
  it('should map equal pages of two devices to one aligned copy', () => {
    const { memory, maps, device } = setup();
    const [a, b] = [device(5), device(5)];
    const at = maps.map(a.flash, a.mappings, 512, 512);
    expect(maps.map(b.flash, b.mappings, 512, 512)).toBe(at);
    expect(at % 16).toBe(0);
    expect([...memory.u8.subarray(at, at + 512)]).toEqual(new Array(512).fill(5));
    expect(maps.size).toBe(1);
  });

  it('should give a device with one flipped bit its own copy and leave the others theirs', () => {
    const { memory, maps, device } = setup();
    const [a, b] = [device(5), device(5)];
    const shared = maps.map(a.flash, a.mappings, 512, 512);
    maps.map(b.flash, b.mappings, 512, 512);
    b.flash.flipBit(600, 0);
    const own = maps.map(b.flash, b.mappings, 512, 512);
    expect(own).not.toBe(shared);
    expect(memory.u8[own + 88]).toBe(4);
    expect(memory.u8[maps.map(a.flash, a.mappings, 512, 512) + 88]).toBe(5);
    expect(maps.size).toBe(2);
  });

  it('should keep a mapping when only other pages change', () => {
    const { maps, device } = setup();
    const a = device(5);
    const at = maps.map(a.flash, a.mappings, 512, 512);
    a.flash.program(0, Uint8Array.of(1, 2, 3, 4));
    expect(maps.map(a.flash, a.mappings, 512, 512)).toBe(at);
  });

  it('should give memory back when the last user is gone', () => {
    const { maps, device } = setup();
    const [a, b] = [device(5), device(5)];
    const at = maps.map(a.flash, a.mappings, 512, 512);
    maps.map(b.flash, b.mappings, 512, 512);
    maps.releaseAll(a.mappings);
    expect(maps.size).toBe(1);
    maps.releaseAll(b.mappings);
    expect(maps.size).toBe(0);
    const c = device(6);
    expect(maps.map(c.flash, c.mappings, 512, 512)).toBe(at);
  });
});

describe('LinearMemory', () => {
  it('should keep blocks apart, zeroed and aligned while memory grows', () => {
    const memory = new LinearMemory(new WebAssembly.Memory({ initial: 1, maximum: 4 }), 1_001);
    const first = memory.allocate(100);
    memory.u8.fill(9, first, first + 100);
    const second = memory.allocate(70_000);
    expect(second % 64).toBe(0);
    expect(second).toBeGreaterThanOrEqual(first + 100);
    expect(memory.u8.subarray(second, second + 70_000).every((byte) => byte === 0)).toBe(true);
    memory.free(first, 100);
    expect(memory.allocate(100)).toBe(first);
    expect(memory.u8[first]).toBe(0);
    expect(memory.allocate(300_000)).toBe(0);
  });
});
