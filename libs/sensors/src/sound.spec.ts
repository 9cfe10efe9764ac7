// The microphone's sounds: their determinism, their spectra and their level.
import { describe, expect, it } from '@jest/globals';
import { SOUND_CLASSES, SOUND_RATE_HZ, SoundSensor, type SoundClass } from './sound.js';

const power = (x: Int16Array) => x.reduce((sum, v) => sum + v * v, 0) / x.length;

/** The first second with this sound. */
function find(sound: SoundClass): Int16Array {
  const sensor = new SoundSensor(7);
  const out = new Int16Array(SOUND_RATE_HZ);
  for (let block = 0; block < 100; block++) if (sensor.readBlock(block, out) === sound) return out;
  throw new Error(`no ${sound} in 100 seconds`);
}

/** Share of the power in sample-to-sample differences: 2 (1 - cos w) of a sine, 2 of white noise. */
function brightness(x: Int16Array): number {
  let sum = 0;
  for (let i = 1; i < x.length; i++) sum += (x[i]! - x[i - 1]!) ** 2;
  return sum / x.length / power(x);
}

describe('SoundSensor', () => {
  it('should give the same second for the same seed and number, whatever was read before', () => {
    const [a, b] = [new SoundSensor(1), new SoundSensor(1)];
    const [fromA, fromB] = [new Int16Array(SOUND_RATE_HZ), new Int16Array(SOUND_RATE_HZ)];
    for (const block of [1, 2]) b.readBlock(block, fromB);
    expect(a.readBlock(1_792_000_123, fromA)).toBe(b.readBlock(1_792_000_123, fromB));
    expect(fromA).toEqual(fromB);
    a.readBlock(1_792_000_124, fromB);
    expect(fromA).not.toEqual(fromB);
  });

  it('should be quiet in silence and loud otherwise, without saturating', () => {
    for (const sound of SOUND_CLASSES) {
      const x = find(sound);
      if (sound === 'silence') expect(Math.sqrt(power(x))).toBeCloseTo(16, 0);
      else expect(Math.sqrt(power(x))).toBeGreaterThan(300);
      expect(x.some((v) => v === 32_767 || v === -32_768)).toBe(false);
    }
  });

  it('should put hum low, a tone in the middle and hiss high', () => {
    const [hum, tone, hiss] = (['hum', 'tone', 'hiss'] as const).map((sound) => brightness(find(sound)));
    expect(hum!).toBeLessThan(0.02);
    expect(tone!).toBeGreaterThan(hum!);
    expect(tone!).toBeLessThan(1.3);
    expect(hiss!).toBeGreaterThan(2);
  });
});
