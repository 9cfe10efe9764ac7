// The simulator in a process of its own, as `tinyfleet simulate` starts it.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * @param {{url: string, token: string, mqttPort: number}} product
 * @param {{project: string, devices: number, args?: string[]}} fleet
 */
export function startSimulator(product, { project, devices, args = [] }) {
  const child = spawn(
    process.execPath,
    [
      join(root, 'apps/simulator/dist/main.js'),
      ...['--devices', String(devices), '--url', product.url, '--token', product.token],
      ...['--project', project, '--mqtt-port', String(product.mqttPort), '--tag', 'simulated'],
      ...args,
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.once('exit', (code) => {
    if (code !== 0 && code !== null) process.stderr.write(`the simulator ended with ${code}\n`);
  });
  return {
    pid: child.pid,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
