/** A line of each kind of what is heard. */
import { describe, expect, it } from '@jest/globals';
import type { Resource } from '@tinyfleet/contracts';
import { lineOf } from './device-listen.js';

const at = '2026-01-31T16:41:02.123Z';
const message: Extract<Resource<'DeviceListenEvent'>, { kind: 'message' }> = {
  kind: 'message',
  at,
  direction: 'down',
  name: 'ask',
  qos: 1,
  will: false,
  bytes: 5,
  message: { counter: 1, command: 'say-hello' },
  error: null,
  hex: 'a201010208',
};
const plain = (text: string): string => text.replace(/\u001b\[\d+m/g, '').replace(/ +/g, ' ');

describe('a line of what is heard', () => {
  it('should have the fields of a message, its bytes when asked for, and why it cannot be read', () => {
    expect(plain(lineOf(message))).toBe('16:41:02 down ask 5 B {"counter":1,"command":"say-hello"}');
    expect(plain(lineOf(message, true))).toBe('16:41:02 down ask 5 B a201010208');
    const wrong = { ...message, direction: 'up', message: null, will: true } as const;
    expect(plain(lineOf({ ...wrong, error: { code: 'wire.not-cbor', reason: 'It ends early.' } }))).toBe(
      '16:41:02 up ask 5 B will wire.not-cbor: It ends early. a201010208',
    );
  });

  it.each<[string, Resource<'DeviceListenEvent'>]>([
    ['16:41:02 -- it is not connected', { kind: 'listening', at, connected: false }],
    [
      '16:41:02 -- connected from ::1 by token',
      { kind: 'connected', at, address: '::1', credential: 'token' },
    ],
    ['16:41:02 -- disconnected', { kind: 'disconnected', at }],
    ['16:41:02 -- subscribed x/down/# QoS 1', { kind: 'subscribed', at, topic: 'x/down/#', qos: 1 }],
    [
      '16:41:02 -- refused mqtt.credentials-wrong: No. from ::1',
      { kind: 'refused', at, code: 'mqtt.credentials-wrong', reason: 'No.', address: '::1' },
    ],
    ['16:41:02 -- 7 not shown more than are shown a second', { kind: 'dropped', at, messages: 7 }],
    ['16:41:02 -- interrupted the broker does not answer', { kind: 'interrupted', at }],
  ])('should say %s', (line, heard) => {
    expect(plain(lineOf(heard))).toBe(line);
  });
});
