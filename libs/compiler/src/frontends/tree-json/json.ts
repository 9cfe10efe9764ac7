// Strangers' JSON, read field by field: a wrong type is a fault with the field's name, never an exception from below.
import { treesInvalid } from '../trees.js';

export type Json = Readonly<Record<string, unknown>>;

export function object(value: unknown, what: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw treesInvalid(`${what} is no object`);
  return value as Json;
}

export function list(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw treesInvalid(`${what} is no list`);
  return value;
}

/** XGBoost writes some numbers as text, "5E-1", or as a list in text, "[5E-1]". */
export function number(value: unknown, what: string): number {
  const parsed =
    typeof value === 'string' && value.trim() !== '' ? Number(value.replace(/^\[(.*)\]$/, '$1')) : value;
  if (typeof parsed !== 'number' || !Number.isFinite(parsed)) throw treesInvalid(`${what} is no number`);
  return parsed;
}

export function numbers(value: unknown, what: string): number[] {
  return list(value, what).map((item, i) => number(item, `${what}[${i}]`));
}

/** 1 to 65,535: what the numbers of features, outputs and classes can be. */
export function count(value: unknown, what: string): number {
  const n = number(value, what);
  if (!(Number.isInteger(n) && n >= 1 && n <= 65_535)) throw treesInvalid(`${what} is ${n}`);
  return n;
}

export function text(value: unknown, what: string): string {
  if (typeof value !== 'string') throw treesInvalid(`${what} is no text`);
  return value;
}
