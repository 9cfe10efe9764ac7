// The device agent: code, stack and RAM per core; what verifying and the self-test cost; bytes of an update by method and next
// to other clients; flash work and wear; bad networks; power cuts. Sections that need a tool or the shared data say so when
// it is not there.
//   npm run bench -- agent [--only code,cost,updates,flash,network,cuts,qemu] [--quick]
import { stdout } from 'node:process';
import { measureCode } from './agent/code.mjs';
import { measureDeviceCost } from './agent/cost.mjs';
import { measureCuts } from './agent/cuts.mjs';
import { measureFlashWork } from './agent/flash.mjs';
import { measureNetwork } from './agent/network.mjs';
import { measureQemuCuts } from './agent/qemu.mjs';
import { measureUpdateSizes } from './agent/updates.mjs';
import { printBars } from './report.mjs';

const SECTIONS = {
  code: measureCode,
  cost: measureDeviceCost,
  updates: measureUpdateSizes,
  flash: measureFlashWork,
  network: measureNetwork,
  cuts: measureCuts,
  qemu: measureQemuCuts,
};

export async function run(args = []) {
  const only = args.includes('--only') ? (args[args.indexOf('--only') + 1] ?? '').split(',') : null;
  const quick = args.includes('--quick');
  const bars = [];
  for (const [name, measure] of Object.entries(SECTIONS)) {
    if (only !== null && !only.includes(name)) continue;
    stdout.write(`${name}\n`);
    bars.push(...(await measure({ quick })));
    stdout.write('\n');
  }
  printBars(bars);
  return { bars };
}
