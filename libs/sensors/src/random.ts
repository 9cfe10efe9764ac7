// Seeded pseudo-random numbers for sensor streams. Every frame derives its own generator from
// (stream seed, frame number), so a frame is the same whatever was read before it. Not for secrets.

/** Mixes two 32-bit words into one (the finalizer of MurmurHash3 over their combination). */
export function mix32(a: number, b: number): number {
  let h = (Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) + Math.imul(b ^ (b >>> 15), 0xc2b2ae35)) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A 32-bit seed of a text (FNV-1a), so that a device's name decides its stream. */
export function seedOf(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/** xorshift128 (Marsaglia 2003), seeded by four rounds of mix32; period 2^128 - 1. */
export class Random {
  private x = 0;
  private y = 0;
  private z = 0;
  private w = 0;

  constructor(seed: number) {
    this.reseed(seed);
  }

  /** Starts again from a seed; reusing one object spares an allocation per frame. */
  reseed(seed: number): void {
    this.x = mix32(seed, 1) | 0;
    this.y = mix32(seed, 2) | 0;
    this.z = mix32(seed, 3) | 0;
    this.w = mix32(seed, 4) | 1; // never the all-zero state
  }

  /** 32 random bits, unsigned. */
  bits(): number {
    const t = this.x ^ (this.x << 11);
    this.x = this.y;
    this.y = this.z;
    this.z = this.w;
    this.w = this.w ^ (this.w >>> 19) ^ t ^ (t >>> 8);
    return this.w >>> 0;
  }

  /** Uniform in [0, 1). */
  uniform(): number {
    return this.bits() / 4294967296;
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /**
   * Nearly normal with mean 0 and variance 1: the sum of four uniform bytes of one draw (Irwin-Hall, n = 4).
   * Bounded to +-3.46, which is what an accelerometer's noise floor needs and costs one draw.
   */
  normal(): number {
    const b = this.bits();
    const sum = (b & 255) + ((b >>> 8) & 255) + ((b >>> 16) & 255) + (b >>> 24);
    return (sum - 510) * 0.0067658; // 1 / sqrt(4 * (256^2 - 1) / 12)
  }

  /** Index drawn with probability proportional to its weight. Weights must not all be 0. */
  pick(weights: readonly number[]): number {
    let total = 0;
    for (const weight of weights) total += weight;
    let rest = this.uniform() * total;
    for (let i = 0; i < weights.length; i++) {
      rest -= weights[i]!;
      if (rest < 0) return i;
    }
    return weights.length - 1;
  }
}
