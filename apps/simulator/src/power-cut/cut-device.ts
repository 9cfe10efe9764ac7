/**
 * One device of the power-cut sweep: the firmware of every simulated device (device.h) over a TornFlash, a clock that jumps to
 * what is due, and a platform in memory. It records flash operations and looks at what the device has on record.
 */
import { classId, vendorId } from '@tinyfleet/wire';
import type { Firmware } from '../device/firmware.js';
import { ConfigWord, InfoWord, type DevicePlatform } from '../device/firmware.js';
import type { FlashGeometry } from '../flash/flash-image.js';
import { verify } from '../device/verifier.js';
import { MemoryPlatform } from './memory-platform.js';
import { TornFlash, type FlashOperation } from './torn-flash.js';

const ARENA_BYTES = 4_096;
const STATE_BYTES = 1_024;
/** Context of a shadow model, with room for which class was taken for which. */
const SHADOW_BYTES = 2_048;
const QUEUE_BYTES = 64 * 1_024;
/** A device that waits for bytes it was sent is stepped again without time passing, so often. */
const BUSY_STEPS = 64;

/** Where docs/spec/flash.md has these in the state: fleet_persist_t, little-endian, without padding. */
const Persist = {
  layout: 0,
  bootCounter: 4,
  highestSequence: 20,
  slots: 60,
  slotBytes: 44,
  slotSize: 36,
  slotState: 42,
  activeSlot: 148,
  targetSlot: 149,
  updateState: 150,
} as const;

export const SlotState = { staged: 2, trial: 3, active: 4, retained: 5 } as const;
export const UpdateState = {
  idle: 0, fetching: 1, verified: 2, staged: 3, trial: 4, soak: 5, active: 6, shadow: 7, reverted: 8, failed: 9, offline: 10, queued: 11,
  aborted: 12,
} as const; // prettier-ignore

export const ResetCause = { powerOn: 1, software: 3, watchdog: 4, brownOut: 5, fault: 6 } as const;

export interface DeviceShape {
  readonly geometry: FlashGeometry;
  readonly slotBytes: number;
  readonly key: Uint8Array;
}

export interface SlotOnRecord {
  readonly digest: string;
  readonly bytes: number;
  readonly state: number;
}

/** Called before an operation: a number answers in its place. */
export type OperationHook = (operation: FlashOperation) => number | null;

const IDENTITY = { project: 'cut', device: 'd', token: 't', type: 'sweep' } as const;
export const TOKEN = IDENTITY.token;
export const CLIENT_ID = `${IDENTITY.project}/${IDENTITY.device}`;
export const RELEASE_IDS = { vendorId: vendorId(IDENTITY.project), classId: classId(IDENTITY.type) } as const;

export class CutDevice implements DevicePlatform {
  flash: TornFlash;
  readonly platform: MemoryPlatform;
  /** Called before each flash operation: a number answers in its place. */
  onOperation: OperationHook | null = null;
  /** Called before each read: true makes it fail. */
  onRead: (() => boolean) | null = null;
  /** Bytes of the output tensor of the newest inference of this boot. */
  output: Uint8Array | null = null;
  inferences = 0;
  resetAsked = false;
  sampleFails = false;
  /** No network. */
  offline = false;
  /** A flash sector, by number, that takes nothing any more. */
  wornSector: number | null = null;
  /** What the device must not have done: the first such thing. */
  problem: string | null = null;
  /** Judges each inference; every one sees the same input. */
  onInference: (() => string | null) | null = null;
  private now = 0;
  private bootedAt = 0;
  private readonly block: number;
  private readonly config: number;
  private readonly maps: readonly [number, number];
  /** Where a one-slot device proves an update first; its content is lost with the power. */
  private readonly bundleRam: number;
  private slotCount = 2;
  private readonly index: number;
  /** Where the state lies in the device block, and its copy as it is on record; 0 = not known yet. */
  private live = 0;
  private saved = 0;
  private readonly queue = new Uint8Array(QUEUE_BYTES);
  private queued = 0;
  private taken = 0;
  private entropyState = 1;

