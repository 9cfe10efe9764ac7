/**
 * Releases: a model version made deployable, with firmware that it needs before it, or firmware alone. Signing makes two
 * manifests for every device type and component at once: the release itself (sequence 2k) and its fallback (2k + 1) over
 * what the release before had, so that an offline key is never needed in an emergency.
 */
import { splitReleaseRef, type ProjectScope, type Resource, type Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { missingOps } from '@tinyfleet/wire';
import { planPayloads, transferDefaults, type TransferOptions } from './payload-service.js';
import { approveBySigning } from './lifecycle-service.js';
import { keptStatement, manifestsOf, signManifests } from './release-content.js';
import { signStatement } from './provenance.js';
import type { BundleNeeds, ReleaseStores, ReleaseToSign } from './ports.js';
import type { SigningKeyService } from './signing-key-service.js';

/**
 * Seconds that a device keeps the old slot when the release does not say: one telemetry window, so that the new model
 * is seen once before the way back is given up; at most ten minutes, so that a fleet with hourly windows does not hang.
 */
export function defaultSoakS(windowSeconds: number): number {
  return Math.min(600, windowSeconds);
}

export class ReleaseService {
  constructor(
    private readonly stores: Pick<ReleaseStores, 'releases'>,
    private readonly transact: Transact<ReleaseStores>,
    private readonly keys: SigningKeyService,
    private readonly transfers: Pick<TransferOptions, 'maxBases'> = transferDefaults,
  ) {}

  async add(
    actor: string,
    scope: ProjectScope,
    request: {
      model: string;
      version: string;
      firmware?: string | undefined;
      notes: string;
      sign: boolean;
      soakSeconds?: number | undefined;
      notAfter?: string | undefined;
    },
  ): Promise<Resource<'Release'>> {
    const ref = `${request.model}@${request.version}`;
    const notAfter = request.notAfter === undefined ? undefined : new Date(request.notAfter);
    if (notAfter && notAfter.getTime() <= Date.now())
      throw new FleetError('releases.not-after-past', { notAfter: notAfter.toISOString() });
    if (request.sign) await this.keys.ensure(actor, scope);
    await this.transact(async (stores) => {
      const { model, version, notes, soakSeconds: soakS } = request;
      const before = request.firmware === undefined ? undefined : splitReleaseRef(request.firmware);
      const firmware = before && { name: before.model, version: before.version };
      await stores.releases.add(scope, {
        model,
        version,
        firmware,
        notes,
        soakS,
        notAfter,
        createdBy: actor,
      });
      assertFits(ref, request.firmware ?? '', await stores.releases.toSign(scope, ref));
      await stores.audit.append(scope, { actor, action: 'release.created', target: ref });
      await stores.events.emit(scope, 'release.created', { release: ref });
      await keptStatement(stores, scope, ref);
      if (request.sign) await this.signIn(stores, actor, scope, ref);
    });
    return await this.stores.releases.get(scope, ref);
  }

  /** Signing again is harmless: a signed release stays as it is. */
  async sign(actor: string, scope: ProjectScope, ref: string): Promise<Resource<'Release'>> {
    await this.keys.ensure(actor, scope);
    await this.transact(async (stores) => await this.signIn(stores, actor, scope, ref));
    return await this.stores.releases.get(scope, ref);
  }

  private async signIn(
    stores: ReleaseStores,
    actor: string,
    scope: ProjectScope,
    ref: string,
  ): Promise<void> {
    // First, so that a rotation comes wholly before or behind: behind, it signs this release again.
    const key = await this.keys.signer(scope, stores.keys);
    const release = await stores.releases.toSign(scope, ref);
    if (release.state === 'revoked') throw new FleetError('releases.revoked', { release: ref });
    if (release.isSigned) return;
    const manifests = signManifests(manifestsOf(scope, release), key.privateKey);
    await stores.releases.signed(scope, release.id, key.id, manifests);
    const statement = await keptStatement(stores, scope, ref);
    await stores.releases.signStatement(scope, release.id, key.id, signStatement(statement, key.privateKey));
    await afterSigning(stores, actor, scope, { ...release, ref }, this.transfers);
  }
}

/** A model on firmware that cannot run it would be refused by every device. @throws releases.firmware-unfit */
function assertFits(release: string, ref: string, { artifacts }: ReleaseToSign): void {
  for (const { type, needs, firmware } of artifacts) {
    const reason = firmware && unfitReason(needs, firmware.needs);
    if (reason) throw new FleetError('releases.firmware-unfit', { release, firmware: ref, type, reason });
  }
}

/** Why a model cannot run on firmware; undefined: it can. */
export function unfitReason(needs: BundleNeeds, has: BundleNeeds): string | undefined {
  const abi = (value: number) => `${value >>> 16}.${value & 0xffff}`;
  if (needs.abi >>> 16 !== has.abi >>> 16 || (needs.abi & 0xffff) > (has.abi & 0xffff))
    return `it needs ABI ${abi(needs.abi)}, the firmware has ${abi(has.abi)}`;
  const ops = missingOps(needs, has);
  if (ops.length > 0) return `the firmware has no ${ops.join(', ')}`;
  if (needs.arenaBytes > has.arenaBytes)
    return `it needs an arena of ${needs.arenaBytes} bytes, the firmware has ${has.arenaBytes}`;
  if (needs.stateBytes > has.stateBytes)
    return `it needs ${needs.stateBytes} bytes of state, the firmware has ${has.stateBytes}`;
  return undefined;
}

/** Part of the transaction that signs a release for the first time, with whatever key. */
export async function afterSigning(
  stores: ReleaseStores,
  actor: string,
  scope: ProjectScope,
  release: ReleaseToSign & { readonly ref: string },
  transfers: Pick<TransferOptions, 'maxBases'>,
): Promise<void> {
  const { id, ref, sequence, artifacts } = release;
  await planPayloads(stores, scope, { releaseId: id }, transfers);
  await stores.audit.append(scope, {
    actor,
    action: 'release.signed',
    target: ref,
    detail: { sequence, types: artifacts.map(({ type }) => type) },
  });
  await stores.events.emit(scope, 'release.signed', { release: ref });
  await approveBySigning(stores, actor, scope, release);
}
