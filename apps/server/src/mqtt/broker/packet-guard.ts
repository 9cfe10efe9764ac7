/**
 * Bounds the size of MQTT control packets on the byte stream, before the broker's parser buffers them: the parser
 * itself would collect up to 256 MiB for one announced PUBLISH. Knows fixed headers only (MQTT 3.1.1, 2.2).
 */
export class PacketGuard {
  /** Bytes of the present packet still to come; 0 = at a packet's start. */
  private remaining = 0;
  /** Remaining-length field in progress: its value so far and the next byte's weight; weight 0 = type byte expected. */
  private length = 0;
  private weight = 0;

  /** `maxPacketBytes` bounds the remaining length of one packet and may be raised, e.g. once a client is authenticated. */
  constructor(public maxPacketBytes: number) {}

  /** Looks at the next bytes of the stream. False: a packet is larger than allowed, or its length is malformed. */
  accept(bytes: Uint8Array): boolean {
    let at = 0;
    while (at < bytes.length) {
      if (this.remaining > 0) {
        const step = Math.min(this.remaining, bytes.length - at);
        this.remaining -= step;
        at += step;
        continue;
      }
      const byte = bytes[at++]!;
      if (this.weight === 0) {
        this.length = 0;
        this.weight = 1;
        continue;
      }
      this.length += (byte & 0x7f) * this.weight;
      if (this.length > this.maxPacketBytes) return false;
      if ((byte & 0x80) !== 0) {
        // [MQTT-2.2.3]: at most four bytes.
        if (this.weight >= 128 ** 3) return false;
        this.weight *= 128;
        continue;
      }
      this.weight = 0;
      this.remaining = this.length;
    }
    return true;
  }
}
