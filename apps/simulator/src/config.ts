// What a run is told: by a file (`--config`, written by `tinyfleet up` for the demo) or by flags (`tinyfleet simulate`).
// Validated here once; everything behind trusts it.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { FleetError } from '@tinyfleet/errors';
import { RUNNERS, runnerNamed } from '@tinyfleet/firmware';
import { z } from 'zod';

const Name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'use 1 to 63 of a-z 0-9 . _ - and start with a letter or digit');

export const SimulatorConfig = z.strictObject({
  /** Origin of the HTTP API. */
  url: z.url(),
  mqttHost: z.string().default('127.0.0.1'),
  mqttPort: z.int().min(1).max(65_535).default(1883),
  project: Name,
  apiToken: z.string().min(1),
  /** Devices that are registered already; or how many to register. */
  devices: z
    .union([
      z
        .array(z.strictObject({ name: Name, token: z.string().min(1), type: Name.default('wasm') }))
        .min(1)
        .refine((list) => new Set(list.map(({ type }) => type)).size === 1, 'one run simulates devices of one type')
        .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, 'a device is listed twice'),
      z.strictObject({
        count: z.int().min(1).max(100_000),
        type: Name.default('wasm'),
        prefix: Name.default('sim'),
        tags: z.array(Name).default(['simulated']),
      }),
    ]),
  /** What devices are: contexts of the WebAssembly build in this process, or processes of their own. */
  runner: z.enum(['wasm', ...RUNNERS.map(({ name }) => name)]).default('wasm'),
  /** Ed25519 verification key, 64 hexadecimal digits; default: the project's, asked from the API. */
  publicKeyHex: z.string().regex(/^[0-9a-f]{64}$/).optional(),
  /** Bundle that new devices come with; default: none, the first model arrives over the air. */
  factory: z.strictObject({ bundle: z.string(), sequence: z.int().min(0).default(0) }).optional(),
  /** YAML file; default: the vibration fleet. */
  scenario: z.string().optional(),
  history: z.strictObject({ days: z.number().positive().max(60), windowSeconds: z.int().min(10).max(86_400).optional() }).optional(),
  /** Flash images are kept here over restarts; a folder when devices are processes. A fleet that has a state makes no history again. */
  stateFile: z.string().optional(),
  /** Seconds after which the run ends by itself. */
  durationSeconds: z.number().positive().optional(),
  pickEvery: z.int().min(0).max(65_535).optional(),
}); // prettier-ignore
export type SimulatorConfig = z.infer<typeof SimulatorConfig>;

export const USAGE = `usage: simulator --config file.json
       simulator --devices N --url http://127.0.0.1:8080 --token TOKEN --project NAME [--scenario file.yaml]
                 [--runner wasm|${RUNNERS.map(({ name }) => name).join('|')}]
                 [--mqtt-host HOST] [--mqtt-port PORT] [--type wasm] [--prefix sim] [--tag TAG]...
                 [--factory bundle] [--history-days N] [--state-file FILE] [--duration SECONDS]`;

/** @throws FleetError simulator.config-invalid */
export function readConfig(argv: readonly string[]): SimulatorConfig {
  const flags = parseFlags(argv);
  if (flags.config === undefined) return validate(fromFlags(flags), 'the command line');
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(flags.config, 'utf8'));
  } catch (cause) {
    throw new FleetError(
      'simulator.config-invalid',
      { file: flags.config, problem: (cause as Error).message },
      { cause },
    );
  }
  return relativeTo(path.dirname(path.resolve(flags.config)), validate(json, flags.config));
}

function parseFlags(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...argv],
      options: {
        config: text, devices: text, url: text, token: text, project: text, scenario: text, 'mqtt-host': text, 'mqtt-port': text,
        type: text, prefix: text, tag: { type: 'string', multiple: true }, factory: text, 'history-days': text,
        'state-file': text, duration: text, key: text, runner: text,
      }, // prettier-ignore
    }).values;
  } catch (cause) {
    throw new FleetError('simulator.config-invalid', {
      file: 'the command line',
      problem: `${(cause as Error).message}\n${USAGE}`,
    });
  }
}

function fromFlags(flags: ReturnType<typeof parseFlags>): unknown {
  const token = flags.token ?? process.env['TINYFLEET_TOKEN'];
  if (
    flags.devices === undefined ||
    flags.url === undefined ||
    flags.project === undefined ||
    token === undefined
  ) {
    throw new FleetError('simulator.config-invalid', {
      file: 'the command line',
      problem: `a required flag is missing\n${USAGE}`,
    });
  }
  const number = (value: string | undefined) => (value === undefined ? undefined : Number(value));
  return {
    url: flags.url.replace(/\/$/, ''),
    mqttHost: flags['mqtt-host'] ?? new URL(flags.url).hostname,
    mqttPort: number(flags['mqtt-port']),
    project: flags.project,
    apiToken: token,
    runner: flags.runner,
    devices: {
      count: Number(flags.devices),
      type: flags.type ?? runnerNamed(flags.runner ?? '')?.deviceType,
      prefix: flags.prefix,
      tags: flags.tag,
    },
    publicKeyHex: flags.key,
    factory: flags.factory === undefined ? undefined : { bundle: flags.factory },
    scenario: flags.scenario,
    history: flags['history-days'] === undefined ? undefined : { days: Number(flags['history-days']) },
    stateFile: flags['state-file'],
    durationSeconds: number(flags.duration),
  };
}

function validate(value: unknown, file: string): SimulatorConfig {
  const result = SimulatorConfig.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const where = issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
  throw new FleetError('simulator.config-invalid', { file, problem: `${where}${issue.message}` });
}

/** Paths in a configuration file are relative to it. */
function relativeTo(folder: string, config: SimulatorConfig): SimulatorConfig {
  const at = (file: string | undefined) => (file === undefined ? undefined : path.resolve(folder, file));
  return {
    ...config,
    scenario: at(config.scenario),
    stateFile: at(config.stateFile),
    factory: config.factory && { ...config.factory, bundle: path.resolve(folder, config.factory.bundle) },
  };
}
