/**
 * Rounds of one watch within one transaction: closes each, ends incidents that are calm, opens new ones. What people decided about its
 * alerts since the last time is told to the watch first. What a person resolved goes on as an incident that tells nobody, until it is
 * calm or a day is over: who was told and looked is not told again of the same.
 */
import type { Attributes } from '../drift/attribute-search.js';
import { EVERYONE, type BuildComparison } from '../drift/build-comparison.js';
import type { Alarm, FleetWatch, WatchedGroup } from '../drift/fleet-watch.js';
import type { AlertEvidence, AlertIncident, AlertStores, HeldAlert, NewAlert } from '../alerts/ports.js';
import { ENGINE, calmNeeded, openAlert, resolveAlert } from '../alerts/life.js';
import { openSilence } from '../alerts/silence.js';
import { findAgainstBuild } from './against-build.js';
import { evidenceOf, verdictFor, withinShares } from './evidence.js';
import {
  coveredBy,
  discoveryRates,
  findIncidents,
  isCalm,
  meanRest,
  subjectOf,
  type Found,
  type OpenIncident,
} from './incidents.js';
import { startOf, wordsOfBuild, wordsOfOwn } from './frame.js';
import type { WatchBuild, WatchedProject, WatchMember, WatchRow } from './ports.js';
import { streamNames, streamsOf, type WatchReference } from './reference.js';
import type { DeviceRound } from './rounds.js';
import { findSilence, SILENT_ROUNDS, type Silence } from './silence.js';

type Stores = Pick<AlertStores, 'alerts' | 'events'>;
type Told = Pick<NewAlert, 'kind' | 'severity' | 'verdict' | 'scope' | 'subject' | 'title' | 'evidence'>;
export interface RoundGiven {
  readonly project: WatchedProject;
  readonly row: WatchRow;
  /** Undefined while its first rounds teach it. */
  readonly watch: FleetWatch | undefined;
  readonly members: readonly WatchMember[];
  readonly attributes: readonly Attributes[];
  readonly groups: readonly WatchedGroup[];
  /** Those that were read for this chunk. */
  readonly rounds: readonly DeviceRound[];
  readonly name: (device: number) => string;
  /** Nobody could reach us at the end of it: silence says nothing. */
  readonly isOutage: boolean;
  /** Ids of devices that send windows of other monitors by now: they are not silent. */
  readonly elsewhere: ReadonlySet<string>;
  /** Validation data, that the fleet and its versions are judged against. */
  readonly against: Against | undefined;
}
export interface Against {
  readonly comparison: BuildComparison;
  readonly build: WatchBuild;
  readonly arl0: number;
}
/** What an incident was judged by. */
interface Judge {
  readonly reference: WatchReference;
  readonly arl0: number;
  readonly words: string;
  readonly against: 'own' | 'build';
  /** Round of the change; those concerned run their version since so many rounds before it. */
  readonly changed: number;
  readonly sinceActivation: number | undefined;
}
/** A device that was not heard for so long is not expected any more. */
const FORGOTTEN_ROUNDS = 24;
const SHOWN_DEVICES = 50;
/** So long what a person resolved is not told again while it goes on. */
const RESOLVED_MS = 86_400_000;
/** What a person resolved is something else once it is so many times as far. */
const GROWN = 1.5;

export class WatchRound {
  /** Not released yet: those that a person resolved are among them. */
  private open: HeldAlert[] = [];
  private readonly places: ReadonlyMap<string, number>;
  private readonly byDevice = new Map<string, DeviceRound[]>();

  constructor(
    private readonly stores: Stores,
    private readonly given: RoundGiven,
  ) {
    this.places = new Map(given.members.map(([id], j) => [id, j]));
    for (const one of given.rounds) {
      const known = this.byDevice.get(one.device);
      if (known) known.push(one);
      else this.byDevice.set(one.device, [one]);
    }
  }

  async begin(): Promise<void> {
    const { project, row } = this.given;
    for (const alert of await this.stores.alerts.held(project.scope, row.id)) {
      if (alert.state !== 'resolved') this.open.push(alert);
      else if (alert.kind !== 'drift' || alert.accepted) await this.release(alert);
      else await this.keepQuiet(alert);
    }
  }

