// The shared drift vectors: cases by id, and the named streams of bits and numbers that they mention.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { toolPath } from '@tinyfleet/testing';

export interface DriftCase {
  readonly id: string;
  readonly method: string;
  readonly kind: 'upstream-test' | 'upstream-default' | 'published-measurement' | 'derived';
  readonly input: Record<string, unknown>;
  readonly params?: Record<string, unknown>;
  readonly expected: Record<string, unknown>;
  readonly tolerance: number | Record<string, number> | null;
}

interface DriftVectors {
  readonly streams: Record<string, string>;
  readonly vectors: readonly DriftCase[];
}

let read: DriftVectors | undefined;

export function driftVectors(): DriftVectors {
  read ??= JSON.parse(
    readFileSync(join(toolPath('shared-data'), 'drift_vectors.json'), 'utf8'),
  ) as DriftVectors;
  return read;
}

/** A named stream; bits and digits are kept as one text. */
export function streamOf(stream: unknown): number[] {
  if (Array.isArray(stream)) return stream as number[];
  const text = driftVectors().streams[String(stream)];
  if (text !== undefined) return Array.from(text, Number);
  if (stream === 'i%7 for i in 0..199') return Array.from({ length: 200 }, (_, i) => i % 7);
  if (stream === 'constant 1.0 x5000') return new Array<number>(5_000).fill(1);
  throw new Error(`unknown stream ${String(stream)}`);
}

/** Cases of detectors; the others are of statistics. */
export const detectorIds = /^(river-(adwin|ph|ddm|eddm|hddma|hddmw|cusum)-|derived-ph2-)/u;
