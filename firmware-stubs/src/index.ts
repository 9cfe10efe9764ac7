// Where the built firmware is. The module is built by ports/wasm/build.mjs and committed; port-runner runs the other ports.
import { readFile } from 'node:fs/promises';
import type {} from './webassembly.js';

export {
  PORTS,
  PortError,
  runOnPort,
  selfTestOnPort,
  type Port,
  type PortInference,
  type PortOptions,
  type PortRun,
} from './port-runner.js';
export {
  FLASH_FILE,
  PARAMETERS_FILE,
  holdsDevice,
  parametersOf,
  writeParameters,
  type ImageHardware,
  type ImageIdentity,
} from './devices/image.js';
export {
  RUNNERS,
  runnerNamed,
  type DeviceRunner,
  type RunningDevice,
  type RunOptions,
} from './devices/runner.js';
export { type Core } from '../ports/cortex-m/build.mjs';
export { QemuDevice, type QemuDeviceKnobs, type QemuDeviceOptions } from './qemu/qemu-device.js';
export { Modem, type ModemTraffic } from './qemu/modem.js';
export {
  FLASH_FILE_BYTES,
  createFlashFile,
  readFlash,
  readProbe,
  writeFlash,
  type FlashFileLayout,
  type FlashProbe,
} from './qemu/flash-file.js';
export { runtimeSources } from './runtime-sources.js';
export { wasmBytes, wasmSha256 } from './generated/wasm.js';

/** The whole firmware (runtime and agent) as one WebAssembly module. */
export const wasmUrl = new URL('../ports/wasm/tinyfleet.wasm', import.meta.url);

let compiled: Promise<WebAssembly.Module> | undefined;

/** The module, read and compiled once per process. */
export function wasmModule(): Promise<WebAssembly.Module> {
  compiled ??= readFile(wasmUrl).then((bytes) => WebAssembly.compile(bytes));
  return compiled;
}
export { SimavrDevice, type SimavrDeviceOptions } from './simavr/simavr-device.js';
export {
  AVR_PAGE_BYTES,
  AVR_SLOT_BYTES,
  createAvrMemory,
  encodeIdentity,
  installAvrBundle,
  readAvrSlot,
  writeAvrIdentity,
  type AvrIdentity,
} from './simavr/memory-file.js';
export { SANITIZERS, buildProgram, unitsOf } from '../objects.mjs';
