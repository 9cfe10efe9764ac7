// Makes the fleet's past: every device runs its firmware under a driven clock from the start of the history to now,
// without coverage, its windows going to the flash ring; then its clock is let go, it connects in the same boot,
// and drains the ring through the ordinary ingest path. The server places the windows by that boot's uptime.
import { setPriority, constants } from 'node:os';
import { ResetCause, type SimulatedDevice } from '../device/device.js';
import type { Fleet } from '../device/fleet.js';

export interface HistoryOptions {
  readonly days: number;
  /** Time between two inferences of the past; the live period comes back afterwards. */
  readonly periodMs: number;
  /** Longest time without serving sockets and timers, ms. */
  readonly sliceMs?: number;
  readonly onProgress?: (done: number, all: number) => void;
  readonly signal?: AbortSignal;
}

const DAY_US = 86_400e6;
/** The firmware's longest wait between two connection attempts. */
const MAX_BACKOFF_US = 120e6;

/**
 * Devices must not be booted. Each is, and joins the scheduler as soon as its own past is made, so the
 * fleet appears while the rest is still being computed.
 */
export async function makeHistory(
  fleet: Fleet,
  devices: readonly SimulatedDevice[],
  options: HistoryOptions,
): Promise<void> {
  const { days, periodMs, sliceMs = 8, onProgress, signal } = options;
  lowerPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  let done = 0;
  for (const device of devices) {
    const endUs = days * DAY_US;
    // Its world begins in the past, its sensors' rings too: what is not there yet would be waited for.
    device.boot(ResetCause.powerOn, Date.now() - endUs / 1_000);
    device.clock.driveTo(0);
    device.hasCoverage = false;
    device.setPeriod(periodMs * 1_000);
    let sliceEnd = performance.now() + sliceMs;
    for (;;) {
      if (signal?.aborted) return;
      device.step();
      // A trap or a lost power: it boots without the rest of its past.
      if (device.rebootCause !== null || device.socket.inUse) break;
      const next = Math.max(device.dueUs, device.clock.nowUs() + 1);
      // Its last connection attempts find the broker, so it need not sit out a back-off in real time.
      if (next >= endUs - MAX_BACKOFF_US) device.hasCoverage = true;
      if (next >= endUs + 2 * MAX_BACKOFF_US) break;
      device.clock.driveTo(next);
      if (performance.now() < sliceEnd) continue;
      await new Promise<void>((resolve) => setImmediate(resolve));
      sliceEnd = performance.now() + sliceMs;
    }
    device.setPeriod(device.settings.inferencePeriodUs);
    device.hasCoverage = true;
    device.clock.release();
    fleet.scheduler.add(device);
    fleet.scheduler.wake(device);
    onProgress?.(++done, devices.length);
  }
  lowerPriority(constants.priority.PRIORITY_NORMAL);
}

/** The server shares these cores. Raising the priority again needs a privilege that is not always there. */
function lowerPriority(priority: number): void {
  try {
    setPriority(priority);
  } catch {
    // The history is then made, or the fleet runs on, at the priority the process has.
  }
}
