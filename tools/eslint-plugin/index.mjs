// The house rules of docs/architecture.md that no published plugin has. Each rule has its tests beside it.
import { compilerStages } from './rules/compiler-stages.mjs';
import { fileHeader } from './rules/file-header.mjs';
import { fileRoleNames } from './rules/file-role-names.mjs';
import { noDeepImport } from './rules/no-deep-import.mjs';
import { storePortTakesProjectScope } from './rules/store-port-takes-project-scope.mjs';

export default {
  meta: { name: '@tinyfleet/eslint-plugin', version: '0.1.0' },
  rules: {
    'compiler-stages': compilerStages,
    'file-header': fileHeader,
    'file-role-names': fileRoleNames,
    'no-deep-import': noDeepImport,
    'store-port-takes-project-scope': storePortTakesProjectScope,
  },
};
