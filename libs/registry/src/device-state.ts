/**
 * Lifecycle of a device: the one table of who may go where. Storage moves devices by it, one or a million at a time; ota
 * moves them by `claim` and `hello`, people by the others.
 */
import type { Resource } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';

export type DeviceState = Resource<'DeviceState'>;
export type DeviceMove = 'claim' | 'hello' | 'suspend' | 'resume' | 'retire';

export interface Transition {
  readonly from: readonly DeviceState[];
  /** `before`: what it was: active when it was heard of, else claimed when it was claimed, else registered. */
  readonly to: DeviceState | 'before';
}

export const DEVICE_TRANSITIONS: Readonly<Record<DeviceMove, Transition>> = {
  claim: { from: ['registered'], to: 'claimed' },
  hello: { from: ['registered', 'claimed'], to: 'active' },
  suspend: { from: ['registered', 'claimed', 'active'], to: 'suspended' },
  resume: { from: ['suspended'], to: 'before' },
  retire: { from: ['registered', 'claimed', 'active', 'suspended'], to: 'retired' },
};

/** States whose devices may connect and take part in rollouts. */
export const LIVE_STATES: readonly DeviceState[] = ['registered', 'claimed', 'active'];

/** @throws registry.state-invalid */
export function requireMove(device: string, state: DeviceState, move: DeviceMove): void {
  if (!DEVICE_TRANSITIONS[move].from.includes(state))
    throw new FleetError('registry.state-invalid', { device, state, move });
}
