/**
 * A TCP wire between one device and a real broker, in real time, that behaves badly: single bytes, delay, connections that go
 * silent or are reset in the middle of a chunk. It counts what it carries. Not a model of a network: lossy-link.ts is.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface WireManners {
  /** One way. */
  readonly latencyMs?: number;
  /** Bytes reach the device one by one. */
  readonly isByteByByte?: boolean;
  /** A connection goes silent, without an end, when it has carried so many bytes to the device; the first `times` do. */
  readonly silentAfter?: { readonly bytes: number; readonly times: number };
  /** The same, with a reset. */
  readonly resetAfter?: { readonly bytes: number; readonly times: number };
}

export class BadWire {
  readonly traffic = { connections: 0, bytesDown: 0, bytesUp: 0, silences: 0, resets: 0 };
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  /** `broker` is asked at every connection: it may have moved. */
  constructor(
    private readonly broker: () => { readonly host: string; readonly port: number },
    private readonly manners: WireManners,
  ) {
    this.server = createServer((device) => this.join(device));
  }

  async listen(): Promise<{ host: string; port: number }> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return { host: '127.0.0.1', port: (this.server.address() as AddressInfo).port };
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private join(device: Socket): void {
    const { traffic, manners } = this;
    const { latencyMs = 0, silentAfter, resetAfter } = manners;
    traffic.connections++;
    const broker = connect(this.broker());
    let isSilent = false;
    let down = 0;
    const end = () => {
      if (!isSilent) device.destroy();
      broker.destroy();
    };
    for (const socket of [device, broker]) {
      this.sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => this.sockets.delete(socket));
    }
    broker.on('close', end);
    device.on('close', () => broker.destroy());
    const later = (act: () => void) => (latencyMs === 0 ? act() : setTimeout(act, latencyMs));
    device.on('data', (bytes) => {
      if (isSilent) return;
      traffic.bytesUp += bytes.length;
      later(() => broker.write(bytes));
    });
    broker.on('data', (bytes) => {
      if (isSilent || device.destroyed) return;
      let part: Buffer = bytes;
      let fate: 'silent' | 'reset' | null = null;
      if (
        silentAfter !== undefined &&
        traffic.silences < silentAfter.times &&
        down + bytes.length > silentAfter.bytes
      ) {
        fate = 'silent';
        part = bytes.subarray(0, silentAfter.bytes - down);
      } else if (
        resetAfter !== undefined &&
        traffic.resets < resetAfter.times &&
        down + bytes.length > resetAfter.bytes
      ) {
        fate = 'reset';
        part = bytes.subarray(0, resetAfter.bytes - down);
      }
      down += part.length;
      traffic.bytesDown += part.length;
      if (fate === 'silent') {
        isSilent = true;
        traffic.silences++;
      } else if (fate === 'reset') traffic.resets++;
      later(() => {
        this.deliver(device, part);
        if (fate === 'reset') device.end(() => device.resetAndDestroy());
      });
    });
  }

  private deliver(device: Socket, bytes: Buffer): void {
    if (device.destroyed) return;
    if (this.manners.isByteByByte !== true) {
      device.write(bytes);
      return;
    }
    for (let i = 0; i < bytes.length; i++) device.write(bytes.subarray(i, i + 1));
  }
}
