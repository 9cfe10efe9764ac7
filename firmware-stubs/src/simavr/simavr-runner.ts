// ATmega328P devices under simavr behind the interface that `tinyfleet flash` and `tinyfleet simulate` know. The folder's memory file is
// the chip's flash and EEPROM; its identity pages are written from the parameters at each start.
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { decodeParameterBlock } from '@tinyfleet/wire';
import { buildAvr, buildSimavr } from '../../ports/avr/build.mjs';
import { FLASH_FILE, PARAMETERS_FILE, flashOf } from '../devices/image.js';
import type { DeviceRunner } from '../devices/runner.js';
import { dialBroker } from '../qemu/dial-broker.js';
import { createAvrMemory, installAvrBundle, writeAvrIdentity } from './memory-file.js';
import { SimavrDevice } from './simavr-device.js';

const ERASED = 0xff;

async function makeReady(folder: string) {
  const parameters = decodeParameterBlock(await readFile(path.join(folder, PARAMETERS_FILE)));
  const memoryFile = path.join(folder, FLASH_FILE);
  const { project, device, deviceType, token = '', deviceKey, inferencePeriodMs = 1_000 } = parameters;
  const identity = {
    project,
    device,
    deviceType,
    token,
    periodS: Math.min(65, Math.max(1, Math.round(inferencePeriodMs / 1_000))),
    ...(deviceKey === undefined ? {} : { deviceKey }),
  };
  const exists = await stat(memoryFile).then(
    () => true,
    () => false,
  );
  await (exists ? writeAvrIdentity : createAvrMemory)(memoryFile, identity);
  return { memoryFile, parameters };
}

export const avrRunner: DeviceRunner = {
  name: 'avr',
  deviceType: 'arduino-uno',
  async build() {
    await buildAvr();
    await buildSimavr();
  },
  // Of the parameter block only, which has no smaller sectors: where things lie on this chip is fixed (ports/avr/board.h).
  flash: (hardware) => flashOf({ ...hardware, sectorBytes: 512, programUnitBytes: 32 }, ERASED),
  async provision(folder, bundleFile, sequence) {
    const { memoryFile } = await makeReady(folder);
    await installAvrBundle(memoryFile, await readFile(bundleFile), sequence);
  },
  async start(folder, options) {
    const { memoryFile, parameters } = await makeReady(folder);
    const device = await SimavrDevice.create({
      memoryFile,
      broker: () => dialBroker(parameters),
      onLine: options.line,
      onCrash: options.line,
    });
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
  command: (folder) => `node firmware-stubs/ports/avr/run.mjs ${folder}`,
};
