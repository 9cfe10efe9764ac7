// Seconds from `npm start` to ready: /health/ready answers 200 and the broker accepts an MQTT CONNECT.
// first: a fresh clone right after `npm ci`, build and initdb included. cold: built, new data directory.
// warm: built, the data directory of the run before.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stdout } from 'node:process';
import { fileURLToPath } from 'node:url';
import { bar, median, printBars, table } from './report.mjs';

const checkout = fileURLToPath(new URL('..', import.meta.url));
const COLD_RUNS = 3;
const WARM_RUNS = 5;

export async function run() {
  const { startProduct } = await import('../libs/testing/dist/product.js');
  const folder = mkdtempSync(join(tmpdir(), 'tinyfleet-bench-'));
  chmodSync(folder, 0o711);
  try {
    const clone = join(folder, 'clone');
    must('git', ['clone', '--quiet', '--local', checkout, clone], folder);
    stdout.write('npm ci in a fresh clone (not counted) ...\n');
    const installing = performance.now();
    must('npm', ['ci', '--silent'], clone);
    stdout.write(`npm ci took ${seconds(performance.now() - installing)} s\n`);

    const first = await timed(startProduct, clone, join(folder, 'data-first'));
    const cold = [];
    for (let i = 0; i < COLD_RUNS; i += 1) {
      cold.push(await timed(startProduct, clone, join(folder, `data-cold-${i}`)));
    }
    const warm = [];
    for (let i = 0; i < WARM_RUNS; i += 1) {
      warm.push(await timed(startProduct, clone, join(folder, 'data-cold-0')));
    }
    table(
      ['start', 'runs', 'min s', 'median s', 'max s'],
      [
        ['first', [first]],
        ['cold', cold],
        ['warm', warm],
      ].map(([name, times]) => [
        name,
        times.length,
        seconds(Math.min(...times)),
        seconds(median(times)),
        seconds(Math.max(...times)),
      ]),
    );
    const bars = [
      bar({ id: 'start.first', value: first / 1_000, bar: 60, better: 'lower', unit: 's' }),
      bar({ id: 'start.cold', value: median(cold) / 1_000, bar: 20, better: 'lower', unit: 's' }),
      bar({ id: 'start.warm', value: median(warm) / 1_000, bar: 4, better: 'lower', unit: 's' }),
    ];
    printBars(bars);
    return { bars };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Milliseconds until both doors are open; stops the product afterwards. */
async function timed(startProduct, root, dataDir) {
  const started = performance.now();
  const product = await startProduct({ root, dataDir, timeoutMs: 180_000 });
  try {
    await connectDevice(product);
    return performance.now() - started;
  } finally {
    await product.stop();
  }
}

/** Registers a device and connects as it: the broker is ready when it accepts that device. */
async function connectDevice(product) {
  const post = (path, body) =>
    fetch(`${product.url}/api/v1${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${product.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  await post('/projects', { name: 'bench' });
  const registered = await post('/projects/bench/devices', { name: `d${Date.now()}`, type: 'wasm' });
  const { mqttUsername, token } = await registered.json();
  const code = await connack(product.mqttPort, mqttUsername, token);
  if (code !== 0) throw new Error(`the broker refused a registered device with code ${code}`);
}

/** Opens a connection, sends CONNECT and resolves with the CONNACK's return code. */
function connack(port, clientId, password) {
  const field = (text) => {
    const bytes = Buffer.from(text);
    return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
  };
  const body = Buffer.concat([
    field('MQTT'),
    Buffer.from([4, 0xc2, 0, 60]),
    field(clientId),
    field(clientId),
    field(password),
  ]);
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port }, () => {
      // Remaining length in MQTT's 7-bit groups; below 16,384 two bytes are enough.
      const length = [(body.length & 0x7f) | 0x80, body.length >> 7];
      socket.write(Buffer.concat([Buffer.from([0x10, ...length]), body]));
    });
    socket.once('data', (packet) => {
      socket.destroy();
      if (packet[0] === 0x20) resolve(packet[3]);
      else reject(new Error(`the broker answered ${packet[0]}, not CONNACK`));
    });
    socket.once('error', reject);
  });
}

function must(command, args, cwd) {
  const result = spawnSync(command, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
  if (result.status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${result.status}`);
}

const seconds = (milliseconds) => (milliseconds / 1_000).toFixed(2);
