// One tinyfleet-device under QEMU: the image, its flash file and its modem. Power is the process: powerOff is SIGKILL, and what
// the file holds then is what the device finds when it is started again.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { CORES, buildCortexM, type Core } from '../../ports/cortex-m/build.mjs';
import { guard } from './guardian.js';
import { Modem } from './modem.js';

export interface QemuDeviceOptions {
  readonly core: Core;
  /** Made by createFlashFile. */
  readonly flashFile: string;
  /** Where the modem connects to: an address, or a function that gives a connecting stream. */
  readonly broker: { readonly host: string; readonly port: number } | (() => Duplex);
  /** Default: built, or taken from the cache. */
  readonly image?: string;
  /** Every line the device prints. */
  readonly onLine?: (line: string) => void;
  /** QEMU ended by itself, which no device does. */
  readonly onCrash?: (problem: string) => void;
}

/** Words for one run of the device, all numbers; ports/cortex-m/agent/device.c says what they do. */
export interface QemuDeviceKnobs {
  readonly cut?: number;
  readonly 'backoff-ms'?: number;
  readonly 'erase-us'?: number;
  readonly 'program-us'?: number;
  readonly 'watchdog-ms'?: number;
  readonly hang?: number;
  readonly fault?: number;
  readonly provision?: number;
  readonly sequence?: number;
  /** Counts instructions instead of following the host's clock: exact, and several times slower. */
  readonly cycles?: 1;
}

export class QemuDevice {
  private process: ChildProcess | undefined;
  private exited: Promise<void> = Promise.resolve();

  private constructor(
    private readonly options: QemuDeviceOptions & { readonly image: string },
    readonly modem: Modem,
  ) {}

  static async create(options: QemuDeviceOptions): Promise<QemuDevice> {
    const image = options.image ?? (await buildCortexM(options.core, { agent: true }));
    return new QemuDevice({ ...options, image }, await Modem.listen(options.broker));
  }

  get isOn(): boolean {
    return this.process !== undefined;
  }

  /** Of the emulator, undefined when it is off. */
  get pid(): number | undefined {
    return this.process?.pid;
  }

  /** When the emulator that runs now, or ran last, is gone. */
  get ended(): Promise<void> {
    return this.exited;
  }

  powerOn(knobs: QemuDeviceKnobs = {}): void {
    if (this.process !== undefined) throw new Error('the device is on');
    const child = spawn('qemu-system-arm', this.arguments(knobs), { stdio: ['ignore', 'pipe', 'pipe'] });
    guard(child);
    this.process = child;
    this.exited = Promise.race([once(child, 'exit'), once(child, 'error')]).then(() => {
      if (this.process !== child) return;
      this.process = undefined;
      this.options.onCrash?.(errors.trim() || 'qemu-system-arm ended');
    });
    let errors = '';
    child.stderr.on('data', (data: Buffer) => (errors = (errors + data.toString()).slice(-4_096)));
    createInterface({ input: child.stdout }).on('line', (line) => this.options.onLine?.(line));
  }

  /** SIGKILL: in the middle of whatever the device does. */
  async powerOff(): Promise<void> {
    const child = this.process;
    this.process = undefined;
    child?.kill('SIGKILL');
    await this.exited;
  }

  /** Power off, and the modem gone. */
  async close(): Promise<void> {
    await this.powerOff();
    await this.modem.close();
  }

  private arguments(knobs: QemuDeviceKnobs): string[] {
    const { core, flashFile, image } = this.options;
    const words = ['tinyfleet-device', ...Object.entries(knobs).map(([name, value]) => `${name}=${value}`)];
    const semihosting = ['enable=on', 'target=native', ...words.map((word) => `arg=${word}`)];
    return [
      ...['-machine', `${CORES[core].board},memory-backend=psram`, '-kernel', image],
      ...['-object', `memory-backend-file,id=psram,size=16M,share=on,mem-path=${quoted(flashFile)}`],
      ...[
        '-display',
        'none',
        '-monitor',
        'none',
        '-chardev',
        'stdio,id=log,signal=off',
        '-serial',
        'chardev:log',
      ],
      ...['-serial', `tcp:127.0.0.1:${this.modem.port},nodelay=on`],
      ...['-semihosting-config', semihosting.join()],
      ...(knobs.cycles === undefined ? [] : ['-icount', 'shift=0']),
    ];
  }
}

/** QEMU's option lists separate by commas; a comma is written twice. */
const quoted = (path: string): string => path.replaceAll(',', ',,');
