// A device process of the POSIX port for tests: its folder, what it says, its end; and a link to the broker that stalls.
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  parametersOf,
  runnerNamed,
  writeParameters,
  type ImageHardware,
  type ImageIdentity,
  type RunningDevice,
} from '@tinyfleet/firmware';
import { eventually } from '@tinyfleet/testing';
import type { DeviceParameters } from '@tinyfleet/wire';
import { expect } from '@jest/globals';

const runner = runnerNamed('posix')!;

export class PosixDevice {
  readonly lines: string[] = [];
  private running: RunningDevice | undefined;

  private constructor(readonly folder: string) {}

  /** Compiles the program ahead of a test that has no time for it. */
  static async build(): Promise<void> {
    await runner.build();
  }

  static async flash(
    hardware: ImageHardware,
    identity: ImageIdentity,
    more: Partial<DeviceParameters> = {},
  ): Promise<PosixDevice> {
    await runner.build();
    const folder = await mkdtemp(join(tmpdir(), 'tinyfleet-posix-'));
    const parameters = parametersOf(hardware, identity, { flash: runner.flash(hardware), ...more });
    await writeParameters(folder, parameters);
    return new PosixDevice(folder);
  }

  async start(): Promise<void> {
    this.running = await runner.start(this.folder, { line: (text) => this.lines.push(text), verbose: true });
  }

  signal(name: NodeJS.Signals): void {
    process.kill(this.running!.pid!, name);
  }

  get ended(): Promise<number | null> {
    return this.running!.ended;
  }

  /** A crash: nothing is flushed. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }

  /** Until it has printed such a line, from `after` on. @returns index behind it */
  async says(pattern: RegExp, after = 0, timeoutMs = 60_000): Promise<number> {
    return eventually(
      () => {
        const at = this.lines.findIndex((line, i) => i >= after && pattern.test(line));
        if (at < 0) throw new Error(`no ${String(pattern)} in:\n${this.lines.slice(after).join('\n')}`);
        return at + 1;
      },
      { timeoutMs },
    );
  }

  async remove(): Promise<void> {
    await this.running?.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** TCP to the broker, whose bytes to the device can be counted and stopped. */
export class Link {
  bytesDown = 0;
  /** Delivers so many bytes to the device and then nothing, with the connections open. */
  limit = Number.POSITIVE_INFINITY;
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  constructor(private readonly broker: { host: string; port: number }) {
    this.server = createServer((device) => this.join(device));
  }

  async listen(): Promise<{ host: string; port: number }> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return { host: '127.0.0.1', port: (this.server.address() as AddressInfo).port };
  }

  private join(device: Socket): void {
    const broker = connect(this.broker);
    for (const socket of [device, broker]) {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.sockets.delete(socket);
        device.destroy();
        broker.destroy();
      });
    }
    device.pipe(broker);
    broker.on('data', (bytes: Buffer) => {
      const part = bytes.subarray(0, Math.max(0, this.limit - this.bytesDown));
      this.bytesDown += part.length;
      device.write(part);
    });
  }

  async stalled(): Promise<void> {
    await eventually(() => expect(this.bytesDown).toBe(this.limit), { timeoutMs: 20_000 });
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