  private async keepQuiet(alert: HeldAlert): Promise<void> {
    const { project, row } = this.given;
    const resolvedRound = alert.incident.resolvedRound ?? row.closedRound + 1;
    const incident = { ...alert.incident, resolvedRound };
    if (alert.incident.resolvedRound === undefined)
      await this.stores.alerts.setIncident(project.scope, alert.number, incident);
    this.open.push({ ...alert, incident });
  }

  async judge(round: number): Promise<void> {
    const { watch, against } = this.given;
    if (round <= (this.given.row.quietUntil ?? -1)) this.setAside();
    const alarms = watch?.close(round) ?? [];
    against?.comparison.close(round);
    if (round <= (this.given.row.quietUntil ?? -1)) return;
    await this.endCalm(round);
    if (watch) await this.judgeOwn(watch, alarms, round);
    if (against) await this.judgeBuild(against, round);
    if (watch) await this.judgeSilence(watch, round);
  }

  /** Rounds that were judged before: whom an open alert is about teaches nothing in them. */
  private setAside(): void {
    const { watch } = this.given;
    for (const { scope, stream, devices, against } of this.incidents()) {
      if (against === 'build') continue;
      watch?.suspend(devices);
      if (scope === 'everyone' && devices.length === 0) watch?.suspendFleet(stream);
    }
  }

  private async judgeOwn(watch: FleetWatch, alarms: readonly Alarm[], round: number): Promise<void> {
    const { reference } = this.given.row;
    const streams = streamsOf(reference).length;
    const open = this.incidents();
    const rates = alarms.length > 0 ? discoveryRates(watch, this.given.members.length, streams, alarms) : [];
    for (const found of findIncidents(watch, alarms, { ...this.given, streams, open })) {
      const telling = this.tellingOf(withinShares(found, reference), streamNames(reference), 'own');
      const wider =
        telling.find(({ subject }) => subject === found.subject) ??
        coveredBy(found, telling, this.given.attributes);
      if (wider) {
        await this.join(wider.number, found, round);
        continue;
      }
      const { devices } = found;
      const changed = round - Math.max(0, found.windows - 1);
      const since = this.activated(devices);
      const judge: Judge = {
        ...{ reference, arl0: watch.arl0, words: wordsOfOwn(this.given.row), against: 'own', changed },
        // Since the first round nobody has changed anything.
        sinceActivation: since === undefined || since === 0 ? undefined : changed - since,
      };
      await this.tell(found, round, judge, Math.min(1, ...devices.map((j) => rates[j] ?? 1)));
    }
  }

  /** What is told of already is not told again: of a level that stays where it is, each look says the same. */
  private async judgeBuild({ comparison, build, arl0 }: Against, round: number): Promise<void> {
    const { attributes } = this.given;
    for (const found of findAgainstBuild(comparison, attributes, arl0)) {
      const ids = found.devices.map((j) => this.given.members[j]![0]);
      const telling = this.tellingOf(found, streamNames(build.reference), 'build');
      if (telling.some((one) => isInside(found, ids, one))) continue;
      const changed = Math.max(0, round - found.windows + 1);
      const judge: Judge = {
        ...{
          reference: build.reference,
          arl0,
          words: wordsOfBuild(build.release),
          against: 'build',
          changed,
        },
        // Its first round is that of the first window of these monitors: they came with an activation.
        sinceActivation: changed - (this.activated(found.devices) ?? 0),
      };
      await this.tell(found, round, judge, null);
    }
  }

  /**
   * Those that may have told of it already: of what a person resolved only that which goes on, the same stream on the same side and
   * hardly farther; shifts from different references are not compared.
   * @param names of the streams that it was found in
   */
  private tellingOf(found: Found, names: readonly string[], against: Judge['against']): HeldAlert[] {
    return this.open.filter(({ kind, state, incident }) => {
      if (kind !== 'drift' || state !== 'resolved') return kind === 'drift';
      const of = incident.against ?? 'own';
      return (
        this.streamNamesOf(of)?.[incident.stream] === names[found.stream] &&
        Math.sign(incident.shift) === Math.sign(found.shift) &&
        (of !== against || Math.abs(found.shift) <= GROWN * Math.abs(incident.shift))
      );
    });
  }

  private streamNamesOf(against: Judge['against']): readonly string[] | undefined {
    const { row, against: build } = this.given;
    const reference = against === 'own' ? row.reference : build?.build.reference;
    return reference && streamNames(reference);
  }

