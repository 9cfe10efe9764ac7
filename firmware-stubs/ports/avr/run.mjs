// Runs a device that `tinyfleet flash` has made, under simavr and with its modem, until Ctrl-C.
//   node firmware-stubs/ports/avr/run.mjs FOLDER
import { runnerNamed } from '@tinyfleet/firmware';

const [folder = ''] = process.argv.slice(2);
if (folder === '') {
  process.stderr.write('usage: node firmware-stubs/ports/avr/run.mjs FOLDER\n');
  process.exit(2);
}
const runner = runnerNamed('avr');
await runner.build();
const device = await runner.start(folder, { line: (text) => process.stdout.write(`${text}\n`) });
process.once('SIGINT', () => void device.stop());
process.once('SIGTERM', () => void device.stop());
await device.ended;
