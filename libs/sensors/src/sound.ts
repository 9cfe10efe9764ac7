// What a microphone hears in a workshop that does not exist: every second one of four sounds over a noise floor.
// Synthetic; it has what tells the classes apart in a spectrum and no more. int16 PCM, 16 kHz.
import { mix32, Random } from './random.js';
import { type RawDescriptor, type RawSensor, toInt16 } from './stream.js';

export const SOUND_CLASSES = ['silence', 'tone', 'hum', 'hiss'] as const;
export type SoundClass = (typeof SOUND_CLASSES)[number];

export const SOUND_RATE_HZ = 16_000;

/** Wire.cddl sensor microphone, unit pcm: counts of digital full scale 32767, no sound pressure behind them. */
export const MICROPHONE: RawDescriptor = {
  sensor: 3,
  axes: 1,
  unit: 11,
  fullScale: 0,
  sampleRateMilliHz: SOUND_RATE_HZ * 1_000,
};

/** Standard deviation of the noise floor in counts, -66 dB of full scale. */
const FLOOR = 16;
/** Sounds swell and fade within their second, so that none begins with a click. */
const FADE_FRAMES = 800;

/**
 *   silence  the floor alone.
 *   tone     one sine of 400..3000 Hz, a beeper.
 *   hum      a fundamental of 50..120 Hz with ten harmonics falling as 1/k, a transformer or a motor.
 *   hiss     noise with its low frequencies taken out, leaking air.
 */
export class SoundSensor implements RawSensor {
  readonly descriptor = MICROPHONE;
  readonly blockFrames = SOUND_RATE_HZ;
  private readonly random = new Random(0);

  constructor(private readonly seed: number) {}

  readBlock(block: number, out: Int16Array): SoundClass {
    const r = this.random;
    r.reseed(mix32(mix32(this.seed, block | 0), Math.floor(block / 4_294_967_296)));
    const sound = SOUND_CLASSES[r.bits() % SOUND_CLASSES.length]!;
    const level = r.between(1_500, 8_000);
    const partials = this.partials(sound);
    let last = 0;
    for (let i = 0; i < out.length; i++) {
      let value = 0;
      for (const partial of partials) {
        value += partial.amplitude * partial.im;
        const next = partial.re * partial.turnRe - partial.im * partial.turnIm;
        partial.im = partial.re * partial.turnIm + partial.im * partial.turnRe;
        partial.re = next;
      }
      if (sound === 'hiss') {
        const white = r.normal();
        value = (white - last) / 2; // first difference: 6 dB per octave upwards
        last = white;
      }
      const edge = Math.min(1, Math.min(i, out.length - 1 - i) / FADE_FRAMES);
      out[i] = toInt16(level * edge * value + FLOOR * r.normal());
    }
    return sound;
  }

  /** Rotating phasors: products instead of a sine per sample. */
  private partials(sound: SoundClass) {
    const r = this.random;
    const [base, count] =
      sound === 'tone' ? [r.between(400, 3_000), 1] : sound === 'hum' ? [r.between(50, 120), 10] : [0, 0];
    return Array.from({ length: count }, (_, k) => {
      const step = (2 * Math.PI * base * (k + 1)) / SOUND_RATE_HZ;
      const phase = r.between(0, 2 * Math.PI);
      return {
        amplitude: 1 / (k + 1),
        re: Math.cos(phase),
        im: Math.sin(phase),
        turnRe: Math.cos(step),
        turnIm: Math.sin(step),
      };
    });
  }
}
