// What telemetry summarizes of each inference: class and confidence, up to five features of the input, and an
// out-of-distribution score. Which features a bundle has depends on its input alone; where their bins lie, on validation data.
import type { Monitor } from '../backends/bundle/contents.js';
import { DTYPE_BYTES, elements, tensorOf, type Graph, type Tensor } from '../ir/graph.js';
import type { Plan, PlannedTensor } from '../plan/types.js';
import { probabilityOutput } from './inspect.js';
import type { CompileOptions } from './options.js';

/** Devices keep so many (FLEET_WINDOW_FEATURES); further ones would not be summarized. */
const MOST_FEATURES = 5;
/** A monitor reads so many elements at most, evenly spread: it costs a device some ten cycles each. */
const MOST_ELEMENTS = 1_024;
/** Bins of features and scores on the wire; unused edges lie above every value. */
export const FEATURE_BINS = 16;
/** Sensors of wire.cddl whose three axes have names: accelerometer, gyroscope, magnetometer. */
const SPATIAL: readonly number[] = [1, 2, 9];

/**
 * The histogram of class and confidence, sampled when the softmax has run; with validation data also features and the score, whose
 * edges are set when that data has run (`withEdges`).
 */
export function chooseMonitors(graph: Graph, plan: Plan, options: CompileOptions): Monitor[] {
  const probabilities = probabilityOutput(graph);
  if (probabilities === null) return [];
  const planned = plan.tensors.get(probabilities)!;
  const { name, shape } = tensorOf(graph, probabilities);
  const classes: Monitor = {
    kind: 'classes',
    ...whole(planned),
    reduction: 'each',
    name,
    bins: options.confidenceBins ?? 8,
    count: shape.at(-1)!,
    centre: 0,
    edges: [],
  };
  // Devices of the reduced profile send no features.
  if (options.validation === undefined || options.deviceType.profile === 'reduced') return [classes];
  return [classes, ...inputFeatures(graph, plan, options), ...scores(graph, plan)];
}

/** Each element of a short input; else the mean of each of up to three channels, the least and the greatest element. */
function inputFeatures(graph: Graph, plan: Plan, options: CompileOptions): Monitor[] {
  const [planned, ...more] = plan.inputs;
  if (planned === undefined || more.length > 0 || !isMonitored(planned)) return [];
  const tensor = tensorOf(graph, planned.tensor);
  const count = elements(tensor);
  const width = DTYPE_BYTES[planned.operand.dtype];
  if (count <= MOST_FEATURES)
    return Array.from({ length: count }, (_, i) => ({
      ...feature(planned, `input ${i}`),
      first: i * width,
      reduction: 'mean' as const,
      count: 1,
    }));
  const names = channelNames(tensor, options);
  const means = names.map((name, channel) => ({
    ...feature(planned, name === '' ? 'mean' : `mean of ${name}`),
    first: channel * width,
    ...spread(count / names.length, names.length * width),
    reduction: 'mean' as const,
  }));
  // Odd steps, so that every channel has its turn.
  const all = spread(count, width, 2);
  return [
    ...means,
    { ...feature(planned, 'least'), ...all, reduction: 'min' },
    { ...feature(planned, 'greatest'), ...all, reduction: 'max' },
  ];
}

function channelNames({ shape }: Tensor, { sensor, frontEnd }: CompileOptions): readonly string[] {
  const channels = shape.at(-1)!;
  const axes = frontEnd === undefined && sensor?.axisOrder !== 1 ? (sensor?.axes ?? 0) : 0;
  const given = axes >= 1 && axes <= 3 ? axes : shape.length > 2 && channels <= 3 ? channels : 1;
  const count = elements({ shape }) % given === 0 ? given : 1;
  if (count === 1) return [''];
  const isSpatial = SPATIAL.includes(sensor?.sensor ?? 0) && count === 3;
  return Array.from({ length: count }, (_, i) => (isSpatial ? 'xyz'[i]! : `channel ${i}`));
}

/** The largest logit: the softmax forgets how large they were (Hendrycks et al. 2022, "Scaling out-of-distribution detection"). */
function scores(graph: Graph, plan: Plan): Monitor[] {
  const softmax = graph.ops.find(
    (op) => op.kind === 'softmax' && op.outputs.includes(probabilityOutput(graph)!),
  );
  const planned = softmax && plan.tensors.get(softmax.inputs[0]!);
  if (planned === undefined || planned.afterStep < 0 || !isMonitored(planned)) return [];
  const count = elements(tensorOf(graph, planned.tensor));
  const monitor = { ...feature(planned, 'largest logit'), count, reduction: 'max' } as const;
  return [{ ...monitor, kind: 'ood' }];
}

/** `count` elements that lie `stride` bytes apart, thinned out. */
function spread(count: number, stride: number, step = 1): Pick<Monitor, 'stride' | 'count'> {
  let every = Math.ceil(count / MOST_ELEMENTS);
  while (every > 1 && (every - 1) % step !== 0) every++;
  return { stride: every * stride, count: Math.ceil(count / every) };
}

const whole = (planned: PlannedTensor): Pick<Monitor, 'planned' | 'first' | 'stride'> => ({
  planned,
  first: 0,
  stride: DTYPE_BYTES[planned.operand.dtype],
});
const feature = (planned: PlannedTensor, name: string) =>
  ({ kind: 'feature', ...whole(planned), name, bins: FEATURE_BINS, centre: 0, edges: [] }) as const;

function isMonitored({ operand }: PlannedTensor): boolean {
  return (operand.dtype === 'int8' || operand.dtype === 'int16') && operand.space !== 'const';
}

/**
 * Edges at the quantiles of what a monitor saw, so that each bin holds a sixteenth, and its median as centre. Equal quantiles
 * are one edge; a feature that never varied has a bin of its own for its value, one below and one above.
 */
export function withEdges(monitor: Monitor, seen: Int32Array): Monitor {
  if (monitor.kind === 'classes') return monitor;
  const values = seen.slice().sort();
  const at = (share: number): number => values[Math.floor(share * values.length)]!;
  const quantiles = Array.from({ length: FEATURE_BINS - 1 }, (_, i) => at((i + 1) / FEATURE_BINS));
  const edges = [...new Set(quantiles)].filter((edge) => edge > values[0]!);
  const median = at(0.5);
  if (edges.length === 0) edges.push(...[median, median + 1].filter((edge) => edge < 32_767));
  return { ...monitor, edges, centre: median };
}
