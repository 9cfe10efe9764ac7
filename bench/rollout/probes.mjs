// Projects of raw probe devices (probe-devices.mjs) beside the fleet, and what they saw: rollout.decisionP99 and rollout.rateCap.
import { fileURLToPath } from 'node:url';
import { child } from '../fleet/child.mjs';
import { apiOf, cliOf, until } from '../fleet/product-api.mjs';

const LIMIT_MS = 600_000;
const BULK = 1_000;
const model = fileURLToPath(new URL('../../tools/demo-model/models/vibration-v1.tflite', import.meta.url));

/** @param {{project: string, tags: string[], each: number, reports: boolean}} wanted `each` devices of every tag */
export async function startProbes(product, { project, tags, each, reports }) {
  const { Runtime } = await import('../../libs/runtime/dist/index.js');
  const api = apiOf(product);
  const cli = cliOf(product, project);
  await api('POST', '/projects', { name: project, windowSeconds: 86_400, pickEvery: 0 });
  await cli('model', 'import', model, '--name', 'probe', '--version', '1.0.0');
  await cli('build', 'probe@1.0.0', '--for', 'wasm');
  await cli('release', 'create', 'probe@1.0.0', '--sign', '--soak', '0');
  const names = tags.flatMap((tag) =>
    Array.from({ length: each }, (_, i) => ({ name: `${tag}-${i}`, type: 'wasm', tags: [tag], site: null })),
  );
  const devices = [];
  for (let at = 0; at < names.length; at += BULK) {
    const { items } = await api('POST', `/projects/${project}/devices/bulk`, {
      devices: names.slice(at, at + BULK),
    });
    devices.push(...items.map(({ device, token }) => ({ name: device.name, token })));
  }
  const { opSet, ownOpSet } = (await Runtime.open()).opSet;
  const hello = {
    deviceType: 'wasm',
    firmwareVersion: '1.0.0',
    abi: 0x1_0000,
    opSet: hexOf(opSet),
    ownOpSet: hexOf(ownOpSet),
    resetCause: 'power-on',
    maxPacketBytes: 1_536,
    methods: ['full'],
    slotBytes: 1 << 20,
    programUnitBytes: 4,
    sectorBytes: 4_096,
    arenaBytes: 1 << 20,
    stateBytes: 4_096,
    fetchSlot: 0,
    releaseSequence: 0,
    floor: 0,
    capabilities: 0,
  };
  const probes = child(new URL('probe-devices.mjs', import.meta.url), [], ['--expose-gc']);
  const events = [];
  const ready = probes.next();
  probes.process.on('message', (message) => events.push(message));
  probes.process.send({ port: product.mqttPort, project, devices, hello, reports });
  const answer = await ready;
  if (answer.event !== 'ready') throw new Error(answer.message);
  return {
    events,
    async rollOut(tag, policy) {
      const { number } = await api('POST', `/projects/${project}/rollouts`, {
        release: 'probe@1.0.0',
        filter: `tag = "${tag}"`,
        ...policy,
      });
      return number;
    },
    async ended(number) {
      let rollout;
      await until(LIMIT_MS, async () => {
        rollout = await api('GET', `/projects/${project}/rollouts/${number}`);
        return rollout.state !== 'running';
      });
      if (rollout.state !== 'succeeded')
        throw new Error(`the rollout is ${rollout.state}: ${rollout.reason}`);
    },
    abort: (number) => api('POST', `/projects/${project}/rollouts/${number}/abort`, {}),
    async stop() {
      probes.process.send({ command: 'stop' });
      await probes.ended;
    },
  };
}

/** Without trailing zeros, as devices say it. */
function hexOf(bytes) {
  const end = bytes.findLastIndex((byte) => byte !== 0) + 1;
  return Buffer.from(bytes.subarray(0, end)).toString('hex');
}

const STEPS = 50;
const PER_STEP = 2;
const ROLLOUTS = 5;

/**
 * Milliseconds from the acknowledgement of the last report of a step, which is sent when it is committed, until the first
 * device of the next step is told. Also from when that report was sent: no less than from the commit.
 */
export async function measureDecisions(product) {
  const tags = Array.from({ length: ROLLOUTS }, (_, i) => `step${i}`);
  const probes = await startProbes(product, {
    project: 'decide',
    tags,
    each: STEPS * PER_STEP,
    reports: true,
  });
  try {
    const steps = Array.from({ length: STEPS }, (_, i) => ((i + 1) * 100) / STEPS);
    const fromAck = [];
    const fromSent = [];
    for (const tag of tags) {
      const first = probes.events.length;
      await probes.ended(await probes.rollOut(tag, { steps }));
      const seen = probes.events.slice(first);
      const told = seen.filter(({ event }) => event === 'desired');
      const active = seen.filter(({ event }) => event === 'active');
      for (let step = 1; step < STEPS; step++) {
        const before = active.slice(0, step * PER_STEP);
        const next = told[step * PER_STEP];
        fromAck.push(next.atMs - Math.max(...before.map(({ atMs }) => atMs)));
        fromSent.push(next.atMs - Math.max(...before.map(({ sentMs }) => sentMs)));
      }
    }
    return { fromAck, fromSent };
  } finally {
    await probes.stop();
  }
}

const MINUTE_MS = 60_000;

/** @returns offers in the fullest and the emptiest minute that began with an offer, while devices were waiting */
export async function measureRateCap(product, { perMinute, minutes }) {
  const each = Math.ceil(perMinute * (minutes + 0.5));
  const probes = await startProbes(product, { project: 'rate', tags: ['rate'], each, reports: true });
  try {
    const number = await probes.rollOut('rate', { devicesPerMinute: perMinute });
    await new Promise((resolve) => setTimeout(resolve, minutes * MINUTE_MS));
    await probes.abort(number);
    const times = probes.events.filter(({ event }) => event === 'desired').map(({ atMs }) => atMs);
    times.sort((a, b) => a - b);
    const counts = [];
    for (let from = 0, to = 0; from < times.length && times[from] + MINUTE_MS <= times.at(-1); from++) {
      while (times[to] < times[from] + MINUTE_MS) to++;
      counts.push(to - from);
    }
    if (counts.length === 0)
      throw new Error(`${times.length} offers in ${minutes} minutes make no whole minute`);
    return { offers: times.length, most: Math.max(...counts), least: Math.min(...counts) };
  } finally {
    await probes.stop();
  }
}
