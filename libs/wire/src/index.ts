/** The server's end of the device protocol: topics, message codec, packed fields, manifests. */
export * from './generated/messages.js';
export { decode, splitTelemetry, type SplitTelemetry } from './decode.js';
export { readEnvelope, type Envelope } from './envelope.js';
export { CborFault, CborHeads, Major, skipItem } from './cbor-heads.js';
export { encode } from './encode.js';
export { deviceKey, type DeviceSecret } from './cose-mac.js';
export { encodeNextKey, macAsk, signAsk, verifyAsk, type AskContent, type AskTrust } from './ask.js';
export {
  encodeCaptureRule,
  encodeNewEdges,
  settingMark,
  type MonitorEdges,
  type SettingMark,
} from './command-data.js';
export * from './limits.js';
export { assertName, isName, shorten } from './names.js';
export * from './topics.js';
export * from './histogram.js';
export * from './picks.js';
export * from './boot-id.js';
export * from './checksum.js';
export * from './manifest/index.js';
export * from './op-set.js';
export * from './json.js';
export * from './device-parameters.js';
export * from './transfer/index.js';
