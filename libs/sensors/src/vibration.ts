// Vibration of a rotating machine as a three-axis MEMS accelerometer sees it: int8 frames of 64 samples x 3 axes
// (radial, tangential, axial), 800 Hz, 1/32 g per count. A model for training and demonstration, not a
// rotordynamics simulation: it has the signatures that the diagnostics literature separates faults by.
//
// Frame = G * M * (sum of rotation harmonics + impacts) + offset + noise, with G gain and M mounting of the unit.
//   normal     small 1x, smaller 2x, of residual unbalance and misalignment.
//   imbalance  1x grows with severity and with the square of speed; radial and tangential 90 degrees apart.
//   bearing    an outer-race defect: impacts at BPFO = 3.58 x rotation with 1 % slip, each ringing a structural
//              resonance near 300 Hz that decays in about 3 ms, its carrier modulated once per turn by the load.
//   looseness  harmonics 0.5x, 1x, 1.5x ... 8x with phases that change from turn to turn, mostly along one axis,
//              and the asymmetric truncation of a part that lifts off.
// (Randall, Vibration-based Condition Monitoring, 2011, chapters 2 and 3.)
import type { MachineLife } from './machine.js';
import { type MachineState, type VibrationClass } from './machine.js';
import { mix32, Random } from './random.js';
import { type RawDescriptor, type RawSensor, type SensorStream, toInt16, toInt8 } from './stream.js';

export const VIBRATION_SAMPLES = 64;
export const VIBRATION_AXES = 3;
export const VIBRATION_FRAME_BYTES = VIBRATION_SAMPLES * VIBRATION_AXES;
export const VIBRATION_RATE_HZ = 800;
/** Counts per g: the model's input scale is 1/32, zero point 0. */
export const VIBRATION_COUNTS_PER_G = 32;

/** Full scale of the raw counts: +-16 g at 32767, the widest range of common accelerometers. */
const RAW_FULL_SCALE_G = 16;
const RAW_COUNTS_PER_G = 32_767 / RAW_FULL_SCALE_G;

/** The raw sensor: wire.cddl sensor accelerometer, unit g. */
export const ACCELEROMETER: RawDescriptor = {
  sensor: 1,
  axes: VIBRATION_AXES,
  unit: 1,
  fullScale: RAW_FULL_SCALE_G * 1_000,
  sampleRateMilliHz: VIBRATION_RATE_HZ * 1_000,
};

const BPFO_ORDER = 3.58;
/** Samples run before a frame so that the resonance is already ringing at its first sample. */
const RING_IN_SAMPLES = 12;

/** Machine axes of the frame being made, in g: one for all sensors, since a frame is made in one call. */
const SCRATCH = [0, 1, 2].map(() => new Float64Array(VIBRATION_SAMPLES));
/** The same for a raw block of one second. */
const BLOCK_SCRATCH = SCRATCH.map(() => new Float64Array(VIBRATION_RATE_HZ));

/** How one machine with its sensor differs from the next. */
export interface VibrationUnit {
  readonly rotationHz: number;
  readonly gain: number;
  readonly offsetG: readonly [number, number, number];
  readonly noiseG: number;
  readonly resonanceHz: number;
  /** Rows of the rotation from machine to sensor axes. */
  readonly mounting: readonly number[];
}

/** Slow changes of the world or the sensor that a scenario scripts; identity by default. */
export interface VibrationDrift {
  gain?: number;
  offsetG?: number;
  noise?: number;
  speed?: number;
  /** Axis that reads a constant, as a broken bond wire does. */
  stuckAxis?: number;
}

export interface UnitSpread {
  /** 0 = all units alike, 1 = the spread of the field. */
  readonly spread?: number;
}

