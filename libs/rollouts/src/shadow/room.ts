/**
 * Whether a device can run a second model beside its active one, judged before it is sent: as the device judges it itself
 * (firmware-stubs/agent/src/shadow.c), from its hello, the two builds and its newest telemetry. What is not known stands
 * in nobody's way: the device has the last word, and skips what it has no time for.
 */
import { errors } from '@tinyfleet/errors';
import type { BundleNeeds, DeviceAbilities, Obstacle } from '../compatibility.js';

/** What a bundle takes of a device that runs it beside another one. Undefined: an older build, which does not tell. */
export interface RunFacts {
  readonly arenaBytes: number;
  readonly inputBytes?: number | undefined;
  /** Of the input contract and the front end. */
  readonly inputsDigest?: string | undefined;
  /** Of one inference on the device's type. */
  readonly latencyUs?: number | undefined;
  readonly macs?: number | undefined;
}

export interface ShadowRoom {
  /** By its hello; null: it never said hello. */
  readonly isAble: boolean | null;
  readonly stateBytes: number;
  readonly active: (RunFacts & { readonly digest: Buffer }) | null;
  /** An active bundle that the project does not know is known by its digest alone. */
  readonly isActiveKnown: boolean;
  /** Between two inferences, and one inference of the active model, by its newest telemetry. */
  readonly periodUs: number | null;
  readonly measuredUs: number | null;
}

/** Half of the period is the shadow's and the active model's. */
const share = 2;
const aligned = (bytes: number): number => Math.ceil(bytes / 16) * 16;

export function obstacleToShadow(
  { digest, needs }: { readonly digest: Buffer; readonly needs: BundleNeeds },
  {
    abilities,
    shadowRoom: room,
  }: { readonly abilities: DeviceAbilities; readonly shadowRoom?: ShadowRoom | undefined },
): Obstacle | undefined {
  if (!room || room.isAble === null) return undefined;
  if (!room.isAble) return none('its firmware has no memory for a shadow, or one slot only');
  if (!room.active) return none('it runs no model to compare with');
  if (room.active.digest.equals(digest)) return none('it runs this very bundle already');
  if (needs.stateBytes > room.stateBytes)
    return none(`a shadow's state needs ${needs.stateBytes} bytes and it has ${room.stateBytes}`);
  if (!room.isActiveKnown) return undefined;
  const { active } = room;
  if (
    active.inputsDigest !== undefined &&
    needs.inputsDigest !== undefined &&
    active.inputsDigest !== needs.inputsDigest
  )
    return none('the two models do not take the same inputs');
  // The inputs are kept behind the larger of the two arenas.
  const arena = aligned(Math.max(active.arenaBytes, needs.arenaBytes)) + (needs.inputBytes ?? 0);
  if (arena > abilities.arenaBytes)
    return none(
      `both models and their inputs need an arena of ${arena} bytes and it has ${abilities.arenaBytes}`,
    );
  const us = latenciesUs(room, needs);
  if (us !== undefined && room.periodUs !== null && share * us > room.periodUs)
    return none(
      `both models need about ${ms(us)} ms of an inference period of ${ms(room.periodUs)} ms, of which they may take half`,
    );
  return undefined;
}

/** Of both models: as measured where it was, in proportion of their MACs; else as estimated. */
function latenciesUs({ active, measuredUs }: ShadowRoom, needs: BundleNeeds): number | undefined {
  const own = measuredUs ?? active?.latencyUs;
  if (own === undefined) return undefined;
  const ratio = needs.macs && active?.macs ? needs.macs / active.macs : undefined;
  const other = measuredUs !== null && ratio !== undefined ? measuredUs * ratio : needs.latencyUs;
  return other === undefined ? undefined : own + other;
}

const ms = (us: number): string => String(Number((us / 1_000).toPrecision(3)));
const none = (reason: string): Obstacle => ({
  errorNumber: errors['agent.shadow-unavailable'].number,
  reason: `no shadow run: ${reason}`,
});
