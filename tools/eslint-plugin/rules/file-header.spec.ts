// file-header
import { fileHeader } from './file-header.mjs';
import { ruleTester } from '../rule-tester.mjs';

ruleTester.run('file-header', fileHeader, {
  valid: [
    { name: 'should accept line comments', code: '// What a device says at boot.\nexport const a = 1;' },
    { name: 'should accept a block', code: '/** What a device says at boot. */\nexport const a = 1;' },
    {
      name: 'should look behind a directive',
      code: '/// <reference types="vite/client" />\n// Types of the page.\nexport {};',
    },
  ],
  invalid: [
    { name: 'should refuse a file without', code: 'export const a = 1;', errors: [{ messageId: 'missing' }] },
    {
      name: 'should refuse a comment after the first statement',
      code: 'export const a = 1; // one',
      errors: [{ messageId: 'missing' }],
    },
    {
      name: 'should not take a directive for a description',
      code: '/* eslint-disable no-console */\nexport {};',
      errors: [{ messageId: 'missing' }],
    },
  ],
});
