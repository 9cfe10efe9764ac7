/**
 * A simulated fleet that is like a recorded one: what its devices' daily sums say of their level, their spread, their noise
 * and their absences. What the records do not tell is assumed as for the benchmark's fleet, and said. Pure.
 */
import { benchWorld, type WorldOptions } from './world.js';

/** One device on one day. */
export interface DeviceDay {
  readonly device: string;
  readonly site: string;
  readonly windows: number;
  readonly n: number;
  /** Mean, from the middles of its histogram's bins. */
  readonly confidence: number;
}

export interface FleetRecords {
  readonly days: readonly DeviceDay[];
  /** Devices that declared a duty cycle, and its mean; of all that were looked at. */
  readonly devices: number;
  readonly sleepers: number;
  readonly sleeperHours: number | null;
  readonly labels: number;
  /** Deployments of the last 90 days that ended, well or not. */
  readonly installs: { readonly ended: number; readonly failed: number; readonly silent: number };
}

export interface Profile {
  readonly source: 'recorded' | 'simulated';
  readonly options: Omit<WorldOptions, 'devices' | 'types' | 'sites'>;
  readonly assumptions: readonly string[];
}

/** Fewer tell nothing of how devices differ. */
const leastDevices = 5;
const leastDays = 2;
const leastInstalls = 20;

export function profileOf(records: FleetRecords | undefined, windowSeconds: number): Profile {
  const windowMinutes = Math.min(60, Math.max(1, windowSeconds / 60));
  if (records === undefined) return assumed('as was asked for', windowMinutes);
  const byDevice = groupBy(records.days, ({ device }) => device);
  const often = [...byDevice.values()].filter((days) => days.length >= leastDays);
  if (often.length < leastDevices)
    return assumed(
      `because ${often.length} devices sent telemetry on ${leastDays} days or more; ${leastDevices} are needed`,
      windowMinutes,
    );
  const levels = often.map((days) => mean(days.map(({ confidence }) => confidence)));
  // What days of one device differ by is noise of its windows; what is left between devices is their own.
  const daily = mean(often.map((days) => variance(days.map(({ confidence }) => confidence))));
  const between = Math.max(0, variance(levels) - daily / mean(often.map(({ length }) => length)));
  const bySite = [...groupBy(often, ([day]) => day!.site).values()].filter(({ length }) => length >= 2);
  const siteVariance =
    bySite.length < 2
      ? 0
      : variance(bySite.map((site) => mean(site.map((days) => mean(days.map((d) => d.confidence))))));
  const windowsADay = mean(records.days.map(({ windows }) => windows));
  const phi = benchWorld.autocorrelation;
  const windowSd = Math.sqrt((daily * windowsADay * (1 - phi)) / (1 + phi));
  const usual = often.map((days) => Math.max(...days.map(({ windows }) => windows)));
  const away = 1 - mean(often.map((days, i) => mean(days.map(({ windows }) => windows)) / usual[i]!));
  const perHour = mean(records.days.map(({ n }) => n)) / 24;
  const { installs } = records;
  const knowsInstalls = installs.ended >= leastInstalls;
  const sleeperShare = records.devices === 0 ? 0 : records.sleepers / records.devices;
  const options = {
    ...benchWorld,
    accuracy: mean(levels),
    betweenSd: clamp(Math.sqrt(Math.max(0, between - siteVariance)), 0.002, 0.2),
    siteSd: clamp(Math.sqrt(siteVariance), 0, 0.2),
    windowSd: clamp(windowSd, 0.001, 0.2),
    inferencesPerWindow: Math.max(1, Math.round((perHour * windowMinutes) / 60)),
    windowMinutes,
    sleeperShare,
    sleeperHours: clamp(Math.round(records.sleeperHours ?? 6), 1, 168),
    labelsPerDay: records.days.length === 0 ? 0 : records.labels / records.days.length,
    ...(knowsInstalls && {
      installFailure: installs.failed / installs.ended,
      installTimeout: installs.silent / installs.ended,
    }),
    // An absence lasts 1.5 hours in the mean: at least the hour in which it begins.
    lapsesPerDay: clamp((away * 24) / 1.5, 0, 12),
  };
  const points = (share: number): string => (100 * share).toFixed(1);
  return {
    source: 'recorded',
    options,
    assumptions: [
      `From the telemetry of ${byDevice.size} devices, ${records.days.length} device days: mean confidence ` +
        `${points(options.accuracy)} %, devices differ by ${points(options.betweenSd)} points and sites by ` +
        `${points(options.siteSd)} (standard deviations), windows by ${points(options.windowSd)}; ` +
        `${Math.round(perHour)} inferences an hour; devices are away ${points(Math.max(0, away))} % of the time; ` +
        `${points(sleeperShare)} % sleep; ${options.labelsPerDay.toFixed(1)} labels per device and day.`,
      knowsInstalls
        ? `Of ${installs.ended} installations of the last 90 days ${installs.failed} failed and ${installs.silent} ended in silence.`
        : `Assumed, for want of ${leastInstalls} installations in 90 days: ${points(options.installFailure)} % fail and ${points(options.installTimeout)} % end in silence.`,
      `Assumed: windows that follow each other correlate by ${phi}, a daily cycle of ${points(options.dailyAmplitude)} points, one site down for ${options.outageHours} hours in the first two days.`,
    ],
  };
}

function assumed(why: string, windowMinutes: number): Profile {
  const world = { ...benchWorld, windowMinutes };
  return {
    source: 'simulated',
    options: world,
    assumptions: [
      `A fleet is assumed, ${why}: accuracy ${world.accuracy}, devices differ by ${world.betweenSd} and sites by ${world.siteSd} ` +
        `(standard deviations), windows of ${windowMinutes} minutes by ${world.windowSd}, ${world.inferencesPerWindow} inferences each, ` +
        `correlated by ${world.autocorrelation}; ${100 * world.sleeperShare} % sleep for ${world.sleeperHours} hours; ` +
        `${100 * world.installFailure} % of installations fail; no labels; one site down for ${world.outageHours} hours.`,
    ],
  };
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
function variance(values: readonly number[]): number {
  const centre = mean(values);
  return values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / Math.max(1, values.length - 1);
}
const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));
function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const known = groups.get(key(item));
    if (known) known.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
}
