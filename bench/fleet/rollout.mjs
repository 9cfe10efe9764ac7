// fleet.wall: seconds from starting a rollout of the keyword model until 1,000 simulated devices, which run the shipped
// firmware over their own sockets, are verified active. The product runs as a user starts it, without the demo.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const DEVICES = 1_000;
const START_LIMIT_MS = 180_000;
const ROLLOUT_LIMIT_MS = 300_000;
const root = fileURLToPath(new URL('../..', import.meta.url));
const shared = process.env.TINYFLEET_SHARED_DATA ?? join(root, '../shared/data');
const model = join(shared, 'mlperf_tiny/kws_ref_model.tflite');

/** @returns undefined when the keyword model is not there */
export async function measureRollout() {
  if (!existsSync(model)) return undefined;
  const { startProduct } = await import('../../libs/testing/dist/product.js');
  const product = await startProduct({ args: ['--no-demo'], timeoutMs: START_LIMIT_MS });
  let simulator;
  try {
    const api = apiOf(product);
    await api('POST', '/projects', { name: 'bench', windowSeconds: 10, pickEvery: 50 });
    const cli = async (...args) => {
      const result = await product.cli('--project', 'bench', ...args);
      if (result.code !== 0)
        throw new Error(`tinyfleet ${args.join(' ')}:\n${result.stdout}${result.stderr}`);
    };
    await cli('model', 'import', model, '--name', 'kws');
    await cli('build', 'kws', '--for', 'wasm');
    await cli('release', 'create', 'kws@1.1.0', '--sign');
    const connecting = performance.now();
    simulator = startSimulator(product);
    await until(
      START_LIMIT_MS,
      async () => (await metric(product, 'tinyfleet_mqtt_connections')) === DEVICES,
    );
    const connectS = (performance.now() - connecting) / 1_000;
    await until(START_LIMIT_MS, async () => {
      const { items } = await api(
        'GET',
        '/projects/bench/devices?limit=500&filter=state%20%3D%20%22never%22',
      );
      return items.length === 0;
    });

    const messagesBefore = await metric(product, 'tinyfleet_mqtt_total{event="messages"}');
    const started = performance.now();
    const { number } = await api('POST', '/projects/bench/rollouts', {
      release: 'kws@1.1.0',
      filter: 'tag = "simulated"',
    });
    let rssMib = 0;
    let rollout;
    await until(ROLLOUT_LIMIT_MS, async () => {
      rollout = await api('GET', `/projects/bench/rollouts/${number}`);
      rssMib = Math.max(rssMib, treeRssMib(product.pid));
      return rollout.state !== 'running';
    });
    const wallS = (performance.now() - started) / 1_000;
    if (rollout.counts.active !== DEVICES)
      throw new Error(
        `the rollout is ${rollout.state}: ${JSON.stringify(rollout.counts)}, ${rollout.reason}`,
      );
    const messages = (await metric(product, 'tinyfleet_mqtt_total{event="messages"}')) - messagesBefore;
    const chunkBytes = await metric(product, 'tinyfleet_ota_total{event="chunkBytes"}');
    return {
      devices: DEVICES,
      connectS,
      wallS,
      messagesPerSecond: messages / wallS,
      chunkMib: chunkBytes / 2 ** 20,
      rssMib,
      simulatorRssMib: treeRssMib(simulator.pid),
    };
  } finally {
    if (simulator) {
      const ended = new Promise((resolve) => simulator.once('exit', resolve));
      simulator.kill('SIGTERM');
      await ended;
    }
    await product.stop();
  }
}

function startSimulator(product) {
  const child = spawn(
    process.execPath,
    [
      join(root, 'apps/simulator/dist/main.js'),
      ...['--devices', String(DEVICES), '--url', product.url, '--token', product.token],
      ...['--project', 'bench', '--mqtt-port', String(product.mqttPort), '--tag', 'simulated'],
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  child.once('exit', (code) => {
    if (code !== 0 && code !== null) process.stderr.write(`the simulator ended with ${code}\n`);
  });
  return child;
}

const apiOf = (product) => async (method, path, body) => {
  const response = await fetch(`${product.url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${product.token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${method} ${path}: ${answer.code} ${answer.detail}`);
  return answer;
};

async function metric(product, name) {
  const text = await (await fetch(`${product.url}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length + 1));
}

async function until(limitMs, probe) {
  const deadline = performance.now() + limitMs;
  while (!(await probe())) {
    if (performance.now() > deadline) throw new Error(`not within ${limitMs / 1_000} s`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Resident memory of a process and all below it; 0 where /proc is not. */
function treeRssMib(pid) {
  try {
    const children = new Map();
    for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        const parent = Number(readFileSync(`/proc/${entry}/stat`, 'utf8').split(') ').at(-1).split(' ')[1]);
        children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
      } catch {
        // It ended meanwhile.
      }
    }
    const rss = (id) => {
      const kib = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, 'utf8'))?.[1] ?? 0);
      return (children.get(id) ?? []).reduce((sum, child) => sum + rss(child), kib / 1_024);
    };
    return Math.round(rss(pid));
  } catch {
    return 0;
  }
}
