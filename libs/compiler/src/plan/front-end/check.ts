// A front end's description comes from a user or over the API: kinds, types and ranges are checked before anything is
// computed from them. The ranges are far above what a microcontroller does and bound tables and time here.
import { failure } from '../../ir/diagnostics.js';
import { STATISTICS } from '../generated/bundle-layout.js';
import type { FrontEnd } from './description.js';

interface Field {
  readonly required?: boolean;
  /** What is wrong with a value, or null. */
  readonly fault: (value: unknown) => string | null;
}

const MOST_FRAME = 16_384;
const MOST_RATE = 200_000;
const MOST_MS = 10_000;
const MOST_BANDS = 256;

const number = (low: number, high: number): Field['fault'] => {
  return (value) =>
    typeof value === 'number' && value >= low && value <= high ? null : `is no number in ${low}..${high}`;
};
const whole = (low: number, high: number): Field['fault'] => {
  return (value) =>
    Number.isInteger(value) && number(low, high)(value) === null ? null : `is no integer in ${low}..${high}`;
};
const list = (least: number, most: number, item: Field['fault']): Field['fault'] => {
  return (value) => {
    if (!Array.isArray(value) || value.length < least || value.length > most)
      return `is no list of ${least} to ${most} entries`;
    const wrong = value.findIndex((entry) => item(entry) !== null);
    return wrong < 0 ? null : `has an entry ${wrong} that ${item(value[wrong])}`;
  };
};
const either = (a: Field['fault'], b: Field['fault']): Field['fault'] => {
  return (value) => (a(value) === null || b(value) === null ? null : `${a(value)} and ${b(value)}`);
};
const flag: Field['fault'] = (value) => (typeof value === 'boolean' ? null : 'is not true or false');
const statistic: Field['fault'] = (value) =>
  typeof value === 'string' && Object.hasOwn(STATISTICS, value)
    ? null
    : `is none of ${Object.keys(STATISTICS).join(', ')}`;

const given = (fault: Field['fault']): Field => ({ fault });
const required = (fault: Field['fault']): Field => ({ fault, required: true });
const real = number(-1e9, 1e9);
const NORMALIZED = {
  mean: given(either(real, list(1, 1024, real))),
  std: given(either(number(1e-9, 1e9), list(1, 1024, number(1e-9, 1e9)))),
};
const COUNTS = { unitsPerCount: given(number(1e-12, 1e9)) };
const ROWS = { newRows: given(whole(1, 4096)) };
const SAMPLED = {
  frame: required(whole(1, MOST_FRAME)),
  hop: given(whole(1, MOST_FRAME)),
  ...ROWS,
};
const spectrum = (make: (fault: Field['fault']) => Field) => ({
  sampleRate: make(number(1, MOST_RATE)),
  windowMs: make(number(0.001, MOST_MS)),
  hopMs: make(number(0.001, MOST_MS)),
  lowerHz: make(number(0, MOST_RATE / 2)),
  upperHz: make(number(0, MOST_RATE / 2)),
  ...ROWS,
});

const KINDS: Readonly<Record<FrontEnd['kind'], Readonly<Record<string, Field>>>> = {
  'micro-speech': { ...spectrum(given), channels: given(whole(1, MOST_BANDS)) },
  mfcc: {
    ...spectrum(required),
    ...NORMALIZED,
    bands: required(whole(1, MOST_BANDS)),
    coefficients: required(whole(1, MOST_BANDS)),
  },
  statistics: { ...SAMPLED, ...NORMALIZED, ...COUNTS, features: required(list(1, 10, statistic)) },
  'spectral-power': {
    ...SAMPLED,
    ...NORMALIZED,
    ...COUNTS,
    sampleRate: required(number(0.001, MOST_RATE)),
    edgesHz: required(list(2, MOST_BANDS + 1, number(0, MOST_RATE / 2))),
    logarithm: given(flag),
  },
  scale: { ...NORMALIZED, ...COUNTS, hop: given(whole(1, MOST_FRAME)) },
};

/** Throws compiler.front-end-invalid for anything that is no description. */
export function checkFrontEnd(description: unknown): FrontEnd {
  const kinds = Object.keys(KINDS).join(', ');
  if (typeof description !== 'object' || description === null)
    throw invalid(`it is no object with a kind of ${kinds}`);
  const { kind, ...values } = description as Record<string, unknown>;
  if (typeof kind !== 'string' || !Object.hasOwn(KINDS, kind)) throw invalid(`its kind is none of ${kinds}`);
  const fields = KINDS[kind as FrontEnd['kind']];
  for (const [name, field] of Object.entries(fields)) {
    const value = values[name];
    if (value === undefined && field.required !== true) continue;
    const fault = value === undefined ? 'is missing' : field.fault(value);
    if (fault !== null) throw invalid(`${name} ${fault}`);
  }
  const unknown = Object.keys(values).find((name) => !Object.hasOwn(fields, name));
  if (unknown !== undefined) throw invalid(`a ${kind} front end has no ${unknown}`);
  const { sampleRate = 16_000, windowMs = 30 } = values as { sampleRate?: number; windowMs?: number };
  if ('windowMs' in fields && (windowMs * sampleRate) / 1000 > MOST_FRAME)
    throw invalid(`a window of ${Math.round((windowMs * sampleRate) / 1000)} samples is above ${MOST_FRAME}`);
  return description as FrontEnd;
}

function invalid(reason: string): Error {
  return failure([{ code: 'compiler.front-end-invalid', severity: 'error', data: { reason } }]);
}
