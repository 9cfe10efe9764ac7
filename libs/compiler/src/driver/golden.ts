// Chooses the vectors of a bundle's self-test and measures what they would notice. Random inputs saturate many models,
// so seeds are kept whose outputs differ; per-step CRCs see inside where outputs cannot.
import type { LoadedBundle, Runtime, Trace } from '@tinyfleet/runtime';
import { MAX_SAMPLE_BYTES, type GoldenVector } from '../backends/bundle/contents.js';
import { BUNDLE_LIMITS } from '../plan/generated/bundle-layout.js';

export interface GoldenChoice {
  readonly vectors: readonly GoldenVector[];
  readonly distinctOutputs: number;
  readonly triedSeeds: number;
}

export interface GoldenOptions {
  /** Wanted, 1..16. */
  readonly vectors: number;
  readonly sample: Uint8Array | null;
  /** Inner-loop rounds of one inference: bounds how many seeds are tried. */
  readonly work: number;
  /** Inferences of one random vector, 1..8: several where state goes from one to the next. */
  readonly frames: number;
}

const SEEDS_PER_VECTOR = 16;
const SEED_ROUNDS = 2_000_000_000;
/** Seeds are multiples of 2^32 / golden ratio: the generator's first bytes from small seeds are all alike. */
const SEED_STEP = 0x9e3779b9;

/** Deterministic. `pause` runs between inferences. */
export async function chooseGolden(
  on: { readonly runtime: Runtime; readonly bundle: LoadedBundle },
  o: GoldenOptions,
  pause: () => Promise<void>,
): Promise<GoldenChoice> {
  const stored = o.sample !== null && o.sample.length <= MAX_SAMPLE_BYTES ? o.sample : null;
  const wanted = Math.min(o.vectors, BUNDLE_LIMITS.golden_vectors - (stored === null ? 0 : 1));
  const affordable = Math.max(wanted, Math.floor(SEED_ROUNDS / Math.max(1, o.work * o.frames)));
  const limit = Math.min(wanted * SEEDS_PER_VECTOR, affordable);
  const distinct = new Map<number, { seed: number; trace: Trace }>();
  const spare: { seed: number; trace: Trace }[] = [];
  let tried = 0;
  while (tried < limit && distinct.size < wanted) {
    tried++;
    const seed = Math.imul(tried, SEED_STEP) >>> 0;
    const trace = on.bundle.stream(randomFrames(on, seed, o.frames));
    if (distinct.has(trace.outputsCrc)) spare.push({ seed, trace });
    else distinct.set(trace.outputsCrc, { seed, trace });
    await pause();
  }
  const chosen = [...distinct.values(), ...spare].slice(0, wanted);
  const vectors = chosen.map(({ seed, trace: { outputsCrc, stepCrcs } }): GoldenVector => {
    return { kind: 'random', frames: o.frames, seed, sample: null, outputsCrc, stepCrcs };
  });
  if (stored !== null) {
    const { outputsCrc, stepCrcs } = on.bundle.stream([split(on.bundle, stored)]);
    vectors.push({ kind: 'stored', frames: 1, seed: 0, sample: stored, outputsCrc, stepCrcs });
  }
  if (on.bundle.view.sections.front_end !== undefined && vectors.length < BUNDLE_LIMITS.golden_vectors)
    vectors.push(rawVector(on));
  return { vectors, distinctOutputs: distinct.size, triedSeeds: tried };
}

/** Random raw samples from a reset to the first inference: the front end's stages and tables, then the plan. */
function rawVector(on: { readonly runtime: Runtime; readonly bundle: LoadedBundle }): GoldenVector {
  const { frame, axes } = on.bundle.view.inputs[0]!;
  const { data } = on.runtime.randomBytes(SEED_STEP, frame * axes * 2);
  const traces: Trace[] = [];
  on.bundle.resetState();
  on.bundle.feed(new Int16Array(data.buffer, data.byteOffset, frame * axes), () => {
    traces.push(on.bundle.traceInputs());
  });
  on.bundle.resetState();
  const { outputsCrc, stepCrcs } = traces[0]!; // a whole frame leads to one inference
  return { kind: 'raw', frames: 1, seed: SEED_STEP, sample: null, outputsCrc, stepCrcs };
}

/** One stream over all inputs of all frames, in contract order. */
function randomFrames(
  on: { readonly runtime: Runtime; readonly bundle: LoadedBundle },
  seed: number,
  frames: number,
): Uint8Array[][] {
  const total = on.bundle.view.inputs.reduce((n, input) => n + input.bytes, 0);
  const { data } = on.runtime.randomBytes(seed, total * frames);
  return Array.from({ length: frames }, (_, i) =>
    split(on.bundle, data.subarray(i * total, (i + 1) * total)),
  );
}

function split(bundle: LoadedBundle, bytes: Uint8Array): Uint8Array[] {
  let from = 0;
  return bundle.view.inputs.map((input) => {
    from += input.bytes;
    return bytes.subarray(from - input.bytes, from);
  });
}

/** Flash rots or stays unwritten by the row, not by the bit. */
export const BLOCK_BYTES = 64;
const COVERAGE_ROUNDS = 1_000_000_000;
const MOST_BLOCKS = 48;
const FEWEST_BLOCKS = 8;

export interface CoverageOptions {
  readonly bundle: Uint8Array;
  readonly constants: { readonly offset: number; readonly length: number };
  /** Of one vector. */
  readonly work: number;
  readonly vectors: number;
}

/**
 * The share of blocks of the constants whose inversion changes a CRC of the self-test (or makes loading fail), measured
 * on blocks spread evenly. Null without constants.
 */
export async function measureCoverage(
  o: CoverageOptions,
  passes: (damaged: Uint8Array) => boolean,
  pause: () => Promise<void>,
): Promise<number | null> {
  const blocks = Math.ceil(o.constants.length / BLOCK_BYTES);
  if (blocks === 0) return null;
  const affordable = Math.floor(COVERAGE_ROUNDS / Math.max(1, o.work * o.vectors));
  const samples = Math.min(blocks, MOST_BLOCKS, Math.max(FEWEST_BLOCKS, affordable));
  let noticed = 0;
  for (let i = 0; i < samples; i++) {
    const from = Math.floor((i * blocks) / samples) * BLOCK_BYTES;
    const to = Math.min(from + BLOCK_BYTES, o.constants.length);
    const damaged = o.bundle.slice();
    for (let at = from; at < to; at++) damaged[o.constants.offset + at]! ^= 0xff;
    if (!passes(damaged)) noticed++;
    await pause();
  }
  return noticed / samples;
}
