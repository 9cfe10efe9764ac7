// The IR's specification, as checks. Runs between every two passes; a violation is a fault of the pass before it, so it
// throws a plain invariant error (with the pass's name), never a user's diagnostic. Frontends check users' models.
import { byteLength, elements, tensorOf, type Graph, type Tensor, type TensorId } from './graph.js';
import { OPS, type ConvAttrs, type Op, type PoolAttrs } from './ops.js';
import { broadcastShape, windowOutput } from './shapes.js';

export class IrViolation extends Error {
  constructor(
    readonly after: string,
    readonly rule: string,
  ) {
    super(`IR violated after ${after}: ${rule}`);
    this.name = 'IrViolation';
  }
}

/** Throws IrViolation at the first broken rule. */
export function verify(graph: Graph, after: string): void {
  const check = (fact: boolean, rule: () => string): void => {
    if (!fact) throw new IrViolation(after, rule());
  };

  for (const [id, tensor] of graph.tensors) {
    const say = `%${id} ${tensor.name}`;
    check(id === tensor.id, () => `${say} is filed under another id`);
    check(
      tensor.shape.every((extent) => Number.isInteger(extent) && extent >= 1),
      () => `${say} has extents ${tensor.shape.join('x')}`,
    );
    check(
      tensor.data === null || tensor.data.length === byteLength(tensor),
      () => `${say} has data of another size`,
    );
    checkQuantization(tensor, say, check);
  }

  const ready = new Set<TensorId>(graph.inputs);
  for (const tensor of graph.tensors.values()) if (tensor.data !== null) ready.add(tensor.id);
  for (const id of graph.inputs) {
    check(
      graph.tensors.has(id) && tensorOf(graph, id).data === null,
      () => `input %${id} is missing or constant`,
    );
  }
  const names = new Set<string>();
  for (const op of graph.ops) {
    check(!names.has(op.name), () => `two ops are called ${op.name}`);
    names.add(op.name);
    for (const id of op.inputs) check(ready.has(id), () => `${op.name} reads %${id} before it is defined`);
    check(graph.tensors.has(op.output), () => `${op.name} writes an unknown tensor`);
    check(!ready.has(op.output), () => `%${op.output} is assigned twice (${op.name})`);
    ready.add(op.output);
    checkOp(graph, op, (fact, rule) => check(fact, () => `${op.kind} ${op.name}: ${rule}`));
  }
  for (const id of [...graph.outputs, ...graph.roots]) {
    check(ready.has(id), () => `%${id} is an output or root that nothing produces`);
  }
}

function checkQuantization(
  tensor: Tensor,
  say: string,
  check: (fact: boolean, rule: () => string) => void,
): void {
  const q = tensor.quantization;
  if (q === null) return;
  const slices = q.axis === null ? 1 : tensor.shape[q.axis];
  check(
    q.scales.length === slices && q.zeroPoints.length === slices,
    () => `${say} has ${q.scales.length} scales`,
  );
  check(
    q.scales.every((s) => Number.isFinite(s) && s > 0 && Math.fround(s) === s),
    () => `${say} has a scale that is no positive float32`,
  );
  const [low, high] = tensor.dtype === 'int8' ? [-128, 127] : [-32768, 32767];
  check(
    tensor.dtype === 'int32' || q.zeroPoints.every((z) => Number.isInteger(z) && z >= low && z <= high),
    () => `${say} has a zero point outside ${tensor.dtype}`,
  );
}

type Check = (fact: boolean, rule: string) => void;

