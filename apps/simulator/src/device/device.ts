// One simulated device: the host side of its firmware. It owns a block, a config block and state in linear memory,
// a flash image, a socket and a clock, shows the firmware a sensor and alone knows what was really there.
import { FleetError } from '@tinyfleet/errors';
import { mix32, Random, seedOf, type RawSensor, type SensorStream } from '@tinyfleet/sensors';
import { classId, vendorId } from '@tinyfleet/wire';
import { FlashImage, type FlashGeometry } from '../flash/flash-image.js';
import type { DeviceMappings } from '../flash/flash-maps.js';
import type { DeviceLink } from '../network/device-link.js';
import { Battery } from './battery.js';
import { DeviceClock } from './clock.js';
import { ConfigWord, InfoWord, type DevicePlatform } from './firmware.js';
import type { Fleet } from './fleet.js';
import type { Misbehaviour } from './misbehaviour.js';
import { RawFeed } from './raw-feed.js';
import { activeDigest } from './running.js';
import { verify } from './verifier.js';

/** wire.cddl reset-cause. */
export const ResetCause = { powerOn: 1, software: 3, watchdog: 4, brownOut: 5, fault: 6 } as const;
export type ResetCauseName = keyof typeof ResetCause;

const SENSOR_TENSOR = 0;
/** device.h's flags: the device has a cycle counter. */
const FLAG_CYCLES = 1;
/** Largest input that a device gives away when it is asked for samples. */
const SAMPLE_BYTES = 2_048;
/** Context and counters of a shadow model: which class was taken for which, of up to 12. */
const SHADOW_BYTES = 512;

export interface DeviceIdentity {
  readonly project: string;
  readonly name: string;
  readonly token: string;
  readonly type: string;
}

export interface VerificationKey {
  readonly algorithm: number;
  readonly bytes: Uint8Array;
}

/** What an inference really saw; posted as a label when the platform keeps that prediction. */
export interface Observation {
  readonly device: string;
  readonly bootId: string;
  readonly index: number;
  readonly truth: string;
  readonly predicted: number;
  /** Made under a driven clock. */
  readonly past: boolean;
}

export interface DeviceSettings {
  readonly identity: DeviceIdentity;
  readonly key: VerificationKey | null;
  readonly geometry: FlashGeometry;
  readonly slotBytes: number;
  readonly stateBytes: number;
  readonly inferencePeriodUs: number;
  readonly windowS: number;
  /** MQTT keep-alive; the firmware's own without. */
  readonly keepaliveS?: number;
  /** A cycle counter: every plan step of a model counts the same. Without it latencies are not measured. */
  readonly clock?: { readonly mhz: number; readonly cyclesPerStep: number };
  /** Every n-th prediction is kept for labelling until the platform tells another number; 0 = none. */
  readonly pickEvery: number;
  /** Sensor of the world; world time = `worldStartMs` + device time. */
  readonly sensor: SensorStream;
  /** Shown when a model's input is not of the sensor's length. */
  readonly fallback: SensorStream;
  /** For bundles with a front end, two at most; the hello names them. */
  readonly raw: readonly RawSensor[];
  readonly seed: number;
  readonly flash?: FlashImage;
  /** Mains without. */
  readonly battery?: { readonly startPercent: number; readonly percentPerDay: number };
}

export class SimulatedDevice implements DevicePlatform {
  readonly name: string;
  readonly clock: DeviceClock;
  readonly flash: FlashImage;
  readonly mappings: DeviceMappings = new Map();
  readonly socket: DeviceLink;
  /** World time, ms since 1970, at device time 0 of this boot. */
  worldStartMs = 0;
  /** Set when the firmware asked for a reboot or lost power; the scheduler boots it again. */
  rebootCause: number | null = null;
  /** Due time of the next step in device microseconds. */
  dueUs = 0;
  traps = 0;
  /** False while its clock is driven: it lives in another time than the broker. */
  hasCoverage = true;
  /** What bundles do on this device that no self-test shows. */
  misbehaviour: Misbehaviour | null = null;
  private goodInferences = 0;
  private readonly cell: Battery | null;

