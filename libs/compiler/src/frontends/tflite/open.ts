// A TensorFlow Lite model as an IR graph, all integer or all float. Call `match` first. Faults of the container end the reading at once;
// faults of the graph are collected over all nodes and thrown together, unsupported operators in one diagnostic.
import { failure, fault, type Diagnostic } from '../../ir/diagnostics.js';
import {
  DTYPE_BYTES,
  zeroPointRange,
  type DType,
  type Graph,
  type Quantization,
  type Tensor,
} from '../../ir/graph.js';
import type { Op } from '../../ir/ops.js';
import {
  BUILTIN_OPERATORS,
  CUSTOM_OPERATOR,
  MODEL,
  PLACEHOLDER_OPERATOR,
  TENSOR_TYPES,
  type Decoded,
  type SUBGRAPH,
  type TENSOR,
} from '../../ir/tflite-schema.js';
import { moveEdges, type Interface } from './edges.js';
import { OpContext, type FileTensor } from './context.js';
import { findFloats, widen, WIDENED_BYTES } from './floats.js';
import { readFlatbuffer } from './flatbuffer-reader.js';
import { packedBytes, unpackInt4, withoutUint8 } from './narrow.js';
import { DEFAULT_LIMITS, within, type TfliteLimits } from './limits.js';
import { HINTS, IMPORTERS } from './ops/table.js';
import { shapeArithmetic } from './shape-arithmetic.js';
import { readVariables, zeroPointBytes } from './variables.js';

type Model = Decoded<typeof MODEL>;
type Subgraph = Decoded<typeof SUBGRAPH>;

/** Throws FleetError `compiler.*`; its `data.diagnostics` lists every fault. */
export function open(file: Uint8Array, limits: TfliteLimits = DEFAULT_LIMITS): Graph {
  const model = readFlatbuffer(file, MODEL, limits);
  const subgraph = model.subgraphs?.[0];
  if (subgraph === undefined) throw invalid('model', 'it has no subgraph');
  const fileTensors = subgraph.tensors ?? [];
  const operators = subgraph.operators ?? [];
  within('tensors', fileTensors.length, limits.tensors);
  within('operators', operators.length, limits.operators);
  within(
    'inputs and outputs',
    (subgraph.inputs ?? []).length + (subgraph.outputs ?? []).length,
    limits.tensors,
  );
  if (operators.length === 0) throw invalid('model', 'it has no operators');

  const diagnostics: Diagnostic[] = [];
  const codeOf = (i: number): number => builtinCode(model, operators[i]!.opcodeIndex);
  const floats = findFloats(subgraph, codeOf, (id) => hasData(model, fileTensors[id]));
  const moved = moveEdges(subgraph, codeOf);
  const outside = new Set([...moved.outside, ...floats.outside]);
  const nameAt = (i: number): string => builtinName(model, operators[i]!.opcodeIndex);
  shapeArithmetic(subgraph, moved.outputs, outside, nameAt).forEach((i) => outside.add(i));
  const edges = { ...moved, outside };
  const unsupported = unsupportedOperators(model, subgraph, edges.outside);
  if (unsupported !== null) throw failure([unsupported.summary, ...unsupported.details]);
  const used = referenced(operators, edges);
  let madeBytes = 0;
  const plain = plainNumbers(model, operators);
  const tensors = fileTensors.map((tensor, id) => {
    const constant = floats.aliases.get(id);
    const read = { id, used: used.has(id), widened: constant !== undefined || floats.widened.has(id) };
    const source = { ...fileTensors[constant ?? id]!, name: tensor.name };
    const stored = readTensor(source, read, { model, limits, diagnostics });
    const found = plain.has(id) ? stored : withoutUint8(stored);
    // Tensors may share a buffer; what is made of it is not shared.
    const data = found.tensor?.data ?? null;
    if (data !== null && data.buffer !== file.buffer) madeBytes += data.length;
    within('bytes of weights in wider types', madeBytes, limits.fileBytes * DTYPE_BYTES.float32);
    return found;
  });
  const nameOf = ({ opcodeIndex }: { opcodeIndex: number }): string => builtinName(model, opcodeIndex);
  for (const [handle, tensor] of readVariables({ model, tensors, diagnostics, nameOf }))
    tensors[handle] = { ...tensors[handle]!, tensor };
  checkOneKind(tensors, diagnostics);
  const names = new Set<string>();
  const ops: Op[] = [];
  operators.forEach((operator, i) => {
    if (edges.outside.has(i)) return;
    const builtin = builtinName(model, operator.opcodeIndex);
    const name = unique(tensors[operator.outputs?.[0] ?? -1]?.name ?? `${builtin.toLowerCase()}_${i}`, names);
    const made = IMPORTERS[builtin]!(new OpContext(name, builtin, operator, i, tensors, diagnostics));
    if (made !== null) ops.push(...(Array.isArray(made) ? (made as readonly Op[]) : [made as Op]));
  });
  const interfaceOf = (list: readonly number[], what: string): number[] =>
    list.flatMap((index) => checkInterface(tensors[index], index, what, diagnostics));
  const inputs = interfaceOf(edges.inputs, 'input');
  const outputs = interfaceOf(edges.outputs, 'output');
  if (new Set(inputs).size < inputs.length) diagnostics.push(graphFault('model', 'an input is listed twice'));
  if (inputs.length === 0 && diagnostics.length === 0)
    diagnostics.push(graphFault('model', 'it has no input'));
  if (outputs.length === 0 && diagnostics.length === 0)
    diagnostics.push(graphFault('model', 'it has no output'));
  if (diagnostics.length === 0) checkOrder(ops, inputs, outputs, tensors, diagnostics);
  if (diagnostics.length > 0) throw failure(diagnostics);

  const live = new Set([...inputs, ...outputs, ...ops.flatMap((op) => [...op.inputs, ...op.outputs])]);
  const kept = tensors.flatMap(({ tensor }) => (tensor !== null && live.has(tensor.id) ? [tensor] : []));
  return {
    name: subgraph.name || 'main',
    tensors: new Map(kept.map((tensor) => [tensor.id, tensor])),
    ops,
    inputs,
    outputs,
    roots: [],
  };
}

