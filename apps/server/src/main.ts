/**
 * The server process: reads the configuration, starts, and stops on SIGINT, SIGTERM, a supervisor's `stop` or the
 * supervisor's end. A second signal during the stop ends it at once.
 */
import type { SupervisorMessage } from '@tinyfleet/contracts';
import { FleetError, isFleetError } from '@tinyfleet/errors';
import { startServer, type RunningServer } from './platform/bootstrap.js';
import { loadConfig } from './platform/config.js';
import { workspaceRoot } from './platform/paths.js';
import { Progress } from './platform/progress.js';

/** Stopping takes as long as the slowest part; then it is ended. */
const STOP_LIMIT_MS = 30_000;

const supervised = typeof process.send === 'function';
const progress = new Progress();
const starting = new AbortController();
let running: RunningServer | undefined;
let stopping: Promise<void> | undefined;
let started: Promise<void> | undefined = undefined;

function stop(exitCode: number): Promise<void> {
  if (stopping) return stopping;
  starting.abort();
  setTimeout(() => process.exit(exitCode || 70), STOP_LIMIT_MS).unref();
  stopping = (async () => {
    await started?.catch(() => {});
    await running?.stop();
    process.exit(exitCode);
  })();
  return stopping;
}

function fail(error: unknown): void {
  const known = isFleetError(error)
    ? error
    : new FleetError('server.internal', { requestId: 'start' }, { cause: error });
  if (!isFleetError(error)) process.stderr.write(`${(error as Error).stack ?? String(error)}\n`);
  if (!(known.code === 'storage.interrupted' && starting.signal.aborted)) {
    progress.send({ event: 'failed', code: known.code, message: known.detail, hint: known.hint });
  }
  process.exitCode = known.exitCode;
}

let signals = 0;
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    if (++signals > 2) process.exit(130);
    void stop(0);
  });
}
// `stop` is the only command.
process.on('message', (_message: SupervisorMessage) => void stop(0));
process.on('disconnect', () => void stop(0));

started = (async () => {
  const config = loadConfig({ env: process.env, cwd: workspaceRoot });
  running = await startServer({
    config,
    progress,
    signal: starting.signal,
    supervised,
    onFatal: (error) => {
      fail(error);
      void stop(error.exitCode);
    },
  });
  const { httpUrl, mqttUrl, setupUrl } = running;
  progress.send({
    event: 'ready',
    httpUrl,
    ...(mqttUrl ? { mqttUrl } : {}),
    dataDir: config.dataDir,
    ...(setupUrl ? { setupUrl } : {}),
  });
})();

started.catch((error: unknown) => {
  if (starting.signal.aborted && !isFleetError(error)) return;
  fail(error);
  // The channel to the supervisor keeps the process alive.
  if (!stopping) setImmediate(() => process.exit());
});
