// The vibration generator: its determinism, its signatures and its drifts.
import { describe, expect, it } from '@jest/globals';
import { MachineLife, VIBRATION_CLASSES, type MachineState, type VibrationClass } from './machine.js';
import {
  ACCELEROMETER,
  VIBRATION_AXES,
  VIBRATION_FRAME_BYTES,
  VIBRATION_RATE_HZ,
  VIBRATION_SAMPLES,
  VibrationSensor,
  vibrationUnit,
} from './vibration.js';

const always = (fault: VibrationClass, severity = 0.8) => ({
  at: (_timeMs: number, state: MachineState) => Object.assign(state, { fault, severity, load: 1 }),
});

/** Mean power of one axis at a frequency over many frames (Goertzel by definition). */
function powerAt(sensor: VibrationSensor, axis: number, hz: number, frames = 60): number {
  const frame = new Int8Array(VIBRATION_FRAME_BYTES);
  let power = 0;
  for (let n = 0; n < frames; n++) {
    sensor.read(n * 1_000, frame);
    let [re, im] = [0, 0];
    for (let i = 0; i < VIBRATION_SAMPLES; i++) {
      const angle = (2 * Math.PI * hz * i) / VIBRATION_RATE_HZ;
      re += frame[i * VIBRATION_AXES + axis]! * Math.cos(angle);
      im += frame[i * VIBRATION_AXES + axis]! * Math.sin(angle);
    }
    power += (re * re + im * im) / frames;
  }
  return power;
}

const level = { ...vibrationUnit(1, { spread: 0 }) };

describe('VibrationSensor', () => {
  it('should give the same frame for the same seed and time, whatever was read before', () => {
    const life = () =>
      new MachineLife({
        seed: 5,
        mix: { normal: 1, imbalance: 1, bearing: 1, looseness: 1 },
        episodeMs: 60_000,
      });
    const [a, b] = [new VibrationSensor(5, life()), new VibrationSensor(5, life())];
    const [fromA, fromB] = [new Int8Array(VIBRATION_FRAME_BYTES), new Int8Array(VIBRATION_FRAME_BYTES)];
    for (const t of [1, 2, 3, 500_000]) b.read(t, fromB);
    expect(a.read(1_792_000_123_456, fromA)).toBe(b.read(1_792_000_123_456, fromB));
    expect(fromA).toEqual(fromB);
    a.read(1_792_000_124_456, fromB);
    expect(fromA).not.toEqual(fromB);
  });

  it('should raise 1x radially, and not axially, under imbalance', () => {
    const rise = (axis: number) =>
      powerAt(new VibrationSensor(1, always('imbalance'), level), axis, level.rotationHz) /
      powerAt(new VibrationSensor(1, always('normal'), level), axis, level.rotationHz);
    expect(rise(0)).toBeGreaterThan(20);
    expect(rise(1)).toBeGreaterThan(20);
    expect(powerAt(new VibrationSensor(1, always('imbalance'), level), 0, level.rotationHz)).toBeGreaterThan(
      10 * powerAt(new VibrationSensor(1, always('imbalance'), level), 2, level.rotationHz),
    );
  });

  it('should ring the resonance under a bearing fault only', () => {
    const [bearing, normal, imbalance] = (['bearing', 'normal', 'imbalance'] as const).map((fault) =>
      powerAt(new VibrationSensor(1, always(fault), level), 0, level.resonanceHz),
    ) as [number, number, number];
    expect(bearing).toBeGreaterThan(20 * normal);
    expect(bearing).toBeGreaterThan(20 * imbalance);
  });

  it('should show half-order harmonics under looseness', () => {
    const halfOrder = (fault: VibrationClass) =>
      powerAt(new VibrationSensor(1, always(fault), level), 2, 1.5 * level.rotationHz);
    expect(halfOrder('looseness')).toBeGreaterThan(10 * halfOrder('normal'));
  });

  it('should apply drifts of gain, noise and a stuck axis', () => {
    const sensor = new VibrationSensor(1, always('imbalance'), level);
    const before = powerAt(sensor, 0, level.rotationHz);
    sensor.drift.gain = 0.5;
    expect(powerAt(sensor, 0, level.rotationHz) / before).toBeCloseTo(0.25, 1);
    sensor.drift.stuckAxis = 1;
    const frame = new Int8Array(VIBRATION_FRAME_BYTES);
    sensor.read(0, frame);
    expect(new Set(frame.filter((_, i) => i % VIBRATION_AXES === 1)).size).toBe(1);
  });
});

