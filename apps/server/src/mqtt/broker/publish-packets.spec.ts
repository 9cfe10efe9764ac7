import { describe, expect, it } from '@jest/globals';
import { parser, type IPublishPacket, type Packet } from 'mqtt-packet';
import { publishPackets } from './publish-packets.js';

function parsed(bytes: Buffer): IPublishPacket[] {
  const found: IPublishPacket[] = [];
  const reader = parser({ protocolVersion: 4 });
  reader.on('packet', (packet: Packet) => found.push(packet as IPublishPacket));
  expect(reader.parse(bytes)).toBe(0);
  return found;
}

describe('publishPackets', () => {
  it('should write what a parser of MQTT reads, one packet per payload', () => {
    const topic = 'fleet/1/p/d/down/chunk';
    const payloads = [Buffer.from('first'), Buffer.alloc(0), Buffer.alloc(1_060, 7)];
    const read = parsed(publishPackets(topic, payloads));
    expect(read.map(({ payload }) => payload)).toEqual(payloads);
    for (const packet of read) {
      const { cmd, qos, retain, dup } = packet;
      expect({ cmd, topic: packet.topic, qos, retain, dup }).toEqual({
        cmd: 'publish',
        topic,
        qos: 0,
        retain: false,
        dup: false,
      });
    }
  });

  it('should use as few bytes for the remaining length as it needs [MQTT-2.2.3]', () => {
    const head = 'fleet/é'.length + 1 + 2;
    for (const [remaining, bytes] of [
      [127, 1],
      [128, 2],
      [16_383, 2],
      [16_384, 3],
      [2_097_151, 3],
      [2_097_152, 4],
    ] as const) {
      const payload = Buffer.alloc(remaining - head, 1);
      const packet = publishPackets('fleet/é', [payload]);
      expect(packet.length).toBe(1 + bytes + remaining);
      expect(parsed(packet)[0]!.payload).toEqual(payload);
    }
  });
});
