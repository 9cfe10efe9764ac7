/**
 * From the alarms of a round to incidents: who is concerned, what moved, and when it is over. One incident is one page, so alarms that
 * belong together are put together, and what an open incident explains opens no other.
 *
 * Calm: a device of an incident counts as calm in a round when it is nearer to its own mean than to where it had moved, which is the
 * rule of two means at equal cost; a group and everyone, when most of those that were heard are. So many calm rounds in a row end it.
 */
import { averageE, adjustedP, shiftEvidence } from '../drift/false-discovery.js';
import {
  searchAttributes,
  hypergeometricTail,
  type Attributes,
  type Cause,
} from '../drift/attribute-search.js';
import type { Alarm, FleetWatch, Standing, WatchedGroup } from '../drift/fleet-watch.js';
import { scopeOf, type Scope } from '../drift/scope.js';
import { TRIM } from '../drift/shared-hour.js';

export interface Found {
  readonly scope: Exclude<Scope, { kind: 'devices' }>;
  readonly subject: string;
  readonly stream: number;
  readonly shift: number;
  readonly windows: number;
  /** Positions of devices that are set aside while it is open. */
  readonly devices: readonly number[];
  /** Standings by stream, of those concerned together. */
  readonly standings: readonly Standing[];
}
/** An incident that is open, with positions of its devices. */
export interface OpenIncident {
  readonly number: number;
  readonly scope: 'device' | 'attribute' | 'everyone';
  readonly subject: string;
  readonly stream: number;
  readonly shift: number;
  /** What it was judged against: what devices did before, or validation data of the build. */
  readonly against: 'own' | 'build';
  readonly devices: readonly number[];
  /** Round in which it was opened. */
  readonly openedRound: number;
}

/** An incident of one device that is not older than this may be the beginning of a wider one. */
const JOINED_ROUNDS = 24;
/** Chance, corrected for all that is tried, below which a cause is no coincidence. */
const LIKELY = 0.01;

export const subjectOf = (scope: Found['scope'], name: (device: number) => string): string => {
  switch (scope.kind) {
    case 'device':
      return `device=${name(scope.device)}`;
    case 'everyone':
      return 'everyone';
    case 'attribute':
      return scope.cause.values.map(({ attribute, value }) => `${attribute}=${value}`).join(' ');
  }
};

export function findIncidents(
  watch: FleetWatch,
  alarms: readonly Alarm[],
  fleet: {
    readonly attributes: readonly Attributes[];
    readonly groups: readonly WatchedGroup[];
    readonly streams: number;
    readonly name: (device: number) => string;
    readonly open: readonly OpenIncident[];
  },
): Found[] {
  if (alarms.length === 0) return [];
  const { attributes, groups, open, name } = fleet;
  const found: Found[] = [];
  const add = (
    scope: Found['scope'],
    { stream, shift: estimate, windows }: Alarm,
    devices: readonly number[],
    own = alarms,
  ) => {
    const shift = seenShift(watch, stream, devices, estimate);
    const given = { alarms: own, streams: fleet.streams };
    const standings = standingsOf(watch, scope, devices, given).map((one, s) => ({
      ...one,
      shift: s === stream ? shift : seenShift(watch, s, devices, one.shift),
    }));
    found.push({ ...{ scope, stream, shift, windows, devices, standings }, subject: subjectOf(scope, name) });
  };
  const ofFleet = strongest(alarms.filter(({ level }) => level === 'fleet'));
  const part = ofFleet && partOfFleet(watch, attributes, ofFleet);
  if (part) add(part.scope, { ...ofFleet, shift: part.shift }, part.scope.devices);
  else if (ofFleet) add({ kind: 'everyone', devices: attributes.map((_, j) => j) }, ofFleet, []);
  const inside = new Set(part?.scope.devices);
  const others = alarms.filter(
    (alarm) =>
      alarm.level !== 'fleet' &&
      // What they share took half of it for the others', who moved nowhere.
      !(part && (alarm.stream === part.stream || alarm.level === 'group' || inside.has(alarm.index))) &&
      !isLeftBehind(watch, alarm, fleet),
  );
  const main = strongest(others);
  if (!main) return found;
  const sign = Math.sign(main.shift) as 1 | -1;
  const moved = new Map<number, 1 | -1>();
  for (const { level, index, shift } of others) if (level === 'device') moved.set(index, shift < 0 ? -1 : 1);
  const fresh = [...moved.keys()];
  // A wider incident may have begun with one device, whose level does not move any more since.
  for (const one of open)
    if (one.scope === 'device' && one.stream === main.stream && Math.sign(one.shift) === sign)
      if (watch.closed - one.openedRound <= JOINED_ROUNDS) for (const j of one.devices) moved.set(j, sign);
  const scope = moved.size > 0 ? scopeOf(attributes, watch.levels(main.stream), moved) : undefined;
  if (scope && (scope.kind === 'attribute' || scope.kind === 'everyone')) {
    add(scope, main, scope.devices);
    return found;
  }
  const group = strongest(others.filter(({ level }) => level === 'group'));
  if (group && fresh.length === 0) {
    const wide = ofGroup(groups[group.index]!, watch.levels(group.stream), group, attributes);
    add(wide, group, wide.devices);
    return found;
  }
  const own = new Map<number, Alarm[]>(fresh.map((j) => [j, []]));
  for (const alarm of others) if (alarm.level === 'device') own.get(alarm.index)!.push(alarm);
  for (const [j, all] of own) add({ kind: 'device', device: j }, strongest(all)!, [j], all);
  return found;
}

