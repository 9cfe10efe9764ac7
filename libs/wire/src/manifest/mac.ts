/**
 * Manifests of the reduced profile (docs/spec/manifest.md): what the project signed, for one device that can do nothing but
 * HMAC. The platform makes them when such a device asks.
 */
import { FleetError } from '@tinyfleet/errors';
import { MAC_BYTES, mac0, macOf, type DeviceSecret } from '../cose-mac.js';
import { MAX_MAC_MANIFEST_BYTES } from '../limits.js';
import { bytesOf, encodeEnvelope, encodeManifest, manifestDigest, type ManifestContent } from './manifest.js';
import { verifyManifest, type ManifestTrust } from './parse.js';

/** A manifest that lacks its MAC: what is the same for all devices of a type. */
export interface MacTemplate {
  readonly envelope: Uint8Array;
  /** Where the MAC goes. */
  readonly macAt: number;
  /** SUIT digest: what it is made over. */
  readonly digest: Uint8Array;
}

/** @throws manifest.too-large above 288 bytes, manifest.component-unknown for firmware */
export function macTemplate(content: ManifestContent): MacTemplate {
  if (content.component !== 'model') throw new FleetError('manifest.component-unknown');
  const manifest = encodeManifest(content);
  const proof = mac0(new Uint8Array(MAC_BYTES));
  const envelope = encodeEnvelope(manifest, proof, MAX_MAC_MANIFEST_BYTES);
  const encoded = bytesOf(proof);
  const macAt = Buffer.from(envelope).indexOf(encoded) + encoded.length - MAC_BYTES;
  return { envelope, macAt, digest: manifestDigest(manifest) };
}

/** The manifest for one device. */
export function fillMac({ envelope, macAt, digest }: MacTemplate, secret: DeviceSecret): Uint8Array {
  const filled = Uint8Array.from(envelope);
  filled.set(macOf(digest, secret), macAt);
  return filled;
}

/** Both steps. */
export function macManifest(content: ManifestContent, secret: DeviceSecret): Uint8Array {
  return fillMac(macTemplate(content), secret);
}

/**
 * The same manifest under a device's key: sequence, digest, size and conditions stay. Only what the project signed gets a
 * MAC. @throws FleetError of area `manifest` when the signature is none of `trust`
 */
export function macSignedManifest(
  signed: Uint8Array,
  trust: ManifestTrust,
  secret: DeviceSecret,
): Uint8Array {
  return macManifest(verifyManifest(signed, trust), secret);
}
