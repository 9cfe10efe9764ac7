// From the first byte that a simulated device sends to the frame in which the fleet page shows it as connected.
import { writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { until } from '../fleet/product-api.mjs';
import { startSimulator } from '../fleet/simulator.mjs';

const LIMIT_MS = 60_000;

/** @param {number} run a device of its own @returns {Promise<{ shownMs: number }>} */
export async function measureLive({ newPage }, { product, api, folder }, run) {
  const name = `live-${run}`;
  const { token } = await api('POST', '/projects/bench/devices', { name, type: 'wasm' });
  const tap = await startTap(product.mqttPort);
  const page = await newPage();
  let simulator;
  try {
    await page.goto(`${product.url}/p/bench?filter=${encodeURIComponent(`name = "${name}"`)}`);
    await page.getByRole('link', { name }).waitFor();
    await page.getByRole('status').getByText('Live').waitFor();
    // What the visit itself asked for has come.
    await page.waitForTimeout(2_000);
    const file = join(folder, `${name}.json`);
    writeFileSync(
      file,
      JSON.stringify({
        ...{ url: product.url, mqttPort: tap.port, project: 'bench', apiToken: product.token },
        devices: [{ name, token, type: 'wasm' }],
      }),
    );
    const shown = page.evaluate(async () => {
      const row = () => document.querySelector('.device-table tbody tr');
      const atMs = await window.bench.painted(() => row()?.textContent.includes('connected'));
      return performance.timeOrigin + atMs;
    });
    simulator = startSimulator(product, { project: 'bench', devices: 1, args: ['--config', file] });
    await until(LIMIT_MS, () => tap.firstByteAtMs() !== undefined, 10);
    return { shownMs: (await shown) - tap.firstByteAtMs() };
  } finally {
    await simulator?.stop();
    await page.context().close();
    await tap.stop();
  }
}

/** Stands between device and broker, and notes when the device first speaks. */
async function startTap(brokerPort) {
  let firstByteAtMs;
  const sockets = new Set();
  const server = createServer({ noDelay: true }, (device) => {
    const broker = createConnection({ host: '127.0.0.1', port: brokerPort, noDelay: true });
    for (const socket of [device, broker]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
    device.once('data', () => (firstByteAtMs ??= performance.timeOrigin + performance.now()));
    device.pipe(broker).pipe(device);
  });
  await new Promise((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  return {
    port: server.address().port,
    firstByteAtMs: () => firstByteAtMs,
    stop: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
