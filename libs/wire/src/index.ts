/** The server's end of the device protocol: topics, message codec, packed fields, manifests. */
export * from './generated/messages.js';
export { decode } from './decode.js';
export { encode } from './encode.js';
export { deviceKey, type DeviceSecret } from './cose-mac.js';
export { encodeNextKey, macAsk, signAsk, verifyAsk, type AskContent, type AskTrust } from './ask.js';
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
