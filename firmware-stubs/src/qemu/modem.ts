// The host's end of the serial line of a device under QEMU: a modem that dials TCP. QEMU connects here when it starts; the
// device asks for a call to the broker and hangs up by escapes in the stream (ports/cortex-m/agent/modem.h has the format).
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

const ESCAPE = 0x10;
const letter = (text: string): number => text.charCodeAt(0);

export interface ModemTraffic {
  /** Calls the device asked for. */
  calls: number;
  /** Of these, those that could not be made. */
  failures: number;
  /** Bytes to and from the device, escapes not counted. */
  bytesIn: number;
  bytesOut: number;
}

/** One line at a time: a device that is started again takes the place of the one before. */
export class Modem {
  readonly traffic: ModemTraffic = { calls: 0, failures: 0, bytesIn: 0, bytesOut: 0 };
  /** False: no call is connected, as without coverage. */
  hasCoverage = true;
  private readonly server: Server;
  private line: Line | undefined;

  private constructor(private readonly dial: () => Duplex) {
    this.server = createServer({ noDelay: true }, (serial) => {
      this.line?.end();
      this.line = new Line(serial, this);
    });
  }

  /** Listens on a free port of the loopback interface. `dial` connects to the broker and may be called often. */
  static async listen(dial: (() => Duplex) | { host: string; port: number }): Promise<Modem> {
    const modem = new Modem(typeof dial === 'function' ? dial : () => connect({ ...dial, noDelay: true }));
    await new Promise<void>((resolve, reject) => {
      modem.server.once('error', reject);
      modem.server.listen(0, '127.0.0.1', resolve);
    });
    return modem;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Ends the call that is open: the device sees its connection lost. */
  dropCall(): void {
    this.line?.dropCall();
  }

  async close(): Promise<void> {
    this.line?.end();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** A call for the line; a stream that fails at once where there is no coverage. */
  connectCall(): Duplex | undefined {
    this.traffic.calls++;
    return this.hasCoverage ? this.dial() : undefined;
  }
}

class Line {
  private call: { readonly number: number; readonly stream: Duplex; connected: boolean } | undefined;
  /** An escape that came in two parts: what of it has been read. */
  private pending: number[] = [];

  constructor(
    private readonly serial: Socket,
    private readonly modem: Modem,
  ) {
    serial.on('data', (data: Buffer) => this.fromDevice(data));
    serial.on('drain', () => this.call?.stream.resume());
    serial.on('error', () => serial.destroy());
    serial.on('close', () => this.hangUp());
  }

  end(): void {
    this.hangUp();
    this.serial.destroy();
  }

  dropCall(): void {
    if (this.call !== undefined) this.lost(this.call.number);
  }

  private fromDevice(bytes: Buffer): void {
    let from = 0;
    const pass = (to: number) => {
      if (to > from) this.send(bytes.subarray(from, to));
    };
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i]!;
      if (this.pending.length === 0) {
        if (byte !== ESCAPE) continue;
        pass(i);
        this.pending = [ESCAPE];
      } else if (this.pending.length === 1 && byte === ESCAPE) {
        this.send(Buffer.of(ESCAPE));
        this.pending = [];
      } else if (this.pending.length === 1) {
        this.pending.push(byte);
      } else {
        this.onSignal(this.pending[1]!, byte);
        this.pending = [];
      }
      from = i + 1;
    }
    pass(bytes.length);
  }

  private send(data: Buffer): void {
    const { call, serial } = this;
    if (call === undefined) return;
    this.modem.traffic.bytesIn += data.length;
    if (call.stream.write(data)) return;
    serial.pause();
    call.stream.once('drain', () => serial.resume());
  }

  private onSignal(what: number, number: number): void {
    this.hangUp();
    if (what === letter('D')) this.dial(number);
  }

  private dial(number: number): void {
    const stream = this.modem.connectCall();
    if (stream === undefined) {
      this.modem.traffic.failures++;
      this.signal('H', number);
      return;
    }
    const call = { number, stream, connected: false };
    this.call = call;
    stream.once('connect', () => {
      if (this.call !== call) return;
      call.connected = true;
      this.signal('C', number);
    });
    stream.on('data', (data: Buffer) => {
      if (this.call !== call) return;
      this.modem.traffic.bytesOut += data.length;
      if (!this.serial.write(escaped(data))) stream.pause();
    });
    stream.on('error', () => stream.destroy());
    stream.on('end', () => stream.destroy());
    stream.on('close', () => {
      if (this.call !== call) return;
      if (!call.connected) this.modem.traffic.failures++;
      this.lost(number);
    });
  }

  private lost(number: number): void {
    this.hangUp();
    this.signal('H', number);
  }

  private signal(what: string, number: number): void {
    if (!this.serial.destroyed) this.serial.write(Buffer.of(ESCAPE, letter(what), number));
  }

  private hangUp(): void {
    const { call } = this;
    this.call = undefined;
    call?.stream.destroy();
    this.serial.resume();
  }
}

/** The data with every escape byte doubled. */
function escaped(data: Buffer): Buffer {
  const parts: Buffer[] = [];
  let from = 0;
  for (let at = data.indexOf(ESCAPE); at >= 0; at = data.indexOf(ESCAPE, at + 1)) {
    parts.push(data.subarray(from, at + 1));
    from = at;
  }
  return parts.length === 0 ? data : Buffer.concat([...parts, data.subarray(from)]);
}
