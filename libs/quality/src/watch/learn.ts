/**
 * Learns a watch from the rounds that teach it. The windows are read twice, a bounded number at a time: for what values are measured by,
 * then for what devices do. What FleetWatch keeps of these rounds is bounded, too: of a larger fleet the devices that were heard first
 * teach the noise, and the others begin as their groups are.
 */
import type { ProjectScope } from '@tinyfleet/contracts';
import { FleetWatch } from '../drift/fleet-watch.js';
import type { PageBudget } from '../drift/page-budget.js';
import { attributesOf, groupsOf } from './fleet.js';
import { startOf, watchOptions, type WatchFrame } from './frame.js';
import { byId, join, observe, placesOf, versionsOf } from './members.js';
import type { WatchMember, WatchReader, WatchSchema } from './ports.js';
import { ReferenceLearner, streamsOf, type WatchReference } from './reference.js';
import { deviceRounds, type DeviceRound } from './rounds.js';

export interface LearnLimits {
  /** Of one read. */
  readonly maxWindows: number;
  /** Memory that the rounds that teach a watch may take. */
  readonly learnBytes: number;
}
export interface LearnGiven {
  readonly scope: ProjectScope;
  readonly schema: WatchSchema;
  readonly frame: WatchFrame;
  /** Ids of the devices that are watched. */
  readonly devices: readonly string[];
  /** Those that have their places already. */
  readonly members: readonly WatchMember[];
  readonly budget: PageBudget;
  readonly now: number;
}
export interface Learned {
  readonly reference: WatchReference;
  readonly members: readonly WatchMember[];
  /** Windows of a device in a round, all of them. */
  readonly heard: number;
  /** Rounds that any of them was heard in. */
  readonly heardRounds: number;
  /** Undefined: too little was heard. */
  readonly watch: FleetWatch | undefined;
}

/** Fewer windows teach nothing about what they do. */
export const LEAST_HEARD = 24;
/** Value and variance of a stream. */
const BYTES_OF_VALUE = 16;

/** How many devices may teach so many streams for so many rounds. */
export const mostLearned = (bytes: number, streams: number, rounds: number): number =>
  Math.max(1, Math.floor(bytes / (BYTES_OF_VALUE * streams * rounds)));

export async function learnWatch(
  reader: WatchReader,
  given: LearnGiven,
  limits: LearnLimits,
): Promise<Learned> {
  const { scope, schema, frame } = given;
  const learner = new ReferenceLearner(schema.confidenceBins);
  let members: readonly WatchMember[] = given.members;
  let heardRounds = 0;
  for await (const rounds of healthyRounds(reader, given, limits)) {
    members = join(members, rounds);
    for (const { sums } of rounds) learner.add(sums);
    heardRounds += new Set(rounds.map(({ round }) => round)).size;
  }
  const heard = learner.windows;
  const presence = heard / Math.max(1, members.length * frame.healthyRounds);
  const reference = learner.finish(schema.labels, presence);
  if (heard < LEAST_HEARD) return { reference, members, heard, heardRounds, watch: undefined };
  const found = byId(
    await reader.devices(
      scope,
      members.map(([id]) => id),
    ),
  );
  const groups = groupsOf(attributesOf(members, found, await reader.releases(scope, versionsOf(members))));
  const streams = streamsOf(reference);
  const most = mostLearned(limits.learnBytes, streams.length, frame.healthyRounds);
  const teachers = Math.min(members.length, most);
  const options = { ...watchOptions(frame, given.budget), streams };
  const watch = new FleetWatch({
    ...options,
    devices: teachers,
    groups: groups.map((one) => ({ ...one, members: one.members.filter((j) => j < teachers) })),
  });
  const places = placesOf(members.slice(0, teachers));
  for await (const rounds of healthyRounds(reader, given, limits)) observe(watch, reference, places, rounds);
  for (let t = 0; t < frame.healthyRounds; t++) watch.close(t);
  const all = { ...options, devices: members.length, groups };
  const whole = teachers < members.length ? FleetWatch.restore(all, watch.save()) : watch;
  return { reference, members, heard, heardRounds, watch: whole };
}

/** Those of the devices that are watched, in the order of time. */
async function* healthyRounds(
  reader: WatchReader,
  { scope, schema, frame, devices, now }: LearnGiven,
  { maxWindows }: LearnLimits,
): AsyncGenerator<DeviceRound[]> {
  const kept = new Set(devices);
  const step = roundsOfRead(maxWindows, devices.length);
  for (let first = 0; first < frame.healthyRounds; first += step) {
    const end = startOf(frame, Math.min(frame.healthyRounds, first + step));
    const range = { fromMs: startOf(frame, first), toMs: end, lateFromMs: end, receivedFromMs: now };
    const windows = await reader.windows(scope, schema, range);
    yield deviceRounds(windows, frame.fromMs, frame.roundMs).filter(({ device }) => kept.has(device));
  }
}

/** Rounds of one read. */
export const roundsOfRead = (maxWindows: number, devices: number): number =>
  Math.max(1, Math.floor(maxWindows / Math.max(1, devices)));
