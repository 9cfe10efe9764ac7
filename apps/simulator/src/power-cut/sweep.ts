/**
 * The power-cut sweep: every flash operation of every scenario is cut, torn in every way, or fails; then the device must boot, run
 * exactly the old model or the new one, and complete what it was doing (docs/spec/flash.md, Proof). The firmware is the
 * module that every simulated device runs. A cut loses all of RAM, so a case is: the flash as it was before an
 * operation of a recorded run, what the torn operation made of it, and a boot.
 */
import { wasmUrl } from '@tinyfleet/firmware';
import { Firmware } from '../device/firmware.js';
import { doubleFates, fatesOf, nameOf } from './fates.js';
import { geometryOf, Recorder, type Moment } from './recorder.js';
import { SCENARIOS, type Scenario } from './scenarios.js';
import type { Fate, TornFlash } from './torn-flash.js';

export interface SweepOptions {
  /** Cases at most, about, spread evenly over all there are; absent: all. */
  readonly budget?: number;
  readonly seed?: number;
  /** Names; absent: all. */
  readonly scenarios?: readonly string[];
  readonly units?: readonly number[];
  readonly erased?: readonly (0x00 | 0xff)[];
  /** This call does part `index` of `count`. */
  readonly share?: { readonly index: number; readonly count: number };
  /** Another build of the firmware. */
  readonly firmware?: URL | Uint8Array;
  /** Ends with so many failures; absent: 20. */
  readonly maxFailures?: number;
}

export interface SweepFailure {
  readonly scenario: string;
  readonly unitBytes: number;
  readonly erased: number;
  /** What was done to which operation, such as `12 program record: torn after 16, flicker`. */
  readonly what: string;
  readonly problem: string;
}

export interface SweepResult {
  readonly cases: number;
  readonly failures: readonly SweepFailure[];
  readonly perScenario: Readonly<Record<string, number>>;
  /** Flash operations of a clean run, the most over all units. */
  readonly operations: Readonly<Record<string, number>>;
  /** Cases by what was cut, such as `program record`. */
  readonly operationKinds: Readonly<Record<string, number>>;
  /** Cases by what was done to the operation, such as `flicker`, `two cuts`. */
  readonly fates: Readonly<Record<string, number>>;
  /** Cases by the change of the update state that the cut save would have recorded, such as `trial > soak`. */
  readonly edges: Readonly<Record<string, number>>;
  /** Uncertain units that the firmware programmed again. */
  readonly reprogrammed: number;
  readonly seconds: number;
}

export const UNITS = [1, 8, 32] as const;
export const ERASED = [0xff, 0x00] as const;
/** Bits flipped before each operation. */
const FLIPS = 4;
/** Reads that fail, per scenario and flash, at most. */
const READS = 120;

class Tally {
  cases = 0;
  readonly failures: SweepFailure[] = [];
  readonly perScenario: Record<string, number> = {};
  readonly operations: Record<string, number> = {};
  readonly operationKinds: Record<string, number> = {};
  readonly fates: Record<string, number> = {};
  readonly edges: Record<string, number> = {};
  reprogrammed = 0;

  result(seconds: number): SweepResult {
    const { cases, failures, perScenario, operations, operationKinds, fates, edges, reprogrammed } = this;
    return { cases, failures, perScenario, operations, operationKinds, fates, edges, reprogrammed, seconds };
  }

  count(table: Record<string, number>, name: string): void {
    if (name !== '') table[name] = (table[name] ?? 0) + 1;
  }
}

/** Runs the sweep in this thread. */
export function runSweep(options: SweepOptions = {}): SweepResult {
  const started = performance.now();
  const firmware = options.firmware ?? wasmUrl;
  const scenarios = SCENARIOS.filter(({ name }) => options.scenarios?.includes(name) ?? true);
  const tally = new Tally();
  const flashes = (options.units ?? UNITS).flatMap((unit) =>
    (options.erased ?? ERASED).map((e) => [unit, e] as const),
  );
  const parts = flashes.length * scenarios.length;
  for (const [unitBytes, erased] of flashes) {
    const recorder = new Recorder(new Firmware(firmware), geometryOf(unitBytes, erased));
    for (const scenario of scenarios) {
      const quota = options.budget === undefined ? Infinity : Math.ceil(options.budget / parts);
      new Part(recorder, scenario, tally, options, quota).run();
      if (tally.failures.length >= (options.maxFailures ?? 20)) break;
    }
  }
  return tally.result((performance.now() - started) / 1_000);
}