  constructor(
    readonly firmware: Firmware,
    readonly shape: DeviceShape,
  ) {
    const { memory } = firmware;
    this.flash = new TornFlash(shape.geometry);
    this.platform = new MemoryPlatform(IDENTITY, (packet) => this.push(packet));
    this.index = firmware.attach(this);
    this.block = memory.allocate(firmware.deviceBytes);
    this.config = memory.allocate(firmware.configBytes);
    this.maps = [memory.allocate(shape.slotBytes), memory.allocate(shape.slotBytes)];
    this.bundleRam = memory.allocate(shape.slotBytes);
    this.writeConfig();
  }

  /** Power comes back, or a reset for another cause; what was in RAM and on the stream is gone. */
  boot(cause: number, seed: number): number {
    this.entropyState = (seed ^ 0x9e3779b9) | 1;
    this.queued = this.taken = 0;
    this.bootedAt = this.now;
    this.output = null;
    this.inferences = 0;
    this.resetAsked = false;
    this.flash.boot();
    this.firmware.memory.u8.fill(seed & 255, this.bundleRam, this.bundleRam + this.shape.slotBytes);
    this.firmware.memory.u32[(this.config >> 2) + ConfigWord.resetCause] = cause;
    const result = this.firmware.init(this.block, this.index, this.config);
    if (result === 0 && this.live === 0) this.findPersist();
    return result;
  }

  /** Length of a telemetry window from the next boot on. */
  set windowS(seconds: number) {
    this.firmware.memory.u32[(this.config >> 2) + ConfigWord.windowS] = seconds;
  }

  /** 1 = the device has one slot, from the next boot on. */
  set slots(count: number) {
    this.slotCount = count;
    this.firmware.memory.u32[(this.config >> 2) + ConfigWord.slots] = count;
  }

  get hasOneSlot(): boolean {
    return this.slotCount === 1;
  }

  /** Memory that holds a whole bundle, from the next boot on. */
  set hasBundleRam(has: boolean) {
    const words: [number, number] = has ? [this.bundleRam, this.shape.slotBytes] : [0, 0];
    this.firmware.memory.u32.set(words, (this.config >> 2) + ConfigWord.bundleRam);
  }

  /** Steps until the condition holds; false when it does not within the steps. */
  run(until: () => boolean, steps: number): boolean {
    for (let step = 0, busy = 0; step < steps; step++) {
      if (until()) return true;
      const due = this.firmware.step(this.block) + this.bootedAt;
      if (this.resetAsked) {
        if (this.boot(ResetCause.software, step + 77) !== 0) return false;
        continue;
      }
      if (this.taken < this.queued && ++busy < BUSY_STEPS) continue;
      busy = 0;
      this.now = due > this.now ? due : this.now + 10;
    }
    return until();
  }

  info(word: number): number {
    return this.firmware.info(this.block)[word]!;
  }

  get updateState(): number {
    return this.live === 0 ? UpdateState.idle : this.firmware.memory.u8[this.live + Persist.updateState]!;
  }

  /** The update state on record: not `updateState` while a change of it is being saved. */
  get savedUpdateState(): number {
    return this.saved === 0 ? UpdateState.idle : this.firmware.memory.u8[this.saved + Persist.updateState]!;
  }

  get bootCounter(): number {
    return this.word(this.live + Persist.bootCounter);
  }

  get savedBootCounter(): number {
    return this.word(this.saved + Persist.bootCounter);
  }

  /** On record. */
  get highestSequence(): number {
    return this.word(this.saved + Persist.highestSequence);
  }

  get activeSlot(): number {
    return this.live === 0 ? 255 : this.firmware.memory.u8[this.live + Persist.activeSlot]!;
  }

  /** '' = the device has no model. */
  get activeDigest(): string {
    const { activeSlot } = this;
    return activeSlot > 1 ? '' : this.slot(activeSlot).digest;
  }

  slot(i: number): SlotOnRecord {
    const { u8 } = this.firmware.memory;
    const at = this.live + Persist.slots + i * Persist.slotBytes;
    return {
      digest: hex(u8.subarray(at, at + 32)),
      bytes: this.word(at + Persist.slotSize),
      state: u8[at + Persist.slotState]!,
    };
  }

  slotOffset(i: number): number {
    return this.slotsAt + i * this.shape.slotBytes;
  }

