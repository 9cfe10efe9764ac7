// file-role-names
import { fileRoleNames } from './file-role-names.mjs';
import { ruleTester } from '../rule-tester.mjs';

const code = 'export {};';

ruleTester.run('file-role-names', fileRoleNames, {
  valid: [
    {
      name: 'should accept noun and role',
      filename: '/clone/apps/server/src/http/release/release.controller.ts',
      code,
    },
    { name: 'should accept a test', filename: '/clone/libs/wire/src/boot-id.medium.spec.ts', code },
    { name: 'should accept numbers', filename: '/clone/libs/compiler/src/conv-2d.ts', code },
    { name: 'should accept a configuration', filename: '/clone/apps/dashboard/vite.config.ts', code },
  ],
  invalid: [
    {
      name: 'should refuse a grab-bag',
      filename: '/clone/libs/wire/src/utils.ts',
      code,
      errors: [{ messageId: 'grabBag' }],
    },
    {
      name: 'should refuse a grab-bag with a role',
      filename: '/clone/libs/wire/src/device.helpers.ts',
      code,
      errors: [{ messageId: 'grabBag' }],
    },
    {
      name: 'should refuse capitals',
      filename: '/clone/apps/dashboard/src/FleetTable.tsx',
      code,
      errors: [{ messageId: 'kebab' }],
    },
    {
      name: 'should refuse underscores',
      filename: '/clone/libs/wire/src/boot_id.ts',
      code,
      errors: [{ messageId: 'kebab' }],
    },
  ],
});
