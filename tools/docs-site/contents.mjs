// What there is to read, in the order of somebody who begins: the pages of docs/ by their names. The build refuses a page that
// is missing here, because nobody would find it.
export const contents = [
  {
    title: 'Begin',
    pages: {
      'quick-start': 'Quick start',
      'connect-a-device': 'Connect a device',
      releases: 'Bring a model',
      rollouts: 'Roll out',
      quality: 'Watch quality',
    },
  },
  {
    title: 'Use',
    pages: {
      dashboard: 'Dashboard',
      cli: 'Command line',
      devices: 'Devices',
      filters: 'Filters',
      provisioning: 'Provisioning',
      labels: 'Labels and accuracy',
    },
  },
  {
    title: 'Your hardware',
    pages: {
      porting: 'Port the runtime',
      'porting-agent': 'Port the agent',
      'telemetry-sources': 'Other telemetry',
      'spec/supported-ops': 'Supported operators',
    },
  },
  {
    title: 'Operate',
    pages: {
      operate: 'Run it',
      configuration: 'Configuration',
      access: 'People and tokens',
      roles: 'Roles',
      privacy: 'What is sent',
    },
  },
  {
    title: 'Look up',
    pages: {
      api: 'HTTP API',
      events: 'Events',
      formulas: 'Formulas',
      glossary: 'Glossary',
      errors: 'Errors',
    },
  },
  {
    title: 'How it works',
    pages: {
      architecture: 'Architecture',
      'design/compiler': 'Compiler',
      'design/front-end': 'Front ends',
      'design/agent': 'Device agent',
      'design/reduced': 'Reduced profile',
      'design/transfer': 'Transfer',
      'design/firmware': 'Firmware',
      'design/releases': 'Releases',
      'design/rollouts': 'Rollouts',
      'design/gates': 'Gates',
      'design/presence': 'Presence',
      'design/ingest': 'Ingest',
      'design/quality': 'Quality',
      'design/registry': 'A million devices',
      'design/simulator': 'Simulator',
    },
  },
  {
    title: 'Bytes',
    pages: {
      'spec/wire': 'Wire protocol',
      'spec/device': 'Device',
      'spec/manifest': 'Manifest',
      'spec/bundle': 'Bundle',
      'spec/bundle-tables': 'Bundle tables',
      'spec/flash': 'Flash',
      'spec/transfer': 'Transfer payloads',
    },
  },
  {
    title: 'Decisions',
    pages: {
      'adr/0001-kept-predictions': 'Kept predictions',
      'adr/0002-node-20-floor': 'Node 20.19',
      'adr/0003-first-import-is-1.1.0': 'First import is 1.1.0',
    },
  },
];

/** Pages that others list: every area of errors is in the list of errors. */
export const isListed = (name) =>
  name === '' || name.startsWith('errors/') || contents.some(({ pages }) => name in pages);
