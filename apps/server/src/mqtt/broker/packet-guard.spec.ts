import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PacketGuard } from './packet-guard.js';

function packet(remaining: number): Uint8Array {
  const header = [0x30];
  let rest = remaining;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    header.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return Uint8Array.from([...header, ...new Array<number>(remaining).fill(0xff)]);
}

describe('PacketGuard', () => {
  it('should accept a packet at the limit and refuse one byte more', () => {
    expect(new PacketGuard(300).accept(packet(300))).toBe(true);
    expect(new PacketGuard(300).accept(packet(301))).toBe(false);
  });

  it('should refuse an announced length before its bytes arrive', () => {
    expect(new PacketGuard(8_192).accept(Uint8Array.of(0x30, 0xff, 0xff, 0x7f))).toBe(false);
  });

  it('should refuse a remaining length of more than four bytes', () => {
    expect(new PacketGuard(2 ** 31).accept(Uint8Array.of(0x30, 0x80, 0x80, 0x80, 0x80, 0x01))).toBe(false);
  });

  it('should judge a stream alike however it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 40 }),
        (sizes, cuts) => {
          const stream = Buffer.concat(sizes.map((size) => packet(size)));
          const guard = new PacketGuard(300);
          let ok = true;
          for (let at = 0, i = 0; at < stream.length && ok; i++) {
            const step = cuts[i % cuts.length]!;
            ok = guard.accept(stream.subarray(at, at + step));
            at += step;
          }
          expect(ok).toBe(sizes.every((size) => size <= 300));
        },
      ),
    );
  });
});
