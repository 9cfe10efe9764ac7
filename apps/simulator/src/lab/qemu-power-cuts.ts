/**
 * Power cuts on QEMU: devices that are updated over and over are killed (SIGKILL) at random times and in the middle of random
 * flash operations, and started again on what their file then holds. The flash takes the time of serial NOR, so that
 * kills land inside erases and programs. The exhaustive sweep over every operation is another one, on WebAssembly; here
 * the cut is real and nobody knows where it falls.
 */
import { availableParallelism } from 'node:os';
import { readProbe, type Core, type FlashProbe, type QemuDeviceKnobs } from '@tinyfleet/firmware';
import { Random } from '@tinyfleet/sensors';
import { encodeCompressed, encodeDelta, type TransferMethod } from '@tinyfleet/wire';
import { QemuLab, activeSlot, sha256, type LabDevice } from './qemu-lab.js';
import type { Payload, Release } from './scripted-platform.js';

export interface PowerCutOptions {
  /** Installed in turn; at least three, so that the next one is in neither slot. */
  readonly bundles: readonly Uint8Array[];
  readonly cuts: number;
  readonly core?: Core;
  readonly seed?: number;
  /** Devices at once; default: as many as there are processors. */
  readonly parallel?: number;
  /** Cuts of one update before it is left alone; default 4. */
  readonly cutsPerUpdate?: number;
  readonly onProgress?: (text: string) => void;
}

export interface PowerCutReport {
  readonly cuts: number;
  /** Kills at a random time, by what the flash was doing. */
  readonly random: Record<FlashProbe['operation'], number>;
  /** Cuts in the middle of a chosen operation. */
  readonly chosen: Record<'program' | 'erase', number>;
  /** Boots after a cut that ran the model from before the update, and those that ran the new one. */
  readonly bootedOld: number;
  readonly bootedNew: number;
  /** Updates that came to their end, by how the bundle travelled. */
  readonly updates: Record<TransferMethod, number>;
  /** Empty when all is well; each with the end of the device's log. */
  readonly failures: readonly string[];
  readonly wallMs: number;
}

/** Serial NOR on a bad day: an erase of 4 KB, a page of 256 bytes. */
const NOR_TIMES = { 'erase-us': 100_000, 'program-us': 3_000 } as const;
const QUICK: QemuDeviceKnobs = { 'backoff-ms': 20 };
/** How the updates of a device travel, in turn; the first install is whole. */
const METHODS: readonly TransferMethod[] = ['full', 'delta', 'full', 'compressed'];
/** Of the cuts, so many are at a chosen operation. */
const CHOSEN_SHARE = 1 / 3;

interface Tally {
  cutsLeft: number;
  random: Record<FlashProbe['operation'], number>;
  chosen: Record<'program' | 'erase', number>;
  bootedOld: number;
  bootedNew: number;
  updates: Record<TransferMethod, number>;
  readonly failures: string[];
}

export async function runPowerCuts(options: PowerCutOptions): Promise<PowerCutReport> {
  const started = performance.now();
  const tally: Tally = {
    cutsLeft: options.cuts,
    random: { none: 0, program: 0, erase: 0 },
    chosen: { program: 0, erase: 0 },
    bootedOld: 0,
    bootedNew: 0,
    updates: { full: 0, compressed: 0, delta: 0 },
    failures: [],
  };
  const lab = await QemuLab.open();
  try {
    const worker = async (_: unknown, number: number) => {
      const seed = (options.seed ?? 1) + number * 7_919;
      const slotBytes = Math.ceil(Math.max(...options.bundles.map(({ length }) => length)) / 4_096) * 4_096;
      const device = await lab.device({ core: options.core ?? 'm4', slotBytes, parameters: { seed } });
      await new Endurance(device, options, tally, new Random(seed)).run();
    };
    await Promise.all(Array.from({ length: options.parallel ?? availableParallelism() }, worker));
  } finally {
    await lab.close();
  }
  const { cutsLeft, ...counts } = tally;
  return { cuts: options.cuts - cutsLeft, ...counts, wallMs: Math.round(performance.now() - started) };
}

/** One device's life. */
class Endurance {
  private readonly digests: readonly string[];
  private sequence = 0;
  /** From power-on until the new model runs, without cuts; the soak behind it touches the flash no more. */
  private updateMs = 3_000;
  /** Flash operations of one. */
  private updateOperations = 40;

  constructor(
    private readonly device: LabDevice,
    private readonly options: PowerCutOptions,
    private readonly tally: Tally,
    private readonly random: Random,
  ) {
    this.digests = options.bundles.map(sha256);
  }

  async run(): Promise<void> {
    try {
      await this.firstInstall();
      for (let update = 1; this.tally.cutsLeft > 0; update++) await this.update(update);
    } catch (cause) {
      this.tally.failures.push(`${(cause as Error).message}\n${this.device.platform.describe()}`);
    } finally {
      await this.device.machine.powerOff();
    }
  }

  /** Without a cut; says how long an update takes on this machine now. */
  private async firstInstall(): Promise<void> {
    const { machine } = this.device;
    this.offer(0, { method: 'full', bytes: this.options.bundles[0]! });
    const started = performance.now();
    machine.powerOn({ ...QUICK, ...NOR_TIMES });
    const { platform } = this.device;
    await platform.until('soak', () =>
      platform.since('state').find(({ updateState }) => updateState === 'soak'),
    );
    this.updateMs = performance.now() - started;
    await this.untilActive(0);
    this.updateOperations = (await readProbe(this.device.flashFile)).operations;
  }

