// The whole compiler in order. Knows every stage; no stage knows it. Pure: bytes in, bytes out; the same source and
// options give the same bundle on every machine. Only `report.seconds` is measured.
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { FleetError } from '@tinyfleet/errors';
import { Runtime, type LoadedBundle } from '@tinyfleet/runtime';
import type { BundleContents, GoldenVector, Monitor } from '../backends/bundle/contents.js';
import { encodeBundle, type EncodedBundle } from '../backends/bundle/encode.js';
import { openTfjs } from '../evaluate/backend.js';
import { floatBytes } from '../evaluate/dequantize.js';
import { foldFloat } from '../evaluate/evaluate.js';
import { failure, fault, type Diagnostic } from '../ir/diagnostics.js';
import { isFloat, tensorOf, type Graph } from '../ir/graph.js';
import type { Op } from '../ir/ops.js';
import { workOf } from '../ir/cost.js';
import { FLOAT_PASSES, NO_PASSES, PASSES } from '../passes/table.js';
import { runPasses } from '../passes/pass.js';
import { withFrontEnd } from '../plan/front-end/build.js';
import { checkFrontEnd } from '../plan/front-end/check.js';
import { makePlan } from '../plan/make-plan.js';
import type { Plan } from '../plan/types.js';
import { calibrate, chooseSamples, type Calibration } from './calibrate.js';
import { checkOptions } from './check-options.js';
import { bundleContents, sensorContract } from './contents.js';
import {
  deviceInput,
  deviceRows,
  evaluationOf,
  floatRow,
  observe,
  type EvaluateControl,
  type Evaluation,
} from './evaluate.js';
import { openSource, type Source } from './frontends.js';
import { chooseGolden, measureCoverage } from './golden.js';
import { probabilityOutput } from './inspect.js';
import { withEdges } from './monitors.js';
import { readNpy } from './npy.js';
import { withState } from './state.js';
import { verify } from '../ir/verify.js';
import { DEFAULT_WORK, type CompileOptions, type Progress, type TargetType } from './options.js';
import {
  compareLayers,
  evaluateFloatModel,
  type QuantizationReport,
  type QuantizedModel,
} from './quantization-report.js';
import { fitDiagnostics, makeReport, type Report, type ReportParts } from './report.js';

export interface CompileResult {
  readonly bundle: Uint8Array;
  readonly report: Report;
  /** Warnings; errors are thrown. */
  readonly diagnostics: readonly Diagnostic[];
  /** The int8 model as it was before optimization, for the .tflite backend. */
  readonly graph: Graph;
  /** What the bundle says, for the C backend. */
  readonly contents: BundleContents;
}

