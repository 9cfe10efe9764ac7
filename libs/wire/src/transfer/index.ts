/** Payloads of transfers: a bundle as a delta from another one, or compressed. */
export { encodeCompressed, encodeDelta, type EncodeOptions } from './encode.js';
