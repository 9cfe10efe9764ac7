/** Bounds of what is decoded. Every one is an option of the function that checks it. */
export interface WireLimits {
  /** Payload of one message. The largest regular one is a chunk: its data plus 32 bytes. */
  readonly maxBytes: number;
  /** Nesting of CBOR items, the message itself is level 1. Messages need 4. */
  readonly maxDepth: number;
  /** Entries of a { uint => uint } table. */
  readonly maxTableEntries: number;
  /** Keys of one map, unknown ones included. */
  readonly maxKeys: number;
}

export const defaultLimits: WireLimits = {
  maxBytes: 16_384,
  maxDepth: 8,
  maxTableEntries: 64,
  maxKeys: 64,
};

/** Largest MQTT packet a device takes when its hello does not say. */
export const DEFAULT_PACKET_BYTES = 1_536;
export const DEFAULT_CHUNK_BYTES = 1_024;
export const MAX_MANIFEST_BYTES = 768;
/** Of the reduced profile: fits a packet of 512 bytes with the rest of `desired`. */
export const MAX_MAC_MANIFEST_BYTES = 288;
/** Inferences of one telemetry window. */
export const MAX_WINDOW_INFERENCES = 4_095;
export const MAX_PICKS = 16;
