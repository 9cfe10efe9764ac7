// The platform's end of the device protocol for the simulator's own tests: a TCP listener that speaks just enough
// MQTT 3.1.1 and answers with @tinyfleet/wire. The real server is tested with the simulator in apps/server.
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import {
  classId, crc32, decode, downTopic, encode, rawPublicKey, signManifest, tryParseTopic, vendorId,
  type Desired, type Hello, type State, type Telemetry,
} from '@tinyfleet/wire'; // prettier-ignore
import mqtt, { type Packet } from 'mqtt-packet';

export interface Release {
  readonly bundle: Uint8Array;
  readonly sequence: number;
  readonly abi: number;
  readonly opSet: Uint8Array;
}

export class PlatformPeer {
  readonly hellos: { device: string; hello: Hello }[] = [];
  readonly states: { device: string; state: State }[] = [];
  readonly telemetry: { device: string; window: Telemetry }[] = [];
  readonly key: { privateKey: KeyObject; raw: Uint8Array };
  /** Offered to every device that does not run it; null = nothing to do. */
  release: Release | null = null;
  windowS = 1;
  pickEvery = 2;
  /** When set, chunks are damaged or dropped by this function; null drops. */
  tamper: ((data: Uint8Array, offset: number) => Uint8Array | null) | null = null;
  /** Telemetry is left unanswered while true. */
  deaf = false;
  chunksSent = 0;
  connections = 0;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private readonly waiters = new Set<() => void>();

  constructor(private readonly token = 'secret') {
    const { privateKey } = generateKeyPairSync('ed25519');
    this.key = { privateKey, raw: rawPublicKey(privateKey) };
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
  async until(condition: () => boolean, timeoutMs = 20_000): Promise<void> {
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

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    this.connections++;
    socket.setNoDelay(true);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    const parser = mqtt.parser();
    const send = (packet: Packet) => socket.destroyed || socket.write(mqtt.generate(packet));
    parser.on('packet', (packet) => this.packet(packet, send));
    parser.on('error', () => socket.destroy());
    socket.on('data', (data) => parser.parse(data));
  }

  private packet(packet: Packet, send: (packet: Packet) => unknown): void {
    switch (packet.cmd) {
      case 'connect':
        send({
          cmd: 'connack',
          returnCode: String(packet.password) === this.token ? 0 : 5,
          sessionPresent: false,
        });
        return;
      case 'subscribe':
        send({ cmd: 'suback', messageId: packet.messageId!, granted: packet.subscriptions.map(() => 1) });
        return;
      case 'pingreq':
        send({ cmd: 'pingresp' });
        return;
      case 'publish':
        if (packet.topic.endsWith('/telemetry') && this.deaf) return;
        if (packet.qos === 1) send({ cmd: 'puback', messageId: packet.messageId! });
        this.message(packet.topic, packet.payload as Buffer, send);
        for (const waiter of this.waiters) waiter();
        return;
      default:
        return;
    }
  }

  private message(topic: string, payload: Buffer, send: (packet: Packet) => unknown): void {
    const parsed = tryParseTopic(topic)!;
    const { device } = parsed;
    const publish = (name: 'desired' | 'chunk', bytes: Uint8Array) =>
      send({
        cmd: 'publish',
        topic: downTopic(parsed, name),
        payload: Buffer.from(bytes),
        qos: 0,
        dup: false,
        retain: false,
      });
    switch (parsed.name) {
      case 'hello': {
        const hello = decode('hello', payload);
        this.hellos.push({ device, hello });
        publish('desired', encode('desired', this.desired(parsed.project, hello)));
        return;
      }
      case 'state':
        this.states.push({ device, state: decode('state', payload) });
        return;
      case 'telemetry':
        this.telemetry.push({ device, window: decode('telemetry', payload) });
        return;
      case 'want': {
        const { offset, count, chunkBytes = 1_024, transfer } = decode('want', payload);
        const { bundle } = this.release!;
        for (let i = 0; i < count; i++) {
          const at = offset + i * chunkBytes;
          if (at >= bundle.length) break;
          const whole = bundle.slice(at, at + chunkBytes);
          const data = this.tamper === null ? whole : this.tamper(whole, at);
          if (data === null) continue;
          this.chunksSent++;
          publish('chunk', encode('chunk', { transfer, offset: at, data, crc32: crc32(whole) }));
        }
        return;
      }
      default:
        return;
    }
  }

  private desired(project: string, hello: Hello): Desired {
    const base = { serverTimeMs: Date.now(), windowS: this.windowS, pickEvery: this.pickEvery };
    const { release } = this;
    if (release === null) return { ...base, revision: 1, deployment: 0 };
    const digest = createHash('sha256').update(release.bundle).digest();
    const active = hello.slots.find((slot) => slot.state === 'active' || slot.state === 'trial');
    if (active !== undefined && digest.equals(active.digest)) return { ...base, revision: 2, deployment: 7 };
    const conditions = {
      abi: release.abi,
      opSet: release.opSet,
      arenaBytes: 1,
      stateBytes: 0,
      floor: 0,
      soakS: 1,
    };
    const manifest = signManifest(
      {
        component: 'model', sequence: release.sequence, vendorId: vendorId(project), classId: classId(hello.deviceType),
        digest, size: release.bundle.length, conditions,
      }, // prettier-ignore
      this.key.privateKey,
    );
    const payloadBytes = release.bundle.length;
    const transfer = { method: 'full', payloadBytes, payloadDigest: digest, resultDigest: digest } as const;
    return { ...base, revision: 2, deployment: 7, manifest, transfer };
  }
}
