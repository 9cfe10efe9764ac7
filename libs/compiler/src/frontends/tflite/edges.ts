// Conversions at the edge of a graph: a converter left with float or uint8 interfaces puts a QUANTIZE behind each input
// and a DEQUANTIZE before each output. Devices compute no floats, so the edge moves inwards: the int8 tensor becomes the
// input or output, and its scale and zero point say in the contract what the conversion would have done. (A uint8 tensor inside is
// int8 by then, see open.ts.)
import { BUILTIN_OPERATORS, TENSOR_TYPES, type Decoded, type SUBGRAPH } from '../../ir/tflite-schema.js';

type Subgraph = Decoded<typeof SUBGRAPH>;

export interface Interface {
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** Operators that the moved edges leave outside, by position. */
  readonly outside: ReadonlySet<number>;
}

const QUANTIZE = BUILTIN_OPERATORS.indexOf('QUANTIZE');
const DEQUANTIZE = BUILTIN_OPERATORS.indexOf('DEQUANTIZE');

/** `codeOf` gives an operator's builtin code; indices of the file are not trusted. */
export function moveEdges(subgraph: Subgraph, codeOf: (operator: number) => number): Interface {
  const operators = subgraph.operators ?? [];
  const [givenInputs, givenOutputs] = [subgraph.inputs ?? [], subgraph.outputs ?? []];
  const [inputs, outputs] = [new Set(givenInputs), new Set(givenOutputs)];
  const [becomes, outside] = [new Map<number, number>(), new Set<number>()];
  const readers = new Map<number, number>();
  for (const operator of operators) {
    for (const id of operator.inputs ?? []) readers.set(id, (readers.get(id) ?? 0) + 1);
  }
  operators.forEach((operator, i) => {
    const [from, to] = [operator.inputs?.[0], operator.outputs?.[0]];
    if (from === undefined || to === undefined) return;
    const code = codeOf(i);
    // Whoever else reads the float tensor would lose it.
    const first = code === QUANTIZE && inputs.has(from) && readers.get(from) === 1 && !outputs.has(from);
    const last = (code === DEQUANTIZE || code === QUANTIZE) && outputs.has(to) && !readers.has(to);
    if (first && sameValues(subgraph, { outer: from, inner: to })) {
      becomes.set(from, to);
      outside.add(i);
    } else if (last && sameValues(subgraph, { outer: to, inner: from })) {
      becomes.set(to, from);
      outside.add(i);
    }
  });
  const move = (ids: readonly number[]): number[] => ids.map((id) => becomes.get(id) ?? id);
  return { inputs: move(givenInputs), outputs: move(givenOutputs), outside };
}

const INNER_TYPES: readonly string[] = ['int8', 'uint8', 'int16'];

/** Does the int8 tensor hold the same reals? A float one always; a uint8 one when it is the int8 one shifted by 128. */
function sameValues(subgraph: Subgraph, edge: { outer: number; inner: number }): boolean {
  const [outer, inner] = [subgraph.tensors?.[edge.outer], subgraph.tensors?.[edge.inner]];
  if (outer === undefined || inner === undefined || !INNER_TYPES.includes(TENSOR_TYPES[inner.type] ?? '')) {
    return false;
  }
  if (outer.shape?.join() !== inner.shape?.join()) return false;
  if (TENSOR_TYPES[outer.type] === 'float32') return true;
  const [p, q] = [outer.quantization, inner.quantization];
  const sameScale = p?.scale?.length === 1 && p.scale[0] === q?.scale?.[0];
  return (
    TENSOR_TYPES[outer.type] === 'uint8' &&
    TENSOR_TYPES[inner.type] === 'int8' &&
    sameScale &&
    p.zeroPoint?.[0] === (q?.zeroPoint?.[0] ?? 0) + 128
  );
}
