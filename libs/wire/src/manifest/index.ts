/** Manifests: build, sign, parse, verify. */
export {
  classId,
  encodeManifest,
  vendorId,
  type ManifestAlgorithm,
  type ManifestComponent,
  type ManifestConditions,
  type ManifestContent,
} from './manifest.js';
export {
  attachSignature,
  manifestToSign,
  publicKeyFromRaw,
  rawPublicKey,
  signBytes,
  signManifest,
  signingKeyId,
  verifySignature,
  type UnsignedManifest,
} from './sign.js';
export { fillMac, macManifest, macSignedManifest, macTemplate, type MacTemplate } from './mac.js';
export {
  parseMacManifest,
  parseManifest,
  verifyMacManifest,
  verifyManifest,
  type MacTrust,
  type ManifestTrust,
  type ParsedMacManifest,
  type ParsedManifest,
} from './parse.js';
export { contentFromJson, contentToJson, manifestFromJson, manifestToJson } from './json.js';
export { compareFirmware } from './compare-firmware.js';