  /** The bytes that a slot holds, and whether they stay so; slot 1 of a one-slot device is RAM. */
  held(i: number, bytes: number): { content: Uint8Array; isCertain: boolean } {
    if (i >= this.slotCount) {
      const content = this.firmware.memory.u8.subarray(this.bundleRam, this.bundleRam + bytes);
      return { content, isCertain: true };
    }
    const at = this.slotOffset(i);
    return { content: this.flash.bytes.subarray(at, at + bytes), isCertain: this.flash.isCertain(at, bytes) };
  }

  /** Where slot 0 begins: behind two record sectors of at least 1,024 bytes. */
  get slotsAt(): number {
    const { sectorBytes } = this.shape.geometry;
    return 2 * (sectorBytes < 1_024 ? 2 * sectorBytes : sectorBytes);
  }

  get ringAt(): number {
    return this.slotOffset(this.slotCount);
  }

  /** Stores a factory image in slot 0 of an erased flash. */
  provision(image: { bundle: Uint8Array; digest: Uint8Array; sequence: number }): void {
    const { memory } = this.firmware;
    const { unitBytes, erased, sectorBytes } = this.shape.geometry;
    const padded = new Uint8Array(Math.ceil(image.bundle.length / unitBytes) * unitBytes).fill(erased);
    padded.set(image.bundle);
    for (let at = 0; at < padded.length; at += sectorBytes)
      this.flash.program(this.slotsAt + at, padded.subarray(at, at + sectorBytes));
    const digest = memory.place(image.digest);
    const { bundle, sequence } = image;
    const result = this.firmware.provision(this.index, this.config, {
      slot: 0,
      digest,
      bytes: bundle.length,
      sequence,
    });
    memory.free(digest, image.digest.length);
    if (result !== 0) throw new Error(`invariant: the factory image is refused with ${-result}`);
  }

  // DevicePlatform

  nowUs(): number {
    return this.now - this.bootedAt;
  }
  flashRead(offset: number, into: Uint8Array): number {
    if (this.onRead?.() === true) return -1;
    return this.flash.read(offset, into);
  }
  flashProgram(offset: number, data: Uint8Array): number {
    return this.operate({ erase: false, offset, data });
  }
  flashErase(offset: number): number {
    return this.operate({ erase: true, offset, data: null });
  }
  flashMap(offset: number, n: number): number {
    const at = this.maps[offset < this.slotOffset(1) ? 0 : 1];
    return this.flash.read(offset, this.firmware.memory.u8.subarray(at, at + n)) < 0 ? 0 : at;
  }
  netOpen(): number {
    this.queued = this.taken = 0;
    if (this.offline) return -1;
    this.platform.open();
    return 1;
  }
  netSend(data: Uint8Array): number {
    if (this.offline) return -1;
    this.platform.receive(data);
    return data.length;
  }
  netReceive(into: Uint8Array): number {
    if (this.offline) return -1;
    const n = Math.min(into.length, this.queued - this.taken);
    if (n === 0) return 0;
    into.set(this.queue.subarray(this.taken, this.taken + n));
    this.taken += n;
    if (this.taken === this.queued) this.taken = this.queued = 0;
    return n;
  }
  netClose(): void {
    this.queued = this.taken = 0;
  }
  verify(algorithm: number, key: Uint8Array, message: Uint8Array, signature: Uint8Array): number {
    return verify(algorithm, key, message, signature);
  }
  entropy(into: Uint8Array): void {
    for (let i = 0; i < into.length; i++) {
      this.entropyState = (Math.imul(this.entropyState, 1664525) + 1013904223) | 0;
      into[i] = this.entropyState >>> 24;
    }
  }
  sample(_sensor: number, address: number, count: number): number {
    if (this.sampleFails) return -1;
    const { u8 } = this.firmware.memory;
    for (let i = 0; i < count; i++) u8[address + i] = (i * 37 + 11) & 255;
    return count;
  }
  result(_index: number, _predicted: number, _confidence: number, output: number, outputBytes: number): void {
    if (this.inferences++ < 2) this.output = this.firmware.memory.u8.slice(output, output + outputBytes);
    this.problem ??= this.onInference?.() ?? null;
  }
  reset(): void {
    this.resetAsked = true;
  }
  battery(): number {
    return -1;
  }
  log(): void {}

