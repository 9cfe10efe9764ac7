/** Devices with the real firmware in virtual time, each behind a link of its own to one scripted platform. */
import { createHash } from 'node:crypto';
import { mix32, Random, seedOf, type SensorStream } from '@tinyfleet/sensors';
import { ResetCause, type SimulatedDevice } from '../device/device.js';
import type { Firmware } from '../device/firmware.js';
import { Fleet, type DeviceReport } from '../device/fleet.js';
import { activeBytes, activeDigest } from '../device/running.js';
import type { FlashGeometry } from '../flash/flash-image.js';
import { LossyLink, type NetworkConditions } from './lossy-link.js';
import type { Release, ScriptedPlatform } from './scripted-platform.js';
import type { VirtualTime } from './virtual-time.js';

// A global of a test's context takes a hundred times as long to reach as what this does.
const { imul } = Math;

/** World time at virtual time 0: a Monday. */
export const EPOCH_MS = Date.UTC(2026, 0, 5);
/** What one step of a device takes, so that a device that always wants to go on does not stop the clock. */
const STEP_MS = 0.05;

export interface LabDevice {
  readonly device: SimulatedDevice;
  readonly link: LossyLink;
  /** Reboots so far, by cause. */
  readonly reboots: Map<number, number>;
}

export interface LabSettings {
  readonly geometry: FlashGeometry;
  readonly slotBytes: number;
  readonly inferencePeriodUs: number;
  readonly windowS: number;
  readonly keepaliveS?: number;
}

interface Plan {
  atMs: number;
  /** An event planned for an earlier number is void. */
  number: number;
}

export class LabFleet {
  readonly time: VirtualTime;
  readonly fleet: Fleet;
  readonly devices: LabDevice[] = [];
  readonly reports: DeviceReport[] = [];
  private readonly plans = new Map<SimulatedDevice, Plan>();
  private readonly links = new Map<SimulatedDevice, LossyLink>();
  private conditions: NetworkConditions | null = null;

  /** `time` must be the clock that `platform` tells. */
  constructor(
    firmware: Firmware,
    private readonly platform: ScriptedPlatform,
    options: { readonly time: VirtualTime; readonly arenaBytes: number; readonly seed: number },
  ) {
    const { time, arenaBytes, seed } = options;
    this.time = time;
    this.fleet = new Fleet({
      firmware,
      arenaBytes,
      hostMs: () => time.nowMs,
      worldMs: () => EPOCH_MS + time.nowMs,
      report: (report) => this.reports.push(report),
      broker: (device) => {
        const random = new Random(mix32(seed, seedOf(device.name)));
        const link = new LossyLink(time, platform, random, this.conditions!, () =>
          this.plan(device, time.nowMs),
        );
        this.links.set(device, link);
        return link;
      },
    });
  }

  /** A device that left the factory with `release`, or with empty slots; not booted. */
  add(
    name: string,
    settings: LabSettings,
    conditions: NetworkConditions,
    factory: Release | null,
  ): LabDevice {
    const { fleet, platform } = this;
    this.conditions = conditions;
    const seed = seedOf(name);
    const device = fleet.add({
      identity: { project: 'lab', name, token: 'secret', type: 'wasm' },
      key: { algorithm: 1, bytes: platform.key.raw },
      ...settings,
      stateBytes: 1_024,
      pickEvery: 0,
      sensor: noise(seed),
      fallback: noise(seed),
      raw: [],
      seed,
    });
    if (factory !== null) {
      const { bundle, sequence } = factory;
      const digest = createHash('sha256').update(bundle).digest();
      device.provision({ bundle, digest, sequence, slotOffset: 2 * settings.geometry.sectorBytes });
    }
    const lab = { device, link: this.links.get(device)!, reboots: new Map<number, number>() };
    this.devices.push(lab);
    return lab;
  }

  boot({ device, link, reboots }: LabDevice, cause: number = ResetCause.powerOn): void {
    link.reset();
    reboots.set(cause, (reboots.get(cause) ?? 0) + 1);
    device.boot(cause);
    this.plan(device, this.time.nowMs);
  }

  /** Runs one of these, and the active slot holds its very bytes. */
  runsOneOf(lab: LabDevice, releases: readonly Release[]): boolean {
    const active = activeDigest(lab.device);
    const release = releases.find(({ bundle }) => digestOf(bundle) === active);
    if (release === undefined) return false;
    const held = activeBytes(lab.device, release.bundle.length);
    return held !== null && Buffer.from(held).equals(release.bundle);
  }

  dispose(): void {
    this.fleet.dispose();
    this.plans.clear();
  }

  private plan(device: SimulatedDevice, atMs: number): void {
    let plan = this.plans.get(device);
    if (plan === undefined) this.plans.set(device, (plan = { atMs: Infinity, number: 0 }));
    if (atMs >= plan.atMs) return;
    plan.atMs = atMs;
    const number = ++plan.number;
    this.time.at(atMs, () => {
      if (plan.number === number) this.step(device, plan);
    });
  }

  private step(device: SimulatedDevice, plan: Plan): void {
    plan.atMs = Infinity;
    device.step();
    if (device.rebootCause !== null) {
      const { reboots } = this.devices.find((candidate) => candidate.device === device)!;
      reboots.set(device.rebootCause, (reboots.get(device.rebootCause) ?? 0) + 1);
      this.fleet.afterStep(device);
    }
    const waitMs = (device.dueUs - device.clock.nowUs()) / 1_000;
    this.plan(device, this.time.nowMs + Math.max(waitMs, STEP_MS));
  }
}

function digestOf(bundle: Uint8Array): string {
  return createHash('sha256').update(bundle).digest('hex');
}

/** Inputs that differ from one another and mean nothing. */
function noise(seed: number): SensorStream {
  return {
    frameBytes: 0,
    read(timeMs, frame) {
      let x = (seed ^ Math.floor(timeMs)) | 1;
      for (let i = 0; i < frame.length; i++) {
        x = imul(x ^ (x >>> 15), 0x2c1b_3c6d);
        frame[i] = x >> 24;
      }
      return null;
    },
  };
}
