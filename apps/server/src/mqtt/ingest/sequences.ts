/** Sequence trackers of all devices, kept across reconnects, and their counts written behind. */
import { SequenceTracker, type DeviceRecord, type SequenceReport } from '@tinyfleet/telemetry';

const maxTrackers = 200_000;

interface Tracked {
  readonly tracker: SequenceTracker;
  readonly projectId: string;
}

export class Sequences {
  private readonly devices = new Map<string, Tracked>();
  private readonly dirty = new Set<string>();

  observe(device: DeviceRecord, message: { readonly bootId: bigint; readonly sequence: number }): void {
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
    tracked.tracker.observe(message.bootId, message.sequence);
    this.dirty.add(device.deviceId);
  }

  /** Counts that changed since the last call. */
  takeChanged(): SequenceReport[] {
    const reports: SequenceReport[] = [];
    for (const deviceId of this.dirty) {
      const tracked = this.devices.get(deviceId);
      if (!tracked || tracked.tracker.boot === undefined) continue;
      const { tracker, projectId } = tracked;
      reports.push({ projectId, deviceId, bootId: tracker.boot!, last: tracker.last, gaps: tracker.gaps });
    }
    this.dirty.clear();
    return reports;
  }
}