  private operate(operation: FlashOperation): number {
    const { offset } = operation;
    if (
      this.activeSlot <= 1 &&
      offset >= this.slotOffset(this.activeSlot) &&
      offset < this.slotOffset(this.activeSlot + 1)
    )
      this.problem ??= 'the flash of the active slot was touched';
    const answer = this.onOperation?.(operation) ?? null;
    if (answer !== null) return answer;
    return Math.floor(offset / this.shape.geometry.sectorBytes) === this.wornSector
      ? -1
      : this.flash.run(operation);
  }

  private push(packet: Uint8Array): void {
    if (this.queued + packet.length > QUEUE_BYTES)
      throw new RangeError('invariant: the device lets packets pile up');
    this.queue.set(packet, this.queued);
    this.queued += packet.length;
  }

  private word(address: number): number {
    return this.firmware.memory.u32[address >> 2]!;
  }

  /**
   * The state and its saved copy begin with layout 1, boot counter and boot entropy, which the info block has too. Which is which
   * shows at the next boot, whose first save is of a counter that is not on record yet.
   */
  private findPersist(): void {
    const low = this.info(InfoWord.bootIdLow);
    const high = this.info(InfoWord.bootIdHigh);
    const { u32 } = this.firmware.memory;
    const found: number[] = [];
    for (let at = this.block; at < this.block + this.firmware.deviceBytes; at += 4)
      if (u32[at >> 2] === 1 && u32[(at >> 2) + 1] === high && u32[(at >> 2) + 2] === low) found.push(at);
    const [first, second] = found;
    if (first === undefined || second === undefined || found.length !== 2)
      throw new Error('invariant: the state lies twice in a device block');
    const probe = this.onOperation;
    this.onOperation = () => {
      const ahead = this.word(first + Persist.bootCounter) > this.word(second + Persist.bootCounter);
      [this.live, this.saved] = ahead ? [first, second] : [second, first];
      this.onOperation = probe;
      return null;
    };
    this.firmware.init(this.block, this.index, this.config);
    this.onOperation = probe;
  }

  private writeConfig(): void {
    const { memory, configBytes } = this.firmware;
    const { geometry, slotBytes, key } = this.shape;
    const place = (bytes: Uint8Array): [number, number] => [memory.place(bytes), bytes.length];
    const text = (value: string) => place(Buffer.from(value, 'utf8'));
    const pairs: [number, [number, number]][] = [
      [ConfigWord.project, text(IDENTITY.project)],
      [ConfigWord.device, text(IDENTITY.device)],
      [ConfigWord.token, text(IDENTITY.token)],
      [ConfigWord.deviceType, text(IDENTITY.type)],
      [ConfigWord.key, place(key)],
      [ConfigWord.arena, [memory.allocate(ARENA_BYTES), ARENA_BYTES]],
      [ConfigWord.state, [memory.allocate(STATE_BYTES), STATE_BYTES]],
      [ConfigWord.shadow, [memory.allocate(SHADOW_BYTES), SHADOW_BYTES]],
      [ConfigWord.shadowState, [memory.allocate(STATE_BYTES), STATE_BYTES]],
    ];
    pairs.push([
      ConfigWord.patchScratch,
      [memory.allocate(this.firmware.patchBytes), this.firmware.patchBytes],
    ]);
    const [vendor] = place(RELEASE_IDS.vendorId);
    const [model] = place(RELEASE_IDS.classId);
    const words = memory.u32.subarray(this.config >> 2, (this.config + configBytes) >> 2);
    for (const [word, pair] of pairs) words.set(pair, word);
    words[ConfigWord.vendorId] = vendor;
    words[ConfigWord.classId] = model;
    words[ConfigWord.keyAlgorithm] = 1;
    words[ConfigWord.flashBytes] = geometry.bytes;
    words[ConfigWord.sectorBytes] = geometry.sectorBytes;
    words[ConfigWord.unitBytes] = geometry.unitBytes;
    words[ConfigWord.erased] = geometry.erased;
    words[ConfigWord.slotBytes] = slotBytes;
    words[ConfigWord.inferencePeriodUs] = 500_000;
    words[ConfigWord.backoffMinMs] = 1;
    words[ConfigWord.backoffMaxMs] = 1_000;
  }
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}
