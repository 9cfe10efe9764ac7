// The constants of front end stages, by formula. Doubles, rounded once to what the stage reads; those of micro_speech are
// the very integers of TensorFlow Lite Micro's audio preprocessor (test/front-end.medium.spec.ts holds them side by side).

const halfUp = (x: number): number => Math.floor(x + 0.5);
const table = (n: number, f: (i: number) => number): number[] => Array.from({ length: n }, (_, i) => f(i));

/** Hann window between the samples: no coefficient but the outermost rounds to zero. Q12. */
export function hannWindow(samples: number): number[] {
  return table(samples, (i) => halfUp((0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / samples)) * 4096));
}

/** A quarter of the sine, both ends included, Q15 without overflow. */
export function quarterSine(length: number): number[] {
  return table(length / 4 + 1, (i) => halfUp(32_767 * Math.sin((2 * Math.PI * i) / length)));
}

/** What log2 is above its chord between powers of two, 128 segments, Q16. */
export function logTable(): number[] {
  return table(129, (i) => halfUp(65_536 * (Math.log2(1 + i / 128) - i / 128)));
}

/** Slaney's and HTK's mel scale as TFLite has it: 1127 ln(1 + f / 700). */
const mel = (hertz: number): number => 1127 * Math.log1p(hertz / 700);

export interface MelBankOptions {
  readonly fftLength: number;
  readonly sampleRate: number;
  readonly channels: number;
  readonly lowerHz: number;
  readonly upperHz: number;
}

export interface MelBank {
  /** First FFT bin with a weight, and one past the last. */
  readonly start: number;
  readonly end: number;
  /** Bins in each interval between neighbouring centres, channels + 1 of them. */
  readonly widths: number[];
  /** Two per bin, Q12: into the band that falls here, and into the one that rises. */
  readonly weights: number[];
}

/**
 * Triangles between channels + 2 points, evenly spaced on the mel scale. In interval i, band i - 1 falls and band i rises;
 * a bin belongs to the interval whose upper point is not below it.
 */
export function melBank(o: MelBankOptions): MelBank {
  const low = mel(o.lowerHz);
  const spacing = (mel(o.upperHz) - low) / (o.channels + 1);
  const points = table(o.channels + 2, (i) => low + spacing * i);
  const hertzPerBin = o.sampleRate / o.fftLength;
  const start = Math.floor(1.5 + o.lowerHz / hertzPerBin);
  const widths: number[] = [];
  const weights: number[] = [];
  let bin = start;
  for (let i = 0; i <= o.channels; i++) {
    const [from, to] = [points[i]!, points[i + 1]!];
    const first = bin;
    while (bin <= o.fftLength / 2 && mel(bin * hertzPerBin) <= to) {
      const falling = (to - mel(bin * hertzPerBin)) / (to - from);
      // Truncated both, as in the reference: a pair sums to 4095 or 4096.
      weights.push(Math.floor(falling * 4096), Math.floor((1 - falling) * 4096));
      bin++;
    }
    widths.push(bin - first);
  }
  return { start, end: bin, widths, weights };
}

/** Entries of a function over powers of two: value, slope and curvature of the parabola through both ends and the middle. */
export function pcanGains(o: {
  readonly strength: number;
  readonly offset: number;
  readonly gainBits: number;
  readonly inputBits: number;
}): number[] {
  const gain = (x: number): number => {
    const value = 2 ** o.gainBits * (x / 2 ** o.inputBits + o.offset) ** -o.strength;
    return value > 32_767 ? 32_767 : Math.trunc(value + 0.5);
  };
  const entries = [gain(0), gain(1)];
  for (let interval = 2; interval <= 32; interval++) {
    const x = 2 ** (interval - 1);
    const end = interval === 32 ? 2 * x - 1 : 2 * x;
    const [y0, middle, y2] = [gain(x), gain(x + x / 2), gain(end)];
    const [d1, d2] = [middle - y0, y2 - y0];
    const slope = 4 * d1 - d2;
    entries.push(y0, slope, d2 - slope, 0);
  }
  return entries.slice(0, 125);
}

/** Rows of the orthonormal DCT-II, Q15. */
export function dctTable(inputs: number, outputs: number): number[] {
  return table(inputs * outputs, (at) => {
    const [k, i] = [Math.floor(at / inputs), at % inputs];
    const norm = Math.sqrt((k === 0 ? 1 : 2) / inputs);
    return halfUp(norm * Math.cos((Math.PI * k * (2 * i + 1)) / (2 * inputs)) * 32_767);
  });
}
