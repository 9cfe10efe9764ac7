/** The answer for many devices: how many can take a release, cannot (why), or have the last word themselves. */
import type { Resource } from '@tinyfleet/contracts';
import { doubtAbout, noBuildFor, obstacleTo, type DeviceAbilities, type Obstacle } from './compatibility.js';
import type { AbilityGroup, ReleaseFacts, TargetDevice } from './ports.js';
import { byReason } from './reasons.js';

type Judged = Pick<TargetDevice, 'typeId' | 'type' | 'abilities' | 'hasGreeted'>;

export interface Judgement {
  readonly artifact: ReleaseFacts['artifacts'][number] | undefined;
  readonly obstacle: Obstacle | undefined;
  /** Nothing known is in the way, and not all is known. */
  readonly doubt: string | undefined;
}

/** By release, what a device can, and its type: a fleet has few of these. */
const known = new WeakMap<ReleaseFacts, Map<DeviceAbilities, Map<string, Judgement>>>();

export function judgementOf(device: Judged, release: ReleaseFacts): Judgement {
  const ofRelease = known.get(release) ?? new Map<DeviceAbilities, Map<string, Judgement>>();
  known.set(release, ofRelease);
  const byType = ofRelease.get(device.abilities) ?? new Map<string, Judgement>();
  ofRelease.set(device.abilities, byType);
  const key = `${device.typeId} ${device.hasGreeted}`;
  const found = byType.get(key) ?? judgeNow(device, release);
  byType.set(key, found);
  return found;
}

function judgeNow({ typeId, type, abilities, hasGreeted }: Judged, { artifacts }: ReleaseFacts): Judgement {
  const artifact = artifacts.find((one) => one.typeId === typeId);
  if (!artifact) return { artifact, obstacle: noBuildFor(type), doubt: undefined };
  const obstacle = obstacleTo(artifact.needs, abilities);
  return {
    artifact,
    obstacle,
    doubt: obstacle ? undefined : doubtAbout(artifact.needs, abilities, hasGreeted),
  };
}

/** Devices that are alike, and what was judged of them. */
export interface TableLine extends Pick<Judgement, 'obstacle' | 'doubt'> {
  readonly devices: number;
  /** Some of them. */
  readonly sample: readonly string[];
}

export function tableOf(lines: readonly TableLine[]): Resource<'Compatibility'> {
  const count = (some: readonly TableLine[]): number => some.reduce((sum, { devices }) => sum + devices, 0);
  return {
    devices: count(lines),
    can: count(lines.filter(({ obstacle, doubt }) => !obstacle && doubt === undefined)),
    unknown: count(lines.filter(({ obstacle, doubt }) => !obstacle && doubt !== undefined)),
    cannot: byReason(
      lines.flatMap(({ obstacle, devices, sample }) =>
        obstacle ? [{ reason: obstacle.reason, errorCode: obstacle.errorNumber, devices, sample }] : [],
      ),
    ),
    doubts: byReason(
      lines.flatMap(({ obstacle, doubt, devices, sample }) =>
        obstacle || doubt === undefined ? [] : [{ reason: doubt, errorCode: null, devices, sample }],
      ),
    ),
  };
}

export const compatibilityOf = (
  release: ReleaseFacts,
  groups: readonly AbilityGroup[],
): Resource<'Compatibility'> =>
  tableOf(groups.map((group) => ({ ...group, ...judgementOf(group, release) })));
