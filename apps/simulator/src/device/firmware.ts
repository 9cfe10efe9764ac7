// The firmware image of all devices of a process: one WebAssembly instance, one linear memory, imports dispatched
// by device index. firmware-stubs/ports/wasm/device.h is the contract; word offsets here mirror its enums.
import { readFileSync } from 'node:fs';
import { FleetError } from '@tinyfleet/errors';
import { LinearMemory } from './linear-memory.js';

export const DEVICE_ABI = 1;

/** Offsets of device.h's config block, in words. */
export const ConfigWord = {
  project: 0,
  device: 2,
  token: 4,
  deviceType: 6,
  vendorId: 8,
  classId: 9,
  keyAlgorithm: 10,
  key: 11,
  flashBytes: 16,
  sectorBytes: 17,
  unitBytes: 18,
  erased: 19,
  slotBytes: 20,
  arena: 21,
  state: 23,
  bundleRam: 25,
  inferencePeriodUs: 27,
  windowS: 29,
  keepaliveS: 30,
  resetCause: 31,
  backoffMinMs: 32,
  backoffMaxMs: 33,
  healthyS: 34,
  flags: 35,
  sensor: 36,
  pickEvery: 43,
  clockKhz: 44,
  sensor2: 45,
  patchScratch: 50,
  shadow: 52,
  shadowState: 54,
  sampleRam: 56,
  slots: 58,
  cyclesPerStep: 59,
} as const;

/** Offsets of device.h's info block, in words. */
export const InfoWord = {
  bootIdLow: 0,
  bootIdHigh: 1,
  connected: 2,
  updateState: 3,
  error: 4,
  activeSlot: 5,
  activeDigest: 6,
  transferOffset: 17,
  inferenceIndex: 19,
  windowsMade: 20,
  windowsPending: 21,
  windowsDropped: 22,
  reconnects: 23,
  deployment: 24,
  messagesPending: 27,
  inputBytes: 28,
  slotOffset0: 31,
  slotOffset1: 32,
} as const;

/** What a device gives its firmware: the import object of device.h without the index. Must not throw. */
export interface DevicePlatform {
  nowUs(): number;
  flashRead(offset: number, into: Uint8Array): number;
  flashProgram(offset: number, data: Uint8Array): number;
  flashErase(offset: number): number;
  flashMap(offset: number, n: number): number;
  netOpen(): number;
  netSend(data: Uint8Array): number;
  netReceive(into: Uint8Array): number;
  netClose(): void;
  verify(algorithm: number, key: Uint8Array, message: Uint8Array, signature: Uint8Array): number;
  entropy(into: Uint8Array): void;
  sample(sensor: number, address: number, count: number): number;
  /** The output tensor's bytes lie at `output`, during the call. */
  result(index: number, predicted: number, confidence: number, output: number, outputBytes: number): void;
  reset(): void;
  battery(): number;
  log(level: number, text: string, value: number): void;
}

interface Exports {
  memory: WebAssembly.Memory;
  __heap_base: WebAssembly.Global<'i32'>;
  __stack_pointer: WebAssembly.Global<'i32'>;
  device_abi(): number;
  device_bytes(): number;
  device_config_bytes(): number;
  device_info_bytes(): number;
  device_patch_bytes(): number;
  device_init(device: number, index: number, config: number): number;
  device_step(device: number): number;
  device_info(device: number, out: number): void;
  device_provision(
    index: number,
    config: number,
    slot: number,
    digest: number,
    bytes: number,
    sequence: number,
  ): number;
  device_set_period(device: number, periodUs: number): void;
}

const REQUIRED = [
  'memory', '__stack_pointer', '__heap_base', 'device_abi', 'device_bytes', 'device_config_bytes', 'device_info_bytes', 'device_patch_bytes',
  'device_init',   'device_step', 'device_info', 'device_provision', 'device_set_period',
] as const; // prettier-ignore

export class Firmware {
  readonly memory: LinearMemory;
  readonly deviceBytes: number;
  readonly configBytes: number;
  readonly infoBytes: number;
  /** Memory in which a device decodes compressed bundles and deltas; its own, for a transfer lasts many steps. */
  readonly patchBytes: number;
  private readonly exports: Exports;
  private readonly platforms: (DevicePlatform | null)[] = [];
  private readonly infoAt: number;
  private readonly stackTop: number;

