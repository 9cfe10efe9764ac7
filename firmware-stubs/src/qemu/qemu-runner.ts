// Devices on QEMU's Cortex-M boards behind the interface that `tinyfleet flash` and `tinyfleet simulate` know. The folder's flash
// file is the board's memory: parameters at its start, the agent's flash behind them.
import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { promisify } from 'node:util';
import { decodeParameterBlock, type DeviceParameters } from '@tinyfleet/wire';
import { CORES, buildCortexM, type Core } from '../../ports/cortex-m/build.mjs';
import { FLASH_FILE, PARAMETERS_FILE, flashOf } from '../devices/image.js';
import type { DeviceRunner } from '../devices/runner.js';
import { createFlashFile, writeFlash, writeParameterSector } from './flash-file.js';
import { dialBroker } from './dial-broker.js';
import { QemuDevice, type QemuDeviceKnobs } from './qemu-device.js';

const ERASED = 0xff;
const RECORD_SECTORS = 2;

function qemuRunner(core: Core): DeviceRunner {
  const name = `qemu-${core}`;
  return {
    name,
    deviceType: name,
    async build() {
      await promisify(execFile)('qemu-system-arm', ['--version']).catch((cause: unknown) => {
        throw new Error(`qemu-system-arm does not run; it emulates the board ${CORES[core].board}`, {
          cause,
        });
      });
      await buildCortexM(core, { agent: true });
    },
    flash: (hardware) => flashOf(hardware, ERASED),
    async provision(folder, bundleFile, sequence) {
      const { flash } = await makeReady(folder);
      const bundle = await readFile(bundleFile);
      await writeFlash(path.join(folder, FLASH_FILE), RECORD_SECTORS * flash.sectorBytes, bundle);
      const printed = await runOnce(core, folder, { provision: bundle.length, sequence });
      if (printed !== 'stopped 0') throw new Error(`the device did not take the bundle: ${printed}`);
    },
    async start(folder, options) {
      const { dial } = await makeReady(folder);
      const flashFile = path.join(folder, FLASH_FILE);
      const onLine = options.line;
      const device = await QemuDevice.create({ core, flashFile, broker: dial, onLine, onCrash: onLine });
      device.powerOn();
      const ended = device.ended.then(() => device.close()).then(() => null);
      return {
        pid: device.pid,
        ended,
        async stop() {
          await device.close();
        },
      };
    },
    command: (folder) => `node firmware-stubs/ports/cortex-m/run.mjs ${core} ${folder}`,
  };
}

/** Brings the parameters of the folder into its flash file, which is made when there is none. */
async function makeReady(folder: string): Promise<{ flash: DeviceParameters['flash']; dial: () => Duplex }> {
  const parameterBlock = await readFile(path.join(folder, PARAMETERS_FILE));
  const parameters = decodeParameterBlock(parameterBlock);
  const { flash } = parameters;
  const file = path.join(folder, FLASH_FILE);
  if ((await stat(file).catch(() => undefined)) === undefined)
    await createFlashFile(file, { parameterBlock, bytes: flash.bytes, erased: flash.erased });
  else await writeParameterSector(file, parameterBlock);
  return { flash, dial: () => dialBroker(parameters) };
}

/** Starts the device for one task and gives the last line it printed, the one that starts with `stopped`. */
async function runOnce(core: Core, folder: string, knobs: QemuDeviceKnobs): Promise<string> {
  let finish: (line: string) => void = () => undefined;
  const stopped = new Promise<string>((resolve) => (finish = resolve));
  const device = await QemuDevice.create({
    core,
    flashFile: path.join(folder, FLASH_FILE),
    broker: () => connect({ host: '127.0.0.1', port: 1 }),
    onLine: (line) => {
      if (line.startsWith('stopped')) finish(line);
    },
    onCrash: (problem) => finish(problem),
  });
  try {
    device.powerOn(knobs);
    return await stopped;
  } finally {
    await device.close();
  }
}

export const qemuRunners: readonly DeviceRunner[] = (Object.keys(CORES) as Core[]).map(qemuRunner);
