// The emitted header and source of one model: constants, one record per step, and a function that calls the kernels one
// after the other. The records are those of the bundle (docs/spec/bundle.md), so the kernels are the very same.
import { OPS, RECORDS } from '../../plan/generated/bundle-layout.js';
import type { Operand, Step } from '../../plan/types.js';
import { planSection } from '../bundle/sections.js';
import type { BundleContents } from '../bundle/contents.js';
import type { KernelSources } from './sources.js';
import { cTensors, type CTensor } from './tensors.js';
import { comment, initializers, stringLiteral } from './text.js';

export interface CModel {
  readonly stem: string;
  readonly contents: BundleContents;
  readonly inputs: readonly CTensor[];
  readonly outputs: readonly CTensor[];
}

export function cModel(stem: string, contents: BundleContents): CModel {
  const inputs = cTensors(stem, 'input', contents.inputs);
  const outputs = cTensors(stem, 'output', contents.outputs);
  return { stem, contents, inputs, outputs };
}

function origin({ contents: { info } }: CModel): string {
  const version = info.version === '' ? '' : ` ${comment(info.version)}`;
  const digest = Array.from(info.sourceSha256, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `model ${comment(info.model)}${version}, made by TinyFleet ${info.compiler} from the file of SHA-256\n// ${digest}.`;
}

export function header(model: CModel): string {
  const { stem, contents, inputs, outputs } = model;
  const { plan, labels } = contents;
  const S = stem.toUpperCase();
  const state = plan.stateBytes > 0;
  const accessors = [...inputs, ...outputs].map((t) => {
    const constant = outputs.includes(t) ? 'const ' : '';
    const when = outputs.includes(t)
      ? `Valid after ${stem}_run until the arena is used again.`
      : `Write it before ${stem}_run, which may overwrite it.`;
    return `// ${t.about}.\n// real = ${t.macro}_SCALE * (q - ${t.macro}_ZERO_POINT). ${when}\n${t.defines.join('\n')}\n${constant}${t.type} *${stem}_${t.name}(const ${stem}_t *model);\n`;
  });
  return `// ${origin(model)}
//
// Nothing is allocated, nothing writable is global, no function blocks or uses floating point. One ${stem}_t belongs to one
// thread; any number of them may live in one program, and those that never run at the same time may share an arena.
#ifndef ${S}_H
#define ${S}_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Memory that the caller brings. Arena and state start at a multiple of 16 bytes (declare them ${S}_ALIGNED).
#define ${S}_ALIGNED __attribute__((aligned(16)))
#define ${S}_ARENA_BYTES ${plan.arenaBytes}u // scratch of one inference
#define ${S}_STATE_BYTES ${plan.stateBytes}u // ${state ? 'what outlives an inference, one per stream of inputs' : 'this model remembers nothing'}

// Its fields are private.
typedef struct {
  uint8_t *arena;
  uint8_t *state;
} ${stem}_t;

// Binds a model to its memory${state ? ' and sets the state to its initial values' : ''}. Returns 0, or -1 when memory is missing or not aligned.
int32_t ${stem}_init(${stem}_t *model, void *arena${state ? ', void *state' : ''});

${state ? `// Back to the initial state: before the first input of another stream.\nvoid ${stem}_reset(${stem}_t *model);\n\n` : ''}// One inference. Returns 0, or a negative error number of TinyFleet's runtime (never, after a successful init).
int32_t ${stem}_run(${stem}_t *model);

${accessors.join('\n')}${
    labels.length === 0
      ? ''
      : `
// Names of the classes, in UTF-8, in output order.
#define ${S}_CLASSES ${labels.length}u
extern const char *const ${stem}_labels[${S}_CLASSES];
`
  }
#ifdef __cplusplus
}
#endif

#endif
`;
}

export function source(model: CModel, kernels: KernelSources): string {
  const { stem, contents, inputs, outputs } = model;
  const { plan, labels } = contents;
  const S = stem.toUpperCase();
  const state = plan.stateBytes > 0;
  const records = plan.steps.map((step, i) => stepRecord(step, i));
  const calls = plan.steps.map((step, i) => {
    const { op, inputs: reads, outputs: writes, scratch } = step;
    const operands = reads.length + writes.length + scratch.length;
    const params = RECORDS.step.bytes + operands * RECORDS.operand.bytes;
    return `  step = (step_t){&memory, step_${i}, step_${i} + ${params}};\n  if ((error = ${kernels.kernel(op)}(&step)) != 0) return error;`;
  });
  const at = (o: Operand): string => `model->${o.space === 'state' ? 'state' : 'arena'} + ${o.offset}`;
  const accessors = [...inputs, ...outputs].map((t) => {
    const type = `${outputs.includes(t) ? 'const ' : ''}${t.type} *`;
    return `${type}${stem}_${t.name}(const ${stem}_t *model) { return (${type})(void *)(${at(t.operand)}); }`;
  });
  const first = plan.stateInit;
  const reset =
    first === null
      ? `memset(model->state, 0, ${S}_STATE_BYTES);`
      : `memcpy(model->state, first_state, ${S}_STATE_BYTES);`;
  return `// ${origin(model)}
// Weights, one record per layer and the calls of its kernels, in order. Generated: change the model, not this file.
#include "${stem}.h"

#include "fleet/internal.h"

static const uint8_t constants[${Math.max(1, plan.constants.length)}] ${S}_ALIGNED = {
${plan.constants.length === 0 ? '    0,' : constantBlocks(plan.constants, plan.steps)}
};

${records.join('\n')}
${first === null || !state ? '' : `static const uint8_t first_state[${S}_STATE_BYTES] = {\n${initializers(first)}\n};\n\n`}${
    labels.length === 0
      ? ''
      : `const char *const ${stem}_labels[${S}_CLASSES] = {\n${labels.map((label) => `    ${stringLiteral(label)},`).join('\n')}\n};\n\n`
  }static int is_aligned(const void *p) { return p != NULL && ((uintptr_t)p & 15u) == 0; }

int32_t ${stem}_init(${stem}_t *model, void *arena${state ? ', void *state' : ''}) {
  if (model == NULL || !is_aligned(arena)${state ? ' || !is_aligned(state)' : ''}) return -1;
  model->arena = arena;
  model->state = ${state ? 'state' : 'NULL'};
${state ? `  ${stem}_reset(model);\n` : ''}  return 0;
}

${state ? `void ${stem}_reset(${stem}_t *model) { ${reset} }\n\n` : ''}${accessors.join('\n\n')}

int32_t ${stem}_run(${stem}_t *model) {
  const fleet_runtime_t memory = {.bundle = constants, .arena = model->arena, .state = model->state};
  step_t step;
  int32_t error = 0;
${calls.join('\n')}
  return 0;
}
`;
}

function stepRecord(step: Step, index: number): string {
  const bytes = planSection([step]);
  const work = step.macs > 0 ? `, ${step.macs} MACs` : '';
  return `// ${index} ${step.op} (${OPS[step.op].number}) ${comment(step.name)}${work}\nstatic const uint8_t step_${index}[${bytes.length}] = {\n${initializers(bytes)}\n};\n`;
}

/** The constants, a comment where each operand starts. Equal constants are stored once and named by their first reader. */
function constantBlocks(constants: Uint8Array, steps: readonly Step[]): string {
  const starts = new Map<number, string>();
  steps.forEach((step, i) => {
    step.inputs.forEach((operand, k) => {
      if (operand.space !== 'const' || starts.has(operand.offset)) return;
      starts.set(operand.offset, `step ${i}, operand ${k}: ${operand.dtype}, ${operand.bytes} bytes`);
    });
  });
  const cuts = [...new Set([0, ...starts.keys()])].sort((a, b) => a - b);
  return cuts
    .map((from, i) => {
      const block = initializers(constants.subarray(from, cuts[i + 1]));
      const about = starts.get(from);
      return about === undefined ? block : `    // at ${from}, ${about}\n${block}`;
    })
    .join('\n');
}
