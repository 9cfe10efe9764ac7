/** `tinyfleet simulate`: a simulated fleet against any server, until Ctrl-C. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Command, Option } from 'commander';
import { FleetError } from '@tinyfleet/errors';
import pc from 'picocolors';
import { commaList, integer } from '../arguments.js';
import { programs } from '../paths.js';
import { isRecord } from '../record.js';
import { Session } from '../session.js';

/** Those of the simulator, which is not loaded for a help text. */
export const RUNNER_NAMES = ['wasm', 'posix', 'qemu-m3', 'qemu-m4', 'qemu-m7', 'avr'];

interface SimulateOptions {
  devices: number;
  scenario?: string;
  runner: string;
  type?: string;
  prefix: string;
  tags?: string[];
  factory?: string;
  historyDays?: string;
  stateFile?: string;
  duration?: string;
  mqttHost?: string;
  mqttPort?: string;
}

export function simulateCommand(): Command {
  return new Command('simulate')
    .description('run simulated devices: the real firmware, real sockets, generated or recorded sensors')
    .requiredOption('--devices <n>', 'how many', integer('--devices', 1, 100_000))
    .option('--scenario <file>', 'YAML: drift, faults, outages, reboots (default: healthy vibration fleet)')
    .addOption(
      new Option('--runner <name>', 'what a device is: in this process, or a process of its own')
        .choices(RUNNER_NAMES)
        .default('wasm'),
    )
    .option('--type <name>', "device type (default: the runner's)")
    .option('--prefix <name>', 'names are <prefix>-001 and on', 'sim')
    .option('--tags <list>', 'comma separated', commaList)
    .option('--factory <bundle>', 'bundle that the devices come with')
    .option('--history-days <n>', 'make so many days of telemetry first')
    .option('--state-file <file>', 'keep flash images over restarts (a folder, with processes)')
    .option('--duration <seconds>', 'end after so long')
    .option('--mqtt-host <host>', 'of the broker (default: this machine)')
    .option('--mqtt-port <port>', 'of the broker, plain MQTT (default: as the server says)')
    .addHelpText(
      'after',
      `
Examples:
  $ npx tinyfleet simulate --devices 1000
  $ npx tinyfleet simulate --devices 5 --runner posix
  $ npx tinyfleet simulate --devices 50 --scenario apps/simulator/scenarios/drift.yaml --duration 600`,
    )
    .action(async (options: SimulateOptions, self: Command) => {
      const session = Session.of(self);
      if (!existsSync(programs.simulator))
        throw new FleetError('cli.not-built', { path: programs.simulator });
      const project = await session.project();
      const args = ['--devices', String(options.devices), '--url', session.context.url, '--project', project];
      const add = (flag: string, value: string | undefined) => {
        if (value !== undefined) args.push(flag, value);
      };
      add('--scenario', options.scenario);
      add('--runner', options.runner);
      add('--type', options.type);
      add('--prefix', options.prefix);
      for (const tag of options.tags ?? []) add('--tag', tag);
      add('--factory', options.factory);
      add('--history-days', options.historyDays);
      add('--state-file', options.stateFile);
      add('--duration', options.duration);
      add('--mqtt-host', options.mqttHost);
      add('--mqtt-port', options.mqttPort ?? String(await session.mqttPort()));
      process.exitCode = await runSimulator(session, args);
    });
}

/** The token goes by environment: arguments are readable by every user of the machine. */
async function runSimulator(session: Session, args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [programs.simulator, ...args], {
    env: { ...process.env, TINYFLEET_TOKEN: session.context.token },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // Ctrl-C reaches the child too, which stops cleanly; this process only waits for it.
  const ignore = () => undefined;
  const pass = () => child.kill('SIGTERM');
  process.on('SIGINT', ignore);
  process.on('SIGTERM', pass);
  let failure: { message: string; hint?: string } | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    const message = parse(line);
    if (session.globals.output === 'json' || message === undefined) session.out.line(line);
    else if (message['event'] === 'failed') failure = message as unknown as typeof failure;
    else {
      const text = render(message);
      if (text !== undefined) session.out.line(text);
    }
  }
  const code = await new Promise<number>((resolve) => {
    if (child.exitCode !== null) resolve(child.exitCode);
    else child.once('exit', (exitCode) => resolve(exitCode ?? 1));
  });
  process.off('SIGINT', ignore);
  process.off('SIGTERM', pass);
  if (failure !== undefined) {
    process.stderr.write(`${pc.red('error')}  ${failure.message}\n`);
    if (failure.hint !== undefined) process.stderr.write(`       ${failure.hint}\n`);
  }
  return code;
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** One line per event; counters of a status beside each other. */
export function render(message: Readonly<Record<string, unknown>>): string | undefined {
  const { event, ...rest } = message;
  const time = pc.dim(new Date().toISOString().slice(11, 19));
  if (event === 'progress') return rest['done'] === true ? `${time}  ${String(rest['text'])}` : undefined;
  if (event === 'ready') return undefined;
  // What a device process prints, behind its name.
  if (event === 'line') return `${pc.cyan(String(rest['device']))}  ${String(rest['text'])}`;
  const facts = Object.entries(rest)
    .filter(([, value]) => typeof value === 'number' || typeof value === 'string')
    .map(
      ([name, value]) => `${name} ${typeof value === 'number' ? value.toLocaleString('en') : String(value)}`,
    );
  return `${time}  ${String(event)}  ${facts.join(', ')}`;
}
