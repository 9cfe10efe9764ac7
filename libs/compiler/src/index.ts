// The compiler: a trained model in, one device type's bundle out. Pure and deterministic: bytes in, bytes out, no I/O.
// Stages (frontends, passes, plan, backends) know the IR only; what is exported here is the driver's and the IR's.
export {
  elements,
  byteLength,
  tensorOf,
  type DType,
  type Graph,
  type Quantization,
  type Tensor,
  type TensorId,
} from './ir/graph.js';
export type { Activation, Op, OpKind, Padding } from './ir/ops.js';
export { GraphBuilder, type Activated, type QuantizationSpec } from './ir/builder.js';
export { dumpGraph } from './ir/dump.js';
export { verify, IrViolation } from './ir/verify.js';
export {
  describeDiagnostic,
  type CompilerCode,
  type Diagnostic,
  type ReportDiagnostic,
} from './ir/diagnostics.js';
export { roundHalfAway } from './ir/multipliers.js';
export { DEFAULT_LIMITS, type TfliteLimits } from './frontends/tflite/limits.js';
export { DEFAULT_MODEL_LIMITS, type ModelLimits } from './frontends/limits.js';
export { writeTflite } from './backends/tflite/write.js';
export type { SensorContract } from './backends/bundle/contents.js';
export type { FrontEnd, Statistic } from './plan/front-end/description.js';
export { PASSES } from './passes/table.js';
export type { Pass, PassResult } from './passes/pass.js';
export { cLibrary, tfliteModel } from './driver/artifacts.js';
export { compile, type CompileControl, type CompileResult } from './driver/compile.js';
export { inspect, type ModelInspection, type TensorContract } from './driver/inspect.js';
export { evaluate, type Evaluation, type ValidationData } from './driver/evaluate.js';
export type { Source, SourceFormat } from './driver/frontends.js';
export { runFloat, type FloatOutput } from './driver/float.js';
export { SUPPORTED_OPS, type SupportedOps } from './driver/supported-ops.js';
export { COMPILER_VERSION, type CompileOptions, type Progress, type TargetType } from './driver/options.js';
export type { Report } from './driver/report.js';
export { fitDevice, type DeviceFit, type FittedReport } from './driver/fit.js';
export {
  estimate,
  ESTIMATE_BASIS,
  LATENCY_FACTOR,
  latencyBoundUs,
  type Estimate,
  type Hardware,
} from './driver/estimate.js';