  /** Round since which the first of them runs its version. */
  private activated(devices: readonly number[]): number | undefined {
    return devices.length > 0 ? Math.min(...devices.map((j) => this.given.members[j]![2])) : undefined;
  }

  private incidents(): OpenIncident[] {
    return this.open
      .filter(({ kind }) => kind === 'drift')
      .map(({ number, scope, subject, incident }) => ({
        ...{ number, scope, subject },
        ...{ stream: incident.stream, shift: incident.shift, openedRound: incident.openedRound },
        against: incident.against ?? 'own',
        devices: this.positions(incident.devices),
      }));
  }

  private positions(ids: readonly string[]): number[] {
    return ids.map((id) => this.places.get(id)).filter((j) => j !== undefined);
  }

  /** The watch judges its devices again. */
  private async release(alert: HeldAlert): Promise<void> {
    const { watch, against } = this.given;
    const { incident, accepted, scope, kind } = alert;
    if (incident.against === 'build') {
      if (accepted) against?.comparison.accept(alert.subject, this.levelOf(incident.devices));
    } else if (watch && kind === 'drift') {
      const positions = this.positions(incident.devices);
      if (scope === 'everyone' && positions.length === 0)
        if (accepted) watch.resolveFleet(incident.stream, incident.shift);
        else watch.calmFleet(incident.stream);
      for (const j of positions)
        if (accepted) watch.resolve(j);
        else watch.calm(j);
    }
    await this.letGo(alert);
  }

  private async letGo({ number, accepted }: HeldAlert): Promise<void> {
    await this.stores.alerts.change(this.given.project.scope, number, {
      ...{ state: 'resolved', by: '', accepted, released: true },
    });
  }

  /** Places of those whom an incident against validation data is about; of everyone no devices are kept. */
  private levelOf(devices: readonly string[]): number[] {
    return devices.length > 0 ? this.positions(devices) : this.given.members.map((_, j) => j);
  }

  private isCalm(incident: OpenIncident): boolean | undefined {
    const { watch, against } = this.given;
    const { subject, stream, shift, devices } = incident;
    if (incident.against === 'own') return watch && isCalm(watch, incident);
    if (!against) return undefined;
    const members = devices.length > 0 ? devices : this.given.members.map((_, j) => j);
    const now = against.comparison.level(subject, members)[stream];
    return now && now.devices > 0 ? Math.sign(shift) * now.shift < Math.abs(shift) / 2 : undefined;
  }

  private async endCalm(round: number): Promise<void> {
    const { project, row } = this.given;
    for (const incident of this.incidents()) {
      const held = this.open.find(({ number }) => number === incident.number)!;
      const { resolvedRound = round } = held.incident;
      if ((round - resolvedRound) * row.frame.roundMs >= RESOLVED_MS) {
        await this.end(held, '');
        continue;
      }
      const calm = this.isCalm(incident);
      if (calm === undefined) continue;
      const rounds = calm ? held.incident.calm + 1 : 0;
      if (rounds === held.incident.calm) continue;
      if (rounds < calmNeeded(project.settings.calmRounds, held.reopened)) {
        await this.setCalm(held, rounds);
        continue;
      }
      await this.end(held, `calm for ${rounds} rounds of ${row.frame.roundMs / 1_000} s`);
    }
  }

  private async setCalm(held: HeldAlert, calm: number): Promise<void> {
    const incident = { ...held.incident, calm };
    await this.stores.alerts.setIncident(this.given.project.scope, held.number, incident);
    this.open = this.open.map((one) => (one === held ? { ...held, incident } : one));
  }

  private async end(held: HeldAlert, text: string): Promise<void> {
    const { scope } = this.given.project;
    const alert = await this.stores.alerts.lock(scope, held.number);
    // A person may have resolved it a moment ago; then the next round sees to it.
    const isResolvedNow = alert.state === 'resolved' && held.state !== 'resolved';
    if (alert.state !== 'resolved')
      await resolveAlert(this.stores, scope, alert, { by: ENGINE, text, calm: true });
    if (!isResolvedNow) await this.release({ ...held, accepted: false });
    this.open = this.open.filter((one) => one !== held);
  }

