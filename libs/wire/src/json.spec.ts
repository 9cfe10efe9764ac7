/** Messages as JSON. */
import { describe, expect, it } from '@jest/globals';
import { isFleetError } from '@tinyfleet/errors';
import {
  decodeTelemetryJson,
  messageFromJson,
  messageToJson,
  packHistogram,
  type Messages,
} from './index.js';
import { wireCases } from '../test/wire-cases.js';

const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

describe('messages as JSON', () => {
  it('should give back every golden message, bytes in both texts', () => {
    for (const { message, value } of wireCases) {
      for (const byteText of ['base64', 'hex'] as const) {
        const json = JSON.parse(JSON.stringify(messageToJson(message, value as never, byteText))) as unknown;
        expect(messageFromJson(message, json, byteText)).toEqual(value);
      }
    }
  });

  it('should take lists of counts for histograms', () => {
    const value = wireCases.find((c) => c.name === 'telemetry-min')?.value as Messages['telemetry'];
    const json = { ...messageToJson('telemetry', value), classes: [1, 2, 3, 4], later: 1 };
    expect(decodeTelemetryJson(text(json)).classes).toEqual(packHistogram([1, 2, 3, 4]));
  });

  it('should refuse bad JSON with registered errors', () => {
    const value = wireCases.find((c) => c.name === 'telemetry-min')?.value as Messages['telemetry'];
    const json = messageToJson('telemetry', value);
    const codes = [
      text([]),
      new Uint8Array([0xff]),
      text({ ...json, bootId: 7 }),
      text({ ...json, build: '!' }),
      text({ ...json, n: 'x' }),
      text({ ...json, n: 4_096 }),
      text({ ...json, classes: [-1] }),
      text({ ...json, features: {} }),
      new Uint8Array(16_385),
    ].map((payload) => {
      try {
        decodeTelemetryJson(payload);
      } catch (error) {
        if (isFleetError(error)) return error.code;
        throw error;
      }
      return 'none';
    });
    expect(codes).toEqual([
      'wire.json-invalid',
      'wire.json-invalid',
      'wire.json-invalid',
      'wire.json-invalid',
      'wire.type-mismatch',
      'wire.out-of-range',
      'wire.histogram-invalid',
      'wire.json-invalid',
      'wire.too-large',
    ]);
  });
});
