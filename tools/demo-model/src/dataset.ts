// Labelled vibration frames from the same generator that the simulator shows to devices: a data set is a seed and
// a few options, so the committed validation data can be remade anywhere.
import { Random, mix32 } from '@tinyfleet/sensors';
import {
  type MachineState,
  VIBRATION_CLASSES,
  VIBRATION_FRAME_BYTES,
  VibrationSensor,
  vibrationUnit,
} from '@tinyfleet/sensors';

export interface DatasetOptions {
  readonly seed: number;
  readonly frames: number;
  /** Number of machines the frames come from; validation machines never equal training machines. */
  readonly units: number;
  /** Spread of the machines, 1 = the field. */
  readonly spread: number;
  readonly severity: readonly [number, number];
  readonly load?: readonly [number, number];
}

export interface Dataset {
  /** frames x VIBRATION_FRAME_BYTES, int8. */
  readonly x: Int8Array;
  /** Class index per frame. */
  readonly y: Uint8Array;
}

/** What devices of the field see: used for validation, and for training of the versions that should know it. */
export const FIELD = { units: 400, spread: 1, severity: [0.12, 1], load: [0.85, 1.15] } as const;

export function makeDataset(options: DatasetOptions): Dataset {
  const r = new Random(options.seed);
  const x = new Int8Array(options.frames * VIBRATION_FRAME_BYTES);
  const y = new Uint8Array(options.frames);
  const state: MachineState = { fault: 'normal', severity: 0, load: 1 };
  const [loadLow, loadHigh] = options.load ?? [1, 1];
  for (let i = 0; i < options.frames; i++) {
    const machine = mix32(options.seed, r.bits() % options.units);
    const label = r.bits() % VIBRATION_CLASSES.length;
    state.fault = VIBRATION_CLASSES[label]!;
    state.severity = r.between(...options.severity);
    state.load = r.between(loadLow, loadHigh);
    const life = { at: (_timeMs: number, out: MachineState) => Object.assign(out, state) };
    const sensor = new VibrationSensor(machine, life, vibrationUnit(machine, { spread: options.spread }));
    sensor.read(i, x.subarray(i * VIBRATION_FRAME_BYTES, (i + 1) * VIBRATION_FRAME_BYTES));
    y[i] = label;
  }
  return { x, y };
}
