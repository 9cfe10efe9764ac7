/** Moves releases from state to state; every move is audited and told. The rules are in lifecycle.ts. */
import type { ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { isPerson, nextState, personOf, shortcomings, transitions, type ReleaseVerb } from './lifecycle.js';
import type { ReleaseStores, ReleaseToSign } from './ports.js';

export const defaultMaxAccuracyDrop = 0.05;

type Named = Pick<ReleaseToSign, 'id' | 'state' | 'createdBy'> & { readonly ref: string };

export class ReleaseLifecycleService {
  constructor(
    private readonly stores: Pick<ReleaseStores, 'releases'>,
    private readonly transact: Transact<ReleaseStores>,
  ) {}

  /** @throws releases.not-found, releases.wrong-state, releases.not-valid */
  async validate(
    actor: string,
    scope: ProjectScope,
    ref: string,
    { maxAccuracyDrop }: { readonly maxAccuracyDrop: number },
  ): Promise<Resource<'Release'>> {
    return await this.change(scope, ref, async (stores, release) => {
      nextState(ref, release.state, 'validate');
      const reasons = shortcomings(await stores.releases.evidence(scope, release.id), { maxAccuracyDrop });
      if (reasons.length > 0)
        throw new FleetError('releases.not-valid', { release: ref, reasons: reasons.join('; ') });
      await move(stores, actor, scope, release, 'validate');
    });
  }

  /** @throws releases.not-found, releases.wrong-state, releases.approver-no-person, releases.own-approval */
  async approve(actor: string, scope: ProjectScope, ref: string, reason = ''): Promise<Resource<'Release'>> {
    return await this.change(scope, ref, async (stores, release) => {
      nextState(ref, release.state, 'approve');
      if (await stores.releases.wantsFourEyes(scope)) {
        if (!isPerson(actor)) throw new FleetError('releases.approver-no-person', { release: ref, actor });
        if (personOf(actor) === personOf(release.createdBy))
          throw new FleetError('releases.own-approval', { release: ref });
      }
      await move(stores, actor, scope, release, 'approve', reason);
    });
  }

  /** @throws releases.not-found, releases.wrong-state */
  async deprecate(
    actor: string,
    scope: ProjectScope,
    ref: string,
    reason = '',
  ): Promise<Resource<'Release'>> {
    return await this.change(scope, ref, async (stores, release) => {
      await move(stores, actor, scope, release, 'deprecate', reason);
    });
  }

  /**
   * For good. From now on nobody is offered it; the engine brings the devices of open rollouts back; releases signed later
   * forbid it on the device (their floor). @throws releases.not-found, releases.wrong-state
   */
  async revoke(actor: string, scope: ProjectScope, ref: string, reason = ''): Promise<Resource<'Release'>> {
    return await this.change(scope, ref, async (stores, release) => {
      await move(stores, actor, scope, release, 'revoke', reason);
    });
  }

  private async change(
    scope: ProjectScope,
    ref: string,
    work: (stores: ReleaseStores, release: Named) => Promise<void>,
  ): Promise<Resource<'Release'>> {
    await this.transact(async (stores) => {
      const release = await stores.releases.toSign(scope, ref);
      await work(stores, { ...release, ref });
    });
    return await this.stores.releases.get(scope, ref);
  }
}

/**
 * Where no second person is asked for, who signs a release says yes to it: a draft without shortcomings is validated and
 * approved at once. Else it stays a draft, and its validation says why.
 */
export async function approveBySigning(
  stores: ReleaseStores,
  actor: string,
  scope: ProjectScope,
  release: Named,
): Promise<void> {
  if (release.state !== 'draft' || (await stores.releases.wantsFourEyes(scope))) return;
  const evidence = await stores.releases.evidence(scope, release.id);
  if (shortcomings(evidence, { maxAccuracyDrop: defaultMaxAccuracyDrop }).length > 0) return;
  await move(stores, actor, scope, release, 'validate', 'by signing');
  await move(stores, actor, scope, { ...release, state: 'validated' }, 'approve', 'by signing');
}

async function move(
  stores: ReleaseStores,
  actor: string,
  scope: ProjectScope,
  { id, ref, state: before }: Named,
  verb: ReleaseVerb,
  reason = '',
): Promise<void> {
  const state = nextState(ref, before, verb);
  await stores.releases.setState(scope, id, { state, by: actor, reason });
  await stores.audit.append(scope, {
    actor,
    action: `release.${transitions[verb].done}`,
    target: ref,
    ...(reason !== '' && { detail: { reason } }),
    before: { state: before },
    after: { state },
  });
  await stores.events.emit(scope, 'release.changed', { release: ref, state, reason });
}
