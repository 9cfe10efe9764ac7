/**
 * Keeps the watches of all projects: learns them from the declared healthy period, or begins them with what validation data said of the
 * build, and judges rounds that are over. The reads of a turn are done outside of transactions; what a chunk of rounds decided, the
 * alerts and the state of the watch, is written in one of the leader. One that dies before reads the same windows again and decides
 * the same; one that comes late finds the watch moved on.
 */
import type { Transact } from '@tinyfleet/contracts';
import { FleetWatch } from '../drift/fleet-watch.js';
import { arl0OfBudget, parseBudget } from '../drift/page-budget.js';
import type { AlertStores } from '../alerts/ports.js';
import { ENGINE, resolveAlert } from '../alerts/life.js';
import { compare, openComparison, versionLevels } from './against-build.js';
import { buildReference, withBuild } from './build-reference.js';
import { attributeOf, attributesOf, groupsOf } from './fleet.js';
import {
  frameOf,
  longestWindowMs,
  MOST_ROUNDS,
  roundsPerHour,
  startOf,
  teachingRounds,
  watchOptions,
  type WatchFrame,
} from './frame.js';
import { LEAST_HEARD, learnWatch } from './learn.js';
import { byId, isSame, join, observe, placesOf, versionsOf, type SchemaKey } from './members.js';
import { beginAnew, changesOf, isUnusable, relearn, sameRound } from './relearn.js';
import { WatchRound } from './watch-round.js';
import type {
  BaselinePeriod,
  NewWatch,
  SeenSchema,
  WatchBuild,
  WatchedProject,
  WatchMember,
  WatchReader,
  WatchRow,
  WatchSchema,
} from './ports.js';
import { emptyReference, streamsOf } from './reference.js';
import { deviceRounds, type DeviceRound } from './rounds.js';
import { SILENT_ROUNDS } from './silence.js';

export interface KeeperOptions {
  /** Rounds of one transaction. */
  readonly chunk: number;
  /** Windows that were committed so long after they were received are seen, too. */
  readonly commitMs: number;
  /** Most devices of one watch: 100,000 values of memory for each hundred of them. */
  readonly maxDevices: number;
  /** Most windows of one read. */
  readonly maxWindows: number;
  /** Memory that the rounds which teach a watch may take. */
  readonly learnBytes: number;
  /** How often windows are looked through for models that have no watch. */
  readonly lookMs: number;
  /** The same, while a model has no windows that fit rounds: those of now follow a history. */
  readonly fitLookMs: number;
}
export const keeperDefaults: KeeperOptions = {
  chunk: 24,
  commitMs: 120_000,
  maxDevices: 10_000,
  maxWindows: 100_000,
  learnBytes: 256 * 1024 * 1024,
  lookMs: 600_000,
  fitLookMs: 30_000,
};
/** How far back a model without a watch is looked for. */
const LOOK_BACK_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** Of the rounds that are wanted, in so many anybody was heard. */
const TAUGHT = 0.75;

interface Held {
  readonly watch: FleetWatch | undefined;
  readonly closedRound: number;
  readonly shape: string;
}

export class WatchKeeper {
  /** Watches in memory, by id: what is in the store, and thrown away when a write fails. */
  private readonly held = new Map<string, Held>();
  /** By project, when the healthy period and the newest windows were looked through. */
  private readonly looked = new Map<
    string,
    { readonly baseline: number | undefined; readonly atMs: number; readonly dueAtMs: number }
  >();
  /** By watch, what the settings ask for and nothing could be learned for. */
  private readonly refused = new Map<string, string>();

  private mark: string | undefined;
  /** Models that sums have and no watch. */
  private unwatched: ReadonlySet<string> = new Set();
  /** When a clock is due: the end of a round, a look for new models. Work that is left is due at once. */
  private dueAtMs = -Infinity;

  constructor(
    private readonly reader: WatchReader,
    private readonly transact: Transact<AlertStores>,
    private readonly newId: () => string,
    private readonly nowMs: () => number = Date.now,
    private readonly options: KeeperOptions = keeperDefaults,
  ) {}

  /** Forget what is in memory: somebody else may have led meanwhile. */
  forget(): void {
    this.held.clear();
    this.looked.clear();
    this.refused.clear();
    this.unwatched = new Set();
    this.dueAtMs = -Infinity;
  }

