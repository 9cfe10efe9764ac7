/** Devices whose "new" windows were there already: one that goes on so would have every batch that holds them written twice. */

/** An honest one has caught up with what a former process had stored long before. */
const doubtMs = 10 * 60_000;
const maxDevices = 10_000;
const uuids = /[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/g;

export class DoubtedDevices {
  /** Until when (ms of the caller's clock), by device, the earliest first. */
  private readonly until = new Map<string, number>();

  /** @param error unique_violation of telemetry_window, whose key begins with project and device */
  note(error: unknown, nowMs: number): void {
    const { detail } = error as { detail?: unknown };
    const device = typeof detail === 'string' ? detail.match(uuids)?.[1] : undefined;
    if (device === undefined) return;
    this.until.delete(device);
    this.until.set(device, nowMs + doubtMs);
    if (this.until.size > maxDevices) this.until.delete(this.until.keys().next().value!);
  }

  has(device: string, nowMs: number): boolean {
    const until = this.until.get(device);
    if (until === undefined) return false;
    if (nowMs < until) return true;
    this.until.delete(device);
    return false;
  }
}
