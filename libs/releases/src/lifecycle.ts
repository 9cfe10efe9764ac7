/**
 * The states of a release and what leads from one to another. Whether it is signed is no state: an offline key may come
 * before or after the approval. Pure.
 */
import type { Resource } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';

export type ReleaseState = Resource<'ReleaseState'>;
export type ReleaseVerb = 'validate' | 'approve' | 'deprecate' | 'revoke';

interface Transition {
  readonly from: readonly ReleaseState[];
  readonly to: ReleaseState;
  /** Past tense, for the audit log. */
  readonly done: string;
}

export const transitions: Readonly<Record<ReleaseVerb, Transition>> = {
  validate: { from: ['draft'], to: 'validated', done: 'validated' },
  // A deprecation may turn out to be wrong; a revocation stays, since later manifests forbid the release.
  approve: { from: ['validated', 'deprecated'], to: 'approved', done: 'approved' },
  deprecate: { from: ['approved'], to: 'deprecated', done: 'deprecated' },
  revoke: { from: ['draft', 'validated', 'approved', 'deprecated'], to: 'revoked', done: 'revoked' },
};

/** @throws releases.wrong-state */
export function nextState(ref: string, state: ReleaseState, verb: ReleaseVerb): ReleaseState {
  const { from, to } = transitions[verb];
  if (!from.includes(state))
    throw new FleetError('releases.wrong-state', { release: ref, state, verb, from: from.join(' or ') });
  return to;
}

/** May be offered to devices, provided that it is signed. */
export const isOfferable = (state: ReleaseState): boolean => state === 'approved' || state === 'deprecated';

/** What whoever rolls it out should know; as people read it. */
export function warningsOf({
  ref,
  state,
  stateReason,
}: {
  readonly ref: string;
  readonly state: ReleaseState;
  readonly stateReason: string;
}): string[] {
  return state === 'deprecated' ? [`${ref} is deprecated${stateReason && `: ${stateReason}`}`] : [];
}

/**
 * A token acts for its person: `token:EMAIL/NAME` and `person:EMAIL` are the same eyes. The name of a token is free text, so
 * the address ends at the first slash of its domain.
 */
export function personOf(actor: string): string {
  const name = actor.slice(actor.indexOf(':') + 1);
  return actor.startsWith('token:') ? (/^[^@]*@[^/]*(?=\/)/.exec(name)?.[0] ?? name) : name;
}

/** Four eyes are those of people: the instance's own token (`token:local`), the engine and the system have none. */
export const isPerson = (actor: string): boolean =>
  actor.startsWith('person:') || (actor.startsWith('token:') && personOf(actor).includes('@'));

/** What a build has shown about itself, of its report. */
export interface BuildEvidence {
  readonly type: string;
  readonly report: {
    readonly goldenVectors?: number | undefined;
    readonly fits?: { readonly slot: boolean; readonly arena: boolean } | undefined;
    /** Of the bundle on the validation set, and of the float model on the same. */
    readonly validation?: { readonly accuracy: number } | null | undefined;
    readonly quantization?: { readonly float?: { readonly accuracy: number } | null } | null | undefined;
  };
}

/** Why a release is not fit to be approved; empty: it is. Each reason names its device type. */
export function shortcomings(
  builds: readonly BuildEvidence[],
  { maxAccuracyDrop }: { readonly maxAccuracyDrop: number },
): string[] {
  return builds.flatMap(({ type, report }) => {
    const { goldenVectors = 0, fits, quantization, validation } = report;
    const reasons: string[] = [];
    if (goldenVectors === 0) reasons.push('no golden vectors, so no device could test itself');
    if (fits?.slot === false) reasons.push('larger than the slot');
    if (fits?.arena === false) reasons.push('needs more arena than there is');
    const drop = (quantization?.float?.accuracy ?? 0) - (validation?.accuracy ?? 1);
    // Shares of one set: exact to far less than a sample.
    if (drop > maxAccuracyDrop + 1e-9)
      reasons.push(`quantization costs ${(100 * drop).toFixed(1)} points of accuracy`);
    return reasons.map((reason) => `${type}: ${reason}`);
  });
}
