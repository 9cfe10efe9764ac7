/** A device as a script over mqtt.js: says hello, fetches what is desired, reports, sends windows. It runs no model. */
import { createHash } from 'node:crypto';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { FleetError } from '@tinyfleet/errors';
import { applyPayload } from '@tinyfleet/runtime';
import {
  bootId,
  crc32,
  decode,
  deviceKey,
  digestPrefix,
  encode,
  packHistogram,
  signingKeyId,
  verifyAsk,
  verifyMacManifest,
  verifyManifest,
  type Ask,
  type Desired,
  type Hello,
  type ShadowCounters,
  type State,
  type Telemetry,
  type Transfer,
  type UpdateState,
} from '@tinyfleet/wire';

/** `lie`: it says that it runs what it does not. `no-base`: it answers deltas with wire.base-missing. `no-decode`: a payload gives it something else than the bundle. */
export type Behaviour = 'good' | 'fail' | 'lie' | 'mute' | 'revert' | 'no-base' | 'no-decode';

export interface ScriptedOptions {
  readonly port: number;
  readonly name: string;
  readonly token: string;
  readonly behaviour?: Behaviour;
  readonly hello?: Partial<Hello>;
  readonly client?: Partial<IClientOptions>;
  /** Chunks asked for at once, and of how many bytes. */
  readonly chunks?: number;
  readonly chunkBytes?: number;
  /** It has no public keys: it takes manifests with a MAC under its own key and no others. */
  readonly reduced?: boolean;
  /** Raw public keys: the one that manifests must be signed with, and the one that may follow it. */
  readonly keys?: { current: Uint8Array; next?: Uint8Array };
}

export class ScriptedDevice {
  readonly desired: Desired[] = [];
  /** Bytes of the bundle that is active. */
  active: Buffer | undefined;
  /** Complete in the other slot: it runs as shadow, or did. */
  staged: Buffer | undefined;
  private shadowing: Desired | undefined;
  chunksReceived = 0;
  /** Of the manifests it has verified by its key, reduced profile. */
  readonly sequences: number[] = [];
  payloadBytes = 0;
  /** Commands taken; how many were refused. */
  readonly asks: Ask[] = [];
  refusedAsks = 0;
  /** Highest counter of an authenticated command. */
  askCounter = 0;
  /** What it does with authenticated commands besides taking them. */
  onAsk: (ask: Ask) => Promise<void> | void = () => {};
  private sequence = 0;
  private signedByNext = false;
  private asking = Promise.resolve();
  private ended = false;
  private readonly boot: bigint;
  private readonly started = Date.now();
  private fetching: { desired: Desired; received: Buffer; at: number } | undefined;

  private constructor(
    readonly client: MqttClient,
    private readonly options: ScriptedOptions,
  ) {
    this.boot = bootId(1, Math.floor(Math.random() * 2 ** 32));
  }

  static async connect(options: ScriptedOptions): Promise<ScriptedDevice> {
    const id = `demo/${options.name}`;
    const client = mqtt.connect(`mqtt://127.0.0.1:${options.port}`, {
      clientId: id,
      username: id,
      password: options.token,
      reconnectPeriod: 0,
      keepalive: 120,
      ...options.client,
    });
    await new Promise<void>((resolve, reject) => {
      client.once('connect', () => resolve());
      client.on('error', reject); // also later ones: without a listener they end the process
      client.once('close', () => reject(new Error('closed')));
    });
    const device = new ScriptedDevice(client, options);
    client.on('message', (topic, payload) => device.take(topic, payload));
    await client.subscribeAsync(`fleet/1/demo/${options.name}/down/#`, { qos: 1 });
    return device;
  }

  envelope() {
    return {
      component: 'model' as const,
      bootId: this.boot,
      sequence: this.sequence++,
      uptimeMs: Date.now() - this.started + 1_000,
    };
  }

  /** What is under way when the device is ended is lost, as it is with any device; nothing is sent afterwards. */
  async publish(leaf: string, payload: Uint8Array | string, qos: 0 | 1 = 1): Promise<void> {
    if (this.ended) return;
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : Buffer.from(payload);
    try {
      await this.client.publishAsync(`fleet/1/demo/${this.options.name}/up/${leaf}`, bytes, { qos });
    } catch (error) {
      if (!this.ended) throw error;
    }
  }

