// Variables as TFLite has them. Those that READ_VARIABLE and ASSIGN_VARIABLE name become handles, made by VAR_HANDLE, and a second
// subgraph, run once by CALL_ONCE, assigns their first bytes. States of SVDF and LSTM stay tensors marked as variable.
import { byteLength, type Graph, type Tensor, type TensorId } from '../../ir/graph.js';
import { BUILTIN_OPERATORS, OPTIONS_TYPE, TENSOR_TYPES } from '../../ir/tflite-schema.js';
import type { TableValue } from './flatbuffer-writer.js';

const [ASSIGN, CALL_ONCE, VAR_HANDLE] = ['ASSIGN_VARIABLE', 'CALL_ONCE', 'VAR_HANDLE'].map((name) =>
  BUILTIN_OPERATORS.indexOf(name),
) as [number, number, number];

export interface HandleWriter {
  readonly handles: ReadonlySet<TensorId>;
  /** Builtin codes of what it adds. */
  readonly codes: readonly number[];
  /** In front of the graph's own operators. */
  readonly operators: (at: (id: TensorId) => number, code: (builtin: number) => number) => TableValue[];
  /** Behind the main subgraph. `buffer` stores bytes and gives their number. */
  readonly subgraphs: (
    buffer: (data: Uint8Array) => number,
    code: (builtin: number) => number,
  ) => TableValue[];
}

export function handleWriter(graph: Graph): HandleWriter {
  const named = new Set(
    graph.ops.flatMap((op) =>
      op.kind === 'read_variable' || op.kind === 'assign_variable' ? [op.inputs[0]!] : [],
    ),
  );
  const variables = [...graph.tensors.values()].filter(({ id }) => named.has(id));
  const twice = new Set(variables.map(({ name }) => name)).size < variables.length;
  const options = ({ id, name }: Tensor): TableValue => ({
    type: OPTIONS_TYPE.varHandle,
    value: { container: '', sharedName: twice ? `${name}#${id}` : name },
  });
  return {
    handles: named,
    codes: variables.length === 0 ? [] : [CALL_ONCE, VAR_HANDLE, ASSIGN],
    operators: (at, code) => [
      ...(variables.length === 0 ? [] : [callOnce(code)]),
      ...variables.map((variable) => ({
        opcodeIndex: code(VAR_HANDLE),
        inputs: [],
        outputs: [at(variable.id)],
        options: options(variable),
      })),
    ],
    subgraphs: (buffer, code) => {
      if (variables.length === 0) return [];
      const tensors = variables.flatMap((variable): TableValue[] => [
        handleTensor(variable.name),
        {
          shape: variable.shape,
          type: TENSOR_TYPES.indexOf(variable.dtype),
          buffer: buffer(variable.variable!.initial ?? new Uint8Array(byteLength(variable))),
          name: `${variable.name}/first`,
        },
      ]);
      const operators = variables.flatMap((variable, i): TableValue[] => [
        { opcodeIndex: code(VAR_HANDLE), inputs: [], outputs: [2 * i], options: options(variable) },
        { opcodeIndex: code(ASSIGN), inputs: [2 * i, 2 * i + 1], outputs: [] },
      ]);
      return [{ tensors, inputs: [], outputs: [], operators, name: 'first_values' }];
    },
  };
}

function callOnce(code: (builtin: number) => number): TableValue {
  const options = { type: OPTIONS_TYPE.callOnce, value: { initSubgraph: 1 } };
  return { opcodeIndex: code(CALL_ONCE), inputs: [], outputs: [], options };
}

export function handleTensor(name: string): TableValue {
  return { shape: [], type: TENSOR_TYPES.indexOf('resource'), buffer: 0, name };
}

/** Throws RangeError where the state of an SVDF or LSTM starts with other bytes than TFLite sets: zero points. */
export function isMarked({ name, dtype, quantization, variable }: Tensor): boolean {
  if (variable === undefined) return false;
  const zero = dtype === 'int8' ? (quantization?.zeroPoints[0] ?? 0) & 0xff : 0;
  const first = variable.initial ?? [0];
  if (!first.every((byte) => byte === zero)) throw new RangeError(`${name}: TFLite cannot say how it starts`);
  return true;
}
