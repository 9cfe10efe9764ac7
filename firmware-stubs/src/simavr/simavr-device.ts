// One ATmega328P under simavr: the program, its memory file and its modem. Power is the process: powerOff is SIGKILL, and what the
// file holds then is what the device finds when it is started again.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { buildAvr, buildSimavr } from '../../ports/avr/build.mjs';
import { guard } from '../qemu/guardian.js';
import { Modem } from '../qemu/modem.js';

export interface SimavrDeviceOptions {
  /** Made by createAvrMemory. */
  readonly memoryFile: string;
  /** Where the modem connects to: an address, or a function that gives a connecting stream. */
  readonly broker: { readonly host: string; readonly port: number } | (() => Duplex);
  /** Every line the machine prints. */
  readonly onLine?: (line: string) => void;
  /** simavr ended by itself, which no device does. */
  readonly onCrash?: (problem: string) => void;
}

export class SimavrDevice {
  private process: ChildProcess | undefined;
  private exited: Promise<void> = Promise.resolve();

  private constructor(
    private readonly options: SimavrDeviceOptions,
    private readonly machine: string,
    private readonly program: string,
    readonly modem: Modem,
  ) {}

  static async create(options: SimavrDeviceOptions): Promise<SimavrDevice> {
    const program = (await buildAvr()).replace(/elf$/, 'hex');
    return new SimavrDevice(options, await buildSimavr(), program, await Modem.listen(options.broker));
  }

  get isOn(): boolean {
    return this.process !== undefined;
  }

  get pid(): number | undefined {
    return this.process?.pid;
  }

  /** When the machine that runs now, or ran last, is gone. */
  get ended(): Promise<void> {
    return this.exited;
  }

  powerOn(): void {
    if (this.process !== undefined) throw new Error('the device is on');
    const { memoryFile, onLine, onCrash } = this.options;
    const child = spawn(this.machine, [this.program, memoryFile, String(this.modem.port)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    guard(child);
    this.process = child;
    let errors = '';
    this.exited = Promise.race([once(child, 'exit'), once(child, 'error')]).then(() => {
      if (this.process !== child) return;
      this.process = undefined;
      onCrash?.(errors.trim() || 'simavr ended');
    });
    child.stderr.on('data', (data: Buffer) => (errors = (errors + data.toString()).slice(-4_096)));
    createInterface({ input: child.stdout }).on('line', (line) => onLine?.(line));
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
}
