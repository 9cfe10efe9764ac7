// One Jest for the workspace. Packages are resolved to their TypeScript sources by the export condition
// "tinyfleet:source", so tests never run against a stale build.
const kind = process.env.TINYFLEET_TEST_KIND ?? 'small';
const testMatch = {
  small: ['**/*.spec.ts'],
  medium: ['**/*.medium.spec.ts'],
  large: ['**/*.large.spec.ts'],
}[kind];

export default {
  roots: ['<rootDir>/apps', '<rootDir>/libs', '<rootDir>/tools', '<rootDir>/firmware-stubs', '<rootDir>/bench'],
  testMatch,
  testPathIgnorePatterns: [
    '/node_modules/',
    '/dist/',
    ...(kind === 'small' ? ['\\.medium\\.spec\\.ts$', '\\.large\\.spec\\.ts$'] : []),
  ],
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['tinyfleet:source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts', '.tsx'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '\\.tsx?$': [
      '@swc/jest',
      {
        swcrc: false,
        module: { type: 'es6' },
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', tsx: false, decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, react: { runtime: 'automatic' } },
        },
      },
    ],
  },
  testTimeout: kind === 'small' ? 10_000 : 120_000,
};
