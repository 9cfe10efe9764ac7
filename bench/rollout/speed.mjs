// rollout.perMinute: ten thousand devices that run the shipped firmware over their own sockets get the keyword model, and then
// a tuned one as a delta. From the call that starts a rollout until the last row is active; connects come before.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { apiOf, cliOf, everyItem, metric, treeCpuS, treeRssMib, until } from '../fleet/product-api.mjs';
import { startSimulator } from '../fleet/simulator.mjs';
import { keywordModel, writeTunedModel } from './models.mjs';

const CONNECT_LIMIT_MS = 300_000;
const ROLLOUT_LIMIT_MS = 600_000;
const PAYLOAD_LIMIT_MS = 60_000;
const scenario = fileURLToPath(new URL('fleet.yaml', import.meta.url));

/** Connects the fleet, after a first release was made. @param {number} devices */
export async function startFleet(product, devices) {
  const api = apiOf(product);
  const cli = cliOf(product, 'bench');
  await api('POST', '/projects', { name: 'bench', windowSeconds: 86_400, pickEvery: 0 });
  await release(cli, keywordModel, '1.0.0');
  const connecting = performance.now();
  const args = ['--scenario', scenario];
  const simulator = startSimulator(product, { project: 'bench', devices, args });
  try {
    const connections = () => metric(product, 'tinyfleet_mqtt_connections');
    await until(CONNECT_LIMIT_MS, async () => (await connections()) === devices);
    const silent = '/projects/bench/devices?limit=1&filter=state%20!%3D%20%22active%22';
    await until(CONNECT_LIMIT_MS, async () => (await api('GET', silent)).items.length === 0);
  } catch (error) {
    await simulator.stop();
    throw error;
  }
  return { simulator, devices, connectS: (performance.now() - connecting) / 1_000, stop: simulator.stop };
}

/** The keyword model whole, then the tuned one as a delta. */
export async function measureSpeed(product, { simulator, devices }) {
  const folder = await mkdtemp(join(tmpdir(), 'tinyfleet-bench-'));
  const api = apiOf(product);
  try {
    const full = await rollOut(product, api, simulator, 'kws@1.0.0', devices);
    await release(cliOf(product, 'bench'), await writeTunedModel(folder), '1.1.0');
    // Who starts before the payloads are ready sends whole bundles; what is measured here is the delta.
    await until(PAYLOAD_LIMIT_MS, async () => {
      const { builds } = await api('GET', '/projects/bench/releases/kws@1.1.0');
      const transfers = builds.flatMap((build) => build.transfers);
      return transfers.length > 0 && transfers.every(({ state }) => state !== 'queued');
    });
    return { full, delta: await rollOut(product, api, simulator, 'kws@1.1.0', devices) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function release(cli, file, version) {
  await cli('model', 'import', file, '--name', 'kws', '--version', version);
  await cli('build', `kws@${version}`, '--for', 'wasm');
  await cli('release', 'create', `kws@${version}`, '--sign', '--soak', '0');
}

async function rollOut(product, api, simulator, release, devices) {
  const count = async () => ({
    messages: await metric(product, 'tinyfleet_mqtt_total{event="messages"}'),
    chunkBytes: await metric(product, 'tinyfleet_ota_total{event="chunkBytes"}'),
  });
  const before = await count();
  const cpuBefore = [treeCpuS(product.pid), treeCpuS(simulator.pid)];
  const startedAt = Date.now();
  const { number } = await api('POST', '/projects/bench/rollouts', { release, filter: 'tag = "simulated"' });
  let rssMib = 0;
  let looks = 0;
  let rollout;
  await until(
    ROLLOUT_LIMIT_MS,
    async () => {
      rollout = await api('GET', `/projects/bench/rollouts/${number}`);
      if (looks++ % 5 === 0) rssMib = Math.max(rssMib, treeRssMib(product.pid));
      return rollout.state !== 'running';
    },
    1_000,
  );
  if (rollout.counts.active !== devices)
    throw new Error(`the rollout is ${rollout.state}: ${JSON.stringify(rollout.counts)}, ${rollout.reason}`);
  const after = await count();
  const [productCpuS, simulatorCpuS] = [product, simulator].map(({ pid }, i) => treeCpuS(pid) - cpuBefore[i]);
  const rows = await everyItem(api, `/projects/bench/rollouts/${number}/deployments?limit=500`);
  const lastAt = Math.max(...rows.map(({ updatedAt }) => Date.parse(updatedAt)));
  const wallS = (lastAt - startedAt) / 1_000;
  return {
    wallS,
    perMinute: (devices * 60) / wallS,
    messagesPerSecond: (after.messages - before.messages) / wallS,
    bytesPerDevice: (after.chunkBytes - before.chunkBytes) / devices,
    productCpuMs: (productCpuS * 1_000) / devices,
    simulatorCpuMs: (simulatorCpuS * 1_000) / devices,
    rssMib,
    simulatorRssMib: treeRssMib(simulator.pid),
  };
}
