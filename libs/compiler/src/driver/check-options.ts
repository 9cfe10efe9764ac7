// Options come over the API as JSON of strangers: what they say is checked before anything is computed from it. What
// does not fit the model is found later, by the stage that knows the model.
import { fault } from '../ir/diagnostics.js';
import { BUNDLE_LIMITS } from '../plan/generated/bundle-layout.js';
import type { TENSOR_SENSOR } from '../backends/bundle/contents.js';
import type { CompileOptions } from './options.js';

const STATES: readonly unknown[] = ['auto', 'carry', 'reset'];
/** Bits of each field in the bundle's contract. */
const SENSOR_BITS = {
  sensor: 8,
  axes: 8,
  unit: 8,
  axisOrder: 1,
  fullScale: 32,
  sampleRateMilliHz: 32,
  frame: 32,
  hop: 32,
} as const satisfies Record<keyof typeof TENSOR_SENSOR, number>;

/** Throws compiler.options-invalid, compiler.sensor-invalid and compiler.calibration-invalid. */
export function checkOptions(options: CompileOptions): void {
  const { confidenceBins, goldenVectors, optimize, state, sensor, inputRange } = options as Loose;
  const most = BUNDLE_LIMITS.golden_vectors;
  for (const [fine, reason] of [
    [
      confidenceBins === undefined || confidenceBins === 8 || confidenceBins === 16,
      'confidenceBins is not 8 or 16',
    ],
    [
      goldenVectors === undefined || isWhole(goldenVectors, 1, most),
      `goldenVectors is no integer in 1..${most}`,
    ],
    [optimize === undefined || typeof optimize === 'boolean', 'optimize is not true or false'],
    [state === undefined || STATES.includes(state), 'state is not auto, carry or reset'],
  ] as const)
    if (!fine) throw fault('compiler.options-invalid', { reason });
  if (sensor !== undefined) checkSensor(sensor);
  if (
    inputRange !== undefined &&
    !(Array.isArray(inputRange) && inputRange.length === 2 && inputRange.every(Number.isFinite))
  )
    throw fault('compiler.calibration-invalid', { reason: 'the input range is not two numbers' });
}

type Loose = { readonly [K in keyof CompileOptions]: unknown };

function checkSensor(sensor: unknown): void {
  const invalid = (reason: string): Error => fault('compiler.sensor-invalid', { reason });
  if (typeof sensor !== 'object' || sensor === null)
    throw invalid('it is no object of sensor, axes and frame');
  for (const [field, value] of Object.entries(sensor)) {
    if (!Object.hasOwn(SENSOR_BITS, field)) throw invalid(`a sensor has no ${field}`);
    const most = 2 ** SENSOR_BITS[field as keyof typeof SENSOR_BITS] - 1;
    if (!isWhole(value, 0, most)) throw invalid(`${field} is no integer in 0..${most}`);
  }
}

function isWhole(value: unknown, low: number, high: number): boolean {
  return Number.isInteger(value) && (value as number) >= low && (value as number) <= high;
}
