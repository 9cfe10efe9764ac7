/**
 * Releases: a model version made deployable. Signing makes two manifests for every device type at once: the release
 * itself (sequence 2k) and its fallback (2k + 1) over the previous release's bundle, so that an offline key is never
 * needed in an emergency.
 */
import type { KeyObject } from 'node:crypto';
import type { ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { MAX_MANIFEST_BYTES, classId, signManifest, vendorId } from '@tinyfleet/wire';
import { planPayloads, transferDefaults, type TransferOptions } from './payload-service.js';
import type { BundleNeeds, ReleaseArtifact, ReleaseStores, ReleaseToSign, SignedArtifact } from './ports.js';
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
      await stores.releases.add(scope, { model, version, notes, soakS, notAfter, createdBy: actor });
      await stores.audit.append(scope, { actor, action: 'release.created', target: ref });
      await stores.events.emit(scope, 'release.created', { release: ref });
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
    if (release.state === 'signed') return;
    if (release.state === 'revoked')
      throw new FleetError('releases.not-signed', { release: ref, state: 'revoked' });
    const manifests = signArtifacts(scope, release, key.privateKey);
    await stores.releases.signed(scope, release.id, key.id, manifests);
    await planPayloads(stores, scope, { releaseId: release.id }, this.transfers);
    await stores.audit.append(scope, {
      actor,
      action: 'release.signed',
      target: ref,
      detail: { sequence: release.sequence, types: release.artifacts.map(({ type }) => type) },
    });
    await stores.events.emit(scope, 'release.signed', { release: ref });
  }
}

/** Both manifests of every device type. */
export function signArtifacts(
  scope: ProjectScope,
  release: ReleaseToSign,
  privateKey: KeyObject,
): SignedArtifact[] {
  return release.artifacts.map((artifact) => signArtifact(scope, release, artifact, privateKey));
}

function signArtifact(
  scope: ProjectScope,
  release: ReleaseToSign,
  artifact: ReleaseArtifact,
  privateKey: KeyObject,
) {
  const { type, previous } = artifact;
  const sign = (
    bundle: { digest: string; bytes: number; needs: BundleNeeds },
    sequence: number,
  ): Uint8Array => {
    const manifest = signManifest(
      {
        component: 'model',
        sequence,
        vendorId: vendorId(scope.name),
        classId: classId(type),
        digest: Buffer.from(bundle.digest, 'hex'),
        size: bundle.bytes,
        conditions: {
          abi: bundle.needs.abi,
          opSet: Buffer.from(bundle.needs.opSet, 'hex'),
          ownOpSet: Buffer.from(bundle.needs.ownOpSet, 'hex'),
          arenaBytes: bundle.needs.arenaBytes,
          stateBytes: bundle.needs.stateBytes,
          floor: release.floor,
          ...(release.soakS > 0 ? { soakS: release.soakS } : {}),
          ...(release.notAfter ? { notAfter: Math.floor(release.notAfter.getTime() / 1_000) } : {}),
        },
      },
      privateKey,
    );
    if (manifest.length > MAX_MANIFEST_BYTES) {
      throw new FleetError('releases.manifest-too-large', {
        type,
        bytes: manifest.length,
        limit: MAX_MANIFEST_BYTES,
      });
    }
    return manifest;
  };
  return {
    type,
    manifest: sign(
      { digest: artifact.bundleDigest, bytes: artifact.bundleBytes, needs: artifact.needs },
      release.sequence,
    ),
    fallback: previous && { manifest: sign(previous, release.sequence + 1), digest: previous.digest },
  };
}
