// ESLint for the whole workspace: type-aware rules for TypeScript, the house rules of tools/eslint-plugin, and the
// dependency rules of docs/architecture.md. The Nx rule needs a project graph: run it by `npm run lint`, which makes
// one first (without a graph the rule is skipped with a mere warning).
import { builtinModules } from 'node:module';
import nx from '@nx/eslint-plugin';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';
import tinyfleet from './tools/eslint-plugin/index.mjs';
import { depConstraints } from './tools/workspace/boundaries.mjs';

const specs = ['**/*.spec.ts', '**/test/**/*.ts', '**/e2e/**/*.ts'];
/** Code that runs in a page; the registry of errors and the contracts are bundled into it. */
const browser = [
  'apps/dashboard/src/**/*.{ts,tsx}',
  'libs/contracts/src/**/*.ts',
  'libs/errors/src/**/*.ts',
  'libs/filter/src/**/*.ts',
];

export default tseslint.config(
  {
    ignores: [
      '**/dist/**',
      '**/generated/**',
      '**/node_modules/**',
      '**/*.generated.ts',
      '**/*.d.ts',
      'docs/**',
      'tmp/**',
      'coverage/**',
      'test-results/**',
      'firmware-stubs/build/**',
      '.nx/**',
      '.tinyfleet/**',
    ],
  },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.{ts,tsx,mjs}'],
    plugins: { tinyfleet, '@nx': nx },
    languageOptions: { parser: tseslint.parser },
    rules: {
      'tinyfleet/file-header': 'error',
      'tinyfleet/file-role-names': 'error',
      'tinyfleet/no-deep-import': 'error',
      'tinyfleet/compiler-stages': 'error',
      eqeqeq: ['error', 'always'],
      'no-console': 'error',
      'prefer-const': 'error',
    },
  },
  {
    files: [
      'apps/**/*.{ts,tsx}',
      'libs/**/*.ts',
      'firmware-stubs/**/*.ts',
      'tools/*/src/**/*.ts',
      'bench/**/*.ts',
    ],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.json', './apps/dashboard/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        // A package's tests may come in by its own door.
        {
          allowCircularSelfDependency: true,
          // The CLI loads what a command needs when it runs; its tests import the same statically.
          checkDynamicDependenciesExceptions: ['.*'],
          allow: [],
          depConstraints,
        },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: false },
      ],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // `return end()` in a callback is plain enough.
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // What is printed as text comes from JSON or from a registered error's data.
      '@typescript-eslint/no-base-to-string': 'off',
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      // `void | Promise<void>` is what a hook may give back.
      '@typescript-eslint/no-invalid-void-type': 'off',
      // Options that other libraries declare as classes are given as literals.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // Code points are what is wanted where a string is spread.
      '@typescript-eslint/no-misused-spread': ['error', { allow: ['string'] }],
      // A port's method is asynchronous for the sake of its other implementations.
      '@typescript-eslint/require-await': 'off',
      // Nest's modules are classes without members.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      // Indexing a typed array below its length is proven by the loop, not by the type.
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    // Bad days, and what is to reach the firmware, are tested with the devices of the simulator, which nothing that ships may know.
    files: [
      'apps/server/test/bad-days/**/*.ts',
      'apps/server/src/rollout/bad-*.medium.spec.ts',
      'apps/server/test/motion.large.spec.ts',
      'apps/server/test/settings.medium.spec.ts',
    ],
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          allowCircularSelfDependency: true,
          checkDynamicDependenciesExceptions: ['.*'],
          allow: ['@tinyfleet/simulator'],
          depConstraints,
        },
      ],
    },
  },
  {
    // Nest finds what to inject by the types of constructor parameters, which an `import type` would erase.
    files: ['apps/server/src/**/*.ts'],
    rules: { '@typescript-eslint/consistent-type-imports': 'off' },
  },
  {
    files: browser,
    ignores: specs,
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: builtinModules.map((name) => ({ name, message: 'This runs in a browser too.' })),
          patterns: [
            { group: ['node:*'], message: 'This runs in a browser too.' },
            { group: ['@tinyfleet/testing'], message: 'Only tests import the testing library.' },
          ],
        },
      ],
    },
  },
  {
    files: ['{apps,libs,firmware-stubs}/**/src/**/*.ts'],
    ignores: [...specs, ...browser, 'libs/testing/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: ['@tinyfleet/testing'], message: 'Only tests import the testing library.' }] },
      ],
    },
  },
  {
    files: ['apps/simulator/src/**/*.ts'],
    ignores: specs,
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: ['@tinyfleet/testing'], message: 'Only tests import the testing library.' },
            { group: ['@tinyfleet/compiler'], message: 'A device runs bundles; only tests make them here.' },
          ],
        },
      ],
    },
  },
  {
    files: ['libs/{registry,releases,rollouts,telemetry,quality,datasets,training,auth}/src/**/*.ts'],
    ignores: specs,
    rules: {
      'tinyfleet/store-port-takes-project-scope': [
        'error',
        {
          allow: [
            // People, sessions and tokens belong to the instance; their rights name projects.
            'AuthStore',
            // People belong to the instance; their memberships are in MemberStore, which is checked.
            'PeopleStore',
            // The way from a name to its scope, and the list of what a person may open.
            'ProjectStore.list',
            'ProjectStore.find',
            'ProjectStore.add',
            // A device shows a secret alone: its hash is the way to the scope.
            'ProvisioningStore.holdKey',
            'ProvisioningStore.redeemCode',
            // One batch carries windows of many projects, each row with its own project id.
            'IngestStore.commit',
            // One batch of connections likewise; at the edge's start all devices are disconnected.
            'PresenceStore.write',
            'PresenceStore.begin',
            'PresenceStore.pulse',
            'PresenceStore.applyOutages',
            'PresenceStore.announceSilence',
            'PresenceStore.writeSequences',
            // Hellos of many projects are answered in one question; each names its project.
            'DesiredStore.load',
            'DesiredStore.begin',
            'DesiredStore.changedAfter',
            'DesiredStore.lastRevisions',
            // Folds whole batches in the order of their arrival.
            // Retention removes what is over of all projects: one leader.
            'RemovalStore.days',
            'RemovalStore.dropDay',
            'RemovalStore.emptyDay',
            'RemovalStore.having',
            'RemovalStore.projects',
            'RemovalStore.raiseWindowsFrom',
            'RemovalStore.remove',
            'RemovalStore.removeWindows',
            'RemovalStore.report',
            'RollupStore.fold',
            'RollupStore.lagSeconds',
          ],
        },
      ],
    },
  },
  {
    files: ['apps/dashboard/**/*.{ts,tsx}'],
    extends: [reactHooks.configs.flat.recommended],
    rules: {
      // The router is told to redirect by a throw.
      '@typescript-eslint/only-throw-error': [
        'error',
        { allow: [{ from: 'package', name: 'Redirect', package: '@tanstack/router-core' }] },
      ],
    },
  },
  {
    files: specs,
    rules: {
      // A spec stands beside its source, and its `describe` says what it is.
      'tinyfleet/file-header': 'off',
      // Expectations read better on loosely typed answers, and a test that is wrong fails.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-explicit-any': 'off',
      // What beforeAll sets may be unset when it failed.
      '@typescript-eslint/no-unnecessary-condition': 'off',
    },
  },
  {
    // Programs that talk to a terminal.
    files: ['tools/**', 'bench/**', 'apps/cli/**', '**/*.mjs'],
    rules: { 'no-console': 'off' },
  },
);