/**
 * What all share moves with most of them, and those that stay lag behind it: the fleet alarms, or those that stayed do. How far each is
 * from its own past, the shared hour included, tells who moved; with something in common it is they, and not everyone.
 */
function partOfFleet(
  watch: FleetWatch,
  attributes: readonly Attributes[],
  { stream, shift: estimate }: Alarm,
): { scope: Extract<Scope, { kind: 'attribute' }>; stream: number; shift: number } | undefined {
  const sign = Math.sign(estimate);
  const shared = watch.fleetRestOf(stream) ?? 0;
  // Who is set aside moved no fleet.
  const movements = attributes.map((_, j) => {
    const rest = watch.isSuspended(j) ? undefined : watch.restOf(j, stream);
    return rest === undefined ? undefined : sign * (shared + rest);
  });
  const heard = movements.filter((one) => one !== undefined).length;
  // A few devices prove nothing, but who moved is said by nothing better; those whom the trimmed mean leaves out did not move it.
  const isEnough = ({ p, covers, purity, drifted }: Cause) =>
    drifted > TRIM * covers * heard && (p <= LIKELY || (covers === 1 && purity === 1));
  const part = commonCause(attributes, movements, isEnough);
  return part && { scope: part.scope, stream, shift: sign * part.size };
}

/**
 * What those have in common that moved half as far as the others of them, or farther; undefined: nothing, or all moved.
 * @param movements by device; undefined: not heard
 */
export function commonCause(
  attributes: readonly Attributes[],
  movements: readonly (number | undefined)[],
  isEnough = ({ p }: Cause): boolean => p <= LIKELY,
): { readonly scope: Extract<Scope, { kind: 'attribute' }>; readonly size: number } | undefined {
  const heard = attributes.flatMap((own, j) => {
    const movement = movements[j];
    return movement === undefined ? [] : [{ own, movement }];
  });
  const size = sizeOfMoved(heard.map(({ movement }) => movement));
  const moved = heard.map(({ movement }) => movement >= size / 2);
  const hits = moved.filter(Boolean).length;
  const found = searchAttributes(
    heard.map(({ own }) => own),
    moved,
    { limit: 10, alpha: 1 },
  );
  const cause = found.find((one) => {
    const { covers, purity, members, drifted } = one;
    const outside = (hits - drifted) / Math.max(1, heard.length - members);
    return covers >= 0.6 && purity - outside >= 0.5 && isEnough(one);
  });
  if (!cause) return undefined;
  const devices = attributes
    .map((_, j) => j)
    .filter((j) => cause.values.every(({ attribute, value }) => attributes[j]![attribute] === value));
  return { scope: { kind: 'attribute', cause, devices }, size };
}

