/**
 * One rollout through a simulated world with the gates that judge real ones. Offers are made at once, so what takes time
 * is the soak and the evidence.
 */
import { ledgerMetrics } from '../gates/cohort-hours.js';
import type { GateDevice } from '../gates/evidence.js';
import type { GatePolicy } from '../gates/kinds.js';
import { CohortLedger, type CohortMember, type HourColumn } from '../gates/ledger.js';
import { weigh, type Weighed } from '../gates/weigh.js';
import { World, type Report, type VersionEffect, type WorldOptions } from './world.js';

export interface ReplayPolicy {
  readonly gates: GatePolicy;
  /** Cumulative percents that rise and end with 100. */
  readonly steps: readonly number[];
  /** Kept back until the last step has passed, and its control. */
  readonly controlPercent: number;
  /** Of all steps, or of each. Infinity: it may take for ever, which is a quarter of a year here. */
  readonly minSoakHours: number | readonly number[];
  readonly maxSoakHours: number | readonly number[];
  /** Steps that have gates; default: all. */
  readonly gatedSteps?: readonly boolean[];
  /** Undecided at the end of the longest soak it goes on; default: it pauses. */
  readonly goesOnUndecided?: boolean;
  /** Of the devices offered it; default: any share. */
  readonly maxFailurePercent?: number;
  /** Devices of the control whose windows are read, besides those kept back. */
  readonly controlSample: number;
}

export interface Replay {
  /** paused: undecided at the end of the longest soak. */
  readonly end: 'full' | 'failed' | 'segment-failed' | 'paused';
  /** Step in which it ended. */
  readonly step: number;
  /** Share of the fleet that had been offered the version. */
  readonly exposed: number;
  readonly hours: number;
  /** When each step passed that did. */
  readonly passedAt: readonly number[];
  /** What failed or was open. */
  readonly because: readonly string[];
}

export function replayRollout(
  policy: ReplayPolicy,
  world: { readonly options: WorldOptions; readonly effect: VersionEffect; readonly seed: number },
): Replay {
  const fleet = new Fleet(policy, new World(world.options, world.effect, world.seed));
  let hour = 0;
  const passedAt: number[] = [];
  for (const step of policy.steps.keys()) {
    fleet.offer(step, hour);
    const opened = hour;
    for (;;) {
      fleet.passHour(hour++);
      const soaked = hour - opened;
      const ended = { step, exposed: fleet.offered / world.options.devices, hours: hour, passedAt };
      if (fleet.failedPercent(hour) > (policy.maxFailurePercent ?? 100))
        return { end: 'failed', ...ended, because: ['failures'] };
      const minSoakHours = ofStep(policy.minSoakHours, step);
      if (policy.gatedSteps?.[step] === false) {
        if (soaked < minSoakHours) continue;
        break;
      }
      if (!isLook(soaked, minSoakHours)) continue;
      const weighed = fleet.weigh(step, hour, soaked);
      if (weighed.outcome === 'pass') break;
      if (weighed.outcome === 'undecided' && !weighed.expired) continue;
      if (weighed.expired && policy.goesOnUndecided === true) break;
      const reasons = weighed.outcome === 'fail' ? weighed.failed : weighed.open;
      return {
        end: weighed.expired ? 'paused' : weighed.blamed ? 'segment-failed' : 'failed',
        ...ended,
        because: [...new Set(reasons.map(({ test }) => test.metric))],
      };
    }
    passedAt.push(hour);
  }
  return { end: 'full', step: policy.steps.length - 1, exposed: 1, hours: hour, passedAt, because: [] };
}

/** A quarter of a year: nobody waits longer. */
const mostHours = 2_190;
const ofStep = (hours: number | readonly number[], step: number): number =>
  Math.min(mostHours, typeof hours === 'number' ? hours : (hours[step] ?? 0));

/** Every hour at first, then less and less often: as often as makes a difference. */
function isLook(soaked: number, minSoakHours: number): boolean {
  if (soaked <= 6) return true;
  return soaked <= minSoakHours ? soaked % 3 === 0 : soaked % (soaked < 72 ? 6 : 24) === 0;
}

class Fleet {
  offered = 0;
  private readonly order: readonly number[];
  private readonly limits: readonly number[];
  private readonly members: readonly CohortMember[];
  /** Device of each member that stands for the control. */
  private readonly controls: readonly number[];
  private readonly isOffered: Uint8Array;
  /** By device: hour of the end of its installation. */
  private readonly endAt: Float64Array;
  private readonly end: ('active' | 'failed' | 'timed-out')[] = [];
  private readonly ledger: CohortLedger;
  /** Of the hour that passes. */
  private readonly columns: readonly HourColumn[];

