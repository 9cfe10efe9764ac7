/** A fleet over weeks in virtual time: updates every week, reboots at random, connections that break; what it cost. */
import { mix32, Random, seedOf } from '@tinyfleet/sensors';
import { bootIdToHex, type State, type Telemetry } from '@tinyfleet/wire';
import { ResetCause } from '../device/device.js';
import { InfoWord, type Firmware } from '../device/firmware.js';
import { EPOCH_MS, LabFleet } from './lab-fleet.js';
import { GOOD_NETWORK } from './lossy-link.js';
import { ScriptedPlatform, type Release } from './scripted-platform.js';
import { VirtualTime } from './virtual-time.js';

export interface LongRun {
  readonly firmware: Firmware;
  /** The first is in the factory image; the second is offered after a day, each other a week after the one before. */
  readonly releases: readonly Release[];
  readonly devices: number;
  readonly days: number;
  /** Mean time between two reboots of a device. */
  readonly rebootMeanH: number;
  /** Mean time between two resets of a device's connection. */
  readonly resetMeanH: number;
  readonly inferencePeriodS: number;
  readonly soakS: number;
  readonly seed: number;
  readonly progress?: (day: number) => void;
}

export interface LongRunResult {
  readonly devices: number;
  readonly days: number;
  readonly reboots: number;
  readonly traps: number;
  /** Devices that do not run the last release, byte for byte. */
  readonly behind: number;
  readonly reverted: number;
  readonly inferences: number;
  /** Share of all inferences that arrived in a window, each once; what a power cut took from RAM is missing. */
  readonly arrived: number;
  readonly windows: number;
  readonly duplicates: number;
  /** Windows that devices had to give up, as they counted. */
  readonly dropped: number;
  /** Most erases of one sector: of the records, of a slot, of the telemetry ring. */
  readonly recordErases: number;
  readonly slotErases: number;
  readonly ringErases: number;
  /** Flash rules that a device broke. */
  readonly breaches: number;
  /** Linear memory in use at the end less that at the start; a leak otherwise. */
  readonly leakedBytes: number;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** Causes of the reboots made here. Faults and watchdog resets would be held against the model that runs. */
const CAUSES = [ResetCause.powerOn, ResetCause.software, ResetCause.powerOn] as const;

export function runLong(run: LongRun): LongRunResult {
  const { devices: count, days, releases } = run;
  const time = new VirtualTime();
  const random = new Random(run.seed);
  const seen = new Set<string>();
  const totals = { windows: 0, inferences: 0, duplicates: 0, reverted: 0 };

  class Platform extends ScriptedPlatform {
    protected override onTelemetry(device: string, window: Telemetry): void {
      const id = `${device} ${bootIdToHex(window.bootId)} ${window.sequence}`;
      if (seen.has(id)) totals.duplicates++;
      else {
        totals.windows++;
        totals.inferences += window.n;
      }
      seen.add(id);
    }
    protected override onState(_device: string, state: State): void {
      if (state.updateState === 'reverted') totals.reverted++;
    }
  }
  const platform = new Platform('secret', () => EPOCH_MS + time.nowMs);
  platform.windowS = 3_600;
  platform.soakS = run.soakS;

  const longest = Math.max(...releases.map(({ bundle }) => bundle.length));
  const sectorBytes = 4_096;
  const slotBytes = sectorBytes * Math.ceil(longest / sectorBytes);
  const ringSectors = 4;
  const bytes = (2 + ringSectors) * sectorBytes + 2 * slotBytes;
  const settings = {
    geometry: { bytes, sectorBytes, unitBytes: 8, erased: 0xff },
    slotBytes,
    inferencePeriodUs: run.inferencePeriodS * 1e6,
    windowS: 3_600,
    // Pings of a month of a thousand devices are no subject here.
    keepaliveS: 43_200,
  } as const;
  const network = { ...GOOD_NETWORK, resetMeanMs: run.resetMeanH * HOUR_MS };
  const lab = new LabFleet(run.firmware, platform, { time, arenaBytes: 1 << 17, seed: run.seed });
  try {
    lab.fleet.reserve(count, 1_024);
    let made = 0;
    const devices = Array.from({ length: count }, (_, i) => {
      const lab_ = lab.add(`d${i}`, settings, network, releases[0]!);
      time.at(random.uniform() * HOUR_MS, () => lab.boot(lab_));
      return lab_;
    });
    const countBoot = (device: (typeof devices)[number]) => {
      made += device.device.info()[InfoWord.inferenceIndex]!;
    };
    const rebootLater = (device: (typeof devices)[number], own: Random): void => {
      const waitMs = -Math.log(1 - own.uniform()) * run.rebootMeanH * HOUR_MS;
      if (time.nowMs + waitMs > (days - 0.25) * DAY_MS) return;
      time.after(waitMs, () => {
        countBoot(device);
        lab.boot(device, CAUSES[Math.floor(own.uniform() * CAUSES.length)]);
        rebootLater(device, own);
      });
    };
    time.run(HOUR_MS);
    const before = lab.fleet.firmware.memory.usedBytes;
    for (const device of devices)
      rebootLater(device, new Random(mix32(run.seed, seedOf(device.device.name))));
    releases.slice(1).forEach((release, i) =>
      time.at((i * 7 + 1) * DAY_MS, () => {
        platform.release = release;
        // A device learns of a release at its next hello: here when its connection next begins.
        for (const { link } of devices) link.reset();
      }),
    );
    for (let day = 1; day <= days; day++) {
      time.run(day * DAY_MS);
      run.progress?.(day);
    }
    devices.forEach(countBoot);

    const last = releases.at(-1)!;
    const most = (from: number, sectors: number) =>
      Math.max(...devices.map(({ device }) => Math.max(...device.flash.wear.subarray(from, from + sectors))));
    const slotSectors = (2 * slotBytes) / sectorBytes;
    return {
      devices: count,
      days,
      reboots: devices.reduce(
        (sum, { reboots }) => sum + [...reboots.values()].reduce((a, b) => a + b, 0),
        0,
      ),
      traps: devices.reduce((sum, { device }) => sum + device.traps, 0),
      behind: devices.filter((device) => !lab.runsOneOf(device, [last])).length,
      reverted: totals.reverted,
      inferences: made,
      arrived: totals.inferences / made,
      windows: totals.windows,
      duplicates: totals.duplicates,
      dropped: devices.reduce((sum, { device }) => sum + device.info()[InfoWord.windowsDropped]!, 0),
      recordErases: most(0, 2),
      slotErases: most(2, slotSectors),
      ringErases: most(2 + slotSectors, ringSectors),
      breaches: devices.reduce((sum, { device }) => sum + device.flash.stats.breaches, 0),
      leakedBytes: lab.fleet.firmware.memory.usedBytes - before,
    };
  } finally {
    lab.dispose();
  }
}
