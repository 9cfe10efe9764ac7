/** PUBLISH packets with QoS 0 (MQTT 3.1.1, 3.3), for what is sent so often that the broker's own way of writing shows. */

/** Type PUBLISH; not a duplicate, QoS 0, not retained. */
const publish = 0x30;

/** One packet per payload, one after the other. A remaining length is below 2^28 [MQTT-2.2.3]. */
export function publishPackets(topic: string, payloads: readonly Uint8Array[]): Buffer {
  const name = Buffer.from(topic);
  const remaining = payloads.map(({ length }) => 2 + name.length + length);
  const out = Buffer.allocUnsafe(
    remaining.reduce((sum, length) => sum + 1 + lengthBytes(length) + length, 0),
  );
  let at = 0;
  payloads.forEach((payload, i) => {
    out[at++] = publish;
    let length = remaining[i]!;
    for (; length > 127; length >>>= 7) out[at++] = (length & 127) | 128;
    out[at++] = length;
    at = out.writeUInt16BE(name.length, at);
    at += name.copy(out, at);
    out.set(payload, at);
    at += payload.length;
  });
  return out;
}

function lengthBytes(length: number): number {
  return length < 2 ** 7 ? 1 : length < 2 ** 14 ? 2 : length < 2 ** 21 ? 3 : 4;
}
