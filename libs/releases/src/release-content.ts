/**
 * What of a release is signed: two manifests for every device type - the release itself (sequence 2k) and its fallback
 * (2k + 1) over the previous release's bundle - and the statement of provenance.
 */
import type { KeyObject } from 'node:crypto';
import type { ProjectScope } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { MAX_MANIFEST_BYTES, classId, signManifest, vendorId, type ManifestContent } from '@tinyfleet/wire';
import { statementOf } from './provenance.js';
import type { BundleNeeds, ReleaseArtifact, ReleaseStores, ReleaseToSign, SignedArtifact } from './ports.js';

export interface ArtifactManifests {
  readonly type: string;
  readonly release: ManifestContent;
  /** Null without a previous release for the type. */
  readonly fallback: ManifestContent | null;
}

export function manifestsOf(scope: ProjectScope, release: ReleaseToSign): ArtifactManifests[] {
  return release.artifacts.map((artifact) => {
    const { type, bundleDigest: digest, bundleBytes: bytes, needs, previous } = artifact;
    return {
      type,
      release: contentOf(scope, release, artifact, { digest, bytes, needs, sequence: release.sequence }),
      fallback:
        previous && contentOf(scope, release, artifact, { ...previous, sequence: release.sequence + 1 }),
    };
  });
}

function contentOf(
  scope: ProjectScope,
  release: ReleaseToSign,
  { type, floor }: ReleaseArtifact,
  bundle: { digest: string; bytes: number; needs: BundleNeeds; sequence: number },
): ManifestContent {
  const { needs } = bundle;
  return {
    component: 'model',
    sequence: bundle.sequence,
    vendorId: vendorId(scope.name),
    classId: classId(type),
    digest: Buffer.from(bundle.digest, 'hex'),
    size: bundle.bytes,
    conditions: {
      abi: needs.abi,
      opSet: Buffer.from(needs.opSet, 'hex'),
      ownOpSet: Buffer.from(needs.ownOpSet, 'hex'),
      arenaBytes: needs.arenaBytes,
      stateBytes: needs.stateBytes,
      floor,
      ...(release.soakS > 0 ? { soakS: release.soakS } : {}),
      ...(needs.latencyUs === undefined ? {} : { latencyUs: needs.latencyUs }),
      ...(release.notAfter ? { notAfter: Math.floor(release.notAfter.getTime() / 1_000) } : {}),
    },
  };
}

export function signManifests(
  manifests: readonly ArtifactManifests[],
  privateKey: KeyObject,
): SignedArtifact[] {
  return signedArtifacts(manifests, (_kind, _type, content) => signManifest(content, privateKey));
}

/** @param sign makes the envelope @throws releases.manifest-too-large */
export function signedArtifacts(
  manifests: readonly ArtifactManifests[],
  sign: (kind: 'release' | 'fallback', type: string, content: ManifestContent) => Uint8Array,
): SignedArtifact[] {
  const checked = (kind: 'release' | 'fallback', type: string, content: ManifestContent): Uint8Array => {
    const manifest = sign(kind, type, content);
    const { length: bytes } = manifest;
    if (bytes > MAX_MANIFEST_BYTES)
      throw new FleetError('releases.manifest-too-large', { type, bytes, limit: MAX_MANIFEST_BYTES });
    return manifest;
  };
  return manifests.map(({ type, release, fallback }) => ({
    type,
    manifest: checked('release', type, release),
    fallback: fallback && {
      manifest: checked('fallback', type, fallback),
      digest: Buffer.from(fallback.digest).toString('hex'),
    },
  }));
}

/** The statement of provenance, made at the first asking and kept: every key signs the same. */
export async function keptStatement(
  { releases }: Pick<ReleaseStores, 'releases'>,
  scope: ProjectScope,
  ref: string,
): Promise<string> {
  const { statement } = await releases.statement(scope, ref);
  if (statement !== null) return statement;
  const facts = await releases.facts(scope, ref);
  return await releases.keepStatement(scope, facts.id, statementOf(scope.name, facts));
}
