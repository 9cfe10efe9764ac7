// The IR as text: stable, diffable, for sample folders and bug reports. Constants are shown by size and CRC-32.
import { crc32 } from './crc32.js';
import { tensorOf, type Graph, type Tensor } from './graph.js';
import type { Op } from './ops.js';

export function dumpGraph(graph: Graph): string {
  const lines = [`graph ${graph.name}`];
  for (const id of graph.inputs) lines.push(`  input  ${describe(tensorOf(graph, id))}`);
  for (const tensor of graph.tensors.values()) {
    if (tensor.data !== null) lines.push(`  const  ${describe(tensor)} crc32=${hex(crc32(tensor.data))}`);
  }
  for (const tensor of graph.tensors.values()) {
    if (tensor.variable !== undefined) lines.push(`  state  ${describe(tensor)}`);
  }
  for (const op of graph.ops) {
    const operands = op.inputs.map((id) => `%${id}`).join(', ');
    lines.push(`  ${op.kind}(${operands})${attributes(op)}  # ${op.name}`);
    for (const id of op.outputs) lines.push(`    -> ${describe(tensorOf(graph, id))}`);
  }
  lines.push(`  output ${graph.outputs.map((id) => `%${id}`).join(', ')}`);
  if (graph.roots.length > 0) lines.push(`  roots  ${graph.roots.map((id) => `%${id}`).join(', ')}`);
  return `${lines.join('\n')}\n`;
}

function describe(tensor: Tensor): string {
  return `%${tensor.id} ${tensor.name}: ${tensor.dtype}[${tensor.shape.join(',')}]${quantization(tensor)}`;
}

function quantization({ quantization: q }: Tensor): string {
  if (q === null) return '';
  if (q.axis === null) return ` q(${number(q.scales[0]!)}, ${q.zeroPoints[0]})`;
  const scales = q.scales.map(number);
  const shown =
    scales.length > 4 ? `${scales.slice(0, 2).join(', ')}, .. ${scales.at(-1)}` : scales.join(', ');
  return ` q(axis ${q.axis}: ${shown})`;
}

/** Nine significant digits name every float32 exactly. */
function number(value: number): string {
  return String(Number(value.toPrecision(9)));
}

function attributes(op: Op): string {
  const text = Object.entries(op.attrs)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => {
      if (key !== 'padding') return `${key}=${String(value)}`;
      const p = value as { top: number; left: number; bottom: number; right: number };
      return `padding=${p.top},${p.left},${p.bottom},${p.right}`;
    });
  return text.length === 0 ? '' : ` {${text.join(' ')}}`;
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}
