/**
 * Another signing key for a project, in two steps. `rotate` makes the next key, which the edge hands to every device
 * (rotate-key, signed by the key that the device has). `activate` signs with it from then on, and signs the releases
 * there are once more, so that a device which has moved on can still go back to them. The manifests by the old key stay
 * for devices that have not; its private half stays for handing over, and signs nothing else.
 */
import type { ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { ReleaseStores } from './ports.js';
import { signStatement } from './provenance.js';
import { manifestsOf, signManifests } from './release-content.js';
import { keyIdOf, type SigningKeyService } from './signing-key-service.js';

export class KeyRotationService {
  constructor(
    private readonly stores: Pick<ReleaseStores, 'keys'>,
    private readonly transact: Transact<ReleaseStores>,
    private readonly keys: SigningKeyService,
  ) {}

  /**
   * @param publicKeyHex of a pair made elsewhere; default: a pair is made here
   * @throws releases.rotation-open, releases.no-key, releases.key-exists
   */
  async rotate(actor: string, scope: ProjectScope, publicKeyHex?: string): Promise<Resource<'SigningKey'>> {
    if ((await this.stores.keys.list(scope)).length === 0) throw new FleetError('releases.no-key');
    const key = publicKeyHex === undefined ? this.keys.generate(scope) : this.keys.adopt(publicKeyHex);
    const keyId = keyIdOf(key);
    if ((await this.stores.keys.list(scope)).some((one) => keyIdOf(one) === keyId))
      throw new FleetError('releases.key-exists', { key: keyId });
    await this.transact(async ({ keys, audit, events }) => {
      if (!(await keys.addNext(scope, key))) {
        const open = (await keys.list(scope)).find(({ state }) => state === 'next');
        throw new FleetError('releases.rotation-open', { key: open ? keyIdOf(open) : '' });
      }
      await audit.append(scope, { actor, action: 'signing-key.rotated', target: keyId });
      await events.emit(scope, 'key.changed', { keyId, state: 'next' });
    });
    return await this.get(scope, keyId);
  }

  /** @throws releases.key-not-next, releases.key-not-spread, releases.releases-unsigned */
  async activate(
    actor: string,
    scope: ProjectScope,
    { keyId, force }: { readonly keyId: string; readonly force: boolean },
  ): Promise<Resource<'SigningKey'>> {
    const key = (await this.stores.keys.list(scope)).find((one) => keyIdOf(one) === keyId);
    if (key?.state !== 'next') throw new FleetError('releases.key-not-next', { key: keyId });
    const { devices, missing } = await this.stores.keys.spread(scope, keyId);
    if (missing > 0 && !force)
      throw new FleetError('releases.key-not-spread', { missing, devices, key: keyId });
    const privateKey = key.sealedPrivateKey === null ? undefined : this.keys.open(scope, key);
    await this.transact(async ({ keys, releases, audit, events }) => {
      if (!(await keys.activate(scope, key.id)))
        throw new FleetError('releases.key-not-next', { key: keyId });
      const refs = await releases.refsWithout(scope, key.id);
      if (!privateKey && refs.length > 0 && !force)
        throw new FleetError('releases.releases-unsigned', {
          count: refs.length,
          key: keyId,
          releases: refs.slice(0, 10).join(', '),
        });
      if (privateKey)
        for (const ref of refs) {
          const release = await releases.toSign(scope, ref);
          const manifests = signManifests(manifestsOf(scope, release), privateKey);
          await releases.signedAgain(scope, release.id, key.id, manifests);
          // A further signature, not another one: whoever holds the key from before can verify still.
          const { statement } = await releases.statement(scope, ref);
          if (statement !== null)
            await releases.signStatement(scope, release.id, key.id, signStatement(statement, privateKey));
        }
      await audit.append(scope, {
        actor,
        action: 'signing-key.activated',
        target: keyId,
        detail: { devices, missing, releases: refs.length },
      });
      await events.emit(scope, 'key.changed', { keyId, state: 'active' });
    });
    return await this.get(scope, keyId);
  }

  /** Gives up a next key. Devices that have it keep it until they get another one. @throws releases.key-not-closable */
  async withdraw(
    actor: string,
    scope: ProjectScope,
    keyId: string,
    reason = '',
  ): Promise<Resource<'SigningKey'>> {
    return await this.close(actor, scope, { keyId, to: 'withdrawn', reason });
  }

  /** Of a retired key: what only it has signed is offered to nobody. @throws releases.key-not-closable */
  async revoke(
    actor: string,
    scope: ProjectScope,
    keyId: string,
    reason = '',
  ): Promise<Resource<'SigningKey'>> {
    return await this.close(actor, scope, { keyId, to: 'revoked', reason });
  }

  private async close(
    actor: string,
    scope: ProjectScope,
    {
      keyId,
      to,
      reason,
    }: { readonly keyId: string; readonly to: 'withdrawn' | 'revoked'; readonly reason: string },
  ): Promise<Resource<'SigningKey'>> {
    await this.transact(async ({ keys, audit, events }) => {
      const key = (await keys.list(scope)).find((one) => keyIdOf(one) === keyId);
      if (!key) throw new FleetError('releases.key-unknown', { key: keyId });
      if (!(await keys.close(scope, key.id, to)))
        throw new FleetError('releases.key-not-closable', { key: keyId, state: key.state });
      const action = `signing-key.${to}`;
      await audit.append(scope, {
        actor,
        action,
        target: keyId,
        ...(reason !== '' && { detail: { reason } }),
        before: { state: key.state },
        after: { state: to },
      });
      await events.emit(scope, 'key.changed', { keyId, state: to });
    });
    return await this.get(scope, keyId);
  }

  private async get(scope: ProjectScope, keyId: string): Promise<Resource<'SigningKey'>> {
    const key = (await this.keys.list(scope)).find((one) => one.keyId === keyId);
    if (!key) throw new FleetError('releases.key-not-next', { key: keyId });
    return key;
  }
}
