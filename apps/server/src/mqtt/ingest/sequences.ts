/** Sequence trackers of all devices, kept across reconnects, and their counts written behind. */
import { SequenceTracker, type DeviceRecord, type SequenceReport, type Sighting } from '@tinyfleet/telemetry';

const maxTrackers = 200_000;

interface Tracked {
  readonly tracker: SequenceTracker;
  readonly projectId: string;
}

export class Sequences {
  private readonly devices = new Map<string, Tracked>();
  private dirty = new Set<string>();

  observe(device: DeviceRecord, message: { readonly bootId: bigint; readonly sequence: number }): Sighting {
    let tracked = this.devices.get(device.deviceId);
    if (!tracked) {
      const stored =
        device.bootId === undefined
          ? undefined
          : { bootId: device.bootId, last: device.lastSequence, gaps: device.gaps };
      tracked = { tracker: new SequenceTracker(stored), projectId: device.projectId };
      this.devices.set(device.deviceId, tracked);
      if (this.devices.size > maxTrackers) this.devices.delete(this.devices.keys().next().value!);
    }
    this.dirty.add(device.deviceId);
    return tracked.tracker.observe(message.bootId, message.sequence);
  }

  /** Counts that changed since the last call. */
  takeChanged(): SequenceReport[] {
    const changed = this.dirty;
    this.dirty = new Set();
    return [...changed].flatMap((deviceId) => this.take(deviceId) ?? []);
  }

  /** Of one device: whoever writes another report of it takes them along. */
  take(deviceId: string): SequenceReport | undefined {
    const tracked = this.devices.get(deviceId);
    this.dirty.delete(deviceId);
    if (!tracked) return undefined;
    const { boot: bootId, last, gaps } = tracked.tracker;
    return bootId === undefined ? undefined : { projectId: tracked.projectId, deviceId, bootId, last, gaps };
  }
}