/** One scenario on one flash. */
class Part {
  private index = 0;
  private stride = 1;
  private readonly seed: number;

  constructor(
    private readonly recorder: Recorder,
    private readonly scenario: Scenario,
    private readonly tally: Tally,
    private readonly options: SweepOptions,
    private readonly quota: number,
  ) {
    const { unitBytes, erased } = recorder.device.shape.geometry;
    const text = `${scenario.name}/${unitBytes}/${erased}/${options.seed ?? 1}`;
    this.seed =
      [...text].reduce((hash, char) => Math.imul(hash ^ char.charCodeAt(0), 0x01000193), 0x811c9dc5) >>> 0;
  }

  run(): void {
    const { recorder, scenario, tally } = this;
    const { moments, problem } = recorder.record(scenario);
    tally.operations[scenario.name] = Math.max(tally.operations[scenario.name] ?? 0, moments.length);
    if (problem !== null) {
      this.fail('nothing', problem);
      return;
    }
    const cuts = moments.flatMap((moment, k) => this.fates(moment).map((fate) => ({ moment, k, fate })));
    const pairs = scenario.pairs === true ? cuts.filter(({ fate }) => doubleFates(fate)) : [];
    const single = cuts.length + moments.length * (FLIPS + 3) + READS;
    this.stride = Math.max(1, Math.ceil(single / (pairs.length > 0 ? this.quota / 2 : this.quota)));
    for (const { moment, k, fate } of cuts) if (this.mine()) this.cut(moment, k, fate);
    for (const [k, moment] of moments.entries()) {
      for (let i = 0; i < FLIPS; i++) if (this.mine()) this.flip(moment, k, i);
      for (const how of ['fails', 'fails half done', 'wears out'] as const)
        if (this.mine()) this.break(moment, k, how);
    }
    this.reads();
    if (pairs.length === 0) return;
    // A first cut gives about as many second ones as there are first ones.
    const wanted = Math.max(1, Math.floor(this.quota / 2 / Math.max(pairs.length, 1)));
    this.stride = Number.isFinite(this.quota) ? Math.max(1, Math.ceil(pairs.length / wanted)) : 1;
    for (const { moment, k, fate } of pairs) if (this.mine()) this.twice(moment, k, fate);
  }

  private fates(moment: Moment): Fate[] {
    return fatesOf(moment.operation, this.recorder.device.shape.geometry);
  }

  /** Whether the next case is one that this call does. */
  private mine(): boolean {
    const { share = { index: 0, count: 1 }, maxFailures = 20 } = this.options;
    const i = this.index++;
    if (i % this.stride !== 0 || this.tally.failures.length >= maxFailures) return false;
    return (i / this.stride) % share.count === share.index;
  }

  private torn(moment: Moment, fate: Fate, salt: number): TornFlash {
    const flash = moment.flash.copy(this.seed + Math.imul(salt, 0x9e3779b1));
    flash.cut(moment.operation, fate);
    return flash;
  }

  private cut(moment: Moment, k: number, fate: Fate): void {
    const { recorder, scenario, tally } = this;
    const problem = recorder.recover(
      scenario,
      moment,
      this.torn(moment, fate, this.index),
      this.seed + this.index,
    );
    this.note(moment, nameOf(fate, true));
    tally.reprogrammed += recorder.device.flash.reprogrammed;
    if (problem !== null) this.fail(`${k} ${moment.kind}: ${nameOf(fate)}`, problem);
  }

