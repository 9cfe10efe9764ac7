/** How a device comes into a rollout: as one that waits, is held back, is held by a person, or cannot. */
import { judgementOf, type Judgement } from './compatibility-table.js';
import type { Placement, RolloutPolicy } from './plan.js';
import type { NewDeployment, ReleaseFacts, TargetDevice } from './ports.js';
import { obstacleToShadow } from './shadow/room.js';
import { isZone } from './windows.js';

/** What a rollout offers. */
export interface Offering {
  readonly release: ReleaseFacts;
  /** Release A of a comparison; null: what each device runs. */
  readonly rival: ReleaseFacts | null;
  readonly policy: Pick<RolloutPolicy, 'timeZone' | 'shadow' | 'ab'>;
}

/** Why a rule of the device keeps it out of rollouts of this release altogether. */
export function standsAside({ rule }: TargetDevice, release: ReleaseFacts): string | undefined {
  if (rule?.kind === 'exclude') return because('excluded', rule.reason);
  if (rule?.kind === 'pin' && rule.releaseId !== release.id)
    return because('pinned to another release', rule.reason);
  return undefined;
}

/** What becomes of a device: the release of its side, or that it stays as it is. */
const offeredTo = (step: number | undefined, { release, rival }: Offering): ReleaseFacts =>
  step === undefined && rival ? rival : release;

/** What is in the way of the release of its side, or nothing is known for sure. */
export function judge(
  { device, step }: Pick<Placement<TargetDevice>, 'device' | 'step'>,
  offering: Offering,
): Judgement {
  const found = judgementOf(device, offeredTo(step, offering));
  if (found.obstacle || !found.artifact || !offering.policy.shadow) return found;
  const { digest, needs } = found.artifact;
  return { ...found, obstacle: obstacleToShadow({ digest, needs }, device) };
}

export function enlist(placement: Placement<TargetDevice>, offering: Offering): NewDeployment {
  const { device, bucket, step } = placement;
  const { policy, rival } = offering;
  const release = offeredTo(step, offering);
  const { obstacle } = judge(placement, offering);
  const held = device.rule?.kind === 'hold' ? because('held', device.rule.reason) : '';
  const isControl = step === undefined && !rival;
  return {
    deviceId: device.deviceId,
    releaseId: release.id,
    digest: release.artifacts.find(({ typeId }) => typeId === device.typeId)?.digest ?? Buffer.alloc(0),
    arm: step === undefined ? 'a' : policy.ab ? 'b' : null,
    step: step ?? 0,
    bucket,
    zone: device.zone !== null && isZone(device.zone) ? device.zone : policy.timeZone,
    notBefore: null,
    ability: device.ability,
    state: obstacle ? 'incompatible' : isControl ? 'control' : held === '' ? 'waiting' : 'held',
    errorCode: obstacle?.errorNumber ?? null,
    reason: obstacle?.reason ?? (isControl ? 'held back for comparison' : held),
  };
}

/** It ends before it was offered anything, unless it could not have been. */
export const bar = (deployment: NewDeployment, reason: string): NewDeployment =>
  deployment.state === 'incompatible' ? deployment : { ...deployment, state: 'aborted', reason };

const because = (what: string, reason: string): string => (reason === '' ? what : `${what}: ${reason}`);
