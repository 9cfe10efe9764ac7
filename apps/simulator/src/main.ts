// The simulator's process: reads its configuration, runs a simulation, prints JSON lines (and sends them to the
// supervisor over IPC), ends cleanly on SIGTERM, SIGINT, the supervisor's stop, and when the project is removed.
import { isFleetError } from '@tinyfleet/errors';
import { wasmUrl } from '@tinyfleet/firmware';
import type { SupervisedMessage, SupervisorMessage } from '@tinyfleet/contracts';
import { readConfig, USAGE } from './config.js';
import { ProcessFleet } from './processes/process-fleet.js';
import { Simulation } from './simulation.js';

const STATUS_EVERY_MS = 10_000;

function print(message: SupervisedMessage | { event: string; [key: string]: unknown }): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
  if (process.connected) process.send?.(message);
}

async function run(): Promise<number> {
  if (process.argv.includes('--help')) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const config = readConfig(process.argv.slice(2));
  let end: (reason: string) => void = () => undefined;
  const ended = new Promise<string>((resolve) => (end = resolve));
  const events = { report: print, ended: end };
  const simulation =
    config.runner === 'wasm' ? new Simulation(config, wasmUrl, events) : new ProcessFleet(config, events);
  process.once('SIGTERM', () => end('SIGTERM'));
  process.once('SIGINT', () => end('SIGINT'));
  process.on('disconnect', () => end('the supervisor went away'));
  // The one message a supervisor sends.
  process.on('message', (message: SupervisorMessage) => end(message.command));
  print({ event: 'progress', step: 'fleet', text: 'starting the simulated fleet', done: false });
  const started = performance.now();
  const starting = simulation.start().then(() => {
    const elapsedMs = Math.round(performance.now() - started);
    const { devices } = simulation.status();
    print({
      event: 'progress',
      step: 'fleet',
      text: `${String(devices)} simulated devices are up`,
      done: true,
      elapsedMs,
    });
    print({ event: 'ready' });
  });
  const status = setInterval(() => print({ event: 'status', ...simulation.status() }), STATUS_EVERY_MS);
  const duration =
    config.durationSeconds === undefined
      ? undefined
      : setTimeout(() => end('the duration is over'), config.durationSeconds * 1_000);
  try {
    const reason = await Promise.race([ended, starting.then(() => ended)]);
    print({ event: 'stopping', reason });
  } finally {
    clearInterval(status);
    clearTimeout(duration);
    const last = simulation.status();
    await simulation.stop();
    print({ event: 'stopped', ...last });
  }
  return 0;
}

run().then(
  (code) => process.exit(code),
  (error: unknown) => {
    if (isFleetError(error))
      print({ event: 'failed', code: error.code, message: error.detail, hint: error.hint });
    else if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
      print({ event: 'failed', code: error.code, message: error.message });
    } else
      print({
        event: 'failed',
        code: 'simulator.defect',
        message: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    process.exit(isFleetError(error) ? error.exitCode : 1);
  },
);
