// no-deep-import
import { noDeepImport } from './no-deep-import.mjs';
import { ruleTester } from '../rule-tester.mjs';

ruleTester.run('no-deep-import', noDeepImport, {
  valid: [
    { name: 'should accept the root', code: `import { encode } from '@tinyfleet/wire';` },
    { name: 'should leave packages of others alone', code: `import lodash from '@scope/package/deep.js';` },
  ],
  invalid: [
    {
      name: 'should refuse a source file',
      code: `import { a } from '@tinyfleet/wire/src/codec.js';`,
      errors: [{ messageId: 'deep', data: { root: '@tinyfleet/wire' } }],
    },
    {
      name: 'should refuse a re-export',
      code: `export * from '@tinyfleet/wire/dist/codec.js';`,
      errors: [{ messageId: 'deep' }],
    },
    {
      name: 'should refuse a dynamic import',
      code: `await import('@tinyfleet/wire/codec');`,
      errors: [{ messageId: 'deep' }],
    },
    {
      name: 'should refuse an import type',
      code: `type A = import('@tinyfleet/wire/codec').A;`,
      errors: [{ messageId: 'deep' }],
    },
  ],
});
