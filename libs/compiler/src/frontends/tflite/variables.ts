// Variables of a model, by name: VAR_HANDLE names them, READ_VARIABLE and ASSIGN_VARIABLE use the handle, and a subgraph run once
// by CALL_ONCE gives first values. Here a handle becomes the IR's variable tensor with its first bytes; only subgraphs that
// assign constants are understood, as nothing runs at compile time.
import type { Diagnostic } from '../../ir/diagnostics.js';
import { byteLength, type DType, type Tensor } from '../../ir/graph.js';
import { OPTIONS_TYPE, type Decoded, type MODEL, type SUBGRAPH } from '../../ir/tflite-schema.js';
import type { FileTensor, Operator } from './context.js';

type Subgraph = Decoded<typeof SUBGRAPH>;

export interface VariableSource {
  readonly model: Decoded<typeof MODEL>;
  /** Of the main subgraph. */
  readonly tensors: readonly FileTensor[];
  readonly diagnostics: Diagnostic[];
  readonly nameOf: (operator: Operator) => string;
}

interface HandleOptions {
  readonly container: string | null;
  readonly sharedName: string | null;
}

/** Element types of what lives on; uint8 models change type on the way in, and their first bytes would not. */
const TYPES: readonly DType[] = ['int8', 'int16', 'int32', 'float32'];

/** The variable behind each handle, by index of the handle's tensor in the main subgraph. Faults are recorded. */
export function readVariables(source: VariableSource): Map<number, Tensor> {
  const operators = source.model.subgraphs?.[0]?.operators ?? [];
  const handles = handlesOf(operators, source.nameOf);
  const first = firstValues(source, operators);
  const variables = new Map<string, Tensor | null>();
  for (const [handle, key] of handles) {
    if (!variables.has(key))
      variables.set(key, makeVariable(source, { handle, key, handles }, first.get(key)));
  }
  return new Map(
    [...handles].flatMap(([handle, key]): [number, Tensor][] => {
      const variable = variables.get(key);
      return variable === null || variable === undefined ? [] : [[handle, variable]];
    }),
  );
}

/** Tensor of each handle -> the variable's name. */
function handlesOf(operators: readonly Operator[], nameOf: VariableSource['nameOf']): Map<number, string> {
  const handles = new Map<number, string>();
  for (const operator of operators) {
    const handle = operator.outputs?.[0];
    if (nameOf(operator) !== 'VAR_HANDLE' || handle === undefined) continue;
    const options = optionsOf(operator, OPTIONS_TYPE.varHandle) as HandleOptions | null;
    handles.set(handle, JSON.stringify([options?.container ?? '', options?.sharedName ?? '']));
  }
  return handles;
}

function makeVariable(
  { tensors, model, nameOf, diagnostics }: VariableSource,
  at: { readonly handle: number; readonly key: string; readonly handles: ReadonlyMap<number, string> },
  assigned: Uint8Array | undefined,
): Tensor | null {
  const name = (JSON.parse(at.key) as [string, string])[1] || tensors[at.handle]?.name || 'variable';
  const operators = model.subgraphs?.[0]?.operators ?? [];
  const named = (operator: Operator): boolean => at.handles.get(operator.inputs?.[0] ?? -1) === at.key;
  const values = (builtin: string, value: (operator: Operator) => number | undefined): (Tensor | null)[] =>
    operators
      .filter((operator) => nameOf(operator) === builtin && named(operator))
      .map((operator) => tensors[value(operator) ?? -1]?.tensor ?? null);
  const written = values('ASSIGN_VARIABLE', (operator) => operator.inputs?.[1])[0];
  const like = written ?? values('READ_VARIABLE', (operator) => operator.outputs?.[0])[0];
  // Nobody uses it, or its users have been reported.
  if (like === undefined || like === null) return null;
  const refuse = (reason: string): null => {
    diagnostics.push({
      code: 'compiler.graph-invalid',
      severity: 'error',
      data: { op: name, reason },
      op: name,
    });
    return null;
  };
  if (!TYPES.includes(like.dtype)) return refuse(`variables of ${like.dtype} are not supported`);
  if (assigned !== undefined && assigned.length !== byteLength(like))
    return refuse(`it starts with ${assigned.length} bytes and holds ${byteLength(like)}`);
  const initial = assigned ?? zeroPointBytes(written ?? null);
  return {
    id: at.handle,
    name,
    dtype: like.dtype,
    shape: like.shape,
    quantization: like.quantization,
    data: null,
    variable: { initial },
  };
}

/** What TFLM fills a variable with before anything is assigned: the zero point's low byte, whatever the type. */
export function zeroPointBytes(like: Tensor | null): Uint8Array | null {
  const zero = like?.quantization?.zeroPoints[0] ?? 0;
  return zero === 0 ? null : new Uint8Array(byteLength(like!)).fill(zero & 0xff);
}

/** First values by variable, from the subgraphs that CALL_ONCE runs. */
function firstValues(source: VariableSource, operators: readonly Operator[]): Map<string, Uint8Array> {
  const { model, nameOf, diagnostics } = source;
  const values = new Map<string, Uint8Array>();
  let used = false;
  for (const operator of operators) {
    const builtin = nameOf(operator);
    used ||= builtin === 'READ_VARIABLE' || builtin === 'ASSIGN_VARIABLE';
    if (builtin !== 'CALL_ONCE') continue;
    const index = (optionsOf(operator, OPTIONS_TYPE.callOnce)?.['initSubgraph'] as number | undefined) ?? 0;
    const subgraph = index === 0 ? undefined : model.subgraphs?.[index];
    const refuse = (reason: string): void => {
      diagnostics.push({
        code: 'compiler.initializer-unsupported',
        severity: 'error',
        data: { subgraph: subgraph?.name || `subgraph ${index}`, reason },
      });
    };
    if (subgraph === undefined) refuse('it does not exist');
    else if (used) refuse('it is called behind the first use of a variable');
    else readAssignments(model, subgraph, { nameOf, values, refuse });
  }
  return values;
}

function readAssignments(
  model: VariableSource['model'],
  subgraph: Subgraph,
  to: {
    readonly nameOf: VariableSource['nameOf'];
    readonly values: Map<string, Uint8Array>;
    readonly refuse: (reason: string) => void;
  },
): void {
  const operators = subgraph.operators ?? [];
  const handles = handlesOf(operators, to.nameOf);
  const others = new Set<string>();
  for (const operator of operators) {
    const builtin = to.nameOf(operator);
    if (builtin === 'VAR_HANDLE') continue;
    const key = handles.get(operator.inputs?.[0] ?? -1);
    const data = model.buffers?.[subgraph.tensors?.[operator.inputs?.[1] ?? -1]?.buffer ?? 0]?.data;
    if (builtin !== 'ASSIGN_VARIABLE') others.add(builtin);
    else if (key === undefined || data === null || data === undefined)
      to.refuse('it assigns what is not a constant');
    else to.values.set(key, data);
  }
  if (others.size > 0) to.refuse(`it computes (${[...others].join(', ')})`);
}

function optionsOf(operator: Operator, type: number): Readonly<Record<string, unknown>> | null {
  return operator.options?.type === type ? operator.options.value : null;
}
