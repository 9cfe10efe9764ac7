// Instructions on Cortex-M under QEMU for what an update costs a device: verifying the manifest, a golden vector of the
// self-test. The keyword model when the shared data is there.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compile } from '@tinyfleet/compiler';
import { measureCost } from '../../apps/simulator/dist/lab/qemu-cost.js';
import { onPath } from './tools.mjs';
import { table } from '../report.mjs';
import { demoRelease } from './models.mjs';

const KWS = fileURLToPath(new URL('../../../shared/data/mlperf_tiny/kws_ref_model.tflite', import.meta.url));

export async function measureDeviceCost() {
  if (!onPath('qemu-system-arm') || !onPath('arm-none-eabi-gcc')) {
    process.stdout.write('left out: QEMU or arm-none-eabi-gcc is not installed (npm run setup-test-deps)\n');
    return [];
  }
  const [model, bundle] = existsSync(KWS)
    ? ['kws', await kws()]
    : ['demo', (await demoRelease('v2', 2)).bundle];
  const rows = [];
  for (const core of ['m3', 'm4', 'm7']) {
    const cost = await measureCost(core, bundle);
    rows.push([
      `cortex-${core}`,
      cost.verifyInstructions.toLocaleString('en'),
      cost.goldenInstructions.toLocaleString('en'),
      cost.vectors,
      (cost.verifyInstructions + cost.vectors * cost.goldenInstructions).toLocaleString('en'),
      cost.stackBytes,
    ]);
  }
  process.stdout.write(`${model}, bundle of ${bundle.length} B\n`);
  table(
    [
      'instructions',
      'verify (Ed25519)',
      'one golden vector',
      'vectors',
      'verify + self-test',
      'stack B, measured',
    ],
    rows,
  );
  return [];
}

async function kws() {
  const deviceType = {
    name: 'any',
    core: 'cortex-m4f',
    clockHz: 120e6,
    slotBytes: 1 << 20,
    arenaBytes: 1 << 18,
  };
  return (await compile({ bytes: readFileSync(KWS), fileName: 'kws.tflite' }, { deviceType })).bundle;
}