  /** More devices of an incident that is known. */
  private async join(number: number, found: Found, round: number): Promise<void> {
    const { project, watch, members } = this.given;
    const held = this.open.find((one) => one.number === number)!;
    // The fleet's own incident has no devices, and ends by what the fleet does.
    const isFleet = held.scope === 'everyone' && held.incident.devices.length === 0;
    const joined = isFleet ? [] : found.devices;
    watch?.suspend(joined);
    const devices = [...new Set([...held.incident.devices, ...joined.map((j) => members[j]![0])])];
    const incident = { ...held.incident, devices, calm: 0 };
    await this.stores.alerts.seen(project.scope, number, this.at(round + 1), incident);
    this.open = this.open.map((one) => (one === held ? { ...held, incident } : one));
  }

  private async tell(
    estimated: Found,
    round: number,
    judge: Judge,
    falseDiscoveryRate: number | null,
  ): Promise<void> {
    const { watch, members, rounds, name } = this.given;
    const { reference, changed, sinceActivation, arl0, words } = judge;
    const found = withinShares(estimated, reference);
    const { devices, scope, stream, shift, subject } = found;
    const concerned = new Set(devices.map((j) => members[j]![0]));
    const isEverybody = scope.kind === 'everyone' && devices.length === 0;
    const own = isEverybody ? rounds : [...concerned].flatMap((id) => this.byDevice.get(id) ?? []);
    const sumsSince = (first: number) =>
      own.filter((one) => one.round >= first && one.round <= round).map(({ sums }) => sums);
    // Of a part of the fleet the others' hour has taken some of its shift.
    const isSeen = judge.against === 'own' && scope.kind !== 'attribute';
    const verdict = verdictFor(found, reference, {
      ...{ sums: sumsSince(changed), newest: sumsSince(round), sinceActivation, name },
      rests: found.standings.map((_, s) => (watch && isSeen ? meanRest(watch, s, devices) : undefined)),
    });
    const who = devices.length > 0 ? devices : members.map((_, j) => j);
    const isMine = await this.put(
      {
        kind: 'drift',
        severity: scope.kind === 'device' ? 'warning' : 'critical',
        verdict: verdict.kind,
        scope: scope.kind,
        subject,
        title: verdict.title,
        evidence: evidenceOf(found, streamNames(reference), {
          ...this.evidence([...verdict.evidence, `judged against ${words}`], who),
          changedAt: new Date(this.at(changed)).toISOString(),
          ...{ arl0, falseDiscoveryRate, judgedAgainst: words, formula: formulaOf(judge, stream) },
        }),
      },
      {
        ...{ stream, shift, devices: [...concerned], openedRound: round, calm: 0 },
        ...(judge.against === 'build' ? { against: 'build' as const } : {}),
      },
      round,
    );
    // What the alert of another watch stands for, nobody would set free again here; and validation data sets nobody aside: what devices
    // do beside that is judged by what they did before.
    if (!isMine || judge.against === 'build') return;
    watch?.suspend(devices);
    if (isEverybody) watch?.suspendFleet(stream);
  }

  /** False: an alert of another watch is open for this subject, and was seen again. */
  private async put(alert: Told, incident: AlertIncident, round: number): Promise<boolean> {
    const { settings, scope } = this.given.project;
    const whole = this.newAlert(alert, incident, round);
    const opened = await openAlert(this.stores, scope, whole, settings);
    if (opened === undefined) return false;
    const { number } = opened;
    // What was told of these devices alone is a part of it.
    const inside = new Set(incident.devices);
    for (const one of this.open)
      if (one.kind === 'drift' && one.scope === 'device' && alert.scope !== 'device')
        if (one.incident.devices.every((id) => inside.has(id))) {
          const part = await this.stores.alerts.lock(scope, one.number);
          if (part.state === 'resolved' && one.state !== 'resolved') continue;
          if (part.state === 'resolved') await this.letGo(one);
          else {
            const text = `part of alert ${number}`;
            await resolveAlert(this.stores, scope, part, { by: ENGINE, text, released: true });
          }
          this.open = this.open.filter((other) => other !== one);
        }
    this.hold(opened, whole);
    return true;
  }

  private newAlert(alert: Told, incident: AlertIncident, round: number): NewAlert {
    const { project, row } = this.given;
    const { owner } = project.settings;
    return { ...alert, ...{ model: row.model, watch: row.id, incident, atMs: this.at(round + 1), owner } };
  }

  private hold(
    { number, reopened }: Pick<HeldAlert, 'number' | 'reopened'>,
    { kind, subject, scope, incident }: NewAlert,
  ): void {
    this.open.push({
      ...{ number, kind, subject, scope, incident, reopened },
      ...{ state: 'open', accepted: false },
    });
  }

