/** Golden windows that the device's own encoder wrote (vectors.medium.spec.ts makes them anew), and damaged ones. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isFleetError } from '@tinyfleet/errors';
import { decode, encode, readEnvelope, unpackHistogram, type Telemetry } from './index.js';

interface Golden {
  readonly message: string;
  readonly bootId: string;
  readonly build: string;
  readonly classes: number[];
  readonly ood: number[];
  readonly features: readonly (Record<string, number> & { readonly histogram: number[] })[];
  readonly [name: string]: unknown;
}

const url = new URL('../../../firmware-stubs/vectors/window.json', import.meta.url);
const golden = JSON.parse(readFileSync(url, 'utf8')) as readonly Golden[];
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const read = (one: Golden): Telemetry => decode('telemetry', bytesOf(one.message));

describe('packed windows', () => {
  it('should be read as the device has written them', () => {
    for (const one of golden) {
      const window = read(one);
      const { bootId, sequence } = window;
      expect(readEnvelope(bytesOf(one.message))).toEqual({ bootId, sequence });
      const numbers = [
        'schema',
        'sequence',
        'uptimeMs',
        'lengthMs',
        'n',
        'firstIndex',
        'arenaBytes',
      ] as const;
      for (const name of numbers) expect(window[name]).toBe(one[name]);
      const optional = [
        'merged',
        'stackBytes',
        'switches',
        'saturated',
        'stuck',
        'droppedFrames',
        'invalid',
      ] as const;
      for (const name of [...optional, 'cyclesMax', 'unixTimeMs'] as const)
        expect(window[name] ?? 0).toBe(one[name]);
      expect(window.cyclesMean ?? 0).toBe(one.cyclesMax === 0 ? 0 : one.cyclesMean);
      expect(window.batteryPercent ?? 127).toBe(one.batteryPercent);
      expect(window.confidenceBins ?? 8).toBe(one.confidenceBins);
      expect(window.bootId).toBe(BigInt(one.bootId));
      expect(window.resets).toBe(Number((BigInt(one.bootId) >> 32n) & 0xffffn));
      expect(Buffer.from(window.build).toString('hex')).toBe(one.build);
      expect(window.startMs).toBe(window.uptimeMs - window.lengthMs);
      expect(unpackHistogram(window.classes, one.classes.length)).toEqual(one.classes);
      expect(window.ood ? unpackHistogram(window.ood, 16) : []).toEqual(one.ood);
      expect(window.features?.length ?? 0).toBe(one.features.length);
      for (const [i, { histogram, ...sums }] of (window.features ?? []).entries())
        expect({ ...sums, histogram: unpackHistogram(histogram, 16) }).toEqual(one.features[i]);
    }
  });

  it('should give a message that is a map of the same fields', () => {
    for (const one of golden) {
      const window = read(one);
      expect(decode('telemetry', encode('telemetry', window))).toEqual(window);
    }
  });

  it('should be refused when they are cut, longer, or said twice', () => {
    const { packed } = decodeMap(bytesOf(golden[0]!.message));
    const refused = (bytes: Uint8Array, reason: RegExp) => {
      expect(() => decode('telemetry', map([6, bytes]))).toThrow(reason);
    };
    refused(packed.subarray(0, packed.length - 1), /ends at bit/);
    refused(Uint8Array.from([...packed, 0]), /fields end at bit/);
    refused(new Uint8Array(0), /ends at bit 0/);
    expect(() => decode('telemetry', map([6, packed], [14, 3]))).toThrow(/n stands beside it/);
    // Whether the window says it or leaves it out.
    for (const key of [5, 15, 17, 22, 28, 34])
      expect(() =>
        decode('telemetry', key < 6 ? map([key, 3], [6, packed]) : map([6, packed], [key, 3])),
      ).toThrow(/stands beside it/);
    const battery = packed.slice();
    const at = 160 + 17 + 156 + 32;
    for (let bit = at; bit < at + 7; bit++) battery[bit >> 3]! |= Number(bit > at) << (bit & 7);
    battery[at >> 3]! &= ~(1 << (at & 7)); // 126
    refused(battery, /battery/);
  });

  it('should give a window or an error of the wire for any bytes', () => {
    const start = decodeMap(bytesOf(golden[1]!.message)).packed;
    fc.assert(
      fc.property(
        fc.array(fc.nat(start.length * 8 - 1), { maxLength: 9 }),
        fc.nat(start.length),
        (flips, length) => {
          const bytes = start.slice(0, length);
          for (const bit of flips) if (bit >> 3 < length) bytes[bit >> 3]! ^= 1 << (bit & 7);
          try {
            const window = decode('telemetry', map([6, bytes]));
            expect(window.lengthMs).toBeLessThanOrEqual(window.uptimeMs);
          } catch (error) {
            if (!isFleetError(error) || !error.code.startsWith('wire.')) throw error;
          }
        },
      ),
    );
  });
});

/** The head of a byte string of 24 to 65,535 bytes, or shorter. */
function head(n: number): number[] {
  return n < 24 ? [0x40 + n] : n < 256 ? [0x58, n] : [0x59, n >> 8, n & 255];
}

/** A telemetry message of component 0 and these fields. */
function map(...fields: readonly (readonly [number, Uint8Array | number])[]): Uint8Array {
  const items = fields.flatMap(([key, value]) =>
    typeof value === 'number'
      ? [...(key < 24 ? [key] : [0x18, key]), value]
      : [key, ...head(value.length), ...value],
  );
  return Uint8Array.from([0xa1 + fields.length, 1, 0, ...items]);
}

function decodeMap(message: Uint8Array): { packed: Uint8Array } {
  const long = message[4] === 0x59 ? 3 : 2;
  return { packed: message.slice(4 + long) };
}
