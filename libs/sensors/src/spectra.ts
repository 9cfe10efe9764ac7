// Two generators for models whose world we do not know: keyword-like spectra and plain noise, of any length.
// They exercise a model with inputs of a plausible texture; they carry no truth for a foreign model's labels.
import { mix32, Random } from './random.js';
import { type SensorStream, toInt8 } from './stream.js';

export interface SpectraOptions {
  readonly seed: number;
  /** Spectral bands per time step; keyword models use 10 (MFCC) to 40 (mel). */
  readonly bands?: number;
  /** Number of patterns ("words") the speaker draws from. */
  readonly words?: number;
  /** Share of frames in which nothing is said. */
  readonly silence?: number;
  /** Names of the words, when the reader trained on this very generator; otherwise frames carry no truth. */
  readonly labels?: readonly string[];
}

/**
 * Each word is a fixed chain of three to five formant tracks (centre, width, slope over time, onset); a frame is a
 * word at a random onset, speed and loudness over a background tilted towards low bands, as a log-mel picture is.
 */
export class KeywordSpectra implements SensorStream {
  readonly frameBytes = 0;
  private readonly random = new Random(0);

  constructor(private readonly options: SpectraOptions) {}

  read(timeMs: number, frame: Int8Array): string | null {
    const { seed, bands = 40, words = 12, silence = 0.3, labels } = this.options;
    const r = this.random;
    r.reseed(mix32(mix32(seed, Math.floor(timeMs) | 0), Math.floor(timeMs / 4294967296)));
    const steps = Math.max(1, Math.ceil(frame.length / bands));
    const word = r.uniform() < silence ? -1 : Math.floor(r.uniform() * words);
    const background = r.between(-100, -70);
    for (let at = 0; at < frame.length; at++) {
      const band = at % bands;
      frame[at] = toInt8(background - (20 * band) / bands + 9 * r.normal());
    }
    if (word >= 0) {
      const [onset, stretch, loud] = [r.between(0, 0.25), r.between(0.8, 1.2), r.between(70, 150)];
      const shape = new Random(mix32(0x3077d5, word));
      const tracks = 3 + (shape.bits() % 3);
      for (let track = 0; track < tracks; track++) {
        const centre = shape.between(0, bands);
        const slope = shape.between(-0.4, 0.4) * bands;
        const width = shape.between(0.03, 0.1) * bands + 0.5;
        const from = onset + stretch * shape.between(0, 0.35);
        const to = from + stretch * shape.between(0.15, 0.5);
        for (let step = 0; step < steps; step++) {
          const t = step / steps;
          if (t < from || t >= to) continue;
          const middle = centre + slope * (t - from);
          const swell = loud * Math.sin((Math.PI * (t - from)) / (to - from));
          const low = Math.max(0, Math.floor(middle - 3 * width));
          const high = Math.min(bands - 1, Math.ceil(middle + 3 * width));
          for (let band = low; band <= high; band++) {
            const at = step * bands + band;
            const d = (band - middle) / width;
            if (at < frame.length) frame[at] = toInt8(frame[at]! + swell * Math.exp(-0.5 * d * d));
          }
        }
      }
    }
    return labels === undefined ? null : word < 0 ? 'silence' : (labels[word] ?? null);
  }
}

/** Independent noise of a given standard deviation in counts; the frame every sensor sees when unplugged. */
export class NoiseSensor implements SensorStream {
  readonly frameBytes = 0;
  private readonly random = new Random(0);

  constructor(
    private readonly seed: number,
    private readonly sigma = 40,
  ) {}

  read(timeMs: number, frame: Int8Array): null {
    this.random.reseed(mix32(mix32(this.seed, Math.floor(timeMs) | 0), Math.floor(timeMs / 4294967296)));
    for (let at = 0; at < frame.length; at++) frame[at] = toInt8(this.sigma * this.random.normal());
    return null;
  }
}
