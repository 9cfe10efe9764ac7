/**
 * One scenario on one flash: takes a device through it, records its flash operations with the flash before each of them, and
 * judges what becomes of a device whose flash was cut there.
 */
import type { Firmware } from '../device/firmware.js';
import { InfoWord } from '../device/firmware.js';
import type { FlashGeometry } from '../flash/flash-image.js';
import { CutDevice, ResetCause, SlotState, UpdateState } from './cut-device.js';
import { offer, publicKey, type Bundle, type Release } from './releases.js';
import { BUNDLES, type Scenario, type Stage } from './scenarios.js';
import { TornFlash, type FlashOperation } from './torn-flash.js';

export const SLOT_BYTES = 8_192;
const RING_SECTORS = 2;
const SECTOR_BYTES = 1_024;
/** A device that has not reached its condition by then never will: several times what the longest clean stage takes. */
const MAX_STEPS = 700;
const COMPLETE: ReadonlySet<number> = new Set([
  SlotState.staged,
  SlotState.trial,
  SlotState.active,
  SlotState.retained,
]);
const NAMES = Object.entries(UpdateState).reduce<string[]>((names, [name, number]) => {
  names[number] = name;
  return names;
}, []);

/** A flash operation of a recorded run. */
export interface Moment {
  readonly operation: FlashOperation;
  /** Before the operation. */
  readonly flash: TornFlash;
  readonly stage: number;
  /** Such as `program record`. */
  readonly kind: string;
  /** The change of the update state that this save records, or ''. */
  readonly edge: string;
  /** What the last save that returned has recorded: it must not be lost. */
  readonly durable: Durable;
}

interface Durable {
  readonly bootCounter: number;
  readonly highestSequence: number;
}

interface Told {
  readonly send?: boolean;
  readonly ask?: Uint8Array;
}

const NOTHING: Durable = { bootCounter: 0, highestSequence: 0 };

export function geometryOf(unitBytes: number, erased: 0x00 | 0xff): FlashGeometry {
  const bytes = 2 * SECTOR_BYTES + 2 * SLOT_BYTES + RING_SECTORS * SECTOR_BYTES;
  return { bytes, sectorBytes: SECTOR_BYTES, unitBytes, erased };
}

function idsOf(bundles: readonly (Bundle | '')[]): string[] {
  return bundles.map((bundle) => (bundle === '' ? '' : bundle.id));
}

export class Recorder {
  readonly device: CutDevice;
  private readonly blank: TornFlash;
  private readonly byId = new Map<string, Bundle>(BUNDLES.map((bundle) => [bundle.id, bundle]));
  private readonly expected = new Map<string, Uint8Array>();
  /** Numbers given to deployments beyond the scenario's own. */
  private extra = 1_000;

  constructor(firmware: Firmware, geometry: FlashGeometry) {
    this.device = new CutDevice(firmware, { geometry, slotBytes: SLOT_BYTES, key: publicKey });
    this.blank = new TornFlash(geometry);
    for (const bundle of BUNDLES) this.learn(bundle);
    this.device.onInference = () => this.judgeInference();
  }

  /** What the bundle gives for the sweep's input, on a device that has it from the factory. */
  private learn(bundle: Bundle): void {
    const { device } = this;
    device.flash = this.blank.copy(1);
    device.provision({ bundle: bundle.bytes, digest: bundle.digest, sequence: 2 });
    device.boot(ResetCause.powerOn, 1);
    if (device.run(() => device.inferences > 0, MAX_STEPS)) this.expected.set(bundle.id, device.output!);
  }

