/**
 * Reported attributes that telemetry carries (battery), behind the batches and outside their transactions: only what
 * differs from what the device's newest window said before, so a quiet fleet writes nothing. A write that fails is made up
 * for by the device's next window.
 */
import type { WindowRow } from '@tinyfleet/telemetry';
import type { Database } from '../database.js';
import { namedQuery } from '../queries/index.js';

/** Devices whose last value is remembered; one beyond is written once more. */
const maxRemembered = 200_000;

interface Known {
  startMs: number;
  battery: number;
}

export class ReportedAttributes {
  private readonly known = new Map<string, Known>();

  constructor(private readonly database: Database) {}

  async note(rows: readonly WindowRow[]): Promise<void> {
    const changed = new Map<string, WindowRow>();
    for (const row of rows) {
      const { deviceId, batteryPercent, windowStartMs } = row;
      if (batteryPercent === null) continue;
      const before = this.known.get(deviceId);
      if (before && before.startMs > windowStartMs) continue;
      if (before?.battery !== batteryPercent) changed.set(deviceId, row);
      // In place: a Map whose entries come and go with every window makes a table anew all the time.
      if (before) Object.assign(before, { startMs: windowStartMs, battery: batteryPercent });
      else this.known.set(deviceId, { startMs: windowStartMs, battery: batteryPercent });
      if (this.known.size > maxRemembered) this.known.delete(this.known.keys().next().value!);
    }
    if (changed.size === 0) return;
    const written = [...changed.values()];
    try {
      await this.database.query(namedQuery('telemetry/update-reported'), [
        written.map(({ projectId }) => projectId),
        written.map(({ deviceId }) => deviceId),
        written.map(({ batteryPercent }) => JSON.stringify({ battery: batteryPercent })),
      ]);
    } catch {
      for (const { deviceId } of written) this.known.delete(deviceId);
    }
  }
}