function invalid(op: string, reason: string) {
  return fault('compiler.graph-invalid', { op, reason });
}

function graphFault(op: string, reason: string): Diagnostic {
  return { code: 'compiler.graph-invalid', severity: 'error', data: { op, reason }, op };
}

/** deprecated_builtin_code is the number below 127; newer files have both, the larger one counts. */
function builtinCode(model: Model, opcodeIndex: number): number {
  const code = model.operatorCodes?.[opcodeIndex];
  if (code === undefined) throw invalid(`operator code ${opcodeIndex}`, "it is not in the model's table");
  const old = code.deprecatedBuiltinCode;
  return old === PLACEHOLDER_OPERATOR ? code.builtinCode : Math.max(old, code.builtinCode);
}

function builtinName(model: Model, opcodeIndex: number): string {
  const number = builtinCode(model, opcodeIndex);
  const code = model.operatorCodes![opcodeIndex]!;
  if (number === CUSTOM_OPERATOR) return `CUSTOM:${code.customCode ?? '?'}`;
  return BUILTIN_OPERATORS[number] ?? `BUILTIN_${number}`;
}

function unsupportedOperators(
  model: Model,
  subgraph: Subgraph,
  outside: ReadonlySet<number>,
): { summary: Diagnostic; details: Diagnostic[] } | null {
  const found = new Map<string, string[]>();
  for (const [i, operator] of (subgraph.operators ?? []).entries()) {
    const builtin = builtinName(model, operator.opcodeIndex);
    if (IMPORTERS[builtin] !== undefined || outside.has(i)) continue;
    const node = subgraph.tensors?.[operator.outputs?.[0] ?? -1]?.name ?? `#${i}`;
    found.set(builtin, [...(found.get(builtin) ?? []), node]);
  }
  if (found.size === 0) return null;
  const ops = [...found].map(([builtin, nodes]) => `${builtin} (${nodes.join(', ')})`).join('; ');
  const supported = Object.keys(IMPORTERS).join(', ');
  const summary: Diagnostic = {
    code: 'compiler.op-unsupported',
    severity: 'error',
    data: { count: found.size, ops, supported },
  };
  const details = [...found].flatMap(([builtin, nodes]) =>
    nodes.map((node): Diagnostic => {
      const hint = HINTS[builtin];
      const data = { count: 1, ops: builtin, supported };
      return { ...summary, data, op: node, ...(hint === undefined ? {} : { hint }) };
    }),
  );
  return { summary, details };
}

/** Tensors some node or the interface names; a file may hold leftovers that need not be readable. */
function referenced(operators: NonNullable<Subgraph['operators']>, edges: Interface): Set<number> {
  const used = new Set([...edges.inputs, ...edges.outputs]);
  operators.forEach((operator, i) => {
    if (edges.outside.has(i)) return;
    for (const id of operator.inputs ?? []) used.add(id);
    for (const id of operator.outputs ?? []) used.add(id);
  });
  return used;
}

