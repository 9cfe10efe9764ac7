// CONNECT of MQTT 3.1.1: clean session, user name and password, keepalive of 240 s.

/** @param {string} id client id and user name @param {string} token */
export function connectPacket(id, token) {
  const field = (text) => {
    const bytes = Buffer.from(text);
    return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
  };
  const body = Buffer.concat([
    field('MQTT'),
    Buffer.from([4, 0xc2, 0, 240]),
    field(id),
    field(id),
    field(token),
  ]);
  return Buffer.concat([Buffer.from([0x10, (body.length & 0x7f) | 0x80, body.length >> 7]), body]);
}
