/** How updates fare on bad networks: many devices, each updating once over its own link, in virtual time. */
import { createHash } from 'node:crypto';
import { Random } from '@tinyfleet/sensors';
import type { Hello, State } from '@tinyfleet/wire';
import type { Firmware } from '../device/firmware.js';
import type { FlashImage } from '../flash/flash-image.js';
import { EPOCH_MS, LabFleet, type LabDevice, type LabSettings } from './lab-fleet.js';
import { GOOD_NETWORK, type NetworkConditions } from './lossy-link.js';
import { ScriptedPlatform, type Release } from './scripted-platform.js';
import { VirtualTime } from './virtual-time.js';

/** What the platform's end does wrong. Rates are per chunk, 0..1. */
export interface PlatformTrouble {
  /** The chunk is lost behind the broker. */
  readonly lostChunks: number;
  readonly repeatedChunks: number;
  /** It arrives behind the next ones, maybe in the next session. */
  readonly lateChunks: number;
  /** A byte of it is wrong, under a CRC that is right for the true bytes. */
  readonly damagedChunks: number;
  /** A chunk of another transfer comes instead. */
  readonly foreignChunks: number;
  /** So many servers answer each want. */
  readonly servers: number;
  /** The broker's process ends in the middle of a chunk and is back after `restartMs`; mean time between two, 0 = never. */
  readonly restartMeanMs: number;
  readonly restartMs: number;
}

export const NO_TROUBLE: PlatformTrouble = {
  lostChunks: 0,
  repeatedChunks: 0,
  lateChunks: 0,
  damagedChunks: 0,
  foreignChunks: 0,
  servers: 1,
  restartMeanMs: 0,
  restartMs: 5_000,
};

export interface UpdateRun {
  readonly firmware: Firmware;
  readonly from: Release;
  readonly to: Release;
  readonly devices: number;
  readonly network?: Partial<NetworkConditions>;
  readonly trouble?: Partial<PlatformTrouble>;
  /** Virtual time that a device has. */
  readonly limitS: number;
  readonly seed: number;
}

export interface UpdateResult {
  readonly devices: number;
  /** Share of devices that run the new release, 0..1. */
  readonly succeeded: number;
  /** Devices that run neither release, or whose slot is not what its digest says: must be 0. */
  readonly mixtures: number;
  /** Seconds from the boot to the new release being active, of those that succeeded. */
  readonly medianS: number;
  readonly p99S: number;
  /** Bytes on the wire per device, both ways, with headers and repetitions, in sizes of the bundle. */
  readonly wireRatio: number;
  /** The same of chunk data alone that the platform sent. */
  readonly chunkRatio: number;
  readonly connects: number;
  readonly resets: number;
  readonly silences: number;
  /** Flash work of one device, the mean over all, from its boot on. */
  readonly flash: FlashWork;
}

export interface FlashWork {
  /** Program operations. */
  readonly programs: number;
  readonly programmedBytes: number;
  /** Sectors erased. */
  readonly erases: number;
  /** Of the sector that was erased most, on the device where that is most. */
  readonly mostErases: number;
}

const SETTINGS: Omit<LabSettings, 'geometry' | 'slotBytes'> = {
  inferencePeriodUs: 10e6,
  windowS: 3_600,
};