  private readonly index: number;
  private readonly block: number;
  private readonly config: number;
  private readonly random: Random;
  private readonly feeds: readonly RawFeed[];
  private truth: string | null = null;
  private bootId = '';
  private readonly allocations: [at: number, bytes: number][] = [];

  constructor(
    private readonly fleet: Fleet,
    readonly settings: DeviceSettings,
  ) {
    const { firmware } = fleet;
    this.name = settings.identity.name;
    this.random = new Random(mix32(settings.seed, seedOf(this.name)));
    this.feeds = settings.raw.map((sensor) => new RawFeed(sensor));
    this.cell = settings.battery === undefined ? null : new Battery(settings.battery, fleet.worldMs());
    this.flash = settings.flash ?? new FlashImage(settings.geometry, fleet.sectors);
    this.clock = new DeviceClock(fleet.hostMs);
    this.socket = fleet.link(this);
    this.index = firmware.attach(this);
    this.block = this.allocate(firmware.deviceBytes);
    this.config = this.allocate(firmware.configBytes);
    this.writeConfig();
  }

  /** Bytes of linear memory one device of these settings takes, for reserving them at once. */
  static memoryBytes(fleet: Fleet, stateBytes: number): number {
    const { deviceBytes, configBytes, patchBytes } = fleet.firmware;
    return deviceBytes + configBytes + patchBytes + SAMPLE_BYTES + SHADOW_BYTES + 2 * stateBytes + 1_024;
  }

  /** Starts the firmware: power-on, or a reboot for a cause of wire.cddl. */
  boot(cause: number, worldNowMs: number = this.fleet.worldMs()): void {
    const { firmware } = this.fleet;
    this.rebootCause = null;
    this.socket.netClose();
    this.flash.restorePower();
    this.clock.restart();
    this.worldStartMs = worldNowMs;
    this.dueUs = 0;
    this.goodInferences = 0;
    for (const feed of this.feeds) feed.restart(worldNowMs);
    this.words()[ConfigWord.resetCause] = cause;
    const result = firmware.init(this.block, this.index, this.config);
    if (this.flash.powerLost) {
      this.rebootCause = ResetCause.brownOut;
      return;
    }
    if (result !== 0) throw new FleetError('simulator.boot-failed', { device: this.name, error: -result });
    const info = this.info();
    this.bootId = hex32(info[InfoWord.bootIdHigh]!) + hex32(info[InfoWord.bootIdLow]!);
  }

  /** One bounded step; `dueUs` says when to come back. A trap is a fault of the device, which reboots. */
  step(): void {
    try {
      this.dueUs = this.fleet.firmware.step(this.block);
    } catch (cause) {
      if (!(cause instanceof WebAssembly.RuntimeError)) throw cause;
      this.traps++;
      this.rebootCause = ResetCause.fault;
      this.fleet.report({ event: 'trap', device: this.name, problem: cause.message });
    }
    if (this.flash.powerLost) this.rebootCause = ResetCause.brownOut;
  }

  /** A fresh view of device.h's info words; read it before the next call into the firmware. */
  info(): Uint32Array {
    return this.fleet.firmware.info(this.block);
  }

  get hasBooted(): boolean {
    return this.bootId !== '';
  }

  /** Its hello of this session has been acknowledged: the platform knows what it runs. */
  get isKnown(): boolean {
    const info = this.info();
    return info[InfoWord.connected] === 1 && info[InfoWord.messagesPending] === 0;
  }

  setPeriod(us: number): void {
    this.fleet.firmware.setPeriod(this.block, us);
  }