describe('MachineLife', () => {
  const mix = { normal: 0.55, imbalance: 0.15, bearing: 0.15, looseness: 0.15 };
  const state = (): MachineState => ({ fault: 'normal', severity: 0, load: 0 });

  it('should visit the classes in the proportions of its mix', () => {
    const life = new MachineLife({ seed: 3, mix, episodeMs: 1_000 });
    const counts = { normal: 0, imbalance: 0, bearing: 0, looseness: 0 };
    for (let i = 0; i < 4_000; i++) counts[life.at(i * 1_000, state()).fault]++;
    for (const name of VIBRATION_CLASSES) expect(counts[name] / 4_000).toBeCloseTo(mix[name], 1);
  });

  it('should follow scripted faults, growing in severity, and return to the mix after them', () => {
    const episodes = [
      { fault: 'bearing', fromMs: 1_000, toMs: 2_000, severityFrom: 0.2, severityTo: 1 },
    ] as const;
    const life = new MachineLife({
      seed: 3,
      mix: { normal: 1, imbalance: 0, bearing: 0, looseness: 0 },
      episodeMs: 500,
      episodes,
    });
    expect(life.at(999, state()).fault).toBe('normal');
    expect(life.at(1_000, state())).toMatchObject({ fault: 'bearing', severity: 0.2 });
    expect(life.at(1_500, state()).severity).toBeCloseTo(0.6);
    expect(life.at(2_000, state()).fault).toBe('normal');
  });

  it('should load machines most at 14:00 UTC', () => {
    const life = new MachineLife({ seed: 3, mix, episodeMs: 1_000, dailyLoad: 0.2 });
    expect(life.at(14 * 3_600_000, state()).load).toBeCloseTo(1.2);
    expect(life.at(2 * 3_600_000, state()).load).toBeCloseTo(0.8);
  });
});

describe('the raw accelerometer', () => {
  it('should tell the same machine in counts of 16 g at 32767, a second per block', () => {
    const raw = new Int16Array(ACCELEROMETER.axes * VIBRATION_RATE_HZ);
    const rms = (fault: VibrationClass) => {
      const sensor = new VibrationSensor(1, always(fault), level);
      expect(sensor.readBlock(5, raw)).toBe(fault);
      let sum = 0;
      for (let at = 0; at < raw.length; at += 3) sum += ((raw[at]! * 16) / 32_767) ** 2 / VIBRATION_RATE_HZ;
      return Math.sqrt(sum);
    };
    const frame = new Int8Array(VIBRATION_FRAME_BYTES);
    const tensor = (fault: VibrationClass) => {
      let sum = 0;
      for (let n = 0; n < 60; n++) {
        new VibrationSensor(1, always(fault), level).read(n * 1_000, frame);
        for (let at = 0; at < frame.length; at += 3) sum += (frame[at]! / 32) ** 2 / (60 * VIBRATION_SAMPLES);
      }
      return Math.sqrt(sum);
    };
    for (const fault of ['normal', 'imbalance', 'looseness'] as const) {
      expect(rms(fault) / tensor(fault)).toBeGreaterThan(0.75);
      expect(rms(fault) / tensor(fault)).toBeLessThan(1.3);
    }
  });

  it('should go on without a jump inside its second', () => {
    const raw = new Int16Array(ACCELEROMETER.axes * VIBRATION_RATE_HZ);
    const quiet = { ...level, noiseG: 0 };
    new VibrationSensor(1, always('imbalance'), quiet).readBlock(9, raw);
    let largest = 0;
    for (let at = 3; at < raw.length; at += 3) largest = Math.max(largest, Math.abs(raw[at]! - raw[at - 3]!));
    // The steepest of a 2 g, 36 Hz vibration at 800 Hz is 2 * 2 pi 36 / 800 = 0.57 g per sample.
    expect(largest).toBeLessThan((0.7 * 32_767) / 16);
  });
});
