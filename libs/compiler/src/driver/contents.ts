// From graph, plan and the caller's options to what the bundle says around the plan: contract, labels, monitors.
import { createHash } from 'node:crypto';
import { failure, fault, type Diagnostic } from '../ir/diagnostics.js';
import { SCORE_KINDS } from '../ir/ops/classic.js';
import { elements, tensorOf, type Graph, type TensorId } from '../ir/graph.js';
import {
  TENSOR_SENSOR,
  type BundleContents,
  type ContractTensor,
  type SensorContract,
} from '../backends/bundle/contents.js';
import type { Plan } from '../plan/types.js';
import { isProbabilities, probabilityOutput } from './inspect.js';
import { chooseMonitors } from './monitors.js';
import { carriesState } from './state.js';
import { COMPILER_VERSION, type CompileOptions } from './options.js';

/** Everything but the golden vectors, which need the bundle to run first. Adds warnings to `diagnostics`. */
export function bundleContents(
  graph: Graph,
  plan: Plan,
  source: Uint8Array,
  options: CompileOptions,
  diagnostics: Diagnostic[],
): BundleContents {
  const labels = options.labels ?? [];
  const labelled = labelledOutput(graph, labels, diagnostics);
  const inputs = plan.inputs.map((planned, i): ContractTensor => {
    const tensor = tensorOf(graph, planned.tensor);
    const sensor = i === 0 ? sensorContract(options, plan) : TENSOR_SENSOR;
    if (plan.frontEnd === undefined) checkSensor(sensor, elements(tensor));
    return { tensor, planned, role: 'generic', sensor, classes: 0 };
  });
  const outputs = plan.outputs.map((planned): ContractTensor => {
    const tensor = tensorOf(graph, planned.tensor);
    const probabilities = isProbabilities(graph, planned.tensor);
    const classes = planned.tensor === labelled || probabilities ? tensor.shape.at(-1)! : 0;
    const scored = graph.ops.some(
      (op) => SCORE_KINDS.includes(op.kind) && op.outputs.includes(planned.tensor),
    );
    const role = scored
      ? 'anomaly_score'
      : probabilities
        ? 'probabilities'
        : classes > 0
          ? 'logits'
          : 'generic';
    return { tensor, planned, role, sensor: null, classes };
  });
  return {
    plan,
    inputs,
    outputs,
    labels: labelled === null ? [] : labels,
    monitors: chooseMonitors(graph, plan, options),
    golden: [],
    optimized: options.optimize ?? true,
    reduced: options.deviceType.profile === 'reduced',
    streaming: carriesState(graph),
    info: {
      model: options.model ?? graph.name,
      version: options.version ?? '',
      compiler: COMPILER_VERSION,
      sourceSha256: createHash('sha256').update(source).digest(),
    },
  };
}

/** The output the labels name: probabilities if there are any, else one of as many elements. */
function labelledOutput(graph: Graph, labels: readonly string[], diagnostics: Diagnostic[]): TensorId | null {
  const probabilities = probabilityOutput(graph);
  const classes = probabilities === null ? 0 : tensorOf(graph, probabilities).shape.at(-1)!;
  if (labels.length === 0) {
    if (probabilities !== null) {
      diagnostics.push({ code: 'compiler.labels-missing', severity: 'warning', data: { classes } });
    }
    return probabilities;
  }
  const named =
    probabilities ?? graph.outputs.find((id) => elements(tensorOf(graph, id)) === labels.length) ?? null;
  const expected =
    named === null ? elements(tensorOf(graph, graph.outputs[0]!)) : elements(tensorOf(graph, named));
  if (expected !== labels.length) throw fault('compiler.labels-invalid', { found: labels.length, expected });
  return named;
}

const MICROPHONE = { sensor: 3, axes: 1, unit: 11 } as const;

/** Sensor and axes before the front end is made; its frames and rate once it is there. */
export function sensorContract(options: CompileOptions, plan?: Plan): SensorContract {
  const { frontEnd, sensor } = options;
  if (frontEnd === undefined) return { ...TENSOR_SENSOR, ...sensor };
  const audio = frontEnd.kind === 'micro-speech' || frontEnd.kind === 'mfcc';
  const stated = { ...TENSOR_SENSOR, ...(audio ? MICROPHONE : {}), ...sensor };
  const invalid = (reason: string): Error =>
    failure([{ code: 'compiler.sensor-invalid', severity: 'error', data: { reason } }]);
  if (stated.sensor === 0) throw invalid('a front end needs a sensor');
  if (!(stated.axes >= 1 && stated.axes <= 255)) throw invalid('a sensor has 1 to 255 axes');
  const rate =
    'sampleRate' in frontEnd ? frontEnd.sampleRate : frontEnd.kind === 'micro-speech' ? 16_000 : undefined;
  if (
    rate !== undefined &&
    sensor?.sampleRateMilliHz !== undefined &&
    sensor.sampleRateMilliHz !== Math.round(rate * 1000)
  )
    throw invalid(
      `the sensor has ${sensor.sampleRateMilliHz / 1000} samples per second, the front end ${rate}`,
    );
  const sampleRateMilliHz = rate === undefined ? stated.sampleRateMilliHz : Math.round(rate * 1000);
  const made = plan?.frontEnd;
  if (made === undefined) return { ...stated, sampleRateMilliHz };
  const [frame, hop] = [made.frame + (made.firstPasses - 1) * made.hop, made.passes * made.hop];
  return { ...stated, sampleRateMilliHz, frame, hop };
}

function checkSensor(sensor: typeof TENSOR_SENSOR, inputElements: number): void {
  const reason =
    sensor.sensor === 0 && sensor.axes !== 0
      ? 'axes were given without a sensor'
      : sensor.sensor !== 0 && (sensor.axes < 1 || sensor.axes > 255)
        ? 'a sensor has 1 to 255 axes'
        : sensor.sensor !== 0 && sensor.frame > 0 && sensor.frame * sensor.axes !== inputElements
          ? `${sensor.frame} frames of ${sensor.axes} axes do not fill the input of ${inputElements} elements`
          : null;
  if (reason !== null)
    throw failure([{ code: 'compiler.sensor-invalid', severity: 'error', data: { reason } }]);
}
