// One Jest for the workspace. Packages are resolved to their TypeScript sources by the export condition
// "tinyfleet:source", so tests never run against a stale build.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { swcOptions } from './tools/workspace/swc-options.mjs';

// @swc/jest knows no `configFile`.
const { configFile: _, ...jestSwcOptions } = swcOptions;
/** `small`, or others with commas between them. */
const kind = process.env.TINYFLEET_TEST_KIND ?? 'small';
const testMatch = kind === 'small' ? ['**/*.spec.ts'] : kind.split(',').map((name) => `**/*.${name}.spec.ts`);

export default {
  // Jest refuses a root that does not exist.
  roots: ['apps', 'libs', 'tools', 'firmware-stubs', 'bench']
    .map((folder) => fileURLToPath(new URL(folder, import.meta.url)))
    .filter((folder) => existsSync(folder)),
  testMatch,
  testPathIgnorePatterns: [
    '/node_modules/',
    '/dist/',
    ...(kind === 'small' ? ['\\.(medium|long|large)\\.spec\\.ts$'] : []),
  ],
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['tinyfleet:source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts', '.tsx'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: { '\\.tsx?$': ['@swc/jest', jestSwcOptions] },
  testTimeout: kind === 'small' ? 30_000 : 120_000,
};