  /** A cut, and one at every operation of the recovery from it. */
  private twice(moment: Moment, k: number, fate: Fate): void {
    const { recorder, scenario } = this;
    const again: Moment[] = [];
    if (recorder.recover(scenario, moment, this.torn(moment, fate, k), this.seed + k, again) !== null) return; // told by `cut`
    for (const [j, second] of again.entries()) {
      for (const [i, other] of this.fates(second).filter(doubleFates).entries()) {
        const flash = this.torn(second, other, k * 1_009 + j * 31 + i);
        const problem = recorder.recover(scenario, second, flash, this.seed + j);
        this.note(second, 'two cuts');
        this.tally.reprogrammed += flash.reprogrammed;
        if (problem === null) continue;
        this.fail(
          `${k} ${moment.kind}: ${nameOf(fate)}; then ${j} ${second.kind}: ${nameOf(other)}`,
          problem,
        );
        if (this.tally.failures.length >= (this.options.maxFailures ?? 20)) return;
      }
    }
  }

  private flip(moment: Moment, k: number, i: number): void {
    const { recorder, scenario } = this;
    const flash = moment.flash.copy(this.seed + k);
    let random = Math.imul(this.seed + k * FLIPS + i, 0x9e3779b1);
    random = Math.imul(random ^ (random >>> 15), 0x85ebca6b) >>> 0;
    // Every other one in the records, the others in the slots.
    const { slotsAt, ringAt } = recorder.device;
    const at = i % 2 === 0 ? random % slotsAt : slotsAt + (random % (ringAt - slotsAt));
    flash.flip(at, random >>> 29);
    const problem = recorder.survive(scenario, moment.stage, flash, random);
    this.note(moment, 'bit flip');
    if (problem !== null)
      this.fail(`before ${k} ${moment.kind}: bit ${random >>> 29} of byte ${at}`, problem);
  }

  /** The device lives on with an operation that failed: once, or with all others in its sector from then on. */
  private break(moment: Moment, k: number, how: 'fails' | 'fails half done' | 'wears out'): void {
    const { recorder, scenario } = this;
    const { device } = recorder;
    const sector = (offset: number) => Math.floor(offset / device.shape.geometry.sectorBytes);
    const worn = sector(moment.operation.offset);
    let at = 0;
    recorder.play(scenario, (operation) => {
      const hit = at++ === k;
      if (how === 'wears out') return at > k && sector(operation.offset) === worn ? -1 : null;
      if (!hit) return null;
      if (how === 'fails half done') {
        const n = operation.erase ? device.shape.geometry.sectorBytes : operation.data!.length;
        device.flash.cut(operation, { kind: 'torn', done: n >> 1, look: 'partial' });
      }
      return -1;
    });
    this.note(moment, how);
    if (device.problem !== null) {
      this.fail(`${k} ${moment.kind}: ${how}`, device.problem);
      return;
    }
    device.onOperation = ({ offset }) => (how === 'wears out' && sector(offset) === worn ? -1 : null);
    const problem =
      how === 'wears out' || scenario.worn !== undefined
        ? recorder.judgeWorn(scenario, this.seed + k)
        : recorder.judgeRepair(scenario);
    device.onOperation = null;
    if (problem !== null) this.fail(`${k} ${moment.kind}: ${how}`, problem);
  }

  /** One read fails, anywhere: nothing changes. */
  private reads(): void {
    const { recorder, scenario } = this;
    let reads = 0;
    recorder.play(scenario, null, () => reads++ < 0);
    const step = Math.max(1, Math.floor(reads / READS));
    for (let k = 0; k < reads; k += step) {
      if (!this.mine()) continue;
      let at = 0;
      const problem = recorder.play(scenario, null, () => at++ === k);
      this.count('read', '', 'read error');
      if (problem !== null) this.fail(`read ${k} fails`, problem);
    }
  }

  private note(moment: Moment, fate: string): void {
    this.count(moment.kind, moment.edge, fate);
  }

  private count(kind: string, edge: string, fate: string): void {
    const { tally } = this;
    tally.cases++;
    tally.count(tally.perScenario, this.scenario.name);
    tally.count(tally.operationKinds, kind);
    tally.count(tally.edges, edge);
    tally.count(tally.fates, fate);
  }

  private fail(what: string, problem: string): void {
    const { unitBytes, erased } = this.recorder.device.shape.geometry;
    this.tally.failures.push({ scenario: this.scenario.name, unitBytes, erased, what, problem });
  }
}