/** The unit of a seed: speed 24..48 Hz, gain +-15 %, offset +-.12 g, tilt up to 20 degrees at spread 1. */
export function vibrationUnit(seed: number, { spread = 1 }: UnitSpread = {}): VibrationUnit {
  const r = new Random(mix32(seed, 0x5e7501));
  const around = (width: number) => spread * r.between(-width, width);
  const [a, b, c] = [around(0.35), around(0.35), around(0.35)];
  const [ca, sa, cb, sb, cc, sc] = [
    Math.cos(a),
    Math.sin(a),
    Math.cos(b),
    Math.sin(b),
    Math.cos(c),
    Math.sin(c),
  ];
  return {
    rotationHz: 36 + around(12),
    gain: 1 + around(0.15),
    offsetG: [around(0.12), around(0.12), around(0.12)],
    noiseG: 0.06 + spread * r.between(0, 0.05),
    resonanceHz: 300 + around(45),
    mounting: [
      ca * cb, ca * sb * sc - sa * cc, ca * sb * cc + sa * sc,
      sa * cb, sa * sb * sc + ca * cc, sa * sb * cc - ca * sc,
      -sb, cb * sc, cb * cc,
    ], // prettier-ignore
  };
}

export class VibrationSensor implements SensorStream, RawSensor {
  readonly frameBytes = VIBRATION_FRAME_BYTES;
  readonly descriptor = ACCELEROMETER;
  readonly blockFrames = VIBRATION_RATE_HZ;
  readonly drift: VibrationDrift = {};
  private readonly random = new Random(0);
  private readonly state: MachineState = { fault: 'normal', severity: 0, load: 1 };
  private axes = SCRATCH;

  constructor(
    private readonly seed: number,
    private readonly life: Pick<MachineLife, 'at'>,
    private readonly unit: VibrationUnit = vibrationUnit(seed),
  ) {}

  read(timeMs: number, frame: Int8Array): VibrationClass {
    this.axes = SCRATCH;
    const fault = this.move(timeMs);
    this.quantize(frame, VIBRATION_COUNTS_PER_G, toInt8);
    return fault;
  }

  readBlock(block: number, out: Int16Array): VibrationClass {
    this.axes = BLOCK_SCRATCH;
    const fault = this.move((block * this.blockFrames * 1_000) / VIBRATION_RATE_HZ);
    this.quantize(out, RAW_COUNTS_PER_G, toInt16);
    return fault;
  }

  /** The machine from `timeMs` on, as long as the scratch: all it does in its own axes, in g. */
  private move(timeMs: number): VibrationClass {
    const { random: r, unit, drift } = this;
    const { fault, severity, load } = this.life.at(timeMs, this.state);
    r.reseed(mix32(mix32(this.seed, Math.floor(timeMs) | 0), Math.floor(timeMs / 4294967296)));
    for (const axis of this.axes) axis.fill(0);

    // Speed wanders by 2 % from frame to frame and sags a little under load.
    const hz = unit.rotationHz * (drift.speed ?? 1) * (1 + r.between(-0.02, 0.02)) * (1 - 0.1 * (load - 1));
    const speedSquared = (hz / 36) * (hz / 36);
    const amount = (0.9 + 0.2 * r.uniform()) * (0.5 + 0.5 * load);
    const phase = r.between(0, 2 * Math.PI);

    // Residual unbalance and misalignment, present in every machine.
    const oneX =
      0.14 * amount * speedSquared + (fault === 'imbalance' ? severity * 1.5 * speedSquared * amount : 0);
    this.harmonic(hz, phase, oneX, [1, 0.85, 0.15]);
    this.harmonic(2 * hz, phase * 2 + 1, 0.08 * amount, [0.6, 0.6, 0.8]);
    if (fault === 'bearing') this.impacts(hz, severity * 1.9 * amount);
    if (fault === 'looseness') this.looseness(hz, severity * 0.75 * amount);

    return fault;
  }

  /** Adds one rotating component: radial = cosine, tangential = sine (90 degrees behind), axial = cosine. */
  private harmonic(
    hz: number,
    phase: number,
    amplitude: number,
    share: readonly [number, number, number],
  ): void {
    const step = (2 * Math.PI * hz) / VIBRATION_RATE_HZ;
    // A rotating phasor costs four products per sample where two calls of cos and sin would dominate the frame.
    const [turnRe, turnIm] = [Math.cos(step), Math.sin(step)];
    let re = amplitude * Math.cos(phase);
    let im = amplitude * Math.sin(phase);
    const [x, y, z] = this.axes as [Float64Array, Float64Array, Float64Array];
    for (let i = 0; i < x.length; i++) {
      x[i]! += share[0] * re;
      y[i]! += share[1] * im;
      z[i]! += share[2] * re;
      const next = re * turnRe - im * turnIm;
      im = re * turnIm + im * turnRe;
      re = next;
    }
  }

