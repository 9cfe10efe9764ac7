// Runs a device that `tinyfleet flash` has made, under QEMU and with its modem, until Ctrl-C.
//   node firmware-stubs/ports/cortex-m/run.mjs m3|m4|m7 FOLDER
import { runnerNamed } from '@tinyfleet/firmware';

const [core = '', folder = ''] = process.argv.slice(2);
const runner = runnerNamed(`qemu-${core}`);
if (runner === undefined || folder === '') {
  process.stderr.write('usage: node firmware-stubs/ports/cortex-m/run.mjs m3|m4|m7 FOLDER\n');
  process.exit(2);
}
await runner.build();
const device = await runner.start(folder, { line: (text) => process.stdout.write(`${text}\n`) });
process.once('SIGINT', () => void device.stop());
process.once('SIGTERM', () => void device.stop());
await device.ended;