/** Everyone moved, and those stay where they were: they alarm because they lag behind the others. */
function isLeftBehind(
  watch: FleetWatch,
  { level, index, stream, shift }: Alarm,
  { groups, open }: { readonly groups: readonly WatchedGroup[]; readonly open: readonly OpenIncident[] },
): boolean {
  const members = level === 'group' ? groups[index]!.members : [index];
  const rest = meanRest(watch, stream, members) ?? 0;
  const shared = watch.fleetRestOf(stream);
  if (shared === undefined) return false;
  return open.some(
    (one) =>
      one.scope === 'everyone' &&
      one.against === 'own' &&
      one.stream === stream &&
      Math.sign(one.shift) !== Math.sign(shift) &&
      Math.sign(shift) * (shared + rest) < Math.abs(one.shift) / 2,
  );
}

/** Mean of those that moved, the others being at 0: two means at equal cost, of which one is known. */
function sizeOfMoved(movements: readonly number[]): number {
  let size = Math.max(0, ...movements);
  for (let i = 0; i < 10; i++) {
    const moved = movements.filter((one) => one >= size / 2);
    const mean = moved.reduce((sum, one) => sum + one, 0) / Math.max(1, moved.length);
    if (mean === size) break;
    size = mean;
  }
  return size;
}

/** The open incident that explains this one, so that nobody is told of it: a wider one that the device belongs to. */
export function coveredBy<T extends Pick<OpenIncident, 'scope' | 'subject'>>(
  { scope }: Found,
  open: readonly T[],
  attributes: readonly Attributes[],
): T | undefined {
  if (scope.kind !== 'device') return undefined;
  const own = attributes[scope.device]!;
  return open.find(
    (one) =>
      one.scope === 'attribute' &&
      one.subject.split(' ').every((pair) => {
        const at = pair.indexOf('=');
        return own[pair.slice(0, at)] === pair.slice(at + 1);
      }),
  );
}

/** True: calm in this round; false: not; undefined: nobody concerned was heard, or too few to say what the fleet does. */
export function isCalm(
  watch: FleetWatch,
  { scope, stream, shift, devices }: OpenIncident,
): boolean | undefined {
  const near = (rest: number): boolean => Math.sign(shift) * rest < Math.abs(shift) / 2;
  if (scope === 'everyone' && devices.length === 0) {
    const rest = watch.fleetRestOf(stream);
    return rest === undefined ? undefined : near(rest);
  }
  let [calm, heard] = [0, 0];
  for (const j of devices) {
    const rest = watch.restOf(j, stream);
    if (rest === undefined) continue;
    heard++;
    if (near(rest)) calm++;
  }
  return heard === 0 ? undefined : 2 * calm > heard;
}

/** Least false discovery rate of each device, over all streams, by e-BH: it ranks what is shown. */
export function discoveryRates(
  watch: Pick<FleetWatch, 'standing'>,
  devices: number,
  streams: number,
  alarms: readonly Alarm[],
): Float64Array {
  const alarmed = alarmsByPlace(alarms, streams);
  const p = Array.from({ length: devices }, (_, j) => {
    const evidence = Array.from({ length: streams }, (__, s) => {
      const alarm = alarmed('device', j, s);
      const { windows, score } = alarm
        ? { windows: alarm.windows, score: alarm.meanScore * Math.sqrt(alarm.windows) }
        : watch.standing('device', j, s);
      return shiftEvidence(score * Math.sqrt(windows), windows);
    });
    return Math.min(1, 1 / averageE(evidence));
  });
  return adjustedP(p);
}

/** The first alarm of each stream of a device, a group or the fleet. */
function alarmsByPlace(alarms: readonly Alarm[], streams: number) {
  const found = {
    device: new Map<number, Alarm>(),
    group: new Map<number, Alarm>(),
    fleet: new Map<number, Alarm>(),
  };
  for (const alarm of alarms) {
    const key = alarm.index * streams + alarm.stream;
    if (!found[alarm.level].has(key)) found[alarm.level].set(key, alarm);
  }
  return (level: Alarm['level'], index: number, stream: number): Alarm | undefined =>
    found[level].get(index * streams + stream);
}

