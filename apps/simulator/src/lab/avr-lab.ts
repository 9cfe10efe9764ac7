// ATmega328P devices under simavr against the scripted platform, in one folder and one process: makes the memory file, connects the
// modem to the platform without a socket, and waits for what the device says.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SimavrDevice, createAvrMemory, readAvrSlot, type AvrIdentity } from '@tinyfleet/firmware';
import { LabPlatform } from './qemu-lab.js';
import type { Release } from './scripted-platform.js';

export const AVR_DEVICE_TYPE = 'arduino-uno';
const TOKEN = 'secret';
/** FULLY_CONNECTED and SOFTMAX. */
const OP_SET = Uint8Array.of(0, 2, 0, 2);

/** Call `close` at the end, whatever happened. */
export class AvrLab {
  private readonly devices: AvrLabDevice[] = [];
  private made = 0;

  private constructor(private readonly folder: string) {}

  static async open(): Promise<AvrLab> {
    return new AvrLab(await mkdtemp(path.join(tmpdir(), 'tinyfleet-avr-')));
  }

  /** A device with empty slots that is off, and a platform of its own. */
  async device(identity: Partial<AvrIdentity> = {}): Promise<AvrLabDevice> {
    const number = this.made++;
    const memoryFile = path.join(this.folder, `memory-${number}`);
    const platform = new LabPlatform(TOKEN);
    await createAvrMemory(memoryFile, {
      project: 'demo',
      device: `uno-${number}`,
      deviceType: AVR_DEVICE_TYPE,
      token: TOKEN,
      ...identity,
    });
    const machine = await SimavrDevice.create({
      memoryFile,
      broker: () => platform.connect(),
      onLine: (message) => platform.keep({ kind: 'line', message }),
      onCrash: (problem) => platform.keep({ kind: 'line', message: `crash ${problem}` }),
    });
    const device = new AvrLabDevice(machine, platform, memoryFile);
    this.devices.push(device);
    return device;
  }

  async close(): Promise<void> {
    await Promise.all(this.devices.map(({ machine }) => machine.close()));
    await rm(this.folder, { recursive: true, force: true });
  }
}

export class AvrLabDevice {
  constructor(
    readonly machine: SimavrDevice,
    readonly platform: LabPlatform,
    readonly memoryFile: string,
  ) {}

  /** Powers it on with a release to fetch and waits until that is active. @throws Error when it crashed on the way */
  async install(release: Release): Promise<void> {
    const { platform, machine } = this;
    const from = platform.log.length;
    platform.release ??= release;
    machine.powerOn();
    await platform.until(
      'active',
      () => platform.since('state', from).find(({ updateState }) => updateState === 'active'),
      20_000,
    );
    const crash = platform.since('line').find((line) => line.startsWith('crash'));
    if (crash !== undefined) throw new Error(crash);
  }

  /** Bytes of slot 0 or 1 as they are in the file. */
  slot(number: number, bytes: number): Promise<Buffer> {
    return readAvrSlot(this.memoryFile, number, bytes);
  }
}

export function avrRelease(bundle: Uint8Array, sequence: number): Release {
  return { bundle, sequence, abi: 65_536, opSet: OP_SET };
}
