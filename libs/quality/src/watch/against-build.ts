/**
 * The fleet and each version of it against validation data: who is concerned, and by what. When some versions moved and others did
 * not, it is the versions; when those that moved have something else in common, it is they; else everyone.
 */
import { BuildComparison, EVERYONE, type ComparedLevel } from '../drift/build-comparison.js';
import type { Attributes } from '../drift/attribute-search.js';
import { comparedStreams, comparedValues } from './build-reference.js';
import { roundsPerHour, type WatchFrame } from './frame.js';
import { commonCause, subjectOf, type Found } from './incidents.js';
import type { WatchBuild, WatchMember } from './ports.js';
import type { DeviceRound } from './rounds.js';

const LEAST_VERSION = 3;
/** Above it a version stands where validation data has it. */
const STILL = 0.05;

/** Goes on where it was. @param before members when it was saved: one that runs another version since begins anew */
export function openComparison(
  build: WatchBuild,
  frame: WatchFrame,
  given: {
    readonly members: readonly WatchMember[];
    readonly before: readonly WatchMember[];
    readonly saved: Uint8Array | null;
  },
): BuildComparison {
  const { members, before, saved } = given;
  const options = {
    devices: Math.max(1, members.length),
    streams: comparedStreams(build.reference),
    // A day, and no more than a hundred rounds: what is shorter is told by fewer.
    memory: Math.min(96, Math.max(24, Math.round(24 * roundsPerHour(frame)))),
  };
  const comparison = saved ? BuildComparison.restore(options, saved) : new BuildComparison(options);
  before.forEach(([, version], j) => {
    if (members[j]?.[1] !== version) comparison.begin(j);
  });
  return comparison;
}

export function compare(
  comparison: BuildComparison,
  build: WatchBuild,
  places: ReadonlyMap<string, number>,
  rounds: readonly DeviceRound[],
): void {
  for (const { device, round, sums } of rounds) {
    const place = places.get(device);
    if (place !== undefined) comparison.observe(round, place, comparedValues(build.reference, sums));
  }
}

/** Versions that are judged as such, with their devices. */
export function versionLevels(attributes: readonly Attributes[]): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>();
  attributes.forEach(({ version }, j) => {
    if (version !== undefined) found.set(version, [...(found.get(version) ?? []), j]);
  });
  const levels = [...found].filter(([, members]) => members.length >= LEAST_VERSION);
  return new Map(levels.length > 1 ? levels : []);
}

/** Levels by what an alert calls them. */
export const levelName = (version: string): string => `version=${version}`;

export function findAgainstBuild(
  comparison: BuildComparison,
  attributes: readonly Attributes[],
  arl0: number,
): Found[] {
  const everybody = attributes.map((_, j) => j);
  const moved = (levels: readonly ComparedLevel[]) => levels.some(({ p }) => p <= 1 / arl0);
  const versions = [...versionLevels(attributes)].map(([version, members]) => ({
    ...{ version, members },
    levels: comparison.level(levelName(version), members),
  }));
  const concerned = versions.filter(({ levels }) => moved(levels));
  const isPart =
    concerned.length > 0 &&
    versions.some(({ levels }) => concerned.every((one) => levels[mainOf(one.levels)]!.p > STILL));
  if (isPart)
    return concerned.map(({ version, members, levels }) => {
      const cause = {
        values: [{ attribute: 'version', value: version }],
        ...{ members: members.length, drifted: members.length, covers: 1, purity: 1 },
        p: levels[mainOf(levels)]!.p,
      };
      return foundOf({ kind: 'attribute', cause, devices: members }, levels, members);
    });
  const levels = comparison.level(EVERYONE, everybody);
  if (!moved(levels)) return [];
  const part = partOf(comparison, attributes, levels);
  if (!part) return [foundOf({ kind: 'everyone', devices: everybody }, levels, [])];
  const own = comparison.level(subjectOf(part, String), part.devices);
  if (moved(own)) return [foundOf(part, own, part.devices)];
  // A person took that part for healthy: the others are still to be judged.
  const inside = new Set(part.devices);
  const others = everybody.filter((j) => !inside.has(j));
  const rest = comparison.level(EVERYONE, others);
  return moved(rest) ? [foundOf({ kind: 'everyone', devices: others }, rest, others)] : [];
}

/** A part that moves moves the mean of all; undefined: it is everyone. */
function partOf(
  comparison: BuildComparison,
  attributes: readonly Attributes[],
  levels: readonly ComparedLevel[],
): Extract<Found['scope'], { kind: 'attribute' }> | undefined {
  const main = mainOf(levels);
  const sign = Math.sign(levels[main]!.shift);
  const movements = attributes.map((_, j) => {
    const mean = comparison.meanOf(j, main);
    return mean === undefined ? undefined : sign * mean;
  });
  return commonCause(attributes, movements)?.scope;
}

function foundOf(scope: Found['scope'], levels: readonly ComparedLevel[], devices: readonly number[]): Found {
  const stream = mainOf(levels);
  const { shift, windows } = levels[stream]!;
  return {
    ...{ scope, stream, shift, windows, devices },
    subject: subjectOf(scope, String),
    standings: levels.map((one) => ({ windows: one.windows, shift: one.shift, score: scoreOf(one) })),
  };
}

const scoreOf = ({ shift, sd }: ComparedLevel): number => (sd > 0 ? shift / sd : 0);

/** The least likely; of those whose chance is too small for a number, the one that is farthest. */
function mainOf(levels: readonly ComparedLevel[]): number {
  let best = 0;
  levels.forEach((one, s) => {
    const { p } = levels[best]!;
    if (one.p < p || (one.p === p && Math.abs(scoreOf(one)) > Math.abs(scoreOf(levels[best]!)))) best = s;
  });
  return best;
}
