// Updates over networks that lose segments: who completes, how long it takes, what goes over the wire. Real firmware, TCP
// modelled as its user sees it, in virtual time (apps/simulator/src/lab).
import { wasmUrl } from '@tinyfleet/firmware';
import { Firmware } from '../../apps/simulator/dist/device/firmware.js';
import { SLOW_NETWORK } from '../../apps/simulator/dist/lab/lossy-link.js';
import { runUpdates } from '../../apps/simulator/dist/lab/network-lab.js';
import { bar, table } from '../report.mjs';
import { demoRelease } from './models.mjs';

const LOSSES = [0, 0.01, 0.05, 0.2];

export async function measureNetwork({ quick }) {
  const from = await demoRelease('v1', 2);
  const to = await demoRelease('v2', 4);
  const devices = quick ? 50 : 500;
  const measure = (network, trouble) =>
    runUpdates({
      firmware: new Firmware(wasmUrl),
      ...{ from, to, devices, network, trouble },
      limitS: 12 * 3_600,
      seed: 1,
    });
  const cases = [
    ...LOSSES.map((loss) => [`${loss * 100} % of segments lost`, measure({ ...SLOW_NETWORK, loss })]),
    ['20 % of chunks lost by the broker', measure(SLOW_NETWORK, { lostChunks: 0.2 })],
    [
      'chunks repeated, late, damaged, foreign (10 % each)',
      measure(SLOW_NETWORK, {
        ...{ repeatedChunks: 0.1, lateChunks: 0.1, damagedChunks: 0.1, foreignChunks: 0.1 },
      }),
    ],
    ['two servers answer', measure(SLOW_NETWORK, { servers: 2 })],
    ['connections reset, mean 15 s', measure({ ...SLOW_NETWORK, resetMeanMs: 15_000 })],
    ['connections go silent, mean 30 s', measure({ ...SLOW_NETWORK, silenceMeanMs: 30_000 })],
    ['server restarts, mean 4 s', measure(SLOW_NETWORK, { restartMeanMs: 4_000 })],
    ['one byte at a time', measure({ ...SLOW_NETWORK, readBytes: 1 })],
  ];
  process.stdout.write(
    `${devices} devices, bundle of ${to.bundle.length} B, GPRS: ${SLOW_NETWORK.latencyMs} ms, ` +
      `${SLOW_NETWORK.bytesPerSecond} B/s, segments of ${SLOW_NETWORK.segmentBytes} B\n`,
  );
  table(
    ['network', 'succeeded', 'mixtures', 'median s', 'p99 s', 'wire bytes', 'chunk bytes', 'connects'],
    cases.map(([name, r]) => [
      name,
      `${(100 * r.succeeded).toFixed(1)} %`,
      r.mixtures,
      r.medianS.toFixed(1),
      r.p99S.toFixed(1),
      `${r.wireRatio.toFixed(2)}x`,
      `${r.chunkRatio.toFixed(3)}x`,
      (r.connects / r.devices).toFixed(2),
    ]),
  );
  const worst = Math.min(...cases.map(([, r]) => r.succeeded));
  const mixtures = cases.reduce((sum, [, r]) => sum + r.mixtures, 0);
  return [
    bar({ id: 'network.succeeded', value: worst, bar: 1, better: 'higher', unit: 'share, worst network' }),
    bar({ id: 'network.mixtures', value: mixtures, bar: 0, better: 'lower', unit: 'devices' }),
  ];
}
