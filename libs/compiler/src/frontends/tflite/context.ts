// What an op importer sees of the model: its operands by index, checked, and where to put faults. Faults are collected,
// so that one run reports every bad node; an importer that returns null has said why.
import type { Diagnostic } from '../../ir/diagnostics.js';
import { integerValues, type Tensor, type TensorId } from '../../ir/graph.js';
import { specOf, type Op, type OpAttrs, type OpKind } from '../../ir/ops.js';
import { ACTIVATIONS, type OPERATOR, type Decoded } from '../../ir/tflite-schema.js';
import type { Activation } from '../../ir/ops.js';

export type Operator = Decoded<typeof OPERATOR>;

/** Activations and weights of most ops. A graph is all float or all integer; the first operand says which. */
export const DATA: readonly string[] = ['int8', 'float32'];
/** Where TFLM has a kernel for int16 activations, too. */
export const DATA16: readonly string[] = ['int8', 'int16', 'float32'];

/** A tensor of the file: the IR's, or what kept it from being one. */
export interface FileTensor {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
  /** Null for types and shapes the IR does not have. */
  readonly tensor: Tensor | null;
  /** It was uint8 and is int8 now: every value and its zero point are 128 less. */
  readonly legacy?: boolean;
}

export class OpContext {
  constructor(
    readonly name: string,
    readonly builtin: string,
    readonly operator: Operator,
    readonly sourceIndex: number,
    private readonly tensors: FileTensor[],
    private readonly diagnostics: Diagnostic[],
  ) {}

  /** Index of operand `position`, or null when left out (-1). */
  private index(list: readonly number[] | null, position: number): number | null {
    const index = list?.[position];
    return index === undefined || index === -1 ? null : index;
  }

  has(position: number): boolean {
    return this.index(this.operator.inputs, position) !== null;
  }

  input(position: number, types: readonly string[] = DATA): Tensor | null {
    return this.operand(this.operator.inputs, position, types);
  }

  output(types: readonly string[] = DATA, position = 0): Tensor | null {
    return this.operand(this.operator.outputs, position, types);
  }

  /**
   * Operands in order, then the output; null (faults recorded) if any is unusable. The first operand chooses: others
   * (and the output) have its type if their list has it, else any of their list but float32, for an op computes in
   * floats or in integers. So `[DATA, DATA]` is a float op or an int8 one.
   */
  operands(
    types: readonly (readonly string[])[],
    optional = types.length,
    outputTypes: readonly string[] = types[0]!,
  ): { inputs: Tensor[]; output: Tensor } | null {
    const count = this.operator.inputs?.length ?? 0;
    const wanted = types.filter((_, i) => i < optional || (i < count && this.has(i)));
    const first = this.input(0, wanted[0]);
    if (first === null) return null;
    const inputs = [first, ...wanted.slice(1).map((list, i) => this.input(i + 1, beside(first, list)))];
    const output = this.output(beside(first, outputTypes));
    if (output === null || inputs.includes(null)) return null;
    return { inputs: inputs as Tensor[], output };
  }

  private operand(list: readonly number[] | null, position: number, types: readonly string[]): Tensor | null {
    const index = this.index(list, position);
    if (index === null) return this.invalid(`operand ${position} is missing`);
    const found = this.tensors[index];
    if (found === undefined) return this.invalid(`it names tensor ${index} of ${this.tensors.length}`);
    if (!types.includes(found.type)) {
      const data = { tensor: found.name, op: this.name, type: found.type, expected: types.join(' or ') };
      return this.report('compiler.type-unsupported', data, found.name);
    }
    // Shape faults are reported once, where the tensor was read.
    return found.tensor;
  }

  get inputCount(): number {
    return this.operator.inputs?.length ?? 0;
  }

  get outputCount(): number {
    return this.operator.outputs?.length ?? 0;
  }

  /** Values of a constant operand of axes, sizes or the like; null (fault recorded) when they are not constant. */
  constants(position: number): number[] | null {
    const tensor = this.input(position, ['int32', 'int64']);
    if (tensor === null) return null;
    if (tensor.data === null) return this.option(`a ${tensor.name} that is computed`);
    return integerValues(tensor);
  }

  /** The dimension that `axis` names in a shape of `rank` dimensions; below 0 counts from the end. */
  axis(axis: number, rank: number): number | null {
    const found = axis < 0 ? axis + rank : axis;
    return found >= 0 && found < rank ? found : this.invalid(`it has no dimension ${axis}`);
  }

  /** A result between two ops that one operator becomes: `like` another one, with another shape. */
  between(like: Tensor, what: string, shape: readonly number[]): Tensor {
    const tensor = { ...like, id: this.tensors.length, name: `${this.name}/${what}`, shape, data: null };
    this.tensors.push({ name: tensor.name, type: like.dtype, shape, tensor });
    return tensor;
  }

  /** An op that makes such a result; its name is the operator's with `what`. */
  made<K extends OpKind>(
    kind: K,
    what: string,
    [input, output]: readonly [Tensor, Tensor],
    attrs: OpAttrs[K],
  ): Op | null {
    const { name, sourceIndex } = this;
    const [inputs, outputs] = [ids(input), ids(output)];
    return this.checked({ kind, name: `${name}/${what}`, sourceIndex, inputs, outputs, attrs } as Op);
  }

