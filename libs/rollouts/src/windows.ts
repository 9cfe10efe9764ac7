/** Maintenance windows by the wall clock of a device: whether one is open, and until when. Pure; zones are Node's. */
import type { Resource } from '@tinyfleet/contracts';

export type MaintenanceWindow = Resource<'MaintenanceWindow'>;
/** A clock that looks again this often loses no more than a minute of a window. */
const minute = 60_000;
const dayMinutes = 1_440;
const weekMinutes = 7 * dayMinutes;
const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

const clocks = new Map<string, Intl.DateTimeFormat>();

/** Undefined: there is no such zone. */
function clockOf(zone: string): Intl.DateTimeFormat | undefined {
  const known = clocks.get(zone);
  if (known) return known;
  try {
    const clock = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
    // Names come from attributes that anybody may set: no more than there are.
    if (clocks.size < 1_000) clocks.set(zone, clock);
    return clock;
  } catch {
    return undefined;
  }
}

export const isZone = (zone: string): boolean => clockOf(zone) !== undefined;

/** Minutes since Monday 00:00 on the wall. */
function wallMinute(zone: string, at: Date): number {
  const parts = Object.fromEntries(
    (clockOf(zone) ?? clockOf('UTC')!).formatToParts(at).map(({ type, value }) => [type, value]),
  );
  const day = days.indexOf((parts.weekday ?? '').toLowerCase());
  return day * dayMinutes + Number(parts.hour) * 60 + Number(parts.minute);
}

/** When it closes, if one is open; of several the one that closes last. No windows: always open. */
export function openUntil(
  windows: readonly MaintenanceWindow[],
  zone: string,
  at: Date,
): Date | 'closed' | 'always' {
  if (windows.length === 0) return 'always';
  const wall = wallMinute(zone, at);
  let left = 0;
  for (const { days: on, from, to } of windows) {
    const [start, end] = [minuteOf(from), minuteOf(to)];
    const length = ((end - start + dayMinutes - 1) % dayMinutes) + 1;
    for (const day of on) {
      const since = (wall - days.indexOf(day) * dayMinutes - start + 2 * weekMinutes) % weekMinutes;
      if (since < length) left = Math.max(left, length - since);
    }
  }
  if (left === 0) return 'closed';
  const closes = new Date(Math.floor(at.getTime() / minute) * minute + left * minute);
  // A change to or from summer time in between: the wall says otherwise by then.
  const off = (wallMinute(zone, closes) - wall - left + weekMinutes + weekMinutes / 2) % weekMinutes;
  return new Date(closes.getTime() - (off - weekMinutes / 2) * minute);
}

function minuteOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
}