  async hello(changes: Partial<Hello> = {}): Promise<void> {
    const { keys } = this.options;
    const message: Hello = {
      ...this.envelope(),
      deviceType: 'wasm',
      firmwareVersion: '1.0.0',
      abi: 0x1_0000,
      opSet: Uint8Array.of(1),
      resetCause: 'power-on',
      slots: this.active
        ? [{ digest: sha256(this.active), state: 'active', releaseSequence: 2, bytes: this.active.length }]
        : [{ digest: new Uint8Array(32), state: 'empty', releaseSequence: 0, bytes: 0 }],
      maxPacketBytes: 1_536,
      methods: ['full'],
      slotBytes: 100_000,
      programUnitBytes: 8,
      sectorBytes: 4_096,
      arenaBytes: 32_768,
      stateBytes: 1_024,
      fetchSlot: 0,
      releaseSequence: 0,
      floor: 0,
      capabilities: 0,
      askCounter: this.askCounter,
      counters: { 10: this.refusedAsks },
      ...(keys && {
        currentKey: signingKeyId(keys.current),
        ...(keys.next && { nextKey: signingKeyId(keys.next) }),
      }),
      ...this.options.hello,
      ...changes,
    };
    await this.publish('hello', encode('hello', message));
  }

  async window(build: Uint8Array, changes: Partial<Telemetry> = {}): Promise<void> {
    await this.publish('telemetry', encode('telemetry', this.windowMessage(build, changes)));
  }

  windowMessage(build: Uint8Array, changes: Partial<Telemetry> = {}): Telemetry {
    return {
      ...this.envelope(),
      build: digestPrefix(build),
      schema: 0,
      startMs: Date.now() - this.started,
      lengthMs: 10_000,
      n: 10,
      classes: packHistogram([...Array<number>(7).fill(0), 6, ...Array<number>(7).fill(0), 4]),
      firstIndex: 0,
      ...changes,
    };
  }

  /** Resolves with the next `down/desired` that passes the test. */
  async nextDesired(test: (desired: Desired) => boolean = () => true): Promise<Desired> {
    const known = this.desired.find(test);
    if (known) return known;
    return await new Promise((resolve) => {
      const look = (): void => {
        const found = this.desired.find(test);
        if (!found) return;
        this.client.off('message', look);
        resolve(found);
      };
      this.client.on('message', look);
    });
  }

  end(): void {
    this.ended = true;
    this.client.end(true);
  }

  private take(topic: string, payload: Buffer): void {
    const leaf = topic.slice(topic.lastIndexOf('/') + 1);
    if (leaf === 'desired') {
      const desired = decode('desired', payload);
      this.desired.push(desired);
      void this.follow(desired).catch(() => {});
    } else if (leaf === 'chunk') {
      this.takeChunk(payload);
    } else if (leaf === 'ask') {
      // One after the other, as a device does.
      this.asking = this.asking.then(() => this.takeAsk(payload)).catch(() => {});
    }
  }

  /** As docs/spec/wire.md says: say-hello is taken as it comes, others by their signature and a counter that rises. */
  private async takeAsk(payload: Buffer): Promise<void> {
    const plain = decode('ask', payload);
    if (plain.command === 'say-hello' && plain.signature === undefined) {
      await this.hello();
      return;
    }
    const { keys, token, name } = this.options;
    try {
      const ask = verifyAsk(payload, `demo/${name}`, {
        deviceKey: deviceKey(token),
        ...(keys && { signingKey: keys.current }),
      });
      const isRotation = ask.command === 'rotate-key';
      if (ask.signature === undefined || ask.counter <= this.askCounter || (isRotation && !isSigned(ask)))
        throw new FleetError('agent.ask-refused');
      await this.onAsk(ask);
      if (isRotation && keys) keys.next = nextKeyOf(ask);
      this.askCounter = ask.counter;
      this.asks.push(ask);
    } catch {
      this.refusedAsks++;
    }
  }

  private async follow(desired: Desired): Promise<void> {
    const { behaviour = 'good' } = this.options;
    if (!desired.transfer || desired.deployment === 0 || behaviour === 'mute') return;
    const { keys } = this.options;
    if (this.options.reduced === true) this.verifyMac(desired);
    if (keys) {
      const trusted = [keys.current, ...(keys.next ? [keys.next] : [])];
      const { keyId } = verifyManifest(desired.manifest!, {
        keys: trusted,
        project: 'demo',
        deviceType: 'wasm',
      });
      this.signedByNext = keys.next !== undefined && Buffer.compare(keyId, signingKeyId(keys.next)) === 0;
    }
    if (this.active && sha256(this.active).equals(desired.transfer.resultDigest)) {
      await this.state(desired, 'active');
      return;
    }
    if (this.staged && sha256(this.staged).equals(desired.transfer.resultDigest)) {
      await this.proceed(desired, this.staged);
      return;
    }
    if (behaviour === 'no-base' && desired.transfer.method === 'delta') {
      await this.state(desired, 'failed', { error: 120 });
      return;
    }
    await this.state(desired, 'fetching', { offset: 0 });
    this.fetching = { desired, received: Buffer.alloc(desired.transfer.payloadBytes), at: 0 };
    await this.want();
  }