  constructor(
    private readonly policy: ReplayPolicy,
    private readonly world: World,
  ) {
    const { devices } = world.options;
    this.order = canaryOrder(world);
    this.isOffered = new Uint8Array(devices);
    this.endAt = new Float64Array(devices);
    const whole = devices - Math.round((policy.controlPercent * devices) / 100);
    this.limits = policy.steps.map((percent) => Math.min(whole, Math.ceil((percent * devices) / 100)));
    // The last in turn: they are in the control longest.
    this.controls = this.order.slice(Math.max(this.limits[0]!, whole - policy.controlSample));
    const member = (arm: CohortMember['arm'], device: number): CohortMember => ({
      device: `d${device}`,
      arm,
      type: world.type[device]!,
      site: world.site[device]!,
    });
    this.members = [
      ...this.order.map((device) => member('step', device)),
      ...this.controls.map((device) => member('control', device)),
    ];
    this.columns = newColumns(this.members.length);
    this.ledger = new CohortLedger(this.members, ledgerMetrics(policy.gates, []));
  }

  offer(step: number, hour: number): void {
    for (; this.offered < this.limits[step]!; this.offered++) {
      const device = this.order[this.offered]!;
      const { hours, end } = this.world.install(device, hour);
      this.isOffered[device] = 1;
      this.endAt[device] = hour + hours;
      this.end[device] = end;
    }
  }

  passHour(hour: number): void {
    const { order, columns, world } = this;
    for (const { weight, total } of columns) {
      weight.fill(0);
      total.fill(0);
    }
    for (let i = 0; i < this.offered; i++) {
      const device = order[i]!;
      // The hour in which it became active is not counted: a part of it was the old version's.
      const report = world.report(device, hour);
      if (report && world.activeAt[device]! < hour) write(columns, i, report);
    }
    for (const [i, device] of this.controls.entries()) {
      if (this.isOffered[device]) continue;
      const report = world.report(device, hour);
      if (report) write(columns, order.length + i, report);
    }
    this.ledger.addHour(hour * 3_600_000, columns);
  }

  /** Of the devices offered it; by the end of the hour before. */
  failedPercent(hour: number): number {
    let failed = 0;
    for (let i = 0; i < this.offered; i++) {
      const device = this.order[i]!;
      if (this.endAt[device]! <= hour - 1 && this.end[device] !== 'active') failed++;
    }
    return this.offered === 0 ? 0 : (100 * failed) / this.offered;
  }

  weigh(step: number, hour: number, soaked: number): Weighed {
    const { policy, ledger } = this;
    return weigh(policy.gates, {
      step,
      steps: policy.steps.filter((_, i) => policy.gatedSteps?.[i] !== false).length,
      stepDevices: this.offered,
      soakedMs: soaked * 3_600_000,
      minSoakMs: ofStep(policy.minSoakHours, step) * 3_600_000,
      maxSoakMs: ofStep(policy.maxSoakHours, step) * 3_600_000,
      devices: this.devices(hour),
      ledger,
    });
  }

  private devices(hour: number): GateDevice[] {
    const { members, order, world } = this;
    const last = hour - 1;
    const found: GateDevice[] = [];
    for (let i = 0; i < this.offered; i++) {
      const number = order[i]!;
      const { device, type, site } = members[i]!;
      const install = this.endAt[number]! <= last ? this.end[number]! : 'moving';
      const isActive = install === 'active';
      const contact = isActive ? world.contact(number, this.endAt[number]!, last) : null;
      found.push({ device, arm: 'step', type, site, install, selfTest: isActive ? 'passed' : null, contact });
    }
    for (let i = 0; i < this.controls.length; i++) {
      const number = this.controls[i]!;
      if (this.isOffered[number]) continue;
      const { device, type, site } = members[order.length + i]!;
      const contact = world.contact(number, 0, last);
      found.push({ device, arm: 'control', type, site, install: null, selfTest: null, contact });
    }
    return found;
  }
}

/** Stratified: each type and site has its share in every step. */
function canaryOrder(world: World): number[] {
  const strata = new Map<string, number[]>();
  for (const [device, type] of world.type.entries()) {
    const key = `${type} ${world.site[device]}`;
    const stratum = strata.get(key);
    if (stratum) stratum.push(device);
    else strata.set(key, [device]);
  }
  const places: { readonly device: number; readonly at: number }[] = [];
  for (const stratum of strata.values()) {
    const start = world.random.uniform();
    for (const [i, device] of stratum.entries()) places.push({ device, at: (i + start) / stratum.length });
  }
  return places.sort((a, b) => a.at - b.at).map(({ device }) => device);
}

const newColumns = (members: number): HourColumn[] =>
  ['confidence', 'ood', 'latency', 'resets', 'accuracy'].map((metric) => ({
    metric,
    weight: new Float64Array(members),
    total: new Float64Array(members),
  }));

function write(
  [confidence, ood, latency, resets, accuracy]: readonly HourColumn[],
  i: number,
  report: Report,
): void {
  const put = (column: HourColumn | undefined, weight: number, total: number): void => {
    column!.weight[i] = weight;
    column!.total[i] = total;
  };
  put(confidence, report.n, report.n * report.confidence);
  put(ood, report.n, report.n * report.ood);
  put(latency, report.n, report.n * report.latency);
  put(resets, report.days, report.resets);
  put(accuracy, report.labelled, report.correct);
}
