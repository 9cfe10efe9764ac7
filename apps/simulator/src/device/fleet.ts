// What the devices of one process share: the firmware, the arena, sector store and flash maps, the scheduler, and the
// ways out for truths and reports. The composition root of a run builds one.
import { FleetError } from '@tinyfleet/errors';
import { FlashMaps } from '../flash/flash-maps.js';
import { SectorStore } from '../flash/sector-store.js';
import type { DeviceLink } from '../network/device-link.js';
import { DeviceSocket, type TrafficCounters } from '../network/device-socket.js';
import { ResetCause, SimulatedDevice, type DeviceSettings, type Observation } from './device.js';
import type { Firmware } from './firmware.js';
import { Scheduler } from './scheduler.js';

export interface DeviceReport {
  readonly event: string;
  readonly device?: string;
  readonly [key: string]: unknown;
}

export interface FleetOptions {
  readonly firmware: Firmware;
  /** Where devices connect, or what makes their streams instead of TCP. */
  readonly broker:
    { readonly host: string; readonly port: number } | ((device: SimulatedDevice) => DeviceLink);
  /** Milliseconds that never go back; the process's own clock without. */
  readonly hostMs?: () => number;
  /** Milliseconds since 1970 in the devices' world; the process's own without. */
  readonly worldMs?: () => number;
  /** Arena shared by all devices, for inference runs to completion inside one step. */
  readonly arenaBytes: number;
  readonly observe?: (observation: Observation) => void;
  readonly report?: (report: DeviceReport) => void;
}

/** Linear memory of a process: 4 GiB less what the engine keeps. */
const MEMORY_LIMIT = 0xffff_0000;

export class Fleet {
  readonly firmware: Firmware;
  readonly link: (device: SimulatedDevice) => DeviceLink;
  readonly hostMs: () => number;
  readonly worldMs: () => number;
  readonly arena: { readonly at: number; readonly bytes: number };
  readonly sectors = new SectorStore();
  readonly maps: FlashMaps;
  readonly scheduler: Scheduler;
  readonly devices: SimulatedDevice[] = [];
  readonly traffic: TrafficCounters = { connects: 0, failures: 0, bytesIn: 0, bytesOut: 0 };
  readonly observe: (observation: Observation) => void;
  readonly report: (report: DeviceReport) => void;

  constructor(options: FleetOptions) {
    this.firmware = options.firmware;
    const { broker } = options;
    this.hostMs = options.hostMs ?? (() => performance.now());
    this.worldMs = options.worldMs ?? Date.now;
    this.link =
      typeof broker === 'function'
        ? broker
        : (device) => new DeviceSocket({ ...broker, wake: () => this.scheduler.wake(device) }, this.traffic);
    this.observe = options.observe ?? (() => undefined);
    this.report = options.report ?? (() => undefined);
    this.maps = new FlashMaps(this.firmware.memory);
    this.arena = { at: this.firmware.memory.allocate(options.arenaBytes), bytes: options.arenaBytes };
    this.scheduler = new Scheduler({ afterStep: (device) => this.afterStep(device), hostMs: this.hostMs });
  }

  /**
   * Reserves linear memory for more devices, before they are added.
   * @throws FleetError simulator.memory-exhausted
   */
  reserve(devices: number, stateBytes: number): void {
    const required = devices * SimulatedDevice.memoryBytes(this, stateBytes);
    if (!this.firmware.memory.reserve(required)) {
      throw new FleetError('simulator.memory-exhausted', { devices, required, limit: MEMORY_LIMIT });
    }
  }

  add(settings: DeviceSettings): SimulatedDevice {
    const device = new SimulatedDevice(this, settings);
    this.devices.push(device);
    return device;
  }

  /** Boots a device and hands it to the scheduler. */
  start(device: SimulatedDevice, cause: number = ResetCause.powerOn): void {
    device.boot(cause);
    this.scheduler.add(device);
    this.scheduler.replan(device);
  }

  dispose(): void {
    this.scheduler.stop();
    for (const device of this.devices) {
      this.scheduler.remove(device);
      device.dispose();
    }
    this.devices.length = 0;
  }

  /** Carries out the reboot that a step has asked for or met. */
  afterStep(device: SimulatedDevice): void {
    // A cut may hit the boot itself; every retry has power again, so this ends.
    while (device.rebootCause !== null) {
      const cause = device.rebootCause;
      device.boot(cause);
      this.report({ event: 'reboot', device: device.name, cause });
    }
  }
}
