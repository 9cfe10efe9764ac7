/** What is seen of a device, decoded. */
import { describe, expect, it } from '@jest/globals';
import { DeviceListenEvent } from '@tinyfleet/contracts';
import { encode, type Messages } from '@tinyfleet/wire';
import { describeSeen } from './describe-seen.js';

const seen = (leaf: string, payload: Uint8Array) =>
  ({
    n: 0,
    at: 0,
    kind: 'message',
    direction: 'down',
    leaf,
    qos: 0,
    will: false,
    payload: Buffer.from(payload).toString('base64'),
  }) as const;
const chunk: Messages['chunk'] = {
  transfer: new Uint8Array(8).fill(7),
  offset: 4_096,
  data: new Uint8Array(1_024),
  crc32: 9,
};

describe('describeSeen', () => {
  it('should name the fields of a message and tell long contents by their size', () => {
    const told = DeviceListenEvent.parse(describeSeen(seen('chunk', encode('chunk', chunk)), false));
    expect(told).toMatchObject({
      at: '1970-01-01T00:00:00.000Z',
      name: 'chunk',
      message: { transfer: '07'.repeat(8), offset: 4_096, data: { bytes: 1_024 }, crc32: 9 },
      error: null,
      hex: null,
    });
    expect(JSON.stringify(told).length).toBeLessThan(400);
  });

  it('should add the bytes when they are asked for', () => {
    const payload = encode('chunk', chunk);
    expect(describeSeen(seen('chunk', payload), true)).toMatchObject({
      hex: Buffer.from(payload).toString('hex'),
    });
  });

  it.each([
    ['hello', new Uint8Array([0xa1]), /^wire\./],
    ['telemetry.json', new TextEncoder().encode('{'), /^wire\.json-invalid$/],
    ['firmware-of-the-future', new Uint8Array([1]), /^wire\.topic-invalid$/],
  ])('should show what is no %s as bytes with the reason', (leaf, payload, code) => {
    const told = DeviceListenEvent.parse(describeSeen(seen(leaf, payload), false));
    expect(told).toMatchObject({ message: null, hex: Buffer.from(payload).toString('hex') });
    expect(told.kind === 'message' && told.error?.code).toMatch(code);
  });

  it('should leave a manifest that cannot be read as it is', () => {
    const desired = { serverTimeMs: 1, revision: 1, deployment: 1, manifest: new Uint8Array([1, 2]) };
    const told = describeSeen(seen('desired', encode('desired', desired)), false);
    expect(told).toMatchObject({ message: { manifest: '0102' } });
  });

  it('should say a refusal as the log does', () => {
    const facts = { clientId: 'demo/a', topic: 'fleet/1/demo/b/up/state' };
    expect(
      describeSeen({ n: 0, at: 0, kind: 'refused', code: 'mqtt.topic-refused', facts }, false),
    ).toMatchObject({ code: 'mqtt.topic-refused', reason: expect.stringContaining('demo/b'), address: null });
  });
});