  private async update(number: number): Promise<void> {
    const { bundles, cutsPerUpdate = 4 } = this.options;
    const next = number % bundles.length;
    const before = (number - 1) % bundles.length;
    const method = METHODS[number % METHODS.length]!;
    await this.device.machine.powerOff();
    this.offer(next, this.payload(method, before, next));
    for (let cut = 0; cut < cutsPerUpdate && this.tally.cutsLeft > 0; cut++) {
      this.tally.cutsLeft--;
      await this.cut();
      await this.checkFile(before, next);
      if (await this.checkBoot(before, next)) break;
    }
    this.device.machine.powerOn({ ...QUICK });
    await this.untilActive(next);
    this.tally.updates[method]++;
    this.options.onProgress?.(`update ${number} by ${method}, ${this.tally.cutsLeft} cuts left`);
  }

  /** Runs the device until its power fails. */
  private async cut(): Promise<void> {
    const { machine, platform } = this.device;
    const from = platform.log.length;
    if (this.random.uniform() < CHOSEN_SHARE) {
      const cut = 1 + Math.floor(this.random.uniform() * this.updateOperations);
      machine.powerOn({ ...QUICK, cut });
      const patience = performance.now() + 4 * this.updateMs;
      await platform.until(
        'cut',
        () => platform.since('line', from).includes('cut') || performance.now() > patience || undefined,
      );
    } else {
      machine.powerOn({ ...QUICK, ...NOR_TIMES });
      const ms = this.random.uniform() * this.updateMs;
      await new Promise((resolve) => setTimeout(resolve, ms));
    }
    await machine.powerOff();
    const { operation } = await readProbe(this.device.flashFile);
    const atCut = platform.since('line', from).includes('cut');
    if (atCut && operation !== 'none') this.tally.chosen[operation]++;
    else this.tally.random[operation]++;
  }

  /** While the power is off: the old model or the new one is in a slot, every byte of it. */
  private async checkFile(before: number, next: number): Promise<void> {
    for (const model of [before, next])
      for (const slot of [0, 1]) {
        const { length } = this.options.bundles[model]!;
        if (sha256(await this.device.slot(slot, length)) === this.digests[model]) return;
      }
    throw new Error('after the cut neither slot held a whole model');
  }

  /** Boots, and looks whether what the device calls its model is what lies there and runs. True when it is the new one. */
  private async checkBoot(before: number, next: number): Promise<boolean> {
    const { machine, platform } = this.device;
    const answerWant = platform.answerWant;
    platform.answerWant = () => undefined; // a transfer stands still meanwhile
    const from = platform.log.length;
    machine.powerOn(QUICK);
    const hello = await platform.until('hello after a cut', () => platform.since('hello', from)[0]);
    // A window closed in this boot: a model has been checked and runs.
    const window = await platform.until('telemetry after a cut', () =>
      platform.since('telemetry', from).find(({ bootId, n }) => bootId === hello.bootId && n > 0),
    );
    const active = activeSlot(hello);
    if (active === undefined) throw new Error('no active model after a cut');
    const candidates = [this.digests[before]!, this.digests[next]!];
    const { length } = this.options.bundles[active.digest === candidates[1] ? next : before]!;
    const found = sha256(await this.device.slot(active.number, length));
    if (found !== active.digest || !candidates.includes(found))
      throw new Error(`after a cut the active slot ${active.number} is ${active.digest} and holds ${found}`);
    const runs = Buffer.from(window.build).toString('hex');
    if (!candidates.some((digest) => digest.startsWith(runs))) throw new Error(`after a cut ${runs} runs`);
    await machine.powerOff();
    platform.answerWant = answerWant;
    const isNew = found === candidates[1];
    this.tally[isNew ? 'bootedNew' : 'bootedOld']++;
    return isNew;
  }

  private payload(method: TransferMethod, before: number, next: number): Payload {
    const base = this.options.bundles[before]!;
    const target = this.options.bundles[next]!;
    if (method === 'full') return { method, bytes: target };
    if (method === 'compressed') return { method, bytes: encodeCompressed(target) };
    return {
      method,
      bytes: encodeDelta(base, target),
      baseDigest: Buffer.from(this.digests[before]!, 'hex'),
    };
  }

  private offer(model: number, payload: Payload): void {
    this.device.platform.payload = () => payload;
    this.sequence += 2;
    const release: Release = {
      bundle: this.options.bundles[model]!,
      sequence: this.sequence,
      abi: 0x1_0000,
      opSet: Uint8Array.of(),
    };
    this.device.platform.release = release;
  }

  private async untilActive(model: number): Promise<void> {
    const { platform } = this.device;
    const from = platform.log.length;
    const digest = this.digests[model];
    await platform.until(`update to ${digest}`, () => {
      const hello = platform.since('hello', from).at(-1);
      if (hello !== undefined && activeSlot(hello)?.digest === digest) return true;
      const state = platform.since('state', from).at(-1);
      const isActive = state?.updateState === 'active' && state.digest !== undefined;
      return (isActive && Buffer.from(state.digest!).toString('hex') === digest) || undefined;
    });
  }
}
