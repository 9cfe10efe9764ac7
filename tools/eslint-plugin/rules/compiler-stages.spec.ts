// compiler-stages
import { compilerStages } from './compiler-stages.mjs';
import { ruleTester } from '../rule-tester.mjs';

const at = (path: string) => `/clone/libs/compiler/src/${path}`;

ruleTester.run('compiler-stages', compilerStages, {
  valid: [
    {
      name: 'should let a frontend import ir',
      filename: at('frontends/tflite/open.ts'),
      code: `import { Graph } from '../../ir/graph.js';`,
    },
    {
      name: 'should let a stage import itself',
      filename: at('frontends/tflite/open.ts'),
      code: `import './limits.js';`,
    },
    {
      name: 'should let a pass use the kernels',
      filename: at('passes/fold.ts'),
      code: `import { run } from '@tinyfleet/runtime';`,
    },
    {
      name: 'should let a backend see the types of the plan',
      filename: at('backends/c/write.ts'),
      code: `import type { Plan } from '../../plan/types.js';`,
    },
    {
      name: 'should let a backend use the constants of the format',
      filename: at('backends/bundle/encode.ts'),
      code: `import { magic } from '../../plan/generated/bundle-layout.js';`,
    },
    {
      name: 'should let the driver know all',
      filename: at('driver/compile.ts'),
      code: `import { passes } from '../passes/table.js';`,
    },
    {
      name: 'should leave other packages alone',
      filename: '/clone/libs/wire/src/a/b.ts',
      code: `import '../c/d.js';`,
    },
  ],
  invalid: [
    {
      name: 'should refuse a frontend that imports a pass',
      filename: at('frontends/tflite/open.ts'),
      code: `import { fold } from '../../passes/fold.js';`,
      errors: [{ messageId: 'stage' }],
    },
    {
      name: 'should refuse ir that imports a stage',
      filename: at('ir/graph.ts'),
      code: `export type { Plan } from '../plan/types.js';`,
      errors: [{ messageId: 'stage' }],
    },
    {
      name: 'should refuse a pass that imports the driver',
      filename: at('passes/fold.ts'),
      code: `const late = import('../driver/compile.js');`,
      errors: [{ messageId: 'stage' }],
    },
    {
      name: 'should refuse a frontend that imports the runtime',
      filename: at('frontends/onnx/open.ts'),
      code: `import { run } from '@tinyfleet/runtime';`,
      errors: [{ messageId: 'runtime' }],
    },
    {
      name: 'should refuse a backend that imports code of the plan',
      filename: at('backends/c/write.ts'),
      code: `import { place } from '../../plan/arena.js';`,
      errors: [{ messageId: 'stage' }],
    },
    {
      name: 'should refuse a backend that imports the types as values',
      filename: at('backends/c/write.ts'),
      code: `import { Plan } from '../../plan/types.js';`,
      errors: [{ messageId: 'planTypes' }],
    },
    {
      name: 'should refuse a file outside the stages',
      filename: at('plan/arena.ts'),
      code: `import { round } from '../round.js';`,
      errors: [{ messageId: 'outside' }],
    },
  ],
});