  /** Takes a new device through the scenario; the hooks see it from where operations count. @returns the problem, or null */
  play(
    scenario: Scenario,
    hook: ((operation: FlashOperation, stage: number) => number | null) | null,
    onRead: (() => boolean) | null = null,
  ): string | null {
    const { device } = this;
    const { factory } = scenario;
    device.onOperation = device.onRead = device.wornSector = null;
    this.clear(scenario);
    device.flash = this.blank.copy(7);
    if (factory !== null) {
      const { bundle, sequence } = factory;
      device.provision({ bundle: bundle.bytes, digest: bundle.digest, sequence });
    }
    this.wish(null, 1);
    device.wornSector = scenario.worn ?? null;
    const prepare = scenario.prepare ?? [];
    if (prepare.length > 0) {
      device.boot(ResetCause.powerOn, 3);
      for (const [i, stage] of prepare.entries()) {
        this.enter(scenario, i - prepare.length);
        if (!device.run(() => stage.until(device), MAX_STEPS))
          return `stage ${i} of the preparation never ends`;
      }
    }
    let stage = 0;
    if (hook !== null) device.onOperation = (operation) => hook(operation, stage);
    device.onRead = onRead;
    try {
      if (prepare.length === 0) {
        const result = device.boot(ResetCause.powerOn, 3);
        if (result !== 0) return `the device does not boot: ${-result}`;
      }
      for (; stage < scenario.stages.length; stage++) {
        this.enter(scenario, stage);
        const problem = this.finish(scenario, stage);
        if (problem !== null) return problem;
      }
      device.onOperation = device.onRead = null;
      return this.judgeEnd(scenario);
    } finally {
      device.onOperation = device.onRead = null;
    }
  }

  record(scenario: Scenario): { moments: Moment[]; problem: string | null } {
    const moments: Moment[] = [];
    const problem = this.play(scenario, this.hook(moments, NOTHING));
    return { moments, problem };
  }

  /**
   * Power comes back to this flash, which was cut at `moment`; null when all is well. With `moments` the operations from
   * here are recorded, for a second cut.
   */
  recover(
    scenario: Scenario,
    moment: Moment,
    flash: TornFlash,
    seed: number,
    moments?: Moment[],
  ): string | null {
    const { device } = this;
    const { stages } = scenario;
    this.clear(scenario);
    device.flash = flash;
    let { stage } = moment;
    this.rewish(scenario, stage);
    const hook = moments === undefined ? null : this.hook(moments, moment.durable);
    if (hook !== null) device.onOperation = (operation) => hook(operation, stage);
    try {
      const result = device.boot(ResetCause.powerOn, seed);
      if (result !== 0) return `the device does not boot: ${-result}`;
      const problem = this.judgeBoot(scenario, moment);
      if (problem !== null) return problem;
      for (let first = true; stage < stages.length; stage++, first = false) {
        const { reset } = stages[stage]!;
        if (!first) this.enter(scenario, stage);
        // A reset that was cut before it was counted happens again.
        else if (reset !== undefined) device.boot(reset, seed + 1);
        const unfinished = this.finish(scenario, stage);
        if (unfinished !== null) return unfinished;
      }
      device.onOperation = device.onRead = null;
      return this.judgeEnd(scenario);
    } finally {
      device.onOperation = null;
    }
  }

  /** After damage that no device can undo: it boots, runs a model of the scenario or none, and takes an update. */
  survive(scenario: Scenario, stage: number, flash: TornFlash, seed: number): string | null {
    const { device } = this;
    this.clear(scenario);
    device.flash = flash;
    this.rewish(scenario, stage);
    const result = device.boot(ResetCause.powerOn, seed);
    if (result !== 0) return `the device does not boot: ${-result}`;
    if (scenario.worn === undefined) return this.judgeRepair(scenario);
    return this.judgeWorn({ ...scenario, rots: true, mayRun: [...scenario.mayRun, ''] }, seed + 1);
  }

  /** A faulty device is given power again and a new release until it runs it. */
  judgeRepair(scenario: Scenario): string | null {
    const { device } = this;
    const last = BUNDLES[2]!;
    // What a stage keeps from arriving whole does not run: it goes on being kept until the repair.
    this.surround({ until: () => true, limit: device.platform.limit });
    const settled = () =>
      device.info(InfoWord.connected) === 1 && device.info(InfoWord.messagesPending) === 0;
    if (!device.run(settled, MAX_STEPS)) return 'the device is never heard again';
    if (this.problem !== null) return this.problem;
    const { activeDigest } = device;
    // Damage may bring back what was before the scenario.
    const mayRun = idsOf([...scenario.mayRun, scenario.factory?.bundle ?? '']);
    if (activeDigest !== '' && !mayRun.includes(activeDigest))
      return `another model is active (${this.where()})`;
    device.platform.limit = Infinity;
    for (let tries = 0; tries < 4; tries++) {
      // The device may have taken another key meanwhile.
      this.wish(
        { bundle: last, sequence: 50 + tries, soakS: 1, supersede: 'commit', nextKey: tries % 2 === 1 },
        this.extra++,
        {
          send: true,
        },
      );
      const done = () =>
        device.updateState === UpdateState.active && device.activeDigest === last.id && device.inferences > 0;
      if (device.run(done, MAX_STEPS)) return this.problem;
    }
    return `no update is taken any more (${this.where()})`;
  }

