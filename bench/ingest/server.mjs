// The server process as `tinyfleet up` starts it, on a database that outlives it, so that it can be killed.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const START_LIMIT_MS = 120_000;

/** @param {{ folder: string, database: { target: object } }} bench @returns when devices may connect */
export async function startServer({ folder, database }) {
  const { SERVER_NODE_FLAGS } = await import('../../libs/contracts/dist/index.js');
  const { host, port, user, password, database: name } = database.target;
  const process_ = spawn(process.execPath, [...SERVER_NODE_FLAGS, join(root, 'apps/server/dist/main.js')], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      TINYFLEET_DATA_DIR: join(folder, 'data'),
      TINYFLEET_HTTP_PORT: '0',
      TINYFLEET_MQTT_PORT: '0',
      TINYFLEET_LOG_LEVEL: 'error',
      DATABASE_URL: `postgres://${user}:${encodeURIComponent(password)}@/${name}?host=${encodeURIComponent(host)}&port=${port}`,
    },
  });
  const ended = new Promise((resolve) => process_.once('exit', resolve));
  let text = '';
  process_.stdout.on('data', (chunk) => (text += chunk));
  const deadline = performance.now() + START_LIMIT_MS;
  let mqttPort;
  let url;
  while (mqttPort === undefined || url === undefined) {
    if (process_.exitCode !== null) throw new Error(`the server ended with ${process_.exitCode}:\n${text}`);
    if (performance.now() > deadline) throw new Error(`the server was not ready:\n${text}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    mqttPort = /mqtt:\/\/[^\s:]+:(\d+)/.exec(text)?.[1];
    url = /https?:\/\/[^\s/]+:\d+/.exec(text)?.[0];
  }
  const signal = async (name) => {
    process_.kill(name);
    await ended;
  };
  return {
    pid: process_.pid,
    mqttPort: Number(mqttPort),
    url,
    rssMib: () =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${process_.pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024,
    kill: () => signal('SIGKILL'),
    stop: () => signal('SIGTERM'),
  };
}
