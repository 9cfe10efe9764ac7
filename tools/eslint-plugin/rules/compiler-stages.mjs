// Compiler stages meet in the IR only: frontends know no passes, passes no plan, and backends see just the plan's types.
// The driver alone knows all stages. Integer results come from the wasm kernels, so passes, quantize and plan may use
// the runtime; nobody else but the driver may.
import { posix } from 'node:path';
import { onImports } from '../imports.mjs';

/** What a stage may import besides itself; `types` = by `import type` only; `generated` = constants of a file format. */
const allowed = {
  ir: [],
  frontends: ['ir'],
  evaluate: ['ir'],
  passes: ['ir'],
  quantize: ['ir'],
  plan: ['ir'],
  backends: ['ir', 'plan/types', 'plan/generated'],
};
const usesRuntime = new Set(['passes', 'quantize', 'plan', 'driver']);

export const compilerStages = {
  meta: {
    type: 'problem',
    docs: { description: 'compiler stages import the IR only' },
    schema: [],
    messages: {
      stage:
        'compiler stage "{{stage}}" must not import "{{target}}": stages import ir only, driver alone knows all',
      runtime:
        'compiler stage "{{stage}}" must not import the runtime: only passes, quantize, plan and driver may',
      planTypes: 'backends import the types of plan/types only: write `import type`',
      outside: 'only src/index.ts and driver stand above the stages: "{{target}}" is in no stage',
    },
  },
  create(context) {
    const filename = context.filename.replaceAll('\\', '/');
    const inside = /(?:^|\/)libs\/compiler\/src\/(.+)$/.exec(filename)?.[1];
    if (inside === undefined || !inside.includes('/') || /\.spec\.ts$/.test(inside)) return {};
    const stage = inside.split('/')[0];
    return onImports((node, specifier, typeOnly) => {
      if (specifier.startsWith('@tinyfleet/runtime') && !usesRuntime.has(stage)) {
        context.report({ node, messageId: 'runtime', data: { stage } });
      }
      if (!specifier.startsWith('.') || stage === 'driver') return;
      const target = posix.normalize(posix.join(posix.dirname(inside), specifier)).replace(/\.js$/, '');
      if (target.split('/')[0] === stage) return;
      if (!target.includes('/')) return context.report({ node, messageId: 'outside', data: { target } });
      const open = allowed[stage] ?? [];
      if (!open.some((entry) => target === entry || target.startsWith(`${entry}/`))) {
        return context.report({ node, messageId: 'stage', data: { stage, target } });
      }
      if (target === 'plan/types' && !typeOnly) context.report({ node, messageId: 'planTypes' });
    });
  },
};