/**
 * Scores are clipped, so that a great shift looks like a smaller one: then what is seen in this round counts.
 * @param devices none: of the fleet
 */
function seenShift(watch: FleetWatch, stream: number, devices: readonly number[], estimate: number): number {
  const mean = meanRest(watch, stream, devices) ?? 0;
  return Math.sign(mean) === Math.sign(estimate) && Math.abs(mean) > Math.abs(estimate) ? mean : estimate;
}

/** How far those are from what they did before in this round; of no devices, the fleet. Undefined: not known. */
export function meanRest(watch: FleetWatch, stream: number, devices: readonly number[]): number | undefined {
  if (devices.length === 0) return watch.fleetRestOf(stream);
  const rests = devices.map((j) => watch.restOf(j, stream)).filter((rest) => rest !== undefined);
  return rests.length > 0 ? rests.reduce((sum, rest) => sum + rest, 0) / rests.length : undefined;
}

function ofGroup(
  { attribute, value, members }: WatchedGroup,
  levels: Float64Array,
  { shift }: Alarm,
  attributes: readonly Attributes[],
): Extract<Scope, { kind: 'attribute' }> {
  const moving = levels.map((level) => (Math.sign(level) === Math.sign(shift) ? 1 : 0));
  const drifted = members.filter((j) => moving[j] === 1);
  const isDrifted = new Set(drifted);
  const hits = moving.reduce((sum, one) => sum + one, 0);
  // Two values together may say it better than the one that alarmed.
  const better = searchAttributes(
    attributes,
    attributes.map((_, j) => isDrifted.has(j) && Math.abs(levels[j]!) >= 0.4),
  )[0];
  const cause = better ?? {
    values: [{ attribute, value }],
    members: members.length,
    drifted: drifted.length,
    covers: hits > 0 ? drifted.length / hits : 1,
    purity: drifted.length / members.length,
    p: hypergeometricTail(drifted.length, members.length, hits, levels.length),
  };
  return { kind: 'attribute', cause, devices: drifted.length > 0 ? drifted : members };
}

/** By stream, of those concerned together. */
export function standingsOf(
  watch: Pick<FleetWatch, 'standing'>,
  scope: Pick<Scope, 'kind'>,
  devices: readonly number[],
  given: { readonly alarms: readonly Alarm[]; readonly streams: number },
): Standing[] {
  const { alarms, streams } = given;
  const alarmed = alarmsByPlace(alarms, streams);
  const of = (level: Alarm['level'], index: number, s: number): Standing => {
    // The sum of a stream that alarmed has begun anew.
    const alarm = alarmed(level, index, s);
    if (!alarm) return watch.standing(level, index, s);
    return { windows: alarm.windows, shift: alarm.shift, score: alarm.meanScore * Math.sqrt(alarm.windows) };
  };
  return Array.from({ length: streams }, (_, s) => {
    if (scope.kind === 'everyone' && devices.length === 0) return of('fleet', 0, s);
    const all = devices.map((j) => of('device', j, s)).filter(({ windows }) => windows > 0);
    if (all.length === 0) return { windows: 0, shift: 0, score: 0 };
    const mean = (pick: (one: Standing) => number) =>
      all.reduce((sum, one) => sum + pick(one), 0) / Math.max(1, devices.length);
    // Members that do not move pull it towards 0; the scores of many add up.
    return {
      windows: Math.max(...all.map(({ windows }) => windows)),
      shift: mean(({ shift }) => shift),
      score: mean(({ score }) => score) * Math.sqrt(devices.length),
    };
  });
}

function strongest(alarms: readonly Alarm[]): Alarm | undefined {
  // Between streams of different units the one that most alarmed, then the one that is surest.
  const count = new Map<number, number>();
  for (const { stream } of alarms) count.set(stream, (count.get(stream) ?? 0) + 1);
  return [...alarms].sort(
    (a, b) =>
      count.get(b.stream)! - count.get(a.stream)! ||
      Math.abs(b.meanScore) * Math.sqrt(b.windows) - Math.abs(a.meanScore) * Math.sqrt(a.windows),
  )[0];
}
