/**
 * The platform's end of the device protocol for experiments and tests: speaks just enough MQTT 3.1.1 over any byte stream,
 * answers with @tinyfleet/wire, and can be told to misbehave. The real server is tested with the simulator in apps/server.
 */
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import {
  classId, crc32, decode, deviceKey, downTopic, encode, macManifest, rawPublicKey, signManifest, tryParseTopic, vendorId,
  type Chunk, type Desired, type Hello, type ManifestContent, type Sample, type State, type Telemetry, type TransferMethod, type UpTopic, type Want,
} from '@tinyfleet/wire'; // prettier-ignore
import mqtt, { type Packet } from 'mqtt-packet';

export interface Release {
  readonly bundle: Uint8Array;
  readonly sequence: number;
  readonly abi: number;
  readonly opSet: Uint8Array;
  /** How it travels unless the platform is told otherwise; without: as it is. */
  readonly payload?: Payload;
}

/** How the bundle of a release travels. */
export interface Payload {
  readonly method: TransferMethod;
  readonly bytes: Uint8Array;
  /** Of a delta. */
  readonly baseDigest?: Uint8Array;
}

/** One client's connection: bytes in, bytes out. */
export interface PlatformConnection {
  receive(data: Uint8Array): void;
}

type Send = (packet: Packet) => unknown;

export class ScriptedPlatform {
  readonly key: { privateKey: KeyObject; raw: Uint8Array };
  /** Offered to every device that does not run it; null = nothing to do. */
  release: Release | null = null;
  windowS = 1;
  pickEvery = 2;
  soakS = 1;
  /** Of the reduced profile: manifests are made for this client instead of the one that asks. */
  manifestFor: string | undefined;
  /** Bound of one inference in the self-test; 0 = none. */
  latencyUs = 0;
  /** Devices run a release as shadow on every n-th inference; 0 = they go on to its trial. */
  shadowEvery = 0;
  /** An encoded command, sent before the answer to each hello. */
  ask: Uint8Array | null = null;
  /** When set, chunks are damaged or dropped by this function; null drops. */
  tamper: ((data: Uint8Array, offset: number) => Uint8Array | null) | null = null;
  /** Answers to one want: by default its chunks, in order, once. */
  answerWant: (chunks: Chunk[], publish: (chunk: Chunk) => void) => void = (chunks, publish) =>
    chunks.forEach(publish);
  /** By default whole. */
  payload: (release: Release, hello: Hello) => Payload = ({ bundle, payload }) =>
    payload ?? { method: 'full', bytes: bundle };
  /** Telemetry is left unanswered while true. */
  deaf = false;
  chunksSent = 0;
  chunkBytesSent = 0;
  connections = 0;
  /** Those on offer by transfer id, in hexadecimal. */
  private readonly payloads = new Map<string, Uint8Array>();
  private readonly manifests = new Map<string, Uint8Array>();

  constructor(
    private readonly token = 'secret',
    private readonly now: () => number = Date.now,
  ) {
    const { privateKey } = generateKeyPairSync('ed25519');
    this.key = { privateKey, raw: rawPublicKey(privateKey) };
  }

  /** What arrived; overridden by whoever keeps it. */
  protected onHello(_device: string, _hello: Hello): void {}
  protected onState(_device: string, _state: State): void {}
  protected onTelemetry(_device: string, _window: Telemetry): void {}
  protected onSample(_device: string, _sample: Sample): void {}
  protected onMessage(): void {}

  /** A client has connected; `write` takes the bytes for it, `end` closes its stream. */
  accept(write: (bytes: Buffer) => void, end: () => void): PlatformConnection {
    this.connections++;
    const parser = mqtt.parser();
    const send: Send = (packet) => write(mqtt.generate(packet));
    parser.on('packet', (packet) => this.packet(packet, send));
    parser.on('error', end);
    return { receive: (data) => void parser.parse(data as Buffer) };
  }

