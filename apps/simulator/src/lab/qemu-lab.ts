// Devices on QEMU against the scripted platform, in one folder and one process, for tests and benches: makes the flash
// file, connects the modem to the platform without a socket, and waits for what the device says.
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Duplex } from 'node:stream';
import { QemuDevice, createFlashFile, readFlash, type Core } from '@tinyfleet/firmware';
import {
  classId,
  deviceKey,
  encodeParameterBlock,
  macAsk,
  vendorId,
  type AskContent,
  type DeviceParameters,
  type Hello,
  type Sample,
  type State,
  type Telemetry,
} from '@tinyfleet/wire';
import { ScriptedPlatform } from './scripted-platform.js';

/** What a device says, by kind: its messages, and the lines it prints. */
interface Said {
  readonly hello: Hello;
  readonly state: State;
  readonly telemetry: Telemetry;
  readonly sample: Sample;
  readonly line: string;
}
export type LabMessage = { [K in keyof Said]: { readonly kind: K; readonly message: Said[K] } }[keyof Said];

const PROJECT = 'demo';
const TOKEN = 'secret';
const SECTOR_BYTES = 4_096;
const RECORD_SECTORS = 2;
const RING_SECTORS = 4;

export interface LabDeviceOptions {
  readonly core: Core;
  readonly slotBytes?: number;
  readonly unitBytes?: number;
  readonly parameters?: Partial<DeviceParameters>;
}

/** Call `close` at the end, whatever happened. */
export class QemuLab {
  private readonly devices: LabDevice[] = [];
  private made = 0;

  private constructor(private readonly folder: string) {}

  static async open(): Promise<QemuLab> {
    return new QemuLab(await mkdtemp(path.join(tmpdir(), 'tinyfleet-qemu-')));
  }

  /** A device with empty slots that is off, and a platform of its own. */
  async device(options: LabDeviceOptions): Promise<LabDevice> {
    const { core, slotBytes = 65_536, unitBytes = 4 } = options;
    const number = this.made++;
    const flashFile = path.join(this.folder, `flash-${number}`);
    const platform = new LabPlatform();
    const bytes = (RECORD_SECTORS + RING_SECTORS) * SECTOR_BYTES + 2 * slotBytes;
    const deviceType = `qemu-${core}`;
    const parameterBlock = encodeParameterBlock({
      project: PROJECT,
      device: `lab-${number}`,
      deviceType,
      vendorId: vendorId(PROJECT),
      classId: classId(deviceType),
      token: TOKEN,
      brokerHost: 'modem',
      brokerPort: 1_883,
      key: { algorithm: 'ed25519', key: platform.key.raw },
      flash: { bytes, sectorBytes: SECTOR_BYTES, unitBytes, erased: 0xff, slotBytes },
      arenaBytes: 65_536,
      stateBytes: 1_024,
      inferencePeriodMs: 100,
      windowS: 1,
      seed: number + 1,
      ...options.parameters,
    });
    await createFlashFile(flashFile, { parameterBlock, bytes, erased: 0xff });
    const machine = await QemuDevice.create({
      core,
      flashFile,
      broker: () => platform.connect(),
      onLine: (message) => platform.keep({ kind: 'line', message }),
      onCrash: (problem) => platform.keep({ kind: 'line', message: `crash ${problem}` }),
    });
    const device = new LabDevice(machine, platform, flashFile, {
      slotBytes,
      clientId: `${PROJECT}/lab-${number}`,
    });
    this.devices.push(device);
    return device;
  }

  async close(): Promise<void> {
    await Promise.all(this.devices.map(({ machine }) => machine.close()));
    await rm(this.folder, { recursive: true, force: true });
  }
}

export class LabDevice {
  constructor(
    readonly machine: QemuDevice,
    readonly platform: LabPlatform,
    readonly flashFile: string,
    private readonly options: { readonly slotBytes: number; readonly clientId: string },
  ) {}

  /** Sends the command with the answer to the next hello, as the device's key signs it. */
  ask(content: AskContent): void {
    this.platform.ask = macAsk(content, this.options.clientId, deviceKey(TOKEN));
  }

  /** Bytes of slot 0 or 1 as they are in the file. */
  slot(number: number, bytes: number = this.options.slotBytes): Promise<Buffer> {
    const { slotBytes } = this.options;
    return readFlash(this.flashFile, RECORD_SECTORS * SECTOR_BYTES + number * slotBytes, bytes);
  }
}

/** The scripted platform of one device, keeping what it said. */
export class LabPlatform extends ScriptedPlatform {
  readonly log: LabMessage[] = [];
  private readonly waiters = new Set<() => void>();

  /** A connecting stream to this platform. */
  connect(): Duplex {
    const stream = new Duplex({
      read: () => undefined,
      write: (data: Buffer, _encoding, done) => {
        connection.receive(data);
        done();
      },
    });
    const connection = this.accept(
      (bytes) => {
        if (!stream.destroyed) stream.push(bytes);
      },
      () => stream.destroy(),
    );
    setImmediate(() => stream.emit('connect'));
    return stream;
  }

  keep(message: LabMessage): void {
    this.log.push(message);
    for (const waiter of [...this.waiters]) waiter();
  }

  /**
   * The first answer that is not undefined, asked now and after every message from the device.
   * @throws Error with the last messages, after the time
   */
  async until<T>(what: string, look: () => T | undefined, timeoutMs = 60_000): Promise<T> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (Date.now() > deadline) throw new Error(`no ${what} within ${timeoutMs} ms:\n${this.describe()}`);
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          this.waiters.delete(done);
          resolve();
        };
        const timer = setTimeout(done, 1_000);
        this.waiters.add(done);
      });
    }
  }

  /** The messages of a kind since the given place in the log, oldest first. */
  since<K extends keyof Said>(kind: K, from = 0): Said[K][] {
    return this.log.slice(from).flatMap((entry) => (entry.kind === kind ? [entry.message as Said[K]] : []));
  }

  /** The end of the log without telemetry, for a report. */
  describe(): string {
    const show = (_key: string, value: unknown) =>
      value instanceof Uint8Array
        ? Buffer.from(value).toString('hex', 0, 8)
        : typeof value === 'bigint'
          ? value.toString(16)
          : value;
    return this.log
      .filter(({ kind }) => kind !== 'telemetry')
      .slice(-30)
      .map(
        ({ kind, message }) =>
          `${kind} ${typeof message === 'string' ? message : JSON.stringify(message, show)}`,
      )
      .join('\n');
  }

  protected override onHello(_device: string, message: Hello): void {
    this.keep({ kind: 'hello', message });
  }
  protected override onState(_device: string, message: State): void {
    this.keep({ kind: 'state', message });
  }
  protected override onTelemetry(_device: string, message: Telemetry): void {
    this.keep({ kind: 'telemetry', message });
  }
  protected override onSample(_device: string, message: Sample): void {
    this.keep({ kind: 'sample', message });
  }
}

/** Number and digest of the slot that a hello calls active. */
export function activeSlot(hello: Hello): { number: number; digest: string; bytes: number } | undefined {
  const number = hello.slots.findIndex(({ state }) => state === 'active');
  const slot = hello.slots[number];
  if (slot?.digest === undefined) return undefined;
  return { number, digest: Buffer.from(slot.digest).toString('hex'), bytes: slot.bytes };
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