export interface CompileControl {
  readonly onProgress?: (progress: Progress) => void;
  /** Checked between stages and between inferences; compile then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

const DEFAULT_GOLDEN_VECTORS = { full: 4, reduced: 2 } as const;
/** Inferences in a row of a streaming model's vector: the format's most. */
const STREAM_FRAMES = 8;

/**
 * Throws FleetError `compiler.*` with every fault in `data.diagnostics`. A bundle too large for its target is thrown
 * too (slot-too-small, arena-too-small, state-too-small), with the whole report in `data.report`.
 */
export async function compile(
  source: Source,
  options: CompileOptions,
  control: CompileControl = {},
): Promise<CompileResult> {
  const started = performance.now();
  const { signal, onProgress } = control;
  const pause = async (): Promise<void> => {
    await setImmediate();
    signal?.throwIfAborted();
  };
  const enter = async (stage: Progress['stage'], progress: number): Promise<void> => {
    onProgress?.({ stage, progress });
    await pause();
  };
  const diagnostics: Diagnostic[] = [];

  await enter('read', 0);
  checkOptions(options);
  if (options.frontEnd !== undefined) checkFrontEnd(options.frontEnd);
  const optimize = options.optimize ?? true;
  const { graph: opened, notes } = openSource(source, options.limits, options.trees);
  diagnostics.push(...notes);
  boundedWork(opened, options);
  const float = isFloat(opened) ? await prepareFloat(opened, diagnostics) : null;
  let calibration: Calibration | null = null;
  let imported = opened;
  if (float !== null) {
    await enter('calibrate', 0.02);
    calibration = chooseSamples(float, options, diagnostics);
    imported = await calibrate(float, calibration, (done) => enter('calibrate', 0.02 + done * 0.08));
  }
  await enter('optimize', 0.1);
  const passes = runPasses(withRoots(imported), optimize ? PASSES : NO_PASSES, { diagnostics });
  const graph = withState(passes.graph, options.state ?? 'auto', diagnostics);
  if (graph.ops.length === 0)
    throw fault('compiler.graph-invalid', { op: 'model', reason: 'it computes nothing' });
  verify(graph, 'state');
  await enter('plan', 0.2);
  const plan = withInputs(makePlan(graph, { sourceOrder: !optimize }), graph, options);
  await enter('encode', 0.3);
  const contents = bundleContents(graph, plan, source.bytes, options, diagnostics);
  const work = boundedWork(graph, options);
  const report = (
    bundle: EncodedBundle,
    tests: Pick<ReportParts, 'golden' | 'validation' | 'quantization'>,
  ): Report =>
    makeReport({
      target: options.deviceType,
      source: { fileName: source.fileName, bytes: source.bytes.length, digest: sha256(source.bytes) },
      plan,
      bundle,
      bundleDigest: sha256(bundle.bytes),
      passes: passes.results,
      diagnostics,
      seconds: (performance.now() - started) / 1000,
      ...tests,
    });
  // What cannot fit is not worth running; the vectors add a few hundred bytes and are checked below.
  refuseMisfit(report(encodeBundle(contents), UNTESTED), options.deviceType);

  await enter('self-test', 0.35);
  const runtime = await Runtime.open();
  const tested = await withGolden(contents, {
    runtime,
    options,
    sample: goldenSample(options, graph, calibration),
    work,
    diagnostics,
    pause,
  });
  const { golden, vectors } = tested;
  await enter('validate', 0.8);
  const evaluating = { pause, real: float !== null };
  const { bundle, monitors, validation } = await withBaseline(
    { ...contents, golden: vectors },
    { runtime, draft: tested.bundle, options, control: evaluating },
  );
  const loaded = load(runtime, bundle.bytes);
  const quantization =
    float === null || calibration === null
      ? null
      : await quantizationReport({ float, graph, plan, bundle: loaded }, calibration, { options, pause });
  await enter('report', 0.98);
  const result = report(bundle, { golden, validation, quantization });
  refuseMisfit(result, options.deviceType);
  onProgress?.({ stage: 'report', progress: 1 });
  return {
    bundle: bundle.bytes,
    report: result,
    diagnostics,
    graph: imported,
    contents: { ...contents, monitors, golden: vectors },
  };
}

/** Inner-loop rounds of one inference. Asked before a float model runs over samples, and of what devices will run. */
function boundedWork(graph: Graph, options: CompileOptions): number {
  const work = graph.ops.reduce((n, op) => n + workOf(graph, op), 0);
  const limit = options.limits?.work ?? DEFAULT_WORK.work;
  if (work > limit)
    throw fault('compiler.limit-exceeded', { what: 'rounds of work per inference', found: work, limit });
  return work;
}

/** Folded before it is calibrated; the logits of its softmax stay, as in integer graphs. */
async function prepareFloat(opened: Graph, diagnostics: Diagnostic[]): Promise<Graph> {
  const tf = await openTfjs();
  const evaluate = (graph: Graph, op: Op): Uint8Array[] | null =>
    foldFloat(tf, graph, op)?.map(floatBytes) ?? null;
  return runPasses(withRoots(opened), FLOAT_PASSES, { diagnostics, evaluate }).graph;
}

const UNTESTED = {
  golden: { vectors: 0, distinct: 0, coverage: null },
  validation: null,
  quantization: null,
};

async function quantizationReport(
  model: QuantizedModel,
  { samples, source, range }: Calibration,
  { options, pause }: Pick<GoldenWork, 'options' | 'pause'>,
): Promise<QuantizationReport> {
  const output = probabilityOutput(model.float);
  const float =
    options.validation === undefined || output === null
      ? null
      : await evaluateFloatModel(model.float, output, options.validation, pause);
  const errors = await compareLayers(model, samples, pause);
  return { method: 'min-max', samples: samples.count, source, range, ...errors, float };
}

function refuseMisfit(report: Report, target: TargetType): void {
  const misfits = fitDiagnostics(report, target);
  if (misfits.length === 0) return;
  const error = failure(misfits);
  throw new FleetError(error.code, { ...error.data, report });
}

/** Logits before a softmax stay as they are: out-of-distribution scores are made from them. */
function withRoots(graph: Graph): Graph {
  const logits = graph.ops.flatMap((op) => (op.kind === 'softmax' ? [op.inputs[0]!] : []));
  return { ...graph, roots: [...new Set([...graph.roots, ...logits])] };
}

/** The plan, and what makes its input of raw samples. */
function withInputs(plan: Plan, graph: Graph, options: CompileOptions): Plan {
  if (options.frontEnd === undefined) return plan;
  const { axes, axisOrder } = sensorContract(options);
  const input = tensorOf(graph, graph.inputs[0]!);
  return withFrontEnd(plan, options.frontEnd, { axes, axisOrder, input });
}

interface GoldenWork {
  readonly runtime: Runtime;
  readonly options: CompileOptions;
  readonly sample: Uint8Array | null;
  /** Inner-loop rounds of one inference. */
  readonly work: number;
  readonly diagnostics: Diagnostic[];
  readonly pause: () => Promise<void>;
}

/** Runs the bundle without vectors to make them, adds them, and lets the result prove itself. */
async function withGolden(
  contents: BundleContents,
  { runtime, options, sample, work, diagnostics, pause }: GoldenWork,
): Promise<{
  bundle: EncodedBundle;
  golden: { vectors: number; distinct: number; coverage: number | null };
  vectors: readonly GoldenVector[];
}> {
  const draft = encodeBundle(contents).bytes;
  const frames = contents.streaming ? STREAM_FRAMES : 1;
  const choice = await chooseGolden(
    { runtime, bundle: load(runtime, draft) },
    {
      vectors: options.goldenVectors ?? DEFAULT_GOLDEN_VECTORS[options.deviceType.profile ?? 'full'],
      sample,
      work,
      frames,
    },
    pause,
  );
  if (choice.distinctOutputs < 2 && sample === null) {
    const data = { distinct: choice.distinctOutputs, tried: choice.triedSeeds };
    diagnostics.push({ code: 'compiler.golden-weak', severity: 'warning', data });
  }
  const bundle = encodeBundle({ ...contents, golden: choice.vectors });
  const passes = (bytes: Uint8Array): boolean => passesSelfTest(runtime, bytes, choice.vectors.length);
  if (!passes(bundle.bytes))
    throw fault('compiler.self-test-failed', { reason: 'its own vectors do not hold' });
  const vectors = choice.vectors.length;
  const constants = bundle.sections.constants!;
  const damage = { bundle: bundle.bytes, constants, work: work * frames, vectors };
  const coverage = await measureCoverage(damage, passes, pause);
  return { bundle, golden: { vectors, distinct: choice.distinctOutputs, coverage }, vectors: choice.vectors };
}

/**
 * Validation data through the draft; what its monitors saw gives them their edges, and the same observations counted by these edges
 * are the baseline. Edges are read by telemetry alone: nothing that the vectors prove depends on them.
 */
async function withBaseline(
  contents: BundleContents,
  {
    runtime,
    draft,
    options,
    control,
  }: Pick<GoldenWork, 'runtime' | 'options'> & {
    readonly draft: EncodedBundle;
    readonly control: EvaluateControl;
  },
): Promise<{
  readonly bundle: EncodedBundle;
  readonly monitors: readonly Monitor[];
  readonly validation: Evaluation | null;
}> {
  if (options.validation === undefined)
    return { bundle: draft, monitors: contents.monitors, validation: null };
  const seen = await observe(load(runtime, draft.bytes), options.validation, control);
  const monitors = contents.monitors.map((monitor, i) => withEdges(monitor, seen.values[i]!));
  const bundle = encodeBundle({ ...contents, monitors });
  if (!passesSelfTest(runtime, bundle.bytes, contents.golden.length))
    throw fault('compiler.self-test-failed', { reason: 'its vectors do not hold with monitors' });
  const counted = monitors.map((monitor) => ({ ...monitor, ...scaleOfMonitor(contents, monitor) }));
  return { bundle, monitors, validation: evaluationOf(counted, seen) };
}

/** What a monitored integer stands for, where it is an input's. */
function scaleOfMonitor({ inputs }: BundleContents, { planned }: Monitor) {
  const tensor = inputs.find((input) => input.planned.tensor === planned.tensor)?.tensor;
  if (!tensor) return { scale: 1, zeroPoint: 0 };
  const { scale, zeroPoint } = deviceInput(tensor);
  return { scale, zeroPoint };
}

/** A bundle of ours that the runtime refuses is a defect of the compiler. */
function load(runtime: Runtime, bundle: Uint8Array): LoadedBundle {
  try {
    return runtime.load(bundle);
  } catch (error) {
    throw fault('compiler.self-test-failed', {
      reason: error instanceof Error ? error.message : String(error),
    });
  }
}

function passesSelfTest(runtime: Runtime, bytes: Uint8Array, vectors: number): boolean {
  let bundle: LoadedBundle;
  try {
    bundle = runtime.load(bytes);
  } catch {
    // A damaged multiplier or shift is refused at load: noticed as well.
    return false;
  }
  for (let vector = 0; vector < vectors; vector++) if (!bundle.selfTest(vector).passed) return false;
  return true;
}

/** The caller's, else the first row of the validation or calibration data: one real input. */
function goldenSample(
  options: CompileOptions,
  graph: Graph,
  calibration: Calibration | null,
): Uint8Array | null {
  if (options.deviceType.profile === 'reduced') return null;
  const inputs = graph.inputs.map((id) => deviceInput(tensorOf(graph, id)));
  const total = inputs.reduce((n, { bytes }) => n + bytes, 0);
  if (options.goldenSample?.length === total) return options.goldenSample;
  if (calibration !== null) {
    if (calibration.source === 'range') return null;
    const { samples } = calibration;
    const rows = inputs.map((input, i) => floatRow(samples.inputs[i]!, samples.count, input));
    return Buffer.concat(rows);
  }
  if (options.validation === undefined || inputs.length !== 1) return null;
  return deviceRows(readNpy(options.validation.inputs, 'x.npy'), inputs[0]!, false).row(0).slice();
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
