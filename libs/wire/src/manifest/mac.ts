/**
 * Manifests of the reduced profile (docs/spec/manifest.md): what the project signed, for one device that can do nothing but
 * HMAC. The platform makes them when such a device asks.
 */
import { FleetError } from '@tinyfleet/errors';
import { mac0, macOf, type DeviceSecret } from '../cose-mac.js';
import { MAX_MAC_MANIFEST_BYTES } from '../limits.js';
import { encodeEnvelope, encodeManifest, manifestDigest, type ManifestContent } from './manifest.js';
import { verifyManifest, type ManifestTrust } from './parse.js';

/** @throws manifest.too-large above 288 bytes, manifest.component-unknown for firmware */
export function macManifest(content: ManifestContent, secret: DeviceSecret): Uint8Array {
  if (content.component !== 'model') throw new FleetError('manifest.component-unknown');
  const manifest = encodeManifest(content);
  const mac = macOf(manifestDigest(manifest), secret);
  return encodeEnvelope(manifest, mac0(mac), MAX_MAC_MANIFEST_BYTES);
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