  /** Answers whether there is more to do at once; nothing is read while no clock is due and nobody set anything up. What fails of one project or watch holds up no other; the first such is thrown last. */
  async turn(): Promise<boolean> {
    const found = await this.reader.mark();
    const mark = JSON.stringify(found);
    if (mark === this.mark && this.nowMs() < this.dueAtMs) return false;
    this.mark = mark;
    for (const { projectId, schema } of found.unwatched)
      if (!this.unwatched.has(schema)) this.looked.delete(projectId);
    this.unwatched = new Set(found.unwatched.map(({ schema }) => schema));
    // What fails is due again.
    this.dueAtMs = -Infinity;
    let dueAtMs = Infinity;
    const due = (atMs: number) => (dueAtMs = Math.min(dueAtMs, atMs));
    const failures: unknown[] = [];
    const tried = async (work: () => Promise<boolean>): Promise<boolean> => {
      try {
        return await work();
      } catch (error) {
        failures.push(error);
        return false;
      }
    };
    let more = false;
    for (const project of await this.reader.projects())
      more = (await tried(async () => this.turnOf(project, tried, due))) || more;
    if (failures.length > 0) throw failures[0];
    if (!more) this.dueAtMs = dueAtMs;
    return more;
  }

  private async turnOf(
    project: WatchedProject,
    tried: (work: () => Promise<boolean>) => Promise<boolean>,
    due: (atMs: number) => void,
  ): Promise<boolean> {
    const now = this.nowMs();
    const settleMs = project.settings.settleSeconds * 1_000;
    const rows = await this.reader.watches(project.scope);
    if (this.isToLook(project, rows, now) && (await this.begin(project, rows, now))) return true;
    const streamCount = rows.reduce((sum, one) => sum + one.streamCount, 0);
    let more = false;
    due(now + this.options.lookMs);
    const looked = this.looked.get(project.scope.id);
    if (looked && looked.dueAtMs < looked.atMs + this.options.lookMs) due(looked.dueAtMs);
    if (project.baseline && project.baseline.toMs + settleMs > now) due(project.baseline.toMs + settleMs);
    for (const row of rows)
      if (row.state !== 'unable') due(startOf(row.frame, row.closedRound + 2) + settleMs);
    for (const row of rows)
      if (row.state !== 'unable')
        more = (await tried(async () => this.goOn(project, row, { now, streamCount }))) || more;
    return more;
  }

  private async goOn(
    project: WatchedProject,
    row: WatchRow,
    given: { now: number; streamCount: number },
  ): Promise<boolean> {
    const changes = changesOf(project, row);
    if (changes.length > 0 && this.refused.get(row.id) !== changes.join())
      if (await this.renew(project, row, { why: changes.join(' and '), now: given.now })) return true;
      else this.refused.set(row.id, changes.join());
    try {
      return await this.judge(project, row, given);
    } catch (error) {
      if (!isUnusable(error)) throw error;
      const why = `itself: ${error.message}`;
      if (await this.renew(project, row, { why, now: given.now, isUnusable: true })) return true;
      throw error;
    }
  }

  /** Learns it anew, and says so where people look: at the watch, its open alerts, and in the audit log. */
  private async renew(
    project: WatchedProject,
    row: WatchRow,
    given: { why: string; now: number; isUnusable?: boolean; fromMs?: number },
  ): Promise<boolean> {
    const { scope } = project;
    const stored = await this.reader.state(scope, row.id);
    if (!stored || stored.closedRound !== row.closedRound) return true;
    const state = given.isUnusable ? { ...stored, compared: null } : stored;
    const found =
      row.state === 'starting'
        ? beginAnew(project, row, { ...given, state })
        : await relearn(this.reader, { project, row, state, ...given }, this.options);
    if (typeof found === 'string') {
      const reason = `judged as before, not by ${given.why}: ${found}`;
      if (reason !== row.reason)
        await this.transact(async ({ watches }) => watches.explain(scope, row.id, reason));
      return false;
    }
    const { watch, words } = found;
    this.held.delete(row.id);
    return await this.transact(async ({ watches, alerts, audit }) => {
      if (!(await watches.lock(scope, row.id, state.closedRound))) return true;
      for (const { number, incident, state: is, accepted } of await alerts.held(scope, row.id)) {
        // What is accepted has nobody to be released from any more.
        if (is === 'resolved' && accepted) {
          await alerts.change(scope, number, { state: 'resolved', by: '', released: true });
          continue;
        }
        const { openedRound, resolvedRound } = incident;
        const inFrame = (round: number) => sameRound(round, row.frame, watch.frame);
        await alerts.setIncident(scope, number, {
          ...{ ...incident, openedRound: inFrame(openedRound) },
          ...(resolvedRound === undefined ? {} : { resolvedRound: inFrame(resolvedRound) }),
        });
        if (is !== 'resolved') await alerts.note(scope, number, { by: ENGINE, what: 'learned', text: words });
      }
      await watches.remove(scope, row.id);
      await watches.add(scope, watch);
      await audit.append(scope, {
        actor: ENGINE,
        action: 'quality.learned-anew',
        target: row.model,
        before: { roundSeconds: row.frame.roundMs / 1_000 },
        after: { words },
      });
      return true;
    });
  }

