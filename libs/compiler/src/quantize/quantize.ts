// A float graph and the ranges of its tensors become an int8 graph: per-channel symmetric weights, int32 biases, per-tensor
// asymmetric activations. Computed tensors keep their ids, ops their names, so layers of both graphs can be compared.
import { failure, type Diagnostic } from '../ir/diagnostics.js';
import { viewOf } from '../ir/cost.js';
import { byteLength, float32Values, tensorOf, type Graph, type Tensor, type TensorId } from '../ir/graph.js';
import type { Op } from '../ir/ops.js';
import { LSTM } from '../ir/ops/recurrent.js';
import {
  int16Cell,
  int32Bias,
  int8Data,
  int8Weights,
  leastWeightScale,
  quantizedValue,
} from './constants.js';
import { rangeOf, type Range } from './ranges.js';
import { ruleOf, type WeightRule } from './rules.js';
import { ScaleGroups } from './scale-groups.js';

/** Throws compiler.quantize-unsupported, naming every op that has no int8 form. */
export function quantizeGraph(graph: Graph, ranges: ReadonlyMap<TensorId, Range>): Graph {
  refuseUnsupported(graph);
  return new Quantizer(graph, ranges).run();
}

function refuseUnsupported(graph: Graph): void {
  const without = graph.ops.filter((op) => ruleOf(op.kind) === undefined);
  if (without.length === 0) return;
  const say = (op: Op): string => `${op.kind.toUpperCase()} (${op.name})`;
  const code = 'compiler.quantize-unsupported';
  const summary: Diagnostic = {
    code,
    severity: 'error',
    data: { count: without.length, ops: without.map(say).join(', ') },
  };
  const details = without.map((op): Diagnostic => {
    return { code, severity: 'error', data: { count: 1, ops: say(op) }, op: op.name };
  });
  throw failure([summary, ...details]);
}

class Quantizer {
  private readonly groups: ScaleGroups;
  private readonly cells: ReadonlySet<TensorId>;
  private readonly tensors: Map<TensorId, Tensor>;
  private readonly ops: Op[] = [];
  private nextId: TensorId;
  /** Converted constants, by what they were converted for. */
  private readonly made = new Map<string, TensorId>();

  constructor(
    private readonly graph: Graph,
    private readonly ranges: ReadonlyMap<TensorId, Range>,
  ) {
    this.groups = new ScaleGroups(ranges);
    this.cells = new Set(
      graph.ops.flatMap((op) => (ruleOf(op.kind)?.lstm === true ? [op.inputs[LSTM.cell]!] : [])),
    );
    this.tensors = new Map(graph.tensors);
    this.nextId = Math.max(-1, ...graph.tensors.keys()) + 1;
    for (const tensor of graph.tensors.values()) {
      if (isFloat(tensor) && tensor.data !== null) this.groups.add(tensor.id, rangeOf(float32Values(tensor)));
    }
  }

  run(): Graph {
    this.graph.ops.forEach((op) => this.ops.push(this.tie(op)));
    for (const tensor of [...this.tensors.values()]) {
      if (!isFloat(tensor) || tensor.data !== null) continue;
      this.tensors.set(tensor.id, this.computed(tensor));
    }
    const ops = this.ops.map((op) => this.withIntegers(op));
    const named = new Set([
      ...this.graph.inputs,
      ...this.graph.outputs,
      ...ops.flatMap((op) => [...op.inputs, ...op.outputs]),
    ]);
    const tensors = new Map([...this.tensors].filter(([id]) => named.has(id)));
    return { ...this.graph, tensors, ops };
  }

  private computed(tensor: Tensor): Tensor {
    if (this.cells.has(tensor.id)) return { ...tensor, ...int16Cell(this.ranges.get(tensor.id)) };
    const quantization = this.groups.quantization(tensor.id);
    const { variable } = tensor;
    if (variable === undefined) return { ...tensor, dtype: 'int8', quantization };
    const initial = variable.initial ?? new Uint8Array(byteLength(tensor));
    const { data } = int8Data({ ...tensor, data: initial }, quantization);
    return { ...tensor, dtype: 'int8', quantization, variable: { initial: data } };
  }

  /** Decides scales of the op's tensors as far as its rule does. */
  private tie(op: Op): Op {
    const rule = ruleOf(op.kind)!;
    if (rule.fixed !== undefined) op.outputs.forEach((id) => this.groups.fix(id, rule.fixed!));
    if (rule.lstm === true) this.groups.tie(op.outputs[0]!, op.inputs[LSTM.hidden]!);
    if (rule.same !== true) return op;
    const first = op.outputs[0] ?? op.inputs[0]!;
    if (op.kind === 'pad') this.groups.add(first, padRange(op.attrs.value));
    op.outputs.slice(1).forEach((id) => this.groups.tie(first, id));
    const operands = [...new Set(op.inputs.filter((id) => isFloat(tensorOf(this.graph, id))))];
    const scales = operands.map((id) => this.groups.fixedScale(id));
    const alike = scales.every(
      (q) => q?.scales[0] === scales[0]?.scales[0] && q?.zeroPoints[0] === scales[0]?.zeroPoints[0],
    );
    // A fixed scale among others cannot be theirs as well: a copy is brought to the common one.
    const copies = new Map(
      operands.flatMap((id, i): [TensorId, TensorId][] =>
        alike || scales[i] === null ? [] : [[id, this.requantized(op, id)]],
      ),
    );
    const inputs = op.inputs.map((id) => copies.get(id) ?? id);
    operands.forEach((id) => this.groups.tie(first, copies.get(id) ?? id));
    return { ...op, inputs };
  }

