// A model's architecture as JSON of strangers: what is read from it is checked where it is read.
import { damaged, within, type ModelLimits } from '../limits.js';

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

/** Python's JSON has Infinity and NaN. */
export function parseJson(text: string, limits: ModelLimits): Json {
  within('bytes of architecture', text.length, limits.jsonBytes);
  try {
    return JSON.parse(text) as Json;
  } catch {
    try {
      return JSON.parse(text.replace(/(?<=[:[,]\s*)(-?Infinity|NaN)(?=\s*[,\]}])/g, 'null')) as Json;
    } catch (error) {
      const at = /position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1];
      throw damaged('its architecture is no JSON', Number(at ?? 0));
    }
  }
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function objectOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

/** The only item of a list of one, or what is no list. */
export function single(value: Json | undefined): Json | undefined {
  const list = listOf(value);
  return list.length === 1 ? list[0] : value;
}

export function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

export function textOf(value: Json | undefined, fallback = ''): string {
  return typeof value === 'string' ? value : fallback;
}

export function numberOf(value: Json | undefined, fallback: number): number {
  return typeof value === 'number' ? value : fallback;
}