  private verifyMac(desired: Desired): void {
    const { name, token } = this.options;
    const trust = { clientId: `demo/${name}`, key: deviceKey(token), deviceType: 'wasm' };
    const { sequence, digest, size } = verifyMacManifest(desired.manifest!, trust);
    const { transfer } = desired;
    if (
      transfer?.method !== 'full' ||
      transfer.payloadBytes !== size ||
      Buffer.compare(digest, transfer.payloadDigest) !== 0
    )
      throw new FleetError('manifest.digest-mismatch');
    this.sequences.push(sequence);
  }

  private async want(): Promise<void> {
    const { fetching } = this;
    if (!fetching) return;
    const transfer = digestPrefix(fetching.desired.transfer!.payloadDigest);
    const { chunks: count = 8, chunkBytes } = this.options;
    const want = { ...this.envelope(), transfer, offset: fetching.at, count };
    await this.publish('want', encode('want', { ...want, ...(chunkBytes ? { chunkBytes } : {}) }), 0);
  }

  private takeChunk(payload: Buffer): void {
    const chunk = decode('chunk', payload);
    const { fetching } = this;
    if (!fetching || chunk.offset !== fetching.at) return;
    if (crc32(chunk.data) !== chunk.crc32) throw new Error('chunk CRC');
    this.chunksReceived++;
    this.payloadBytes += chunk.data.length;
    fetching.received.set(chunk.data, chunk.offset);
    const asked = (this.options.chunkBytes ?? 1_024) * (this.options.chunks ?? 8);
    const before = Math.floor(fetching.at / asked);
    fetching.at += chunk.data.length;
    if (fetching.at >= fetching.received.length) void this.finish(fetching.desired, fetching.received);
    else if (Math.floor(fetching.at / asked) > before) void this.want();
  }

  private async finish(desired: Desired, payload: Buffer): Promise<void> {
    this.fetching = undefined;
    const bytes = await this.decoded(desired.transfer!, payload);
    if (!sha256(bytes).equals(desired.transfer!.resultDigest)) {
      await this.state(desired, 'failed', { error: 208 });
      return;
    }
    await this.state(desired, 'verified');
    if (this.options.behaviour === 'fail') {
      await this.state(desired, 'failed', { error: 205 });
      return;
    }
    await this.proceed(desired, bytes);
  }

  /** With a complete bundle: its shadow runs, or its trial. */
  private async proceed(desired: Desired, bytes: Buffer): Promise<void> {
    this.shadowing = undefined;
    if ((desired.shadowEvery ?? 0) > 0) {
      this.staged = bytes;
      this.shadowing = desired;
      await this.tellShadow({ runs: 0, agreed: 0 });
      return;
    }
    this.staged = undefined;
    await this.state(desired, 'trial');
    if (this.options.behaviour === 'revert') {
      await this.state(desired, 'reverted', { error: 502 });
      return;
    }
    if (this.options.behaviour !== 'lie') this.active = bytes;
    const { keys } = this.options;
    if (keys?.next && this.signedByNext) {
      keys.current = keys.next;
      delete keys.next;
    }
    const selfTest = { passed: true, vectors: 3, arenaBytes: 900 };
    const digest = this.options.reduced === true ? {} : { digest: desired.transfer!.resultDigest };
    await this.state(desired, 'active', { ...digest, selfTest });
  }

  /** Counters of its shadow runs since they began. */
  async tellShadow(shadow: ShadowCounters): Promise<void> {
    await this.state(this.shadowing!, 'shadow', { shadow });
  }

  /** The bundle, by the device's own decoder. */
  private async decoded({ method, resultBytes = 0 }: Transfer, payload: Buffer): Promise<Buffer> {
    if (method === 'full') return payload;
    if (this.options.behaviour === 'no-decode') return Buffer.alloc(resultBytes);
    const base = method === 'delta' && this.active ? { base: this.active } : {};
    return Buffer.from(await applyPayload(payload, { ...base, resultBytes }));
  }

  async state(desired: Desired, updateState: UpdateState, changes: Partial<State> = {}): Promise<void> {
    const { deployment, revision } = desired;
    await this.publish(
      'state',
      encode('state', { ...this.envelope(), deployment, revision, updateState, ...changes }),
    );
  }
}

/** COSE_Sign1 (tag 18) against COSE_Mac0 (tag 17). */
const isSigned = ({ signature }: Ask): boolean => signature?.[0] === 0xd2;
/** Key 2 of `next-key`: 32 bytes behind `{ 1: 1, 2: `. */
const nextKeyOf = ({ data }: Ask): Uint8Array => data!.slice(6, 38);
const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();
