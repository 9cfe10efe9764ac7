// Carries a scenario's events out on a running fleet: each at its time, on its devices, once or with a period.
import type { VibrationDrift } from '@tinyfleet/sensors';
import { InfoWord } from '../device/firmware.js';
import { ResetCause, type SimulatedDevice } from '../device/device.js';
import type { Fleet } from '../device/fleet.js';
import type { Misbehaviour } from '../device/misbehaviour.js';
import { activeDigest } from '../device/running.js';
import type { Scenario, ScenarioEvent } from './scenario.js';
import { selectDevices, type DeviceWorld } from './world.js';

const NO_SLOT = 0xffff_ffff;

/** Steps in which a slow drift grows. */
const DRIFT_STEP_MS = 1_000;

export class Timeline {
  private readonly timers = new Set<NodeJS.Timeout>();

  constructor(
    private readonly fleet: Fleet,
    private readonly worlds: ReadonlyMap<SimulatedDevice, DeviceWorld>,
    private readonly scenario: Scenario,
  ) {}

  start(): void {
    this.scenario.events.forEach((event, number) => {
      this.after(event.at, () => {
        this.carryOut(event, number);
        if (event.every !== undefined) this.repeat(event.every, () => this.carryOut(event, number));
      });
    });
  }

  stop(): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
  }

  private carryOut(event: ScenarioEvent, number: number): void {
    const devices = selectDevices(this.fleet.devices, event.devices, this.scenario.seed ^ number);
    const { drift, fault, outage, reboot, powerCut, badModel, flash } = event;
    const what = Object.keys({ drift, fault, outage, reboot, powerCut, badModel, flash }).find(
      (key) => event[key as 'drift'] !== undefined,
    );
    this.fleet.report({ event: 'scenario', what, devices: devices.length });
    for (const device of devices) {
      const world = this.worlds.get(device);
      if (drift !== undefined && world?.drift) this.drift(world.drift, drift);
      if (fault !== undefined && world?.episodes) {
        const [severityFrom, severityTo] = fault.severity;
        const fromMs = Date.now();
        world.episodes.unshift({
          fault: fault.class,
          fromMs,
          toMs: fromMs + fault.for,
          severityFrom,
          severityTo,
        });
      }
      if (outage !== undefined) {
        device.socket.setOutage(true);
        this.after(outage.for, () => device.socket.setOutage(false));
      }
      if (reboot !== undefined) {
        device.rebootCause = ResetCause[reboot.cause];
        this.fleet.scheduler.wake(device);
      }
      if (powerCut !== undefined)
        device.flash.cut = { operations: powerCut.afterOperations, part: powerCut.part };
      if (badModel !== undefined) device.misbehaviour = misbehaviourOf(device, badModel);
      if (flash !== undefined) this.flipBits(device, flash);
    }
  }

  private drift(target: VibrationDrift, change: NonNullable<ScenarioEvent['drift']>): void {
    const neutral = { gain: 1, offsetG: 0, noise: 1, speed: 1 };
    const steps = Math.max(1, Math.round(change.over / DRIFT_STEP_MS));
    for (const key of ['gain', 'offsetG', 'noise', 'speed'] as const) {
      const to = change[key];
      if (to === undefined) continue;
      const from = target[key] ?? neutral[key];
      for (let step = 1; step <= steps; step++) {
        this.after((step - 1) * DRIFT_STEP_MS, () => (target[key] = from + ((to - from) * step) / steps));
      }
    }
    if (change.stuckAxis !== undefined) target.stuckAxis = change.stuckAxis;
  }

  private flipBits(device: SimulatedDevice, flash: NonNullable<ScenarioEvent['flash']>): void {
    const info = device.info();
    const active = info[InfoWord.activeSlot]!;
    if (active === NO_SLOT) return;
    const slot = flash.slot === 'active' ? active : 1 - active;
    const offset = info[slot === 0 ? InfoWord.slotOffset0 : InfoWord.slotOffset1]!;
    // Spread over the slot's first half, where bundles lie.
    const stride = Math.max(1, Math.floor(device.settings.slotBytes / 2 / flash.flipBits));
    for (let i = 0; i < flash.flipBits; i++) device.flash.flipBit(offset + 256 + i * stride, i % 8);
  }

  private after(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      act();
    }, ms);
    this.timers.add(timer);
  }

  private repeat(ms: number, act: () => void): void {
    const timer = setInterval(act, Math.max(100, ms));
    this.timers.add(timer);
  }
}

function misbehaviourOf(
  device: SimulatedDevice,
  { bundle, reset, afterInferences, drain = 0 }: NonNullable<ScenarioEvent['badModel']>,
): Misbehaviour {
  // A device that has not come up yet runs what it will find in its flash: asked at its first inference.
  let good = bundle === undefined && device.hasBooted ? activeDigest(device) : null;
  const of = (digest: string): boolean =>
    bundle === undefined ? digest !== (good ??= digest) : digest.startsWith(bundle);
  return { of, afterInferences, drainPercentPerDay: 100 * drain, ...(reset !== undefined && { reset }) };
}