  /** With a sector that takes nothing any more the device goes on with a model it has, over another boot too, and is heard. */
  judgeWorn(scenario: Scenario, seed: number): string | null {
    const { device } = this;
    this.surround({ until: () => true });
    const result = device.boot(ResetCause.powerOn, seed);
    if (result !== 0) return `the device does not boot: ${-result}`;
    const settled = () =>
      device.info(InfoWord.connected) === 1 && device.info(InfoWord.messagesPending) === 0;
    if (!device.run(settled, MAX_STEPS)) return 'the device is never heard again';
    const mayRun = idsOf(scenario.mayRun);
    if (!mayRun.includes(device.activeDigest)) return `another model is active (${this.where()})`;
    const runs = () => device.activeDigest === '' || device.inferences > 0;
    if (scenario.factory !== null && !device.run(runs, MAX_STEPS)) return `no model runs (${this.where()})`;
    return this.problem ?? (scenario.rots === true ? null : this.judgeSlots());
  }

  private hook(
    moments: Moment[],
    before: Durable,
  ): (operation: FlashOperation, stage: number) => number | null {
    const { device } = this;
    let durable = before;
    return (operation, stage) => {
      const { offset, erase, data } = operation;
      const region = offset < device.slotsAt ? 'record' : offset < device.ringAt ? 'slot' : 'ring';
      const { savedUpdateState: from, updateState: to } = device;
      // A boot has saved for the first time when its own count is on record; before that it only has read.
      if (device.savedBootCounter === device.bootCounter)
        durable = { bootCounter: device.bootCounter, highestSequence: device.highestSequence };
      moments.push({
        operation: { erase, offset, data: data?.slice() ?? null },
        flash: new TornFlash(device.shape.geometry, device.flash),
        stage,
        kind: `${erase ? 'erase' : 'program'} ${region}`,
        edge: region === 'record' && from !== to ? `${NAMES[from]} > ${NAMES[to]}` : '',
        durable,
      });
      return null;
    };
  }

  private clear({ windowS, slots, bundleRam }: Scenario): void {
    const { device } = this;
    device.problem = null;
    device.platform.forget();
    device.windowS = windowS ?? 100_000;
    device.slots = slots ?? 2;
    device.hasBundleRam = bundleRam ?? false;
  }

  private get problem(): string | null {
    return this.device.problem ?? this.device.platform.problem;
  }

  private enter(scenario: Scenario, stage: number): void {
    const { device } = this;
    const { prepare = [], stages } = scenario;
    const { before, want, ask, reset } = [...prepare, ...stages][prepare.length + stage]!;
    this.surround([...prepare, ...stages][prepare.length + stage]!);
    before?.(device);
    if (want !== undefined || ask !== undefined) this.wishOf(scenario, stage, reset === undefined);
    if (reset !== undefined) device.boot(reset, 100 + stage);
  }

  private wish(release: Release | null, deployment: number, { send = false, ask }: Told = {}): void {
    const { device } = this;
    const wanted =
      release === null
        ? { desired: { serverTimeMs: 1_800_000_000_000, revision: deployment, deployment: 0 }, payload: null }
        : offer(release, deployment);
    const { by, ...whole } = release ?? {};
    const open = send && device.info(InfoWord.connected) === 1;
    device.platform.want({
      ...wanted,
      // A one-slot device takes no delta: what it would be made against may be gone before it is whole.
      ...(device.hasOneSlot && typeof by === 'object' ? { full: offer(whole as Release, deployment) } : {}),
      send: open,
      ...(ask === undefined ? {} : { ask }),
    });
  }

