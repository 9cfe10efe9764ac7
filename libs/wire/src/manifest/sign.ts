/**
 * Signing in two steps, so that the key may live elsewhere: `manifestToSign` gives the bytes, any Ed25519
 * implementation signs them, `attachSignature` makes the envelope. `signManifest` does both with a key at hand.
 */
import { createHash, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { FleetError } from '@tinyfleet/errors';
import {
  encodeEnvelope,
  encodeManifest,
  manifestDigest,
  protectedHeader,
  sign1,
  signatureInput,
  type ManifestAlgorithm,
  type ManifestContent,
} from './manifest.js';

export interface UnsignedManifest {
  readonly algorithm: ManifestAlgorithm;
  readonly manifest: Uint8Array;
  readonly protectedBytes: Uint8Array;
  /** What the key signs (COSE Sig_structure); Ed25519 takes it as it is, P-256 hashes it with SHA-256. */
  readonly toSign: Uint8Array;
}

/** Raw public key: 32 bytes of Ed25519, or 65 bytes of an uncompressed P-256 point. */
export function rawPublicKey(key: KeyObject): Uint8Array {
  const jwk = (key.type === 'public' ? key : createPublicKey(key)).export({ format: 'jwk' });
  if (jwk.crv === 'Ed25519') return new Uint8Array(Buffer.from(jwk.x ?? '', 'base64url'));
  if (jwk.crv === 'P-256')
    return new Uint8Array(
      Buffer.concat([
        Buffer.of(4),
        Buffer.from(jwk.x ?? '', 'base64url'),
        Buffer.from(jwk.y ?? '', 'base64url'),
      ]),
    );
  throw new FleetError('manifest.algorithm-unsupported', {
    algorithm: jwk.crv ?? String(key.asymmetricKeyType),
  });
}

/** Key object of a raw public key. @throws manifest.key-unknown when it is not one */
export function publicKeyFromRaw(raw: Uint8Array): KeyObject {
  const b64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');
  if (raw.length === 32)
    return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: b64(raw) }, format: 'jwk' });
  if (raw.length === 65 && raw[0] === 4)
    return createPublicKey({
      key: { kty: 'EC', crv: 'P-256', x: b64(raw.subarray(1, 33)), y: b64(raw.subarray(33)) },
      format: 'jwk',
    });
  throw new FleetError('manifest.key-unknown', { key: `of ${raw.length} bytes` });
}

/** First 8 bytes of the SHA-256 of the raw public key. */
export function signingKeyId(rawKey: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(rawKey).digest().subarray(0, 8));
}

function algorithmOf(rawKey: Uint8Array): ManifestAlgorithm {
  return rawKey.length === 32 ? 'ed25519' : 'p256';
}

/** First step. `publicKey` is the raw public key of the signer. */
export function manifestToSign(content: ManifestContent, publicKey: Uint8Array): UnsignedManifest {
  const algorithm = algorithmOf(publicKey);
  const manifest = encodeManifest(content);
  const protectedBytes = protectedHeader(algorithm, signingKeyId(publicKey));
  return {
    algorithm,
    manifest,
    protectedBytes,
    toSign: signatureInput(protectedBytes, manifestDigest(manifest)),
  };
}

/**
 * Second step: the envelope. The signature is 64 bytes (P-256: r and s).
 * @throws manifest.signature-invalid when it does not verify, manifest.too-large above 768 bytes
 */
export function attachSignature(
  unsigned: UnsignedManifest,
  signature: Uint8Array,
  publicKey: Uint8Array,
): Uint8Array {
  if (!verifySignature(unsigned.algorithm, unsigned.toSign, signature, publicKeyFromRaw(publicKey)))
    throw new FleetError('manifest.signature-invalid');
  return encodeEnvelope(unsigned.manifest, sign1(unsigned.protectedBytes, signature));
}

/** Both steps with a private key at hand. */
export function signManifest(content: ManifestContent, privateKey: KeyObject): Uint8Array {
  const publicKey = rawPublicKey(privateKey);
  const unsigned = manifestToSign(content, publicKey);
  return attachSignature(unsigned, signBytes(unsigned.toSign, privateKey), publicKey);
}

/** Signs `UnsignedManifest.toSign`: for a key outside the server, such as an offline script. */
export function signBytes(toSign: Uint8Array, privateKey: KeyObject): Uint8Array {
  if (privateKey.asymmetricKeyType === 'ed25519') return new Uint8Array(sign(null, toSign, privateKey));
  return new Uint8Array(sign('sha256', toSign, { key: privateKey, dsaEncoding: 'ieee-p1363' }));
}

export function verifySignature(
  algorithm: ManifestAlgorithm,
  signed: Uint8Array,
  signature: Uint8Array,
  publicKey: KeyObject,
): boolean {
  if (signature.length !== 64) return false;
  return algorithm === 'ed25519'
    ? publicKey.asymmetricKeyType === 'ed25519' && verify(null, signed, publicKey, signature)
    : publicKey.asymmetricKeyType === 'ec' &&
        verify('sha256', signed, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature);
}