  private async judgeSilence(watch: FleetWatch, round: number): Promise<void> {
    const { project, members, row, attributes, isOutage, name, elsewhere } = this.given;
    const last = members.map((_, j) => watch.lastRoundOf(j));
    const expected = members
      .map((_, j) => j)
      .filter((j) => last[j]! >= round - FORGOTTEN_ROUNDS && !elsewhere.has(members[j]![0]));
    const silent = isOutage ? [] : expected.filter((j) => last[j]! <= round - SILENT_ROUNDS);
    const found: Silence | undefined = findSilence(attributes, {
      ...{ expected, silent, presence: row.reference.presence },
    });
    for (const held of this.open.filter(({ kind }) => kind === 'silence')) {
      const known = this.positions(held.incident.devices);
      const heard = known.filter((j) => last[j]! > round - SILENT_ROUNDS);
      const calm = 2 * heard.length > known.length ? held.incident.calm + 1 : 0;
      if (calm >= calmNeeded(1, held.reopened))
        await this.end(held, `${heard.length} of ${known.length} devices are heard again`);
      else if (calm !== held.incident.calm) await this.setCalm(held, calm);
    }
    if (!found) return;
    const subject = subjectOf(found.scope, name);
    if (
      this.open.some(
        (one) => one.kind === 'silence' && (one.subject === subject || one.subject === 'everyone'),
      )
    )
      return;
    const who = found.scope.kind === 'everyone' ? 'the whole fleet' : subject;
    const alert = this.newAlert(
      {
        kind: 'silence',
        ...{ severity: 'critical', verdict: null, scope: found.scope.kind, subject },
        title: `Silent: ${who}`,
        evidence: {
          ...this.evidence(
            [
              `${found.silent.length} of ${found.expected} devices sent nothing for ${SILENT_ROUNDS} rounds of ${row.frame.roundMs / 1_000} s`,
              `while all is well a device is heard in ${(100 * row.reference.presence).toFixed(0)} % of the rounds`,
            ],
            found.silent,
          ),
          ...{ shifts: [], arl0: null, falseDiscoveryRate: null, judgedAgainst: wordsOfOwn(row) },
          formula: 'missed-rounds',
          changedAt: new Date(this.at(round - SILENT_ROUNDS + 1)).toISOString(),
        },
      },
      { stream: 0, shift: 0, devices: found.silent.map((j) => members[j]![0]), openedRound: round, calm: 0 },
      round,
    );
    const { scope, settings } = project;
    const sinceMs = this.at(Math.max(...found.silent.map((j) => last[j]!)) + 1);
    const opened = await openSilence(this.stores, scope, alert, { sinceMs, settings });
    if (!opened) return;
    this.open = this.open.filter(({ number }) => !opened.parts.includes(number));
    this.hold(opened, { ...alert, incident: { ...alert.incident, devices: opened.devices } });
  }

  private evidence(statements: readonly string[], devices: readonly number[]) {
    const { row, name } = this.given;
    const { frame, baseline } = row;
    const [from, to] = [this.at(0), startOf(frame, frame.healthyRounds)].map((ms) =>
      new Date(ms).toISOString(),
    );
    return {
      statements: [...statements],
      devices: devices.slice(0, SHOWN_DEVICES).map(name),
      deviceCount: devices.length,
      roundSeconds: Math.round(frame.roundMs / 1_000),
      baseline:
        baseline === null || row.reference.isNewest ? null : { number: baseline, from: from!, to: to! },
    };
  }

  /** When a round began. */
  private at(round: number): number {
    return startOf(this.given.row.frame, round);
  }
}

function formulaOf({ against, reference }: Judge, stream: number): NonNullable<AlertEvidence['formula']> {
  const { statistic } = streamsOf(reference)[stream]!;
  return against === 'own' ? `cusum-of-a-${statistic}` : `${statistic}-against-validation-data`;
}

/** Is it told of by this alert? Everyone, once resolved, is no part of the fleet. @param devices ids; none: everyone */
const isInside = ({ subject }: Found, devices: readonly string[], open: HeldAlert): boolean =>
  open.subject === subject ||
  (open.incident.against === 'build' &&
    ((open.subject === EVERYONE && open.state !== 'resolved') ||
      (devices.length > 0 && devices.every((id) => open.incident.devices.includes(id)))));