export function runUpdates(run: UpdateRun): UpdateResult {
  const network = { ...GOOD_NETWORK, ...run.network };
  const trouble = { ...NO_TROUBLE, ...run.trouble };
  const time = new VirtualTime();
  const random = new Random(run.seed);
  const activeAt = new Map<string, number>();
  const digest = createHash('sha256').update(run.to.bundle).digest();

  class Platform extends ScriptedPlatform {
    protected override onState(device: string, state: State): void {
      if (state.updateState === 'active' && digest.equals(state.digest ?? Buffer.alloc(0)))
        activeAt.set(device, activeAt.get(device) ?? time.nowMs);
    }
    protected override onHello(device: string, hello: Hello): void {
      const active = hello.slots.find((slot) => slot.state === 'active');
      if (active !== undefined && digest.equals(active.digest))
        activeAt.set(device, activeAt.get(device) ?? time.nowMs);
    }
  }
  const platform = new Platform('secret', () => EPOCH_MS + time.nowMs);
  platform.windowS = 3_600;
  platform.soakS = 0;
  makeTrouble(platform, trouble, time, random);

  const slotBytes = 4_096 * Math.ceil(Math.max(run.from.bundle.length, run.to.bundle.length) / 4_096);
  const geometry = {
    bytes: 4 * 4_096 + 2 * slotBytes,
    sectorBytes: 4_096,
    unitBytes: 8,
    erased: 0xff,
  } as const;
  const lab = new LabFleet(run.firmware, platform, { time, arenaBytes: 1 << 18, seed: run.seed });
  try {
    lab.fleet.reserve(run.devices, 1_024);
    const settings = { ...SETTINGS, geometry, slotBytes };
    const workBefore = new Map<LabDevice, WorkBefore>();
    const devices = Array.from({ length: run.devices }, (_, i) => {
      const device = lab.add(`d${i}`, settings, network, run.from);
      workBefore.set(device, { ...device.device.flash.stats, wear: device.device.flash.wear.slice() });
      lab.boot(device);
      return device;
    });
    // Offered at the first hello.
    platform.release = run.to;
    restartAtTimes(devices, trouble, time, random);
    time.run(run.limitS * 1_000, () => activeAt.size === run.devices);

    const times = [...activeAt.values()].map((ms) => ms / 1_000).sort((a, b) => a - b);
    const sum = (of: (traffic: (typeof devices)[number]['link']['traffic']) => number) =>
      devices.reduce((total, { link }) => total + of(link.traffic), 0);
    return {
      devices: run.devices,
      succeeded: activeAt.size / run.devices,
      mixtures: devices.filter((device) => !lab.runsOneOf(device, [run.from, run.to])).length,
      medianS: times[Math.floor(times.length / 2)] ?? Infinity,
      p99S: times[Math.floor(times.length * 0.99)] ?? Infinity,
      wireRatio: sum(({ wireBytes }) => wireBytes) / run.devices / run.to.bundle.length,
      chunkRatio: platform.chunkBytesSent / run.devices / run.to.bundle.length,
      connects: sum(({ connects }) => connects),
      resets: sum(({ resets }) => resets),
      silences: sum(({ silences }) => silences),
      flash: flashWork(workBefore),
    };
  } finally {
    lab.dispose();
  }
}

type WorkBefore = FlashImage['stats'] & { readonly wear: Uint32Array };

function flashWork(before: ReadonlyMap<LabDevice, WorkBefore>): FlashWork {
  const work = [...before].map(([{ device }, then]) => ({
    programs: device.flash.stats.programs - then.programs,
    programmedBytes: device.flash.stats.programmed - then.programmed,
    erases: device.flash.stats.erased - then.erased,
    mostErases: Math.max(...device.flash.wear.map((erases, sector) => erases - then.wear[sector]!)),
  }));
  const mean = (of: (one: FlashWork) => number): number =>
    work.reduce((total, one) => total + of(one), 0) / work.length;
  return {
    programs: mean(({ programs }) => programs),
    programmedBytes: mean(({ programmedBytes }) => programmedBytes),
    erases: mean(({ erases }) => erases),
    mostErases: Math.max(...work.map(({ mostErases }) => mostErases)),
  };
}

function makeTrouble(
  platform: ScriptedPlatform,
  t: PlatformTrouble,
  time: VirtualTime,
  random: Random,
): void {
  const chance = (rate: number) => rate > 0 && random.uniform() < rate;
  platform.answerWant = (chunks, publish) => {
    for (let server = 0; server < t.servers; server++) {
      for (const whole of chunks) {
        if (chance(t.lostChunks)) continue;
        let chunk = whole;
        if (chance(t.damagedChunks)) chunk = { ...chunk, data: flipped(chunk.data, random) };
        if (chance(t.foreignChunks)) chunk = { ...chunk, transfer: flipped(chunk.transfer, random) };
        if (chance(t.lateChunks)) {
          time.after(random.uniform() * 20_000, () => publish(chunk));
          continue;
        }
        publish(chunk);
        if (chance(t.repeatedChunks)) publish(chunk);
      }
    }
  };
}

function flipped(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[Math.floor(random.uniform() * copy.length)]! ^= 1 << Math.floor(random.uniform() * 8);
  return copy;
}

function restartAtTimes(
  devices: LabFleet['devices'],
  { restartMeanMs, restartMs }: PlatformTrouble,
  time: VirtualTime,
  random: Random,
): void {
  if (restartMeanMs === 0) return;
  time.after(-Math.log(1 - random.uniform()) * restartMeanMs, () => {
    for (const { link } of devices) {
      link.refused = true;
      link.reset();
    }
    time.after(restartMs, () => devices.forEach(({ link }) => (link.refused = false)));
    restartAtTimes(devices, { restartMeanMs, restartMs } as PlatformTrouble, time, random);
  });
}
