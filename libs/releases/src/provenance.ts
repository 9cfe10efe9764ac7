/**
 * Where the bundles of a release come from: an in-toto statement with SLSA provenance, signed as DSSE
 * (github.com/secure-systems-lab/dsse, protocol 1.0). Made from rows that do not change, so that it can be signed where the
 * key is and checked here. Pure but for Ed25519.
 */
import type { KeyObject } from 'node:crypto';
import type { Resource } from '@tinyfleet/contracts';
import { publicKeyFromRaw, signBytes, signingKeyId, verifySignature } from '@tinyfleet/wire';
import { bomDigest, bomType } from './bom.js';
import { dataSetsOf, type Descriptor } from './data-sets.js';
import type { KeptStatement, ReleaseFacts } from './ports.js';

export const statementType = 'application/vnd.in-toto+json';

/** JSON text. @param project that the release is of @param bom of the release, whose digest it states */
export function statementOf(project: string, release: ReleaseFacts, bom: string): string {
  const ref = `${release.model}@${release.version}`;
  const times = release.builds.flatMap(({ startedAt, finishedAt }) => [
    ...(startedAt ? [startedAt.getTime()] : []),
    ...(finishedAt ? [finishedAt.getTime()] : []),
  ]);
  return JSON.stringify({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [
      ...release.builds.map(({ type, bundleDigest }): Descriptor => ({
        name: `${ref}/${type}.bundle`,
        digest: { sha256: bundleDigest },
      })),
      ...(release.firmware?.images ?? []).map(({ type, digest, createdBy }): Descriptor => ({
        name: `${release.firmware?.ref}/${type}.firmware`,
        digest: { sha256: digest },
        annotations: { role: 'firmware', broughtInBy: createdBy },
      })),
    ],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: 'urn:tinyfleet:build:1',
        externalParameters: {
          project,
          release: ref,
          sequence: release.sequence,
          requestedBy: release.createdBy,
          builds: release.builds.map(({ type, options, createdBy }) => ({
            type,
            options,
            requestedBy: createdBy,
          })),
        },
        internalParameters: Object.fromEntries(
          release.builds.map(({ type, compilerVersion }) => [type, { compilerVersion }]),
        ),
        resolvedDependencies: [
          {
            name: release.fileName,
            digest: { sha256: release.sourceDigest },
            annotations: { role: 'model' },
          },
          ...dataSetsOf(release),
        ],
      },
      runDetails: {
        builder: {
          id: 'urn:tinyfleet:compiler',
          version: { tinyfleet: [...new Set(release.builds.map((one) => one.compilerVersion))].join(' ') },
        },
        metadata: {
          invocationId: `${project}/${ref}`,
          ...(times.length > 0 && {
            startedOn: new Date(Math.min(...times)).toISOString(),
            finishedOn: new Date(Math.max(...times)).toISOString(),
          }),
        },
        byproducts: [{ name: 'sbom.cdx.json', mediaType: bomType, digest: { sha256: bomDigest(bom) } }],
      },
    },
  });
}

/** DSSE's pre-authentication encoding: what is signed. */
export function preAuthentication(payloadType: string, payload: string): Uint8Array {
  const [type, body] = [Buffer.from(payloadType), Buffer.from(payload)];
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} `), type, Buffer.from(` ${body.length} `), body]);
}

export const signStatement = (statement: string, privateKey: KeyObject): Uint8Array =>
  signBytes(preAuthentication(statementType, statement), privateKey);

export const verifyStatement = (statement: string, signature: Uint8Array, publicKey: Uint8Array): boolean =>
  verifySignature(
    'ed25519',
    preAuthentication(statementType, statement),
    signature,
    publicKeyFromRaw(publicKey),
  );

/** Undefined when nobody has signed it. */
export function envelopeOf({
  statement,
  signatures,
}: Pick<KeptStatement, 'statement' | 'signatures'>): Resource<'DsseEnvelope'> | undefined {
  if (statement === null || signatures.length === 0) return undefined;
  return {
    payloadType: statementType,
    payload: Buffer.from(statement).toString('base64'),
    signatures: signatures.map(({ publicKey, signature }) => ({
      keyid: Buffer.from(signingKeyId(publicKey)).toString('hex'),
      sig: signature.toString('base64'),
    })),
  };
}