  private packet(packet: Packet, send: Send): void {
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
        this.onMessage();
        return;
      default:
        return;
    }
  }

  private message(topic: string, payload: Buffer, send: Send): void {
    const parsed = tryParseTopic(topic)!;
    const { device } = parsed;
    const publish = (name: 'ask' | 'desired' | 'chunk', bytes: Uint8Array) =>
      send({
        cmd: 'publish',
        topic: downTopic(parsed, name),
        payload: Buffer.from(bytes),
        qos: 0,
        dup: false,
        retain: false,
      });
    switch (parsed.name as UpTopic) {
      case 'hello': {
        const hello = decode('hello', payload);
        this.onHello(device, hello);
        if (this.ask !== null) publish('ask', this.ask);
        publish('desired', encode('desired', this.desired(parsed.project, device, hello)));
        return;
      }
      case 'state':
        this.onState(device, decode('state', payload));
        return;
      case 'telemetry':
        this.onTelemetry(device, decode('telemetry', payload));
        return;
      case 'sample':
        this.onSample(device, decode('sample', payload));
        return;
      case 'want': {
        this.answerWant(this.chunks(decode('want', payload)), (chunk) => {
          this.chunksSent++;
          this.chunkBytesSent += chunk.data.length;
          publish('chunk', encode('chunk', chunk));
        });
        return;
      }
      default:
        return;
    }
  }

  private chunks({ offset, count, chunkBytes = 1_024, transfer }: Want): Chunk[] {
    const payload = this.payloads.get(Buffer.from(transfer).toString('hex')) ?? this.release!.bundle;
    const chunks: Chunk[] = [];
    for (let i = 0; i < count; i++) {
      const at = offset + i * chunkBytes;
      if (at >= payload.length) break;
      const whole = payload.slice(at, at + chunkBytes);
      const data = this.tamper === null ? whole : this.tamper(whole, at);
      if (data === null) continue;
      chunks.push({ transfer, offset: at, data, crc32: crc32(whole) });
    }
    return chunks;
  }

  private desired(project: string, device: string, hello: Hello): Desired {
    const base = { serverTimeMs: Math.floor(this.now()), windowS: this.windowS, pickEvery: this.pickEvery };
    const { release } = this;
    if (release === null) return { ...base, revision: 1, deployment: 0 };
    const digest = createHash('sha256').update(release.bundle).digest();
    // Numbers as the platform gives them: a release is a deployment of its own.
    const numbers = { revision: release.sequence, deployment: release.sequence + 5 };
    const active = hello.slots.find((slot) => slot.state === 'active' || slot.state === 'trial');
    if (active !== undefined && digest.equals(active.digest)) return { ...base, ...numbers };
    const transfer = this.transfer(release, hello, digest);
    const shadow = this.shadowEvery === 0 ? {} : { shadowEvery: this.shadowEvery };
    const manifest = this.manifest(`${project}/${device}`, hello, release, digest);
    return { ...base, ...numbers, ...shadow, manifest, transfer };
  }

  private transfer(release: Release, hello: Hello, digest: Buffer): Desired['transfer'] {
    const { method, bytes, baseDigest } = this.payload(release, hello);
    const payloadDigest = createHash('sha256').update(bytes).digest();
    this.payloads.set(payloadDigest.toString('hex', 0, 8), bytes);
    const offer = { method, payloadBytes: bytes.length, payloadDigest, resultDigest: digest };
    if (method === 'full') return offer;
    const resultBytes = release.bundle.length;
    return { ...offer, resultBytes, ...(baseDigest === undefined ? {} : { baseDigest }) };
  }

  private manifest(clientId: string, hello: Hello, release: Release, digest: Buffer): Uint8Array {
    const name = `${this.manifestFor ?? ''}/${clientId}/${hello.deviceType}/${release.sequence}/${this.soakS}/${this.latencyUs}/${digest.toString('hex')}`;
    let manifest = this.manifests.get(name);
    if (manifest === undefined) {
      const { abi, opSet, sequence, bundle } = release;
      const bound = this.latencyUs === 0 ? {} : { latencyUs: this.latencyUs };
      const conditions = { abi, opSet, arenaBytes: 1, stateBytes: 0, floor: 0, soakS: this.soakS, ...bound };
      const project = clientId.slice(0, clientId.indexOf('/'));
      const content: ManifestContent = {
        component: 'model', sequence, vendorId: vendorId(project), classId: classId(hello.deviceType), digest,
        size: bundle.length, conditions,
      }; // prettier-ignore
      manifest = hello.algorithms?.includes('hmac-sha256')
        ? macManifest(content, { clientId: this.manifestFor ?? clientId, key: deviceKey(this.token) })
        : signManifest(content, this.key.privateKey);
      this.manifests.set(name, manifest);
    }
    return manifest;
  }
}