function hasData(model: Model, tensor: Decoded<typeof TENSOR> | undefined): boolean {
  return (model.buffers?.[tensor?.buffer ?? -1]?.data?.length ?? 0) > 0;
}

interface FileContext {
  readonly model: Model;
  readonly limits: TfliteLimits;
  readonly diagnostics: Diagnostic[];
}

function readTensor(
  source: Decoded<typeof TENSOR>,
  { id, used, widened }: { readonly id: number; readonly used: boolean; readonly widened: boolean },
  { model, limits, diagnostics }: FileContext,
): FileTensor {
  const name = source.name ?? `tensor_${id}`;
  const stored = TENSOR_TYPES[source.type] ?? `type ${source.type}`;
  const shape = source.shape ?? [];
  const packed = stored === 'int4' && !widened && hasData(model, source);
  const type = widened ? 'float32' : packed ? 'int8' : stored;
  const unusable: FileTensor = { name, type, shape, tensor: null };
  if (!used || !(type in DTYPE_BYTES)) return unusable;
  const dtype = type as DType;
  const elementBytes = widened ? WIDENED_BYTES[stored]! : DTYPE_BYTES[dtype];
  const report = (code: Diagnostic['code'], data: Record<string, string | number>): FileTensor => {
    diagnostics.push({ code, severity: 'error', data: { tensor: name, ...data }, tensor: name });
    return unusable;
  };

  within(`dimensions in ${name}`, shape.length, limits.rank);
  if (shape.some((extent) => extent < 1)) {
    return report('compiler.shape-unsupported', {
      shape: shape.join(', '),
      reason: 'every extent must be at least 1',
    });
  }
  const bytes = shape.reduce((n, extent) => n * extent, DTYPE_BYTES[dtype]);
  within(`bytes in ${name}`, bytes, limits.tensorBytes);
  if (source.shapeSignature?.includes(-1) && source.shapeSignature.slice(1).includes(-1)) {
    return report('compiler.shape-unsupported', {
      shape: source.shapeSignature.join(', '),
      reason: 'extents are dynamic',
    });
  }
  const buffer = model.buffers?.[source.buffer];
  if (source.buffer !== 0 && buffer === undefined) {
    return report('compiler.graph-invalid', { op: name, reason: `buffer ${source.buffer} does not exist` });
  }
  if (buffer !== undefined && (buffer.offset > 1 || buffer.size > 1)) {
    return report('compiler.graph-invalid', {
      op: name,
      reason: 'its data lies outside the FlatBuffer, which is not supported',
    });
  }
  const data =
    buffer?.data !== null && buffer?.data !== undefined && buffer.data.length > 0 ? buffer.data : null;
  const count = bytes / DTYPE_BYTES[dtype];
  const needed = packed ? packedBytes(count) : count * elementBytes;
  if (data !== null && data.length !== needed) {
    return report('compiler.graph-invalid', {
      op: name,
      reason: `it has ${data.length} bytes of data for ${needed}`,
    });
  }

  const q = readQuantization(source, packed ? dtype : stored);
  if (typeof q === 'string') return report('compiler.quantization-invalid', { reason: q });
  if (source.isVariable) {
    if (data !== null)
      return report('compiler.graph-invalid', { op: name, reason: 'it is a variable with constant data' });
    const tensor: Tensor = { id, name, dtype, shape, quantization: q, data };
    // What TFLM resets variables to.
    const initial = dtype === 'int8' ? zeroPointBytes(tensor) : null;
    return { ...unusable, tensor: { ...tensor, variable: { initial } } };
  }
  if (widened && data !== null) {
    const values = widen({ type: stored, shape, quantization: q, data });
    return { ...unusable, tensor: { id, name, dtype, shape, quantization: null, data: values } };
  }
  const values = packed && data !== null ? unpackInt4(data, count) : data;
  return { ...unusable, tensor: { id, name, dtype, shape, quantization: q, data: values } };
}

/** Nothing converts between floats and integers inside a graph: devices have no floats. */
function checkOneKind(tensors: readonly FileTensor[], diagnostics: Diagnostic[]): void {
  const computed = tensors.filter(({ tensor }) => tensor !== null && tensor.data === null);
  const float = computed.find(({ type }) => type === 'float32');
  const integer = computed.find(({ tensor }) => tensor!.quantization !== null);
  if (float === undefined || integer === undefined) return;
  const data = { float: float.name, integer: integer.name, type: integer.type };
  diagnostics.push({ code: 'compiler.mixed-types', severity: 'error', data, tensor: float.name });
}