  /** Stores a factory image before the first boot: the bundle in slot 0, active and committed. */
  provision(image: { bundle: Uint8Array; digest: Uint8Array; sequence: number; slotOffset: number }): void {
    const { firmware } = this.fleet;
    const { unitBytes, sectorBytes, erased } = this.settings.geometry;
    const padded = new Uint8Array(Math.ceil(image.bundle.length / unitBytes) * unitBytes).fill(erased);
    padded.set(image.bundle);
    for (let at = 0; at < padded.length; at += sectorBytes) {
      this.flash.program(image.slotOffset + at, padded.subarray(at, at + sectorBytes));
    }
    const digest = firmware.memory.place(image.digest);
    const { bundle, sequence } = image;
    const result = firmware.provision(this.index, this.config, {
      slot: 0,
      digest,
      bytes: bundle.length,
      sequence,
    });
    firmware.memory.free(digest, image.digest.length);
    if (result !== 0)
      throw new FleetError('simulator.provision-failed', { device: this.name, error: -result });
  }

  /** Ends the device: socket closed, memory given back. */
  dispose(): void {
    this.socket.netClose();
    this.fleet.maps.releaseAll(this.mappings);
    this.fleet.firmware.detach(this.index);
    for (const [at, bytes] of this.allocations) this.fleet.firmware.memory.free(at, bytes);
  }

  // DevicePlatform

  nowUs(): number {
    return this.clock.nowUs();
  }
  flashRead(offset: number, into: Uint8Array): number {
    return this.flash.read(offset, into);
  }
  flashProgram(offset: number, data: Uint8Array): number {
    return this.flash.program(offset, data);
  }
  flashErase(offset: number): number {
    return this.flash.erase(offset);
  }
  flashMap(offset: number, n: number): number {
    return this.fleet.maps.map(this.flash, this.mappings, offset, n);
  }
  netOpen(): number {
    return this.hasCoverage ? this.socket.netOpen() : -1;
  }
  netSend(data: Uint8Array): number {
    return this.socket.netSend(data);
  }
  netReceive(into: Uint8Array): number {
    return this.socket.netReceive(into);
  }
  netClose(): void {
    this.socket.netClose();
  }
  verify(algorithm: number, key: Uint8Array, message: Uint8Array, signature: Uint8Array): number {
    return verify(algorithm, key, message, signature);
  }
  entropy(into: Uint8Array): void {
    for (let i = 0; i < into.length; i++) into[i] = this.random.bits() >>> 24;
  }

  sample(sensor: number, address: number, count: number): number {
    const { sensor: stream, fallback } = this.settings;
    const memory = this.fleet.firmware.memory.memory.buffer;
    const worldMs = this.worldStartMs + this.clock.nowUs() / 1_000;
    if (sensor !== SENSOR_TENSOR) {
      // The firmware has compared the bundle with the sensors in its config: it asks for no other.
      const feed = this.feeds.find((candidate) => candidate.sensor.descriptor.sensor === sensor);
      if (feed === undefined) return -1;
      const out = new Int16Array(memory, address, count * feed.sensor.descriptor.axes);
      if (!feed.take(worldMs, out)) return 0;
      this.truth = feed.truth;
      return count;
    }
    const frame = new Int8Array(memory, address, count);
    const fits = stream.frameBytes === 0 || stream.frameBytes === count;
    const source = fits ? stream : fallback;
    if (source.isOver?.(worldMs, count)) return 0;
    this.truth = source.read(worldMs, frame);
    return count;
  }

  result(index: number, predicted: number, _confidence: number): void {
    this.misbehave();
    if (this.truth === null) return;
    const { name, bootId, truth } = this;
    this.fleet.observe({ device: name, bootId, index, truth, predicted, past: this.clock.isDriven });
  }

  reset(): void {
    this.rebootCause = ResetCause.software;
  }
  battery(): number {
    if (this.cell === null) return -1;
    const { misbehaviour } = this;
    const extra = misbehaviour !== null && this.runs(misbehaviour) ? misbehaviour.drainPercentPerDay : 0;
    return this.cell.percentAt(this.fleet.worldMs(), extra);
  }
  log(level: number, text: string, value: number): void {
    if (level <= 1) this.fleet.report({ event: 'log', device: this.name, level, text, value });
  }

  private runs(misbehaviour: Misbehaviour): boolean {
    const digest = activeDigest(this);
    return digest !== null && misbehaviour.of(digest);
  }

