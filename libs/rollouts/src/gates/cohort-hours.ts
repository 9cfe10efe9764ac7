/**
 * From windows to the hours of a ledger. Windows merge by addition into (arm, device, hour), in any order; each window
 * is to be added once. A late window joins its hour, and the next ledger made of the hours holds it.
 */
import type { CohortWindow } from '@tinyfleet/quality';
import { CohortLedger, type CohortMember, type HourColumn, type LedgerMetric } from './ledger.js';
import { gateKinds, type GatePolicy } from './kinds.js';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Position of boots so far in `CohortWindow.counters`, 16 bits of them. */
const resetsCounter = 5;
/** A device that resets more often counts as this many a day, so that one of them decides nothing for a fleet. */
const mostResetsPerDay = 24;
/** The highest of 16 bins: beyond the last edge of the reference. */
const outOfDistributionBin = 15;
/** A battery is compared between windows no further apart. */
const mostBatteryGapMs = 12 * hourMs;
/** The classes that the control predicts most are followed, the others not: they change too little to see. */
export const followedClasses = 8;

export const classMetric = (index: number): string => `class-mix:${index}`;

interface Hour {
  n: number;
  confidence: number;
  classes: number[];
  oodTrials: number;
  ood: number;
  latencyTrials: number;
  cycles: number;
  batteryDays: number;
  battery: number;
  resetDays: number;
  resets: number;
  labelled: number;
  correct: number;
}
const newHour = (): Hour => ({
  n: 0,
  confidence: 0,
  classes: [],
  oodTrials: 0,
  ood: 0,
  latencyTrials: 0,
  cycles: 0,
  batteryDays: 0,
  battery: 0,
  resetDays: 0,
  resets: 0,
  labelled: 0,
  correct: 0,
});

export class CohortHours {
  /** By arm and device, then hour. */
  private readonly devices = new Map<string, Map<number, Hour>>();
  private readonly lastResets = new Map<string, { readonly atMs: number; readonly count: number }>();
  private readonly lastBattery = new Map<string, { readonly atMs: number; readonly percent: number }>();

  /** Of one device in the order of time, for the sake of battery and resets; devices in any order. */
  add(arm: CohortMember['arm'], windows: readonly CohortWindow[]): void {
    for (const window of windows) {
      const key = keyOf(arm, window.device);
      let hours = this.devices.get(key);
      if (!hours) this.devices.set(key, (hours = new Map<number, Hour>()));
      const start = Math.floor(window.windowStartMs / hourMs) * hourMs;
      let hour = hours.get(start);
      if (!hour) hours.set(start, (hour = newHour()));
      addWindow(hour, window);
      this.addBattery(key, hour, window);
      this.addResets(key, hour, window);
    }
  }

  /** Predicted classes by how often the control predicted them, at most `followedClasses`. */
  commonClasses(): number[] {
    const totals: number[] = [];
    for (const [key, hours] of this.devices) {
      if (!key.startsWith(keyOf('control', ''))) continue;
      for (const { classes } of hours.values())
        for (const [i, count] of classes.entries()) totals[i] = (totals[i] ?? 0) + count;
    }
    return totals
      .map((count, index) => ({ count, index }))
      .filter(({ count }) => count > 0)
      .sort((a, b) => b.count - a.count || a.index - b.index)
      .slice(0, followedClasses)
      .map(({ index }) => index);
  }

  /** Classes of the models that spoke, predicted or not. */
  private classCount(): number {
    let most = 0;
    for (const hours of this.devices.values())
      for (const { classes } of hours.values()) most = Math.max(most, classes.length);
    return most;
  }

  ledger(members: readonly CohortMember[], policy: GatePolicy): CohortLedger {
    const classes = this.commonClasses();
    const ledger = new CohortLedger(members, ledgerMetrics(policy, classes), this.classCount());
    const rows = members.map(({ arm, device }) => this.devices.get(keyOf(arm, device)));
    const starts = new Set<number>();
    for (const hours of rows) for (const start of hours?.keys() ?? []) starts.add(start);
    for (const start of [...starts].sort((a, b) => a - b)) {
      ledger.addHour(
        start,
        columnsOf(
          rows.map((hours) => hours?.get(start)),
          classes,
        ),
      );
    }
    return ledger;
  }

