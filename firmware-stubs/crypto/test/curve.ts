// Edwards25519 in big integers, for making signatures that no signer makes: points of small order added to keys and to R,
// encodings above p. Slow and plain; it never judges a signature, it only makes inputs.
import { createHash } from 'node:crypto';

export const P = 2n ** 255n - 19n;
export const L = 2n ** 252n + 27742317777372353535851937790883648493n;

export type Point = readonly [x: bigint, y: bigint];

const mod = (a: bigint, m = P): bigint => ((a % m) + m) % m;

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let b = mod(base), e = exponent; e > 0n; e >>= 1n, b = mod(b * b))
    if (e & 1n) result = mod(result * b);
  return result;
}

const inverse = (a: bigint): bigint => power(a, P - 2n);
const D = mod(-121665n * inverse(121666n));

/** X, Y, Z with x = X / Z and y = Y / Z. */
type Fraction = readonly [x: bigint, y: bigint, z: bigint];

function sum([x1, y1, z1]: Fraction, [x2, y2, z2]: Fraction): Fraction {
  const z = mod(z1 * z2);
  const x = mod(x1 * x2);
  const y = mod(y1 * y2);
  const t = mod(mod(D * x) * y);
  const square = mod(z * z);
  const [less, more] = [square - t, square + t];
  return [mod(mod(z * less) * (x1 * y2 + x2 * y1)), mod(mod(z * more) * (y + x)), mod(less * more)];
}

const whole = ([x, y, z]: Fraction): Point => {
  const scale = inverse(z);
  return [mod(x * scale), mod(y * scale)];
};

export const add = (a: Point, b: Point): Point => whole(sum([...a, 1n], [...b, 1n]));

export function multiply(point: Point, scalar: bigint): Point {
  let result: Fraction = [0n, 1n, 1n];
  for (let p: Fraction = [...point, 1n], s = scalar; s > 0n; s >>= 1n, p = sum(p, p))
    if (s & 1n) result = sum(result, p);
  return whole(result);
}

/** The point with this y and an even x, or undefined. */
export function withY(y: bigint): Point | undefined {
  const square = mod((y * y - 1n) * inverse(D * y * y + 1n));
  let x = power(square, (P + 3n) / 8n);
  if (mod(x * x) !== square) x = mod(x * power(2n, (P - 1n) / 4n));
  if (mod(x * x) !== square) return undefined;
  return [x & 1n ? P - x : x, y];
}

export const BASE = withY(mod(4n * inverse(5n)))!;

/** The eight points of the subgroup of order 8, from one that L does not kill. */
export const TORSION: readonly Point[] = (() => {
  for (let y = 3n; ; y++) {
    const point = withY(y);
    const small = point && multiply(point, L);
    if (small && multiply(small, 4n)[1] !== 1n)
      return Array.from({ length: 8 }, (_, i) => multiply(small, BigInt(i)));
  }
})();

export function littleEndian(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse();
}

export function fromLittleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex') || '0'}`);
}

/** Canonical, unless y is given above p. */
export function encode([x, y]: Point): Buffer {
  const bytes = littleEndian(y);
  if (x & 1n) bytes[31]! |= 128;
  return bytes;
}

export const hashToScalar = (...parts: Uint8Array[]): bigint =>
  mod(fromLittleEndian(parts.reduce((hash, part) => hash.update(part), createHash('sha512')).digest()), L);