  /** @throws FleetError simulator.firmware-unusable when the image lacks the device interface or has another ABI. */
  constructor(image: URL | Uint8Array) {
    const bytes = image instanceof URL ? readFileSync(image) : image;
    let instance: WebAssembly.Instance;
    try {
      const module = new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
      instance = new WebAssembly.Instance(module, { device: this.imports() });
    } catch (cause) {
      throw new FleetError('simulator.firmware-unusable', { problem: (cause as Error).message }, { cause });
    }
    const exports = instance.exports as unknown as Exports;
    const missing = REQUIRED.filter((name) => !(name in exports));
    if (missing.length > 0) {
      throw new FleetError('simulator.firmware-unusable', {
        problem: `it does not export ${missing.join(', ')}`,
      });
    }
    const abi = exports.device_abi();
    if (abi !== DEVICE_ABI) {
      const problem = `its device interface is ${abi}, this simulator speaks ${DEVICE_ABI}`;
      throw new FleetError('simulator.firmware-unusable', { problem });
    }
    this.exports = exports;
    this.memory = new LinearMemory(exports.memory, exports.__heap_base.value);
    this.deviceBytes = exports.device_bytes();
    this.configBytes = exports.device_config_bytes();
    this.infoBytes = exports.device_info_bytes();
    this.patchBytes = exports.device_patch_bytes();
    this.infoAt = this.memory.allocate(this.infoBytes);
    this.stackTop = exports.__stack_pointer.value;
  }

  /** Registers a device's platform; the index is what imports will name. */
  attach(platform: DevicePlatform): number {
    const hole = this.platforms.indexOf(null);
    const index = hole >= 0 ? hole : this.platforms.length;
    this.platforms[index] = platform;
    return index;
  }

  detach(index: number): void {
    this.platforms[index] = null;
  }

  init(device: number, index: number, config: number): number {
    return this.guard(() => this.exports.device_init(device, index, config));
  }

  /** Device time in microseconds at which it wants to be stepped again. */
  step(device: number): number {
    return this.guard(() => this.exports.device_step(device));
  }

  /** The info words; valid until the next call of info. */
  info(device: number): Uint32Array {
    this.exports.device_info(device, this.infoAt);
    return this.memory.u32.subarray(this.infoAt >> 2, (this.infoAt + this.infoBytes) >> 2);
  }

  provision(
    index: number,
    config: number,
    image: { slot: number; digest: number; bytes: number; sequence: number },
  ): number {
    return this.exports.device_provision(
      index,
      config,
      image.slot,
      image.digest,
      image.bytes,
      image.sequence,
    );
  }

  setPeriod(device: number, periodUs: number): void {
    this.exports.device_set_period(device, periodUs);
  }

  /** A trap leaves the shadow stack where it was; the next call must not start from there. */
  private guard<T>(call: () => T): T {
    try {
      return call();
    } catch (cause) {
      this.exports.__stack_pointer.value = this.stackTop;
      throw cause;
    }
  }

  private imports(): Record<string, (...args: number[]) => number | void> {
    const at = (i: number): DevicePlatform => this.platforms[i]!;
    const bytes = (from: number, n: number): Uint8Array =>
      this.memory.u8.subarray(from >>> 0, (from >>> 0) + n);
    type Import = (...args: number[]) => number | void;
    const table: Record<string, (i: number, ...args: never[]) => number | void> = {
      now_us: (i) => at(i).nowUs(),
      cycles: () => 0,
      flash_read: (i: number, offset: number, dst: number, n: number) =>
        at(i).flashRead(offset >>> 0, bytes(dst, n)),
      flash_program: (i: number, offset: number, src: number, n: number) =>
        at(i).flashProgram(offset >>> 0, bytes(src, n)),
      flash_erase: (i: number, offset: number) => at(i).flashErase(offset >>> 0),
      flash_map: (i: number, offset: number, n: number) => at(i).flashMap(offset >>> 0, n >>> 0),
      net_open: (i) => at(i).netOpen(),
      net_send: (i: number, src: number, n: number) => at(i).netSend(bytes(src, n)),
      net_receive: (i: number, dst: number, n: number) => at(i).netReceive(bytes(dst, n)),
      net_close: (i) => at(i).netClose(),
      verify: (
        i: number,
        algorithm: number,
        key: number,
        keyN: number,
        msg: number,
        msgN: number,
        sig: number,
        sigN: number,
      ) => at(i).verify(algorithm, bytes(key, keyN), bytes(msg, msgN), bytes(sig, sigN)),
      entropy: (i: number, dst: number, n: number) => at(i).entropy(bytes(dst, n)),
      sample: (i: number, sensor: number, dst: number, count: number) =>
        at(i).sample(sensor, dst >>> 0, count),
      result: (
        i: number,
        index: number,
        predicted: number,
        confidence: number,
        output: number,
        outputBytes: number,
      ) => at(i).result(index >>> 0, predicted, confidence, output >>> 0, outputBytes),
      reset: (i) => at(i).reset(),
      battery: (i) => at(i).battery(),
      log: (i: number, level: number, text: number, n: number, value: number) =>
        at(i).log(level, Buffer.from(bytes(text, n)).toString('latin1'), value),
    };
    return table as unknown as Record<string, Import>;
  }
}
