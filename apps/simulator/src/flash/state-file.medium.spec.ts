// Saved flash images of a fleet.
import { mkdtempSync, rmSync, truncateSync, writeFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FlashImage, type FlashGeometry } from './flash-image.js';
import { SectorStore } from './sector-store.js';
import { loadFlash, saveFlash } from './state-file.js';

const geometry: FlashGeometry = { bytes: 4 * 256, sectorBytes: 256, unitBytes: 4, erased: 0xff };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'tinyfleet-state-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function fleet(n: number) {
  const store = new SectorStore();
  return Array.from({ length: n }, (_, i) => {
    const flash = new FlashImage(geometry, store);
    flash.program(256, new Uint8Array(256).fill(7));
    flash.program(0, Uint8Array.of(i, 0, 0, 0));
    return { name: `d${i}`, flash };
  });
}

describe('saveFlash and loadFlash', () => {
  it('should bring every image back and store a shared sector once', () => {
    const file = path.join(folder, 'fleet.flash');
    saveFlash(file, geometry, fleet(10));
    expect(statSync(file).size).toBeLessThan(11 * 256 + 1_000);
    const images = loadFlash(file, geometry, new SectorStore());
    expect(images.size).toBe(10);
    const bytes = new Uint8Array(geometry.bytes);
    images.get('d3')!.read(0, bytes);
    expect([...bytes.subarray(0, 5)]).toEqual([3, 0, 0, 0, 0xff]);
    expect(bytes[256]).toBe(7);
    expect(bytes[1_023]).toBe(0xff);
  });

  it('should start afresh without a file, with a torn one, or with another geometry', () => {
    const file = path.join(folder, 'fleet.flash');
    const load = (g = geometry) => loadFlash(file, g, new SectorStore()).size;
    expect(load()).toBe(0);
    writeFileSync(file, 'something else entirely');
    expect(load()).toBe(0);
    saveFlash(file, geometry, fleet(2));
    expect(load({ ...geometry, unitBytes: 8 })).toBe(0);
    truncateSync(file, statSync(file).size - 1);
    expect(load()).toBe(0);
  });
});
