// Front end stages alone, on the WebAssembly runtime: a bundle whose plan copies its input, and whose front end ends with
// the bytes a test wants to see. Raw samples are 16-bit words, so any bytes can be fed in.
import { encodeBundle } from '../src/backends/bundle/encode.js';
import { TENSOR_SENSOR } from '../src/backends/bundle/contents.js';
import { GraphBuilder } from '../src/ir/builder.js';
import { tensorOf } from '../src/ir/graph.js';
import { FrontEndBuilder, type Place } from '../src/plan/front-end/builder.js';
import type { DTYPES } from '../src/plan/generated/bundle-layout.js';
import { makePlan } from '../src/plan/make-plan.js';
import { Runtime, type LoadedBundle } from '@tinyfleet/runtime';

export interface BenchOptions {
  /** Bytes of raw samples that one pass takes. */
  readonly inputBytes: number;
  readonly outputBytes: number;
  /** Sensor frames between passes; default all. */
  readonly hop?: number;
  readonly axes?: number;
}

/** `make` returns the place whose bytes are the result. */
export function benchBundle(o: BenchOptions, make: (b: FrontEndBuilder) => Place): Uint8Array {
  const g = new GraphBuilder('bench');
  const x = g.input('x', [o.outputBytes], { scale: 1 });
  const y = g.reshape(x, 'y', [1, o.outputBytes]);
  const graph = g.build([y]);
  const plan = makePlan(graph);
  const axes = o.axes ?? 1;
  const frame = o.inputBytes / 2 / axes;
  const hop = o.hop ?? frame;
  const b = new FrontEndBuilder(plan, { frame, hop, passes: 1, firstPasses: 1, axes, input: 0 });
  const result = make(b);
  if (result.buffer.space !== 'input')
    b.stage('copy', [result], [b.input(0)], { bytes: o.outputBytes }, true);
  const complete = b.finish();
  const contract = (planned: (typeof plan.inputs)[0], input: boolean) => ({
    tensor: tensorOf(graph, planned.tensor),
    planned,
    role: 'generic' as const,
    sensor: input ? { ...TENSOR_SENSOR, sensor: 255, axes, frame, hop } : null,
    classes: 0,
  });
  return encodeBundle({
    plan: complete,
    inputs: plan.inputs.map((planned) => contract(planned, true)),
    outputs: plan.outputs.map((planned) => contract(planned, false)),
    labels: [],
    monitors: [],
    golden: [],
    optimized: true,
    reduced: false,
    streaming: false,
    info: { model: '', version: '', compiler: '', sourceSha256: new Uint8Array(32) },
  }).bytes;
}

/** A part of the raw samples as a place of another type in the arena. */
export function words(
  b: FrontEndBuilder,
  dtype: keyof typeof DTYPES,
  fromBytes: number,
  elements: number,
): Place {
  const place = b.arena(dtype, elements);
  b.stage('copy', [b.slice(b.samples, fromBytes / 2, place.bytes / 2)], [place], { bytes: place.bytes });
  return place;
}

export async function bench(o: BenchOptions, make: (b: FrontEndBuilder) => Place): Promise<LoadedBundle> {
  return (await Runtime.open()).load(benchBundle(o, make));
}

/** Raw samples with these bytes. */
export function samplesOf(...parts: ArrayBufferView[]): Int16Array {
  const bytes = Buffer.concat(parts.map((p) => Buffer.from(p.buffer, p.byteOffset, p.byteLength)));
  return new Int16Array(Uint8Array.from(bytes).buffer);
}
