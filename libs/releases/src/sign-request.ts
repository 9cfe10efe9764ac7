/**
 * The signer's side of a signing request, wherever the private key is: no server, no project. Every manifest is made again
 * from its content, so that what is signed is what can be read in the request.
 */
import type { KeyObject } from 'node:crypto';
import type { Resource } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { contentFromJson, manifestToSign, rawPublicKey, signBytes, signingKeyId } from '@tinyfleet/wire';
import { signStatement, statementType } from './provenance.js';

/** @throws releases.key-other when the request is for another key, releases.request-invalid, wire.json-invalid */
export function signRequest(
  request: Resource<'SigningRequest'>,
  privateKey: KeyObject,
): Resource<'ReleaseSignatures'> {
  const publicKey = rawPublicKey(privateKey);
  const keyId = Buffer.from(signingKeyId(publicKey)).toString('hex');
  if (request.keyId !== keyId)
    throw new FleetError('releases.key-other', { key: keyId, asked: request.keyId });
  const { payloadType, payload } = request.provenance;
  const contents = request.manifests.map((one) => ({ ...one, content: contentFromJson(one.content) }));
  // The statement and the manifests have to speak of the same bytes.
  if (
    payloadType !== statementType ||
    !speaksOf(
      payload,
      contents.filter(({ kind }) => kind === 'release' || kind === 'firmware'),
    )
  )
    throw new FleetError('releases.request-invalid', { release: request.release });
  return {
    keyId,
    manifests: contents.map(({ deviceType, kind, content }) => ({
      deviceType,
      kind,
      signatureHex: hex(signBytes(manifestToSign(content, publicKey).toSign, privateKey)),
    })),
    provenance: hex(signStatement(payload, privateKey)),
  };
}

function speaksOf(
  payload: string,
  manifests: readonly { readonly content: { readonly digest: Uint8Array } }[],
): boolean {
  try {
    const { subject } = JSON.parse(payload) as { subject: { digest: { sha256: string } }[] };
    const named = new Set(subject.map(({ digest }) => digest.sha256));
    return manifests.every(({ content }) => named.has(hex(content.digest)));
  } catch {
    return false;
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