  /** Adds outer-race impacts through a two-pole resonator. */
  private impacts(hz: number, amplitude: number): void {
    const { random: r, unit } = this;
    const radius = Math.exp(-1 / (0.003 * VIBRATION_RATE_HZ));
    const a1 = 2 * radius * Math.cos((2 * Math.PI * unit.resonanceHz) / VIBRATION_RATE_HZ);
    const a2 = -radius * radius;
    const perImpact = VIBRATION_RATE_HZ / (BPFO_ORDER * hz);
    const turnStep = (2 * Math.PI * hz) / VIBRATION_RATE_HZ;
    const turnPhase = r.between(0, 2 * Math.PI);
    let next = -RING_IN_SAMPLES + r.uniform() * perImpact;
    let [y1, y2] = [0, 0];
    const [x, y, z] = this.axes as [Float64Array, Float64Array, Float64Array];
    for (let i = -RING_IN_SAMPLES; i < x.length; i++) {
      let hit = 0;
      if (i >= next) {
        hit = amplitude * (1 + 0.5 * Math.cos(turnPhase + turnStep * i)) * (0.85 + 0.3 * r.uniform());
        next += perImpact * (1 + r.between(-0.01, 0.01));
      }
      const out = a1 * y1 + a2 * y2 + hit;
      y2 = y1;
      y1 = out;
      if (i < 0) continue;
      x[i]! += 0.9 * out;
      y[i]! += 0.6 * out;
      z[i]! += 0.35 * out;
    }
  }

  /** Adds half-order harmonics with unsteady phases, then the one-sided truncation of a lifting foot. */
  private looseness(hz: number, amplitude: number): void {
    const { random: r } = this;
    for (let order = 1; order <= 16; order++) {
      if (order > 8 && order % 2 === 1) continue; // above 4x only the full harmonics remain
      const level = (amplitude * (0.6 + 0.8 * r.uniform())) / (1 + 0.22 * order);
      this.harmonic((hz * order) / 2, r.between(0, 2 * Math.PI), level, [0.25, 0.25, 0.9]);
    }
    const z = this.axes[2]!;
    const floor = -1.1 * amplitude;
    for (let i = 0; i < z.length; i++) if (z[i]! < floor) z[i] = floor + 0.2 * (z[i]! - floor);
  }

  /** Turns machine axes into sensor axes, adds what the sensor adds, writes counts sample by sample. */
  private quantize(
    frame: Int8Array | Int16Array,
    countsPerG: number,
    toCount: (value: number) => number,
  ): void {
    const { random: r, unit, drift } = this;
    const [x, y, z] = this.axes as [Float64Array, Float64Array, Float64Array];
    const m = unit.mounting as [number, number, number, number, number, number, number, number, number];
    const scale = countsPerG * unit.gain * (drift.gain ?? 1);
    const noise = countsPerG * unit.noiseG * (drift.noise ?? 1);
    const shift = drift.offsetG ?? 0;
    const [ox, oy, oz] = unit.offsetG.map((g) => (g + shift) * countsPerG) as [number, number, number];
    for (let i = 0, at = 0; i < x.length; i++, at += 3) {
      const [vx, vy, vz] = [x[i]!, y[i]!, z[i]!];
      frame[at] = toCount(scale * (m[0] * vx + m[1] * vy + m[2] * vz) + ox + noise * r.normal());
      frame[at + 1] = toCount(scale * (m[3] * vx + m[4] * vy + m[5] * vz) + oy + noise * r.normal());
      frame[at + 2] = toCount(scale * (m[6] * vx + m[7] * vy + m[8] * vz) + oz + noise * r.normal());
    }
    if (drift.stuckAxis !== undefined) {
      const stuck = toCount([ox, oy, oz][drift.stuckAxis] ?? 0);
      for (let at = drift.stuckAxis; at < frame.length; at += VIBRATION_AXES) frame[at] = stuck;
    }
  }
}
