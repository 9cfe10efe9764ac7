// The scripted platform behind a TCP listener, keeping what devices told it.
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Hello, State, Telemetry } from '@tinyfleet/wire';
import { ScriptedPlatform } from '../src/lab/scripted-platform.js';

export type { Release } from '../src/lab/scripted-platform.js';

export class PlatformPeer extends ScriptedPlatform {
  readonly hellos: { device: string; hello: Hello }[] = [];
  readonly states: { device: string; state: State }[] = [];
  readonly telemetry: { device: string; window: Telemetry }[] = [];
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private readonly waiters = new Set<() => void>();

  constructor(token?: string) {
    super(token);
    this.server = createServer((socket) => this.serve(socket));
  }

  async listen(): Promise<{ host: string; port: number }> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return { host: '127.0.0.1', port: (this.server.address() as AddressInfo).port };
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Resolves when the condition holds, looked at after every message; rejects after the time. */
  async until(condition: () => boolean, timeoutMs = 60_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!condition()) {
      if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${condition.toString()}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, 50);
        const waiters = this.waiters;
        function done() {
          clearTimeout(timer);
          waiters.delete(done);
          resolve();
        }
        waiters.add(done);
      });
    }
  }

  protected override onHello(device: string, hello: Hello): void {
    this.hellos.push({ device, hello });
  }
  protected override onState(device: string, state: State): void {
    this.states.push({ device, state });
  }
  protected override onTelemetry(device: string, window: Telemetry): void {
    this.telemetry.push({ device, window });
  }
  protected override onMessage(): void {
    for (const waiter of this.waiters) waiter();
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    const connection = this.accept(
      (bytes) => {
        if (!socket.destroyed) socket.write(bytes);
      },
      () => socket.destroy(),
    );
    socket.on('data', (data) => connection.receive(data));
  }
}
