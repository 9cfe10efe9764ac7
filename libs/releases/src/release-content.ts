/**
 * What of a release is signed: two manifests for every device type and component - the release itself (sequence 2k) and its
 * fallback (2k + 1) over what the release before had - and the statement of provenance.
 */
import type { KeyObject } from 'node:crypto';
import type { ProjectScope, Resource } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { MAX_MANIFEST_BYTES, classId, signManifest, vendorId, type ManifestContent } from '@tinyfleet/wire';
import { bomOf } from './bom.js';
import { statementOf } from './provenance.js';
import type {
  ReleaseArtifact,
  ReleaseStores,
  ReleaseToSign,
  SignedArtifact,
  SignedBytes,
  SignedFallback,
} from './ports.js';

/** Kinds of manifests that a release has for a device type, in the order in which a device installs them. */
export type ManifestKind = Resource<'SigningRequest'>['manifests'][number]['kind'];

export interface ArtifactManifests {
  readonly type: string;
  readonly release: ManifestContent;
  /** Null without a previous release for the type. */
  readonly fallback: ManifestContent | null;
  /** Of what is installed before the model. */
  readonly firmware: { readonly release: ManifestContent; readonly fallback: ManifestContent | null } | null;
}

export function manifestsOf(scope: ProjectScope, release: ReleaseToSign): ArtifactManifests[] {
  const [own, before] = [release.sequence, release.sequence + 1];
  return release.artifacts.map((artifact) => {
    const { type, bundleDigest: digest, bundleBytes: bytes, needs, previous, from, firmware } = artifact;
    const { component } = release;
    const content = (part: Part) => contentOf(scope, release, artifact, part);
    // A model that came with firmware needs that or newer.
    const firmwareMin = firmware?.version ?? from;
    return {
      type,
      release: content({ component, digest, bytes, needs, firmwareMin, sequence: own }),
      fallback: previous && content({ ...previous, component, firmwareMin: null, sequence: before }),
      firmware: firmware && {
        release: content({ ...firmware, component: 'firmware', firmwareMin: firmware.from, sequence: own }),
        fallback:
          firmware.previous &&
          content({ ...firmware.previous, component: 'firmware', firmwareMin: null, sequence: before }),
      },
    };
  });
}

type Part = SignedBytes & {
  readonly component: 'model' | 'firmware';
  readonly firmwareMin: string | null;
  readonly sequence: number;
};

function contentOf(
  scope: ProjectScope,
  release: ReleaseToSign,
  { type, floor }: ReleaseArtifact,
  { component, digest, bytes, needs, firmwareMin, sequence }: Part,
): ManifestContent {
  return {
    component,
    sequence,
    vendorId: vendorId(scope.name),
    classId: classId(type),
    digest: Buffer.from(digest, 'hex'),
    size: bytes,
    conditions: {
      abi: needs.abi,
      opSet: Buffer.from(needs.opSet, 'hex'),
      ownOpSet: Buffer.from(needs.ownOpSet, 'hex'),
      arenaBytes: needs.arenaBytes,
      stateBytes: needs.stateBytes,
      ...(firmwareMin === null ? {} : { firmwareMin }),
      floor,
      ...(release.soakS > 0 ? { soakS: release.soakS } : {}),
      ...(needs.latencyUs === undefined ? {} : { latencyUs: needs.latencyUs }),
      ...(release.notAfter ? { notAfter: Math.floor(release.notAfter.getTime() / 1_000) } : {}),
    },
  };
}

/** One by one, with their kinds. */
export const kindsOf = ({
  release,
  fallback,
  firmware,
}: ArtifactManifests): [kind: ManifestKind, content: ManifestContent][] => [
  ...(firmware ? [['firmware', firmware.release] as [ManifestKind, ManifestContent]] : []),
  ...(firmware?.fallback
    ? [['firmware-fallback', firmware.fallback] as [ManifestKind, ManifestContent]]
    : []),
  ['release', release],
  ...(fallback ? [['fallback', fallback] as [ManifestKind, ManifestContent]] : []),
];

export function signManifests(
  manifests: readonly ArtifactManifests[],
  privateKey: KeyObject,
): SignedArtifact[] {
  return signedArtifacts(manifests, (_kind, _type, content) => signManifest(content, privateKey));
}

/** @param sign makes the envelope @throws releases.manifest-too-large */
export function signedArtifacts(
  manifests: readonly ArtifactManifests[],
  sign: (kind: ManifestKind, type: string, content: ManifestContent) => Uint8Array,
): SignedArtifact[] {
  const checked = (kind: ManifestKind, type: string, content: ManifestContent): Uint8Array => {
    const manifest = sign(kind, type, content);
    const { length: bytes } = manifest;
    if (bytes > MAX_MANIFEST_BYTES)
      throw new FleetError('releases.manifest-too-large', { type, bytes, limit: MAX_MANIFEST_BYTES });
    return manifest;
  };
  const back = (kind: ManifestKind, type: string, content: ManifestContent | null): SignedFallback | null =>
    content && {
      manifest: checked(kind, type, content),
      digest: Buffer.from(content.digest).toString('hex'),
    };
  return manifests.map(({ type, release, fallback, firmware }) => ({
    type,
    manifest: checked('release', type, release),
    fallback: back('fallback', type, fallback),
    firmware: firmware && {
      manifest: checked('firmware', type, firmware.release),
      fallback: back('firmware-fallback', type, firmware.fallback),
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
  const bom = bomOf(scope.name, facts);
  return await releases.keepStatement(scope, facts.id, {
    statement: statementOf(scope.name, facts, bom),
    bom,
  });
}

/** The bill of materials, byte for byte as the provenance names it. @throws releases.not-found */
export async function keptBom(
  { releases }: Pick<ReleaseStores, 'releases'>,
  scope: ProjectScope,
  ref: string,
): Promise<string> {
  const { bom } = await releases.statement(scope, ref);
  return bom ?? bomOf(scope.name, await releases.facts(scope, ref));
}