function checkOp(graph: Graph, op: Op, check: Check): void {
  const spec = OPS[op.kind];
  check(op.inputs.length >= spec.minInputs && op.inputs.length <= spec.maxInputs, 'wrong number of operands');
  const inputs = op.inputs.map((id) => tensorOf(graph, id));
  const output = tensorOf(graph, op.output);
  const input = inputs[0]!;
  inputs.slice(spec.constantFrom).forEach((t) => check(t.data !== null, `operand ${t.name} is not constant`));
  check(output.data === null, 'output is constant');
  check(input.dtype === output.dtype || op.kind === 'softmax', 'input and output types differ');

  switch (op.kind) {
    case 'conv_2d':
    case 'depthwise_conv_2d': {
      const filter = inputs[1]!;
      check(
        input.shape.length === 4 && output.shape.length === 4 && filter.shape.length === 4,
        'ranks are not 4',
      );
      const channels = op.kind === 'conv_2d' ? filter.shape[0]! : filter.shape[3]!;
      if (op.kind === 'conv_2d')
        check(filter.shape[3] === input.shape[3], 'filter depth is not the input depth');
      else
        check(
          channels === input.shape[3]! * op.attrs.depthMultiplier,
          'filter depth is not depth x multiplier',
        );
      check(output.shape[3] === channels, 'output depth is not the filter count');
      checkBias(inputs[2], channels, check);
      checkWindow(op.attrs, [filter.shape[1]!, filter.shape[2]!], input, output, check);
      checkQuantized([input, filter, output], check);
      return;
    }
    case 'fully_connected': {
      const filter = inputs[1]!;
      check(filter.shape.length === 2, 'filter rank is not 2');
      check(elements(input) % filter.shape[1]! === 0, 'input does not divide by the filter width');
      const batches = elements(input) / filter.shape[1]!;
      check(elements(output) === batches * filter.shape[0]!, 'output size is not batches x units');
      checkBias(inputs[2], filter.shape[0]!, check);
      checkQuantized([input, filter, output], check);
      return;
    }
    case 'average_pool_2d':
    case 'max_pool_2d':
      check(input.shape.length === 4 && output.shape.length === 4, 'ranks are not 4');
      check(input.shape[3] === output.shape[3], 'depth changes');
      checkWindow(op.attrs, [op.attrs.filterH, op.attrs.filterW], input, output, check);
      checkQuantized([input, output], check);
      return;
    case 'reshape':
    case 'view':
      check(byteLength(input) === byteLength(output), 'sizes differ');
      return;
    case 'softmax':
      check(input.shape.join() === output.shape.join(), 'shapes differ');
      checkQuantized([input, output], check);
      return;
    case 'relu':
      check(elements(input) === elements(output), 'sizes differ');
      checkQuantized([input, output], check);
      return;
    case 'add': {
      const shape = broadcastShape(input.shape, inputs[1]!.shape);
      check(
        shape?.join() === output.shape.join() && output.shape.length <= 5,
        'output is not the broadcast shape',
      );
      check(inputs[1]!.dtype === input.dtype, 'operand types differ');
      checkQuantized([input, inputs[1]!, output], check);
      return;
    }
    default:
      op satisfies never;
  }
}

function checkQuantized(tensors: readonly Tensor[], check: Check): void {
  for (const t of tensors) check(t.quantization !== null, `${t.name} has no quantization`);
}

function checkBias(bias: Tensor | undefined, channels: number, check: Check): void {
  if (bias === undefined) return;
  check(bias.dtype === 'int32', 'bias is not int32');
  check(elements(bias) === channels, 'bias length is not the channel count');
}

function checkWindow(
  attrs: ConvAttrs | PoolAttrs,
  [filterH, filterW]: readonly [number, number],
  input: Tensor,
  output: Tensor,
  check: Check,
): void {
  const extents = [attrs.strideH, attrs.strideW, filterH, filterW];
  check(
    extents.every((n) => Number.isInteger(n) && n >= 1),
    'stride or filter below 1',
  );
  check(
    Object.values(attrs.padding).every((n) => Number.isInteger(n) && n >= 0),
    'negative padding',
  );
  const expected = windowOutput({ h: input.shape[1]!, w: input.shape[2]! }, { ...attrs, filterH, filterW });
  check(input.shape[0] === output.shape[0], 'batch changes');
  check(
    expected.h === output.shape[1] && expected.w === output.shape[2],
    'output extents do not follow from the window',
  );
}