  /** A fault is a trap inside the inference; what hangs ends by the watchdog. */
  private misbehave(): void {
    const { misbehaviour } = this;
    if (misbehaviour?.reset === undefined || !this.runs(misbehaviour)) return;
    if (this.goodInferences++ < misbehaviour.afterInferences) return;
    if (misbehaviour.reset === 'fault') throw new WebAssembly.RuntimeError('the model faulted');
    this.rebootCause = ResetCause.watchdog;
  }

  private allocate(bytes: number): number {
    const at = this.fleet.firmware.memory.allocate(bytes);
    if (at === 0) throw new RangeError('invariant: linear memory was reserved for every device');
    this.allocations.push([at, bytes]);
    return at;
  }

  private words(): Uint32Array {
    const { u32 } = this.fleet.firmware.memory;
    return u32.subarray(this.config >> 2, (this.config + this.fleet.firmware.configBytes) >> 2);
  }

  private writeConfig(): void {
    const { settings, fleet } = this;
    const { identity, key, geometry } = settings;
    const place = (bytes: Uint8Array): [number, number] => {
      const at = this.allocate(bytes.length);
      fleet.firmware.memory.u8.set(bytes, at);
      return [at, bytes.length];
    };
    const text = (value: string) => place(Buffer.from(value, 'utf8'));
    const strings: [number, [number, number]][] = [
      [ConfigWord.project, text(identity.project)],
      [ConfigWord.device, text(identity.name)],
      [ConfigWord.token, text(identity.token)],
      [ConfigWord.deviceType, text(identity.type)],
    ];
    if (key !== null) strings.push([ConfigWord.key, place(key.bytes)]);
    const [vendor] = place(vendorId(identity.project));
    const [model] = place(classId(identity.type));
    const state = settings.stateBytes > 0 ? this.allocate(settings.stateBytes) : 0;
    const patch = this.allocate(fleet.firmware.patchBytes);
    const samples = this.allocate(SAMPLE_BYTES);
    const shadow = this.allocate(SHADOW_BYTES);
    const shadowState = settings.stateBytes > 0 ? this.allocate(settings.stateBytes) : 0;
    const words = this.words();
    for (const [word, [at, bytes]] of strings) words.set([at, bytes], word);
    words[ConfigWord.vendorId] = vendor;
    words[ConfigWord.classId] = model;
    words[ConfigWord.keyAlgorithm] = key?.algorithm ?? 0;
    words[ConfigWord.flashBytes] = geometry.bytes;
    words[ConfigWord.sectorBytes] = geometry.sectorBytes;
    words[ConfigWord.unitBytes] = geometry.unitBytes;
    words[ConfigWord.erased] = geometry.erased;
    words[ConfigWord.slotBytes] = settings.slotBytes;
    words.set([fleet.arena.at, fleet.arena.bytes], ConfigWord.arena);
    words.set([state, settings.stateBytes], ConfigWord.state);
    words.set([patch, fleet.firmware.patchBytes], ConfigWord.patchScratch);
    words.set([samples, SAMPLE_BYTES], ConfigWord.sampleRam);
    words.set([shadow, SHADOW_BYTES], ConfigWord.shadow);
    words.set([shadowState, settings.stateBytes], ConfigWord.shadowState);
    words[ConfigWord.inferencePeriodUs] = settings.inferencePeriodUs;
    words[ConfigWord.windowS] = settings.windowS;
    words[ConfigWord.keepaliveS] = settings.keepaliveS ?? 0;
    words[ConfigWord.pickEvery] = settings.pickEvery;
    if (settings.clock !== undefined) {
      words[ConfigWord.flags] = FLAG_CYCLES;
      words[ConfigWord.clockKhz] = Math.round(settings.clock.mhz * 1_000);
      words[ConfigWord.cyclesPerStep] = settings.clock.cyclesPerStep;
    }
    settings.raw.forEach(({ descriptor: d }, i) => {
      const numbers = [d.sensor, d.axes, d.unit, d.fullScale, d.sampleRateMilliHz];
      words.set(numbers, [ConfigWord.sensor, ConfigWord.sensor2][i]);
    });
  }
}

function hex32(word: number): string {
  return word.toString(16).padStart(8, '0');
}
