// A float model becomes an int8 one: samples through the float graph, smallest and largest values as scales. Where the
// samples come from is the caller's choice, said in the report; without any, random values of a stated range serve.
import { evaluateFloat, type Samples } from '../evaluate/evaluate.js';
import { fault, type Diagnostic } from '../ir/diagnostics.js';
import { elements, tensorOf, type Graph, type TensorId } from '../ir/graph.js';
import { quantizeGraph } from '../quantize/quantize.js';
import { RangeObserver } from '../quantize/ranges.js';
import { elementBytes, npyFloats, readNpy, type NpyArray } from './npy.js';
import type { CompileOptions } from './options.js';

export interface Calibration {
  readonly samples: Samples;
  readonly source: 'calibration' | 'validation' | 'range';
  /** Of the random values, when the source is `range`. */
  readonly range: readonly [low: number, high: number] | null;
}

/** More tell min-max little, and every one costs an inference. Spread evenly over what is given. */
const MOST_SAMPLES = 256;
const RANDOM_SAMPLES = 64;
/** Values of all random samples together; 64 images of 224 x 224 x 3 are below it. */
const RANDOM_VALUES = 2 ** 24;
export const DEFAULT_RANGE = [-1, 1] as const;

/** Throws compiler.calibration-invalid. */
export function chooseSamples(graph: Graph, options: CompileOptions, diagnostics: Diagnostic[]): Calibration {
  const { calibration, validation } = options;
  if (calibration !== undefined) {
    const arrays = calibration.map((file, i) =>
      readNpy(file, calibration.length > 1 ? `calibration ${i}` : 'calibration'),
    );
    return { samples: spread(graph, arrays), source: 'calibration', range: null };
  }
  if (validation !== undefined && graph.inputs.length === 1) {
    return {
      samples: spread(graph, [readNpy(validation.inputs, 'x.npy')]),
      source: 'validation',
      range: null,
    };
  }
  const range = options.inputRange ?? DEFAULT_RANGE;
  const [low, high] = range;
  if (!(low < high && Number.isFinite(low) && Number.isFinite(high)))
    throw fault('compiler.calibration-invalid', { reason: `the input range ${low}..${high} is empty` });
  diagnostics.push({ code: 'compiler.calibration-missing', severity: 'warning', data: { low, high } });
  return { samples: randomSamples(graph, low, high), source: 'range', range };
}

/** Rows of each input's array, evenly spread. */
function spread(graph: Graph, arrays: readonly NpyArray[]): Samples {
  const invalid = (reason: string) => fault('compiler.calibration-invalid', { reason });
  if (arrays.length !== graph.inputs.length)
    throw invalid(`there are ${arrays.length} arrays for ${graph.inputs.length} inputs`);
  const given = arrays[0]!.shape[0] ?? 0;
  if (given === 0) throw invalid('there are no samples');
  const count = Math.min(MOST_SAMPLES, given);
  const inputs = graph.inputs.map((id, i) => {
    const tensor = tensorOf(graph, id);
    const [array, size] = [arrays[i]!, elements(tensor)];
    if (array.shape[0] !== given) throw invalid(`the inputs have ${given} and ${array.shape[0]} samples`);
    const each = array.data.length / elementBytes(array) / given;
    if (each !== size)
      throw invalid(`one sample of ${tensor.name} has ${each} elements, the model takes ${size}`);
    const values = new Float32Array(count * size);
    for (let k = 0; k < count; k++) {
      values.set(npyFloats(array, Math.floor((k * given) / count) * size, size), k * size);
    }
    return values;
  });
  return { count, inputs };
}

/** Uniform, from a fixed seed; the first two samples are the range's ends, so that it is covered exactly. */
function randomSamples(graph: Graph, low: number, high: number): Samples {
  let state = 0x2545f491;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return low + ((state >>> 0) / 0xffffffff) * (high - low);
  };
  const total = graph.inputs.reduce((n, id) => n + elements(tensorOf(graph, id)), 0);
  const count = Math.max(2, Math.min(RANDOM_SAMPLES, Math.floor(RANDOM_VALUES / total)));
  const inputs = graph.inputs.map((id) => {
    const size = elements(tensorOf(graph, id));
    const values = Float32Array.from({ length: count * size }, next);
    values.fill(low, 0, 1);
    values.fill(high, size, size + 1);
    return values;
  });
  return { count, inputs };
}

/** Throws compiler.calibration-invalid and what evaluation and quantization refuse. */
export async function calibrate(
  graph: Graph,
  { samples }: Calibration,
  pause: (done: number) => Promise<void>,
): Promise<Graph> {
  const observer = new RangeObserver();
  const variables = [...graph.tensors.values()].flatMap((t) => (t.variable === undefined ? [] : [t.id]));
  const computed = graph.ops.flatMap((op) => op.outputs);
  const want: TensorId[] = [...graph.inputs, ...computed, ...variables].filter(
    (id) => tensorOf(graph, id).dtype === 'float32',
  );
  await evaluateFloat(graph, samples, {
    want,
    visit: (id, values) => observer.observe(id, values),
    pause: (done) => pause(done / samples.count),
  });
  if (observer.notFinite > 0) {
    const reason = `${observer.notFinite} values in the model are infinite or not a number`;
    throw fault('compiler.calibration-invalid', { reason });
  }
  return quantizeGraph(graph, observer.ranges());
}
