// fleet.wall: seconds from starting a rollout of the keyword model until 1,000 simulated devices, which run the shipped
// firmware over their own sockets, are verified active. The product runs as a user starts it, without the demo.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { apiOf, cliOf, metric, treeRssMib, until } from './product-api.mjs';
import { startSimulator } from './simulator.mjs';

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
    const cli = cliOf(product, 'bench');
    await cli('model', 'import', model, '--name', 'kws');
    await cli('build', 'kws', '--for', 'wasm');
    await cli('release', 'create', 'kws@1.1.0', '--sign');
    const connecting = performance.now();
    simulator = startSimulator(product, { project: 'bench', devices: DEVICES });
    await until(
      START_LIMIT_MS,
      async () => (await metric(product, 'tinyfleet_mqtt_connections')) === DEVICES,
    );
    const connectS = (performance.now() - connecting) / 1_000;
    await until(START_LIMIT_MS, async () => {
      const { items } = await api(
        'GET',
        '/projects/bench/devices?limit=1&filter=state%20!%3D%20%22active%22',
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
    let looks = 0;
    let rollout;
    await until(ROLLOUT_LIMIT_MS, async () => {
      rollout = await api('GET', `/projects/bench/rollouts/${number}`);
      if (looks++ % 25 === 0) rssMib = Math.max(rssMib, treeRssMib(product.pid));
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
    await simulator?.stop();
    await product.stop();
  }
}