/** Tensors whose numbers mean themselves, not reals: the operands of CAST. */
function plainNumbers(model: Model, operators: NonNullable<Subgraph['operators']>): Set<number> {
  const casts = operators.filter((operator) => builtinName(model, operator.opcodeIndex) === 'CAST');
  return new Set(casts.flatMap(({ inputs, outputs }) => [...(inputs ?? []), ...(outputs ?? [])]));
}

/** The quantization, null when there is none, or what is wrong with it. */
function readQuantization(source: Decoded<typeof TENSOR>, type: string): Quantization | null | string {
  const { scale, zeroPoint, quantizedDimension: axis } = source.quantization ?? {};
  if (type.startsWith('float') || scale === undefined || scale === null || scale.length === 0) return null;
  if (!scale.every((s) => Number.isFinite(s) && s > 0)) return 'a scale is not a positive number';
  const zeroPoints = scale.map((_, i) => zeroPoint?.[i] ?? zeroPoint?.[0] ?? 0);
  const [low, high] = zeroPointRange(type as DType);
  if (!zeroPoints.every((z) => z >= low && z <= high)) return `a zero point is outside ${low}..${high}`;
  if (scale.length === 1) return { scales: scale, zeroPoints, axis: null };
  // The kernels never read a bias's scale; some converters copy the weights' axis to it.
  const sliced = type === 'int32' && source.shape?.length === 1 ? 0 : axis;
  if (sliced === undefined || source.shape?.[sliced] !== scale.length) {
    return `it has ${scale.length} scales for dimension ${axis ?? 0} of [${source.shape?.join(', ') ?? ''}]`;
  }
  return { scales: scale, zeroPoints, axis: sliced };
}

/** What inputs and outputs can be; float32 ones are quantized before a device sees them. */
const INTERFACE_TYPES: readonly string[] = ['int8', 'int16', 'float32', 'int32', 'int64', 'uint8', 'bool'];

function checkInterface(
  found: FileTensor | undefined,
  index: number,
  what: string,
  diagnostics: Diagnostic[],
): number[] {
  if (found === undefined) {
    diagnostics.push(graphFault('model', `${what} names tensor ${index}, which does not exist`));
    return [];
  }
  if (!INTERFACE_TYPES.includes(found.type)) {
    const expected = INTERFACE_TYPES.join(' or ');
    const data = { tensor: found.name, op: `the model's ${what}`, type: found.type, expected };
    diagnostics.push({ code: 'compiler.type-unsupported', severity: 'error', data, tensor: found.name });
    return [];
  }
  if (found.tensor === null) return [];
  if (found.tensor.variable !== undefined) {
    diagnostics.push(graphFault('model', `${what} ${found.name} is a variable`));
    return [];
  }
  const scaled = found.tensor.quantization !== null || zeroPointRange(found.tensor.dtype)[0] !== -Infinity;
  const oneScale = !scaled || found.tensor.quantization?.axis === null;
  if (!oneScale || found.tensor.data !== null) {
    const reason = found.tensor.data !== null ? 'it is constant' : 'it needs one scale';
    diagnostics.push({
      code: 'compiler.quantization-invalid',
      severity: 'error',
      data: { tensor: found.name, reason },
      tensor: found.name,
    });
    return [];
  }
  return [index];
}

/** TFLite stores operators in execution order and tensors once: what the IR's verifier demands, said to the user. */
function checkOrder(
  ops: readonly Op[],
  inputs: readonly number[],
  outputs: readonly number[],
  tensors: readonly FileTensor[],
  diagnostics: Diagnostic[],
): void {
  const ready = new Set(inputs);
  tensors.forEach(({ tensor }) => {
    if (tensor !== null && (tensor.data !== null || tensor.variable !== undefined)) ready.add(tensor.id);
  });
  for (const op of ops) {
    const early = op.inputs.find((id) => !ready.has(id));
    if (early !== undefined)
      diagnostics.push(graphFault(op.name, `${tensors[early]!.name} is read before it is computed`));
    for (const id of op.outputs) {
      if (ready.has(id))
        diagnostics.push(graphFault(op.name, 'its output is an input, constant or computed twice'));
      ready.add(id);
    }
  }
  for (const id of outputs) {
    if (!ready.has(id))
      diagnostics.push(graphFault('model', `output ${tensors[id]!.name} is never computed`));
  }
}

function unique(name: string, names: Set<string>): string {
  let candidate = name;
  for (let n = 2; names.has(candidate); n++) candidate = `${name}#${n}`;
  names.add(candidate);
  return candidate;
}
