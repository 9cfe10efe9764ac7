/** How a device comes into a rollout: as one that waits, is held back, is held by a person, or cannot. */
import { noBuildFor, obstacleTo, type Obstacle } from './compatibility.js';
import type { Placement, RolloutPolicy } from './plan.js';
import type { NewDeployment, ReleaseFacts, TargetDevice } from './ports.js';
import { isZone } from './windows.js';

/** Why a rule of the device keeps it out of rollouts of this release altogether. */
export function standsAside({ rule }: TargetDevice, release: ReleaseFacts): string | undefined {
  if (rule?.kind === 'exclude') return because('excluded', rule.reason);
  if (rule?.kind === 'pin' && rule.releaseId !== release.id)
    return because('pinned to another release', rule.reason);
  return undefined;
}

export function obstacleFor(device: TargetDevice, release: ReleaseFacts): Obstacle | undefined {
  const artifact = release.artifacts.find(({ typeId }) => typeId === device.typeId);
  return artifact ? obstacleTo(artifact.needs, device.abilities) : noBuildFor(device.type);
}

export function enlist(
  { device, bucket, step }: Placement<TargetDevice>,
  release: ReleaseFacts,
  policy: Pick<RolloutPolicy, 'timeZone'>,
  notBefore: Date | null = null,
): NewDeployment {
  const obstacle = obstacleFor(device, release);
  const held = device.rule?.kind === 'hold' ? because('held', device.rule.reason) : '';
  return {
    deviceId: device.deviceId,
    digest: release.artifacts.find(({ typeId }) => typeId === device.typeId)?.digest ?? Buffer.alloc(0),
    step: step ?? 0,
    bucket,
    zone: device.zone !== null && isZone(device.zone) ? device.zone : policy.timeZone,
    notBefore,
    state: obstacle ? 'incompatible' : step === undefined ? 'control' : held === '' ? 'waiting' : 'held',
    errorCode: obstacle?.errorNumber ?? null,
    reason: obstacle?.reason ?? (step === undefined ? 'held back for comparison' : held),
  };
}

const because = (what: string, reason: string): string => (reason === '' ? what : `${what}: ${reason}`);