  /** A new baseline at once, and a model that sums show and no watch has; whether there are devices of another condition, now and then. */
  private isToLook({ scope, baseline }: WatchedProject, rows: readonly WatchRow[], now: number): boolean {
    const looked = this.looked.get(scope.id);
    const isNew = looked?.baseline !== baseline?.number || rows.some((row) => isOutdated(row, baseline));
    return looked === undefined || isNew || now >= looked.dueAtMs;
  }

  /** Watches that have to be made, and those that a new declaration takes the place of. */
  private async begin(project: WatchedProject, rows: readonly WatchRow[], now: number): Promise<boolean> {
    const { scope, settings } = project;
    const made: NewWatch[] = [];
    const old: WatchRow[] = [];
    const looked = this.looked.get(scope.id);
    // Windows of its last round may still come.
    const baseline =
      project.baseline && now >= project.baseline.toMs + settings.settleSeconds * 1_000
        ? project.baseline
        : null;
    if (baseline) {
      old.push(...rows.filter((row) => isOutdated(row, baseline)));
      for (const schema of await this.reader.schemas(scope, baseline.fromMs, baseline.toMs)) {
        if (rows.some((row) => row.baseline === baseline.number && isSame(row, schema))) continue;
        made.push(...(await this.declared(project, baseline, schema, now)));
        old.push(...rows.filter((row) => row.baseline === null && isSame(row, schema)));
      }
    }
    // A window is sent after its end.
    const since = looked ? looked.atMs - this.options.lookMs - project.roundMs : now - LOOK_BACK_MS;
    const kept = [...made, ...rows.filter((row) => !old.includes(row))];
    let fits = true;
    for (const schema of await this.reader.schemas(scope, now - LOOK_BACK_MS, now)) {
      const watches = await this.fromBuild(project, schema, { since, now, rows: kept });
      if (watches) made.push(...watches);
      else fits = false;
    }
    const { lookMs, fitLookMs } = this.options;
    this.looked.set(scope.id, {
      ...{ baseline: baseline?.number, atMs: now },
      dueAtMs: now + (fits ? lookMs : Math.min(lookMs, fitLookMs)),
    });
    if (made.length === 0 && old.length === 0) return false;
    await this.transact(async (stores) => {
      for (const { id } of old) {
        for (const alert of await stores.alerts.held(scope, id)) {
          if (alert.state === 'resolved') continue;
          const text = `baseline ${baseline?.number} was declared: judged against it from now on`;
          const locked = await stores.alerts.lock(scope, alert.number);
          await resolveAlert(stores, scope, locked, { by: ENGINE, text, released: true });
        }
        await stores.watches.remove(scope, id);
      }
      for (const watch of made) await stores.watches.add(scope, watch);
    });
    for (const { id } of old) this.held.delete(id);
    return true;
  }

