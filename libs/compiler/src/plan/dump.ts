// The plan as text: stable and diffable, for sample folders and bug reports.
import { crc32 } from '../ir/crc32.js';
import type { Operand, Plan } from './types.js';

export function dumpPlan(plan: Plan): string {
  const lines = [
    `arena ${plan.arenaBytes} (bound ${plan.lowerBoundBytes}; ${plan.strategy})`,
    `constants ${plan.constants.length} crc32=${crc32(plan.constants).toString(16).padStart(8, '0')}`,
  ];
  for (const { operand } of plan.inputs) lines.push(`input  ${place(operand)}`);
  plan.steps.forEach((step, i) => {
    lines.push(
      `${i} ${step.op} ${step.inputs.map(place).join(', ')} -> ${step.outputs.map(place).join(', ')}  # ${step.name}`,
    );
    const params = Object.entries(step.params).map(([name, value]) => `${name}=${String(value)}`);
    lines.push(`    ${params.join(' ')}`);
  });
  for (const { operand } of plan.outputs) lines.push(`output ${place(operand)}`);
  for (const p of plan.placements) {
    lines.push(`place  arena+${p.offset} ${p.bytes} steps ${p.firstStep}..${p.lastStep}  # ${p.name}`);
  }
  return `${lines.join('\n')}\n`;
}

function place(operand: Operand): string {
  return operand.space === 'none'
    ? '-'
    : `${operand.space}+${operand.offset}:${operand.dtype}[${operand.bytes}]`;
}
