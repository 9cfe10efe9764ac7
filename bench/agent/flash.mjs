// Flash operations and wear of one update by method, on the simulated device: real firmware, NOR rules, sectors of 4,096 bytes.
import { createHash } from 'node:crypto';
import { wasmUrl } from '@tinyfleet/firmware';
import { encodeCompressed, encodeDelta } from '@tinyfleet/wire';
import { Firmware } from '../../apps/simulator/dist/device/firmware.js';
import { runUpdates } from '../../apps/simulator/dist/lab/network-lab.js';
import { table } from '../report.mjs';
import { demoRelease } from './models.mjs';

export async function measureFlashWork() {
  const from = await demoRelease('v1', 2);
  const to = await demoRelease('v2', 4);
  const baseDigest = createHash('sha256').update(from.bundle).digest();
  const options = { sectorBytes: 4_096 };
  const payloads = {
    full: undefined,
    compressed: { method: 'compressed', bytes: encodeCompressed(to.bundle, options) },
    delta: { method: 'delta', bytes: encodeDelta(from.bundle, to.bundle, options), baseDigest },
  };
  process.stdout.write(`bundle of ${to.bundle.length} B, records included\n`);
  table(
    [
      'flash work of one update',
      'payload B',
      'programs',
      'bytes programmed',
      'sectors erased',
      'one sector at most',
    ],
    Object.entries(payloads).map(([method, payload]) => {
      const { flash, succeeded } = runUpdates({
        firmware: new Firmware(wasmUrl),
        from,
        to: payload === undefined ? to : { ...to, payload },
        devices: 5,
        limitS: 3_600,
        seed: 1,
      });
      if (succeeded !== 1) throw new Error(`${method}: ${succeeded * 100} % of the devices were updated`);
      const { programs, programmedBytes, erases, mostErases } = flash;
      return [
        method,
        payload?.bytes.length ?? to.bundle.length,
        programs,
        programmedBytes,
        erases,
        mostErases,
      ];
    }),
  );
  return [];
}
