// Power cuts of a Cortex-M4 under QEMU by SIGKILL, during updates, each followed by a boot on the same flash.
import { runPowerCuts } from '../../apps/simulator/dist/lab/qemu-power-cuts.js';
import { bar } from '../report.mjs';
import { demoRelease } from './models.mjs';
import { onPath } from './tools.mjs';

export async function measureQemuCuts({ quick }) {
  if (!onPath('qemu-system-arm') || !onPath('arm-none-eabi-gcc')) {
    process.stdout.write('left out: QEMU or arm-none-eabi-gcc is not installed (npm run setup-test-deps)\n');
    return [];
  }
  const bundles = [];
  for (const [i, version] of ['v1', 'v2', 'v3'].entries())
    bundles.push((await demoRelease(version, 2 * i + 2)).bundle);
  const report = await runPowerCuts({ bundles, cuts: quick ? 10 : 100 });
  const { random, chosen } = report;
  const { full, delta, compressed } = report.updates;
  process.stdout.write(
    `${report.cuts} cuts in ${full + delta + compressed} updates (${delta} by delta, ${compressed} compressed), ` +
      `${(report.wallMs / 1_000).toFixed(0)} s: at random ${random.none} at rest, ` +
      `${random.program} in a program, ${random.erase} in an erase; chosen ${chosen.program} and ${chosen.erase}; ` +
      `${report.bootedOld} boots of the old model, ${report.bootedNew} of the new one\n`,
  );
  for (const failure of report.failures) process.stdout.write(`FAILED ${failure}\n`);
  return [
    bar({ id: 'qemu.cuts', value: report.cuts, bar: quick ? 10 : 100, better: 'higher', unit: 'SIGKILLs' }),
    bar({ id: 'qemu.failures', value: report.failures.length, bar: 0, better: 'lower', unit: 'cuts' }),
  ];
}