  /** Devices of a schema, by what they are conditioned by; without a condition all of them are one part. */
  private async partsOf(
    { scope, settings: { conditionBy } }: WatchedProject,
    schema: WatchSchema,
    { fromMs, toMs }: { fromMs: number; toMs: number },
  ): Promise<[part: string, devices: string[]][]> {
    const ids = await this.reader.heard(scope, schema, fromMs, toMs);
    if (conditionBy === null) return ids.length > 0 ? [['', [...ids]]] : [];
    const devices = byId(await this.reader.devices(scope, ids));
    const parts = new Map<string, string[]>();
    for (const id of ids) {
      const part = attributeOf(devices.get(id), conditionBy);
      const known = parts.get(part);
      if (known) known.push(id);
      else parts.set(part, [id]);
    }
    return [...parts].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** From a declared period: one watch, or with a condition one for each value of it. */
  private async declared(
    project: WatchedProject,
    baseline: BaselinePeriod,
    schema: WatchSchema,
    now: number,
  ): Promise<NewWatch[]> {
    const { scope, settings, roundMs } = project;
    const { fromMs, toMs, number } = baseline;
    const frame = frameOf(settings, {
      fromMs,
      roundMs,
      healthyRounds: Math.floor((toMs - fromMs) / roundMs),
    });
    const stored = await this.reader.build(scope, schema);
    const made: NewWatch[] = [];
    for (const [part, ids] of await this.partsOf(project, schema, baseline)) {
      const devices = ids.slice(0, this.options.maxDevices);
      const given = { scope, schema, frame, devices, members: [], now, budget: parseBudget(settings.budget) };
      const { reference, members, heard, watch } = await learnWatch(this.reader, given, this.options);
      made.push({
        ...schema,
        ...{
          id: this.newId(),
          baseline: number,
          part,
          frame,
          build: null,
          members,
          compared: null,
          tooLate: 0,
        },
        reference: stored ? withBuild(reference, stored.baseline) : reference,
        state: watch ? 'watching' : 'unable',
        reason: watch ? '' : `the healthy period has ${heard} windows, too few`,
        learned: watch?.save() ?? null,
        streamCount: watch?.streamCount ?? 0,
        arl0: watch?.arl0 ?? 0,
        closedRound: frame.healthyRounds - 1,
        readAtMs: now,
        quietUntil: null,
      });
    }
    return made;
  }

  /**
   * With what validation data said of the build, from its first window on. Nobody has to declare anything.
   * @returns undefined: none of its windows fits rounds yet
   */
  private async fromBuild(
    project: WatchedProject,
    schema: SeenSchema,
    { since, now, rows }: { since: number; now: number; rows: readonly (SchemaKey & { part: string })[] },
  ): Promise<NewWatch[] | undefined> {
    const { scope, settings, roundMs } = project;
    const known = rows.filter((row) => isSame(row, schema));
    if (known.length > 0 && settings.conditionBy === null) return [];
    const firstMs = await this.firstFitting(project, schema, { since, now });
    if (firstMs === undefined) return known.length > 0 ? [] : undefined;
    const period = { fromMs: known.length > 0 ? since : schema.firstHourMs, toMs: now };
    const parts = await this.partsOf(project, schema, period);
    const fresh = parts.filter(([part]) => !known.some((row) => row.part === part));
    if (fresh.length === 0) return [];
    const stored = await this.reader.build(scope, schema);
    const shape = { bins: schema.confidenceBins, labels: schema.labels };
    const reference = stored && buildReference(stored.baseline, shape);
    const build: WatchBuild | null = stored && reference ? { release: stored.release, reference } : null;
    const fromMs = Math.floor(firstMs / roundMs) * roundMs;
    const frame = frameOf(settings, { fromMs, roundMs, healthyRounds: teachingRounds(settings, roundMs) });
    return fresh.map(([part]) => ({
      ...schema,
      ...{ id: this.newId(), baseline: null, part, frame, build, members: [], tooLate: 0 },
      reference: build?.reference ?? emptyReference(shape),
      state: build ? ('starting' as const) : ('unable' as const),
      reason: build
        ? ''
        : 'no build of it ran through validation data, and no healthy period has its windows',
      ...{ learned: null, compared: null, streamCount: 0, arl0: 0, closedRound: -1, readAtMs: now },
      quietUntil: null,
    }));
  }

  /** Start of the first window that fits into rounds: longer ones are of another cadence, such as a history's. */
  private async firstFitting(
    { scope, roundMs }: WatchedProject,
    schema: SeenSchema,
    { since, now }: { since: number; now: number },
  ): Promise<number | undefined> {
    for (let fromMs = Math.max(schema.firstHourMs, since); fromMs <= now; fromMs += HOUR_MS) {
      const period = { fromMs, toMs: fromMs + HOUR_MS };
      const firstMs = await this.reader.firstWindow(scope, schema, {
        ...period,
        mostMs: longestWindowMs(roundMs),
      });
      if (firstMs !== undefined) return firstMs;
    }
    return undefined;
  }

  /** Rounds that are over; answers whether more of them are. */
  private async judge(
    project: WatchedProject,
    row: WatchRow,
    { now, streamCount }: { now: number; streamCount: number },
  ): Promise<boolean> {
    const { scope, settings } = project;
    const { frame, build } = row;
    const at = (round: number) => startOf(frame, round);
    const isStarting = row.state === 'starting';
    if (isStarting && row.closedRound >= frame.healthyRounds - 1) return await this.settle(project, row, now);
    const over = Math.floor((now - settings.settleSeconds * 1_000 - frame.fromMs) / frame.roundMs) - 1;
    const first = row.closedRound + 1;
    const most = isStarting ? Math.min(over, frame.healthyRounds - 1) : over;
    if (most < first) return false;
    const state = await this.reader.state(scope, row.id);
    if (!state || state.closedRound !== row.closedRound) return true;
    const last = Math.min(most, row.closedRound + this.chunkFor(state.members.length));
    const windows = await this.reader.windows(scope, row, {
      ...{ fromMs: at(first), toMs: at(last + 1) },
      lateFromMs: at(Math.max(first - frame.watermark - 1, isStarting ? 0 : frame.healthyRounds)),
      receivedFromMs: state.readAtMs - this.options.commitMs,
    });
    const rounds = deviceRounds(windows, frame.fromMs, frame.roundMs);
    const unknown = [...new Set(rounds.map(({ device }) => device))];
    const found = byId(
      await this.reader.devices(scope, [...new Set([...state.members.map(([id]) => id), ...unknown])]),
    );
    const { conditionBy } = frame;
    const own = rounds.filter(
      ({ device }) => conditionBy === null || attributeOf(found.get(device), conditionBy) === row.part,
    );
    const members = join(state.members, own).slice(
      0,
      Math.max(state.members.length, this.options.maxDevices),
    );
    const attributes = attributesOf(members, found, await this.reader.releases(scope, versionsOf(members)));
    const groups = groupsOf(attributes);
    const budget = parseBudget(settings.budget);
    const streams = streamsOf(row.reference);
    const compared = build ? streamsOf(build.reference).length * (1 + versionLevels(attributes).size) : 0;
    // The project has one budget; each stream gets as much of it as any other.
    const learnedCount = Math.max(0, row.streamCount - compared);
    const part = learnedCount > 0 ? learnedCount / Math.max(row.streamCount, streamCount) : 1;
    const options = {
      ...watchOptions(frame, { ...budget, pages: budget.pages * part }),
      ...{ devices: members.length, streams, groups },
    };
    const shape = JSON.stringify([options.budget, members.length, groups]);
    const held = this.held.get(row.id);
    this.held.delete(row.id);
    const isHeld = held?.closedRound === state.closedRound && held.shape === shape;
    const watch = isHeld
      ? held.watch
      : state.learned
        ? FleetWatch.restore(options, state.learned)
        : undefined;
    const before = state.members;
    const comparison = build
      ? openComparison(build, frame, { members, before, saved: state.compared })
      : undefined;
    const elsewhere = await this.elsewhere(scope, row, {
      ...{ members, rounds: own, last },
      fromMs: at(first - SILENT_ROUNDS),
      toMs: at(last + 1),
    });
    const outage = await this.reader.outageSeconds(at(last - 1), Math.min(now, at(last + 1)));
    const total = (watch?.streamCount ?? 0) + compared;
    const comparedArl0 = arl0OfBudget(budget, {
      streams: Math.max(1, streamCount, total),
      roundsPerHour: roundsPerHour(frame),
    });
    const isMine = await this.transact(async (stores) => {
      if (!(await stores.watches.lock(scope, row.id, state.closedRound))) return false;
      const round = new WatchRound(stores, {
        ...{ project, row, watch, members, attributes, groups, rounds: own },
        name: (j) => found.get(members[j]![0])?.name ?? members[j]![0],
        isOutage: outage > 0,
        elsewhere,
        against: comparison && build ? { comparison, build, arl0: comparedArl0 } : undefined,
      });
      await round.begin();
      const places = placesOf(members);
      const late = own.filter(({ round: of }) => of < first);
      let { tooLate } = state;
      if (watch) tooLate += observe(watch, row.reference, places, late, state.readAtMs);
      for (let t = first; t <= last; t++) {
        const due = own.filter(({ round: of }) => of === t);
        if (watch) observe(watch, row.reference, places, due);
        if (comparison && build) compare(comparison, build, places, due);
        await round.judge(t);
      }
      await stores.watches.advance(scope, row.id, {
        ...{ members, closedRound: last, readAtMs: now, tooLate, streamCount: total },
        learned: watch?.save() ?? null,
        compared: comparison?.save() ?? null,
        arl0: watch?.arl0 ?? comparedArl0,
      });
      return true;
    });
    if (isMine) this.held.set(row.id, { watch, closedRound: last, shape });
    return over > last;
  }

  /** Who is not heard of here may have gone on to other monitors. */
  private async elsewhere(
    scope: WatchedProject['scope'],
    row: WatchRow,
    given: {
      readonly members: readonly WatchMember[];
      readonly rounds: readonly DeviceRound[];
      readonly last: number;
      readonly fromMs: number;
      readonly toMs: number;
    },
  ): Promise<ReadonlySet<string>> {
    const { members, rounds, last, ...range } = given;
    const heard = new Set(rounds.filter(({ round }) => round === last).map(({ device }) => device));
    const quiet = members.map(([id]) => id).filter((id) => !heard.has(id));
    return new Set(quiet.length > 0 ? await this.reader.elsewhere(scope, row, quiet, range) : []);
  }

  private chunkFor(devices: number): number {
    return Math.max(
      1,
      Math.min(this.options.chunk, Math.floor(this.options.maxWindows / Math.max(1, devices))),
    );
  }

  /**
   * Its first rounds are over: it learns from them what its devices do. Too few that anybody was heard in teach nothing yet: twice as many
   * rounds, and when there may be no more, those that begin now.
   */
  private async settle(project: WatchedProject, row: WatchRow, now: number): Promise<boolean> {
    const { scope, settings } = project;
    const { frame } = row;
    const state = await this.reader.state(scope, row.id);
    if (!state || state.closedRound !== row.closedRound) return true;
    const { members } = state;
    const devices = members.map(([id]) => id);
    const budget = parseBudget(settings.budget);
    const given = { scope, schema: row, frame, devices, members, now, budget };
    const { reference, heard, heardRounds, watch } = await learnWatch(this.reader, given, this.options);
    const wanted = teachingRounds(settings, frame.roundMs);
    const isTaught = watch !== undefined && heardRounds >= TAUGHT * wanted;
    // Rounds of a clock pass also while the server stands still.
    if (watch && !isTaught && frame.healthyRounds >= MOST_ROUNDS)
      return await this.renew(project, row, {
        why: `too few rounds with windows, ${heardRounds} of ${wanted}`,
        now,
        fromMs: now,
      });
    const stored = await this.reader.build(scope, row);
    const longer: WatchFrame = { ...frame, healthyRounds: Math.min(MOST_ROUNDS, 2 * frame.healthyRounds) };
    const isOver = heard < LEAST_HEARD && frame.healthyRounds >= MOST_ROUNDS;
    return await this.transact(async ({ watches }) => {
      if (!(await watches.lock(scope, row.id, state.closedRound))) return true;
      const after = { ...state, learned: isTaught ? watch.save() : null };
      const count = state.streamCount + (isTaught ? watch.streamCount : 0);
      await watches.advance(
        ...([scope, row.id, { ...after, streamCount: count }] as const),
        isTaught
          ? {
              ...{ state: 'watching', reason: '', frame },
              reference: stored ? withBuild(reference, stored.baseline) : reference,
            }
          : {
              state: isOver ? 'unable' : 'starting',
              reason: isOver ? 'its devices are hardly heard' : '',
              ...{ frame: longer, reference: row.reference },
            },
      );
      return true;
    });
  }
}

/** Of a period that another one took the place of. */
const isOutdated = (row: WatchRow, baseline: BaselinePeriod | null): boolean =>
  baseline !== null && row.baseline !== null && row.baseline !== baseline.number;
