// One build against every kind of device: does it fit, what would it cost, and what to change where it does not.
import { estimate, type Estimate } from './estimate.js';
import type { TargetType } from './options.js';
import type { Report } from './report.js';

export interface MemoryFit {
  readonly requiredBytes: number;
  readonly availableBytes: number;
  readonly fits: boolean;
}

export interface DeviceFit {
  readonly deviceType: string;
  readonly fits: boolean;
  readonly slot: MemoryFit;
  readonly arena: MemoryFit;
  readonly state: MemoryFit;
  readonly estimate: Estimate | null;
  /** Empty when it fits. */
  readonly advice: readonly string[];
}

export type FittedReport = Pick<Report, 'bundleBytes' | 'arenaBytes' | 'stateBytes'> & {
  readonly ops: readonly Pick<
    Report['ops'][number],
    'op' | 'name' | 'work' | 'outputBytes' | 'constantBytes' | 'liveBytes'
  >[];
};

/** Pure; every number follows from the report and the device type. */
export function fitDevice(
  report: FittedReport,
  type: TargetType & { readonly stateBytes: number },
): DeviceFit {
  const slot = memory(report.bundleBytes, type.slotBytes);
  const arena = memory(report.arenaBytes, type.arenaBytes);
  const state = memory(report.stateBytes, type.stateBytes);
  return {
    deviceType: type.name,
    fits: slot.fits && arena.fits && state.fits,
    slot,
    arena,
    state,
    estimate: estimate(report.ops, type),
    advice: [
      ...(slot.fits ? [] : [slotAdvice(report, slot)]),
      ...(arena.fits ? [] : [arenaAdvice(report, arena)]),
      ...(state.fits ? [] : [`Streaming state is ${over(state)}: shorten the buffered context.`]),
    ],
  };
}

function memory(requiredBytes: number, availableBytes: number): MemoryFit {
  return { requiredBytes, availableBytes, fits: requiredBytes <= availableBytes };
}

function over({ requiredBytes, availableBytes }: MemoryFit): string {
  const excess = requiredBytes - availableBytes;
  return `${excess.toLocaleString('en')} B (${Math.ceil((excess / Math.max(1, availableBytes)) * 100)} %) too large`;
}

/** The layer whose weights weigh most is where shrinking pays. */
function slotAdvice(report: FittedReport, slot: MemoryFit): string {
  const heaviest = largest(report.ops, (op) => op.constantBytes);
  const share = Math.round((heaviest.constantBytes / report.bundleBytes) * 100);
  return `The bundle is ${over(slot)}: use fewer channels or units; ${heaviest.op} ${heaviest.name} alone has ${share} % of it.`;
}

/** The step with the most live bytes sets the arena. */
function arenaAdvice(report: FittedReport, arena: MemoryFit): string {
  const peak = largest(report.ops, (op) => op.liveBytes);
  return `The arena is ${over(arena)}: the peak is at ${peak.op} ${peak.name}; use a smaller input, an earlier stride or fewer channels there.`;
}

function largest<T>(list: readonly T[], size: (item: T) => number): T {
  return list.reduce((a, b) => (size(b) > size(a) ? b : a));
}