  /** Reference kernels move quantized values as they are: a change of scale would change what they mean. */
  sameScale(a: Tensor, b: Tensor): boolean {
    const [p, q] = [a.quantization, b.quantization];
    if (p === null || q === null) return p === q || this.quantization(p === null ? a : b, 'it has no scale');
    const same = p.zeroPoints[0] === q.zeroPoints[0] && Math.abs(p.scales[0]! - q.scales[0]!) <= 1e-6;
    return same || this.quantization(b, `${this.builtin} must keep its input's scale`);
  }

  /** Four extents and, with `quantized`, one scale per tensor. */
  rank(tensor: Tensor, rank: number): boolean {
    if (tensor.shape.length === rank) return true;
    const data = {
      tensor: tensor.name,
      shape: tensor.shape.join(', '),
      reason: `${this.builtin} needs ${rank} dimensions`,
    };
    this.report('compiler.shape-unsupported', data, tensor.name);
    return false;
  }

  /** One scale per tensor; float tensors have none. */
  perTensor(...tensors: readonly Tensor[]): boolean {
    return tensors.every((tensor) => {
      if (tensor.dtype === 'float32') return true;
      if (tensor.quantization === null) return this.quantization(tensor, 'it has no scale');
      return (
        tensor.quantization.axis === null ||
        this.quantization(tensor, 'activations need one scale per tensor')
      );
    });
  }

  /** Part of a uint8 model, whose weights have a zero point. */
  isLegacy(tensor: Tensor): boolean {
    return this.tensors[tensor.id]?.legacy === true;
  }

  /** int8 weights, one scale or one per slice of `axis`, symmetric but for those of a uint8 model; or float ones. */
  weights(filter: Tensor, axis: number): boolean {
    const q = filter.quantization;
    if (filter.data === null) return this.wrong(`weights ${filter.name} are not constant`);
    if (filter.dtype === 'float32') return true;
    if (q === null) return this.quantization(filter, 'it has no scale');
    if (q.axis !== null && q.axis !== axis)
      return this.quantization(filter, `its scales run along dimension ${q.axis}`);
    const zeros = q.zeroPoints.every((z) => z === 0) || (q.axis === null && this.isLegacy(filter));
    return zeros || this.quantization(filter, 'weights need zero point 0');
  }

  bias(bias: Tensor | undefined, channels: number): boolean {
    if (bias === undefined) return true;
    if (bias.data === null) return this.wrong(`bias ${bias.name} is not constant`);
    const length = bias.shape.reduce((n, extent) => n * extent, 1);
    return (
      length === channels || this.wrong(`bias ${bias.name} has ${length} values for ${channels} channels`)
    );
  }

  activation(code: number): Activation | null {
    const name = ACTIVATIONS[code];
    if (name === 'none' || name === 'relu' || name === 'relu6' || name === 'relu_n1_to_1') return name;
    return this.report('compiler.option-unsupported', {
      op: `${this.builtin} ${this.name}`,
      option: `fused activation ${name ?? code}`,
    });
  }

  /** The op if it keeps the rules of its row in the IR, else null with each broken one recorded. */
  checked(op: Op): Op | null {
    const view = (list: readonly TensorId[]): Tensor[] => list.map((id) => this.tensors[id]!.tensor!);
    const broken: string[] = [];
    const spec = specOf(op);
    spec.check({ attrs: op.attrs, inputs: view(op.inputs), outputs: view(op.outputs) }, (fact, rule) => {
      if (!fact) broken.push(rule);
    });
    return broken.length === 0 ? op : this.invalid(broken.join('; '));
  }

  quantization(tensor: Tensor, reason: string): false {
    this.report('compiler.quantization-invalid', { tensor: tensor.name, reason }, tensor.name);
    return false;
  }

  invalid(reason: string): null {
    return this.report('compiler.graph-invalid', { op: `${this.builtin} ${this.name}`, reason });
  }

  private wrong(reason: string): false {
    this.invalid(reason);
    return false;
  }

  option(option: string): null {
    return this.report('compiler.option-unsupported', { op: `${this.builtin} ${this.name}`, option });
  }

  report(code: Diagnostic['code'], data: Diagnostic['data'], tensor?: string): null {
    this.diagnostics.push({
      code,
      severity: 'error',
      data,
      op: this.name,
      ...(tensor === undefined ? {} : { tensor }),
    });
    return null;
  }

  /** The op's options table, with its defaults when the file leaves it out or gives another op's. */
  options<T>(type: number, defaults: T): T {
    const given = this.operator.options;
    return given !== null && given.type === type && given.value !== null ? (given.value as T) : defaults;
  }
}

/** What of `accepted` may stand beside `first`: its own type, else integers that go with integers, or indices. */
function beside(first: Tensor, accepted: readonly string[]): readonly string[] {
  return accepted.includes(first.dtype) ? [first.dtype] : accepted.filter((type) => type !== 'float32');
}

/** Several ops for what the IR has no single one; the last makes the operator's results. */
export type ImportOp = (context: OpContext) => Op | readonly Op[] | null;

/** By TFLite's operator name. */
export type Importers = Readonly<Record<string, ImportOp>>;

export function ids(...tensors: readonly Tensor[]): TensorId[] {
  return tensors.map((tensor) => tensor.id);
}