  /** What the platform wanted at this stage, told at the next hello. */
  private rewish(scenario: Scenario, stage: number): void {
    this.wishOf(scenario, stage, false);
    this.surround(scenario.stages[stage]!);
  }

  /** Of this stage, or the last one before it that wants anything; a negative one is a stage of the preparation. */
  private wishOf({ prepare = [], stages }: Scenario, stage: number, send: boolean): void {
    const all = [...prepare, ...stages].slice(0, prepare.length + stage + 1);
    const last = all.findLastIndex(({ want }) => want !== undefined);
    const { ask } = all.at(-1)!;
    this.wish(all[last]?.want ?? null, 10 + last, { send, ...(ask === undefined ? {} : { ask }) });
  }

  private surround({ silent, offline, limit, askIn }: Stage): void {
    const { device } = this;
    device.sampleFails = silent ?? false;
    device.offline = offline ?? false;
    device.platform.limit = limit ?? Infinity;
    device.platform.askIn = askIn ?? null;
  }

  private finish(scenario: Scenario, stage: number): string | null {
    const { until, ask } = scenario.stages[stage]!;
    const ended = () => this.problem !== null || until(this.device);
    let reached = this.device.run(ended, MAX_STEPS);
    if (!reached && ask !== undefined) {
      // A device that was busy has refused the command: it is sent again.
      this.wishOf(scenario, stage, true);
      reached = this.device.run(ended, MAX_STEPS);
    }
    if (!reached && scenario.worn === undefined) return `stage ${stage} never ends (${this.where()})`;
    return this.problem;
  }

  private judgeBoot(scenario: Scenario, moment: Moment): string | null {
    const { device } = this;
    if (device.bootCounter <= moment.durable.bootCounter)
      return 'the boot counter went back: a saved state was lost';
    if (device.highestSequence < moment.durable.highestSequence)
      return 'the highest accepted sequence went back';
    const mayRun = idsOf(scenario.mayRun);
    if (!mayRun.includes(device.activeDigest)) return `another model is active (${this.where()})`;
    return this.problem ?? (scenario.rots === true ? null : this.judgeSlots());
  }

  private judgeEnd(scenario: Scenario): string | null {
    const { device } = this;
    const { ends, worn } = scenario;
    if (worn !== undefined) return this.judgeWorn(scenario, worn);
    if (device.activeDigest !== (ends === '' ? '' : ends.id))
      return `another model is active in the end (${this.where()})`;
    return this.problem ?? this.judgeSlots();
  }

  /** Every slot that is called complete holds the bytes its digest names, for certain. */
  private judgeSlots(): string | null {
    const { device } = this;
    if (device.flash.breaches > 0) return 'a unit was programmed twice';
    for (let i = 0; i < 2; i++) {
      const { digest, bytes, state } = device.slot(i);
      if (!COMPLETE.has(state)) continue;
      const bundle = this.byId.get(digest);
      if (bundle?.bytes.length !== bytes) return `slot ${i} names no bundle`;
      const { content, isCertain } = device.held(i, bytes);
      if (Buffer.compare(content, bundle.bytes) !== 0)
        return `slot ${i} is called ${state} and does not hold its bundle`;
      if (!isCertain) return `slot ${i} is called ${state} and has uncertain bytes`;
    }
    return null;
  }

  /** What runs is what its digest names, bit by bit in its slot and in what it gives. */
  private judgeInference(): string | null {
    const { device } = this;
    if (device.inferences > 2) return null; // the input is always the same
    const { activeDigest, activeSlot } = device;
    const bundle = this.byId.get(activeDigest);
    const expected = this.expected.get(activeDigest);
    if (bundle === undefined || expected === undefined || Buffer.compare(device.output!, expected) !== 0)
      return 'an inference gave what no model gives';
    const { content } = device.held(activeSlot, bundle.bytes.length);
    const same = Buffer.compare(content, bundle.bytes) === 0;
    return same ? null : 'a model runs whose slot is not what its digest names';
  }

  private where(): string {
    const { device } = this;
    const active = this.byId.get(device.activeDigest)?.name ?? 'none';
    const error = device.info(InfoWord.error);
    return `${NAMES[device.updateState]}, active ${active}, error ${error}, ${device.inferences} inferences`;
  }
}
