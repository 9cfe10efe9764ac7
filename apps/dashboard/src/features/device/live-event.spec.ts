/** Every kind of event has a line of words. */
import { describe, expect, it } from '@jest/globals';
import { DeviceListenEvent } from '@tinyfleet/contracts';
import { describeEvent } from './live-event.js';

const at = '2026-01-31T12:00:00Z';
const message = {
  kind: 'message',
  at,
  direction: 'up',
  name: 'hello',
  qos: 1,
  will: false,
  bytes: 92,
  message: { type: 'wasm' },
  error: null,
  hex: null,
} as const;

describe('describeEvent', () => {
  it('should say something of every kind', () => {
    const events = [
      { kind: 'listening', at, connected: true },
      { kind: 'interrupted', at },
      { kind: 'connected', at, address: '10.0.0.1', credential: 'token' },
      { kind: 'disconnected', at },
      { kind: 'subscribed', at, topic: 'down/desired', qos: 1 },
      { kind: 'refused', at, code: 'mqtt.topic', reason: 'not its own', address: null },
      { kind: 'dropped', at, messages: 1 },
      message,
    ].map((event) => DeviceListenEvent.parse(event));
    expect(new Set(events.map((event) => describeEvent(event).what)).size).toBe(events.length);
    expect(describeEvent(events[6]!).text).toContain('1 message ');
  });

  it('should show the content of a message, or why it is none', () => {
    expect(describeEvent(message)).toEqual({ what: '↑ hello', tone: 'harbour', text: 'type:wasm' });
    const broken = { ...message, message: null, error: { code: 'wire.cbor', reason: 'it ends too early' } };
    expect(describeEvent(broken)).toMatchObject({ tone: 'red', text: 'it ends too early' });
  });
});