  private requantized(op: Op, id: TensorId): TensorId {
    const source = tensorOf(this.graph, id);
    const { scales, zeroPoints } = this.groups.fixedScale(id)!;
    const name = `${op.name}/${source.name}`;
    const copy = this.add({ ...source, name });
    this.groups.add(copy, {
      min: (-128 - zeroPoints[0]!) * scales[0]!,
      max: (127 - zeroPoints[0]!) * scales[0]!,
    });
    const { sourceIndex } = op;
    this.ops.push({
      kind: 'quantize',
      name,
      inputs: [id],
      outputs: [copy],
      attrs: {},
      sourceIndex,
    } as unknown as Op);
    return copy;
  }

  private withIntegers(op: Op): Op {
    const { weights, lstm } = ruleOf(op.kind) ?? {};
    const special =
      lstm === true
        ? this.lstm(op)
        : weights === undefined
          ? new Map<number, TensorId>()
          : this.weights(op, weights);
    const inputs = op.inputs.map((id, i) => special.get(i) ?? this.data(id));
    if (op.kind !== 'pad') return { ...op, inputs };
    const value = quantizedValue(op.attrs.value, this.groups.quantization(op.outputs[0]!));
    return { ...op, inputs, attrs: { ...op.attrs, value } };
  }

  private data(id: TensorId): TensorId {
    const tensor = this.tensors.get(id)!;
    if (!isFloat(tensor) || tensor.data === null) return id;
    return this.convert(tensor, 'data', () => int8Data(tensor, this.groups.quantization(id)));
  }

  private weights(op: Op, rule: WeightRule): Map<number, TensorId> {
    const { inputs } = viewOf({ ...this.graph, tensors: this.tensors }, op);
    const [filter, bias] = [inputs[rule.operand]!, inputs[rule.operand + 1]];
    const inputScale = inputs[rule.data]!.quantization!.scales[0]!;
    const axis = rule.axis;
    const biases = bias === undefined ? null : float32Values(bias);
    const least = (slice: number): number =>
      biases === null ? 0 : leastWeightScale(biases[slice % biases.length]!, inputScale);
    const content = int8Weights(filter, axis, least);
    const { scales } = content.quantization;
    const filterId = this.convert(filter, `weights ${axis} ${scales.join()}`, () => content);
    const made = new Map([[rule.operand, filterId]]);
    if (bias !== undefined) {
      const key = `bias ${inputScale} ${scales.join()}`;
      made.set(
        rule.operand + 1,
        this.convert(bias, key, () => int32Bias(bias, inputScale, content.quantization)),
      );
    }
    return made;
  }

  /** Weights have one scale each; biases go with the weights of the input. */
  private lstm(op: Op): Map<number, TensorId> {
    const { inputs } = viewOf({ ...this.graph, tensors: this.tensors }, op);
    const inputScale = inputs[LSTM.input]!.quantization!.scales[0]!;
    const made = new Map<number, TensorId>();
    for (let at: number = LSTM.inputWeights; at < LSTM.biases; at++) {
      const content = int8Weights(inputs[at]!, null, () => 0);
      const key = 'weights per tensor';
      made.set(
        at,
        this.convert(inputs[at]!, key, () => content),
      );
      if (at >= LSTM.recurrentWeights) continue;
      const position = LSTM.biases + at - LSTM.inputWeights;
      const bias = inputs[position]!;
      const make = () => int32Bias(bias, inputScale, content.quantization);
      made.set(
        position,
        this.convert(bias, `bias ${inputScale} ${content.quantization.scales.join()}`, make),
      );
    }
    return made;
  }

  /** Ops may share a constant and still need it in different scales. */
  private convert(
    source: Tensor,
    purpose: string,
    make: () => Pick<Tensor, 'dtype' | 'quantization' | 'data'>,
  ): TensorId {
    const key = `${source.id} ${purpose}`;
    let id = this.made.get(key);
    if (id === undefined) {
      id = this.add({ ...source, ...make() });
      this.made.set(key, id);
    }
    return id;
  }

  private add(tensor: Tensor): TensorId {
    const id = this.nextId++;
    this.tensors.set(id, { ...tensor, id });
    return id;
  }
}

/** What is padded with must be representable, unless it only means "less than anything". */
function padRange(value: number): Range {
  const meant = Math.abs(value) < 1e6;
  return meant ? { min: value, max: value } : { min: 0, max: 0 };
}

function isFloat(tensor: Tensor): boolean {
  return tensor.dtype === 'float32';
}