  /** Devices count their boots for ever: what was added since the window before, also when windows between were lost by it. */
  private addResets(key: string, hour: Hour, { windowStartMs, windowMs, counters }: CohortWindow): void {
    const count = counters[resetsCounter] ?? null;
    if (count === null) return;
    const last = this.lastResets.get(key);
    const atMs = windowStartMs + windowMs;
    if (last && atMs <= last.atMs) return;
    this.lastResets.set(key, { atMs, count });
    if (!last) return;
    const days = (atMs - last.atMs) / dayMs;
    // One that is lower began anew: 16 bits were full, or the flash was erased.
    const resets = count >= last.count ? count - last.count : 1;
    hour.resetDays += days;
    hour.resets += Math.min(resets, Math.max(1, mostResetsPerDay * days));
  }

  private addBattery(
    key: string,
    hour: Hour,
    { windowStartMs, windowMs, batteryPercent }: CohortWindow,
  ): void {
    if (batteryPercent === null) return;
    const last = this.lastBattery.get(key);
    const atMs = windowStartMs + windowMs;
    if (last && atMs <= last.atMs) return;
    this.lastBattery.set(key, { atMs, percent: batteryPercent });
    // A battery that rose was charged or changed: that interval says nothing of what was used.
    if (!last || atMs - last.atMs > mostBatteryGapMs || batteryPercent > last.percent) return;
    hour.batteryDays += (atMs - last.atMs) / dayMs;
    hour.battery += last.percent - batteryPercent;
  }
}

/** What a ledger keeps for a policy. */
export function ledgerMetrics(policy: GatePolicy, classes: readonly number[]): LedgerMetric[] {
  return policy.gates.flatMap(({ kind }) => {
    const { family, unit, hours } = gateKinds[kind];
    if (family === 'events') return [];
    const keys = kind === 'class-mix' ? classes.map(classMetric) : [kind];
    return keys.map((key) => ({ key, isRelative: unit === 'percent', hours }));
  });
}

function addWindow(hour: Hour, window: CohortWindow): void {
  const { n, classes, confidenceBins: bins, ood, cyclesMean } = window;
  hour.n += n;
  for (const [i, count] of classes.entries()) {
    const index = Math.floor(i / bins);
    hour.classes[index] = (hour.classes[index] ?? 0) + count;
    // The middle of the bin; both sides are rounded alike.
    hour.confidence += (count * ((i % bins) + 0.5)) / bins;
  }
  for (const [bin, count] of ood?.entries() ?? []) {
    hour.oodTrials += count;
    if (bin >= outOfDistributionBin) hour.ood += count;
  }
  if (cyclesMean !== null && n > 0) {
    hour.latencyTrials += n;
    hour.cycles += n * cyclesMean;
  }
  hour.labelled += window.labelled;
  hour.correct += window.correct;
}

function columnsOf(hours: readonly (Hour | undefined)[], classes: readonly number[]): HourColumn[] {
  const column = (
    metric: string,
    weight: (hour: Hour) => number,
    total: (hour: Hour) => number,
  ): HourColumn => ({
    metric,
    weight: Float64Array.from(hours, (hour) => (hour ? weight(hour) : 0)),
    total: Float64Array.from(hours, (hour) => (hour ? total(hour) : 0)),
  });
  return [
    column(
      'confidence',
      ({ n }) => n,
      ({ confidence }) => confidence,
    ),
    column(
      'ood',
      ({ oodTrials }) => oodTrials,
      ({ ood }) => ood,
    ),
    column(
      'latency',
      ({ latencyTrials }) => latencyTrials,
      ({ cycles }) => cycles,
    ),
    column(
      'energy',
      ({ batteryDays }) => batteryDays,
      ({ battery }) => battery,
    ),
    column(
      'resets',
      ({ resetDays }) => resetDays,
      ({ resets }) => resets,
    ),
    column(
      'accuracy',
      ({ labelled }) => labelled,
      ({ correct }) => correct,
    ),
    ...classes.map((index) =>
      column(
        classMetric(index),
        ({ n }) => n,
        ({ classes: counts }) => counts[index] ?? 0,
      ),
    ),
  ];
}

const keyOf = (arm: CohortMember['arm'], device: string): string => `${arm} ${device}`;
