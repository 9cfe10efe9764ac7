// The build report: JSON for people and tools, one row per fact. Superset of BuildReport in @tinyfleet/contracts.
import type { EncodedBundle } from '../backends/bundle/encode.js';
import { describeDiagnostic, type Diagnostic, type ReportDiagnostic } from '../ir/diagnostics.js';
import type { PassResult } from '../passes/pass.js';
import { BUNDLE_ABI } from '../plan/generated/bundle-layout.js';
import type { Plan } from '../plan/types.js';
import type { Evaluation } from './evaluate.js';
import type { QuantizationReport } from './quantization-report.js';
import { COMPILER_VERSION, type TargetType } from './options.js';

export interface Report {
  readonly compilerVersion: string;
  /** Of the bundle: `major.minor`. */
  readonly abi: string;
  readonly deviceType: string;
  readonly source: { readonly fileName: string; readonly bytes: number; readonly digest: string };
  readonly bundleBytes: number;
  readonly bundleDigest: string;
  /** Section -> bytes, gaps under 'padding'; they sum to bundleBytes. */
  readonly flash: Readonly<Record<string, number>>;
  readonly arenaBytes: number;
  /** Most bytes live at one step: no packing of this order can do with less. */
  readonly arenaLowerBoundBytes: number;
  readonly arenaStrategy: string;
  readonly stateBytes: number;
  readonly macs: number;
  readonly fits: { readonly slot: boolean; readonly arena: boolean };
  readonly ops: readonly {
    readonly index: number;
    readonly op: string;
    readonly name: string;
    readonly node: number | null;
    readonly macs: number;
    /** Inner-loop rounds: MACs, window elements of a pool, else elements. */
    readonly work: number;
    readonly outputBytes: number;
    /** Weights, bias and tables it reads. */
    readonly constantBytes: number;
    /** Bytes alive while it runs. */
    readonly liveBytes: number;
  }[];
  /** Arena over time: which tensor lies where during which steps (inclusive, -1 = before the first). */
  readonly arena: readonly {
    readonly tensor: string;
    readonly offset: number;
    readonly bytes: number;
    readonly firstStep: number;
    readonly lastStep: number;
  }[];
  readonly passes: readonly PassResult[];
  readonly goldenVectors: number;
  /** Different outputs among the random vectors' candidates. */
  readonly goldenDistinctOutputs: number;
  /** Share of sampled blocks of constants whose damage the self-test notices; null when not measured. */
  readonly goldenCoverage: number | null;
  readonly validation: Evaluation | null;
  /** How a float model became int8, and what that cost; null for a model that came quantized. */
  readonly quantization: QuantizationReport | null;
  readonly diagnostics: readonly ReportDiagnostic[];
  readonly seconds: number;
}

export interface ReportParts {
  readonly target: TargetType;
  readonly source: Report['source'];
  readonly plan: Plan;
  readonly bundle: EncodedBundle;
  readonly bundleDigest: string;
  readonly passes: readonly PassResult[];
  readonly golden: { readonly vectors: number; readonly distinct: number; readonly coverage: number | null };
  readonly validation: Evaluation | null;
  readonly quantization: QuantizationReport | null;
  readonly diagnostics: readonly Diagnostic[];
  readonly seconds: number;
}

export function makeReport(parts: ReportParts): Report {
  const { plan, bundle, target } = parts;
  return {
    compilerVersion: COMPILER_VERSION,
    abi: `${BUNDLE_ABI.major}.${BUNDLE_ABI.minor}`,
    deviceType: target.name,
    source: parts.source,
    bundleBytes: bundle.bytes.length,
    bundleDigest: parts.bundleDigest,
    flash: flashBySection(bundle),
    arenaBytes: plan.arenaBytes,
    arenaLowerBoundBytes: plan.lowerBoundBytes,
    arenaStrategy: plan.strategy,
    stateBytes: plan.stateBytes,
    macs: plan.steps.reduce((n, step) => n + step.macs, 0),
    fits: { slot: bundle.bytes.length <= target.slotBytes, arena: plan.arenaBytes <= target.arenaBytes },
    ops: plan.steps.map((step, index) => ({
      index,
      op: step.op,
      name: step.name,
      node: step.node,
      macs: step.macs,
      work: step.work,
      outputBytes: step.outputs.reduce((n, o) => n + o.bytes, 0),
      constantBytes: step.inputs.reduce((n, o) => n + (o.space === 'const' ? o.bytes : 0), 0),
      liveBytes: liveBytes(plan, index),
    })),
    arena: plan.placements.map(({ name, offset, bytes, firstStep, lastStep }) => {
      return { tensor: name, offset, bytes, firstStep, lastStep };
    }),
    passes: parts.passes,
    goldenVectors: parts.golden.vectors,
    goldenDistinctOutputs: parts.golden.distinct,
    goldenCoverage: parts.golden.coverage,
    validation: parts.validation,
    quantization: parts.quantization,
    diagnostics: parts.diagnostics.map(describeDiagnostic),
    seconds: parts.seconds,
  };
}

function flashBySection({ bytes, sections }: EncodedBundle): Record<string, number> {
  const flash: Record<string, number> = {};
  let used = 0;
  for (const [name, { length }] of Object.entries(sections)) {
    flash[name] = length;
    used += length;
  }
  return { ...flash, padding: bytes.length - used };
}

function liveBytes(plan: Plan, step: number): number {
  const live = plan.placements.filter((p) => p.firstStep <= step && step <= p.lastStep);
  return live.reduce((n, p) => n + p.bytes, 0);
}

/** compiler.slot-too-small, arena-too-small and state-too-small, for what does not fit. */
export function fitDiagnostics(report: Report, target: TargetType): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  const deviceType = target.name;
  if (!report.fits.slot) {
    const constants = report.flash.constants ?? 0;
    const data = { deviceType, required: report.bundleBytes, constants, available: target.slotBytes };
    diagnostics.push({ code: 'compiler.slot-too-small', severity: 'error', data });
  }
  if (!report.fits.arena) {
    const peak = report.ops.reduce((a, b) => (b.liveBytes > a.liveBytes ? b : a));
    const place = { step: peak.index, op: `${peak.op} ${peak.name}` };
    const data = { deviceType, required: report.arenaBytes, available: target.arenaBytes, ...place };
    diagnostics.push({ code: 'compiler.arena-too-small', severity: 'error', data, op: peak.name });
  }
  if (target.stateBytes !== undefined && report.stateBytes > target.stateBytes) {
    const data = { deviceType, required: report.stateBytes, available: target.stateBytes };
    diagnostics.push({ code: 'compiler.state-too-small', severity: 'error', data });
  }
  return diagnostics;
}
