/** What was seen of a device, decoded for people. Contents (chunks, samples) are told by their size. */
import type { Resource } from '@tinyfleet/contracts';
import { FleetError, isFleetError } from '@tinyfleet/errors';
import {
  decode,
  decodeTelemetryJson,
  manifestToJson,
  messageToJson,
  messageNames,
  type Messages,
} from '@tinyfleet/wire';
import type { Seen } from '../../mqtt/tap/seen.js';

type Told = Resource<'DeviceListenEvent'>;
type Decoded = Pick<Extract<Told, { kind: 'message' }>, 'message' | 'error'>;

export function describeSeen(seen: Seen, isRaw: boolean): Told {
  const at = new Date(seen.at).toISOString();
  switch (seen.kind) {
    case 'connected':
      return { kind: seen.kind, at, address: seen.address, credential: seen.credential };
    case 'disconnected':
      return { kind: seen.kind, at };
    case 'subscribed':
      return { kind: seen.kind, at, topic: seen.topic, qos: seen.qos };
    case 'refused': {
      const { code, facts } = seen;
      const { address } = facts;
      const reason = new FleetError(code as never, facts as never).message;
      return { kind: seen.kind, at, code, reason, address: typeof address === 'string' ? address : null };
    }
    case 'message': {
      const { direction, leaf: name, qos, will } = seen;
      const payload = Buffer.from(seen.payload, 'base64');
      const decoded = decodePayload(name, payload);
      const hex = isRaw || decoded.message === null ? payload.toString('hex') : null;
      return { kind: seen.kind, at, direction, name, qos, will, bytes: payload.length, ...decoded, hex };
    }
  }
}

function decodePayload(name: string, payload: Buffer): Decoded {
  try {
    if (name === 'telemetry.json')
      return told(messageToJson('telemetry', decodeTelemetryJson(payload), 'hex'));
    const known = messageNames.find((one) => one === name);
    if (known === undefined)
      throw new FleetError('wire.topic-invalid', { topic: name, reason: 'its last level is unknown' });
    return told(elide(known, messageToJson(known, decode(known, payload) as never, 'hex')));
  } catch (error) {
    if (!isFleetError(error)) throw error;
    return { message: null, error: { code: error.code, reason: error.message } };
  }
}
const told = (message: Record<string, unknown>): Decoded => ({ message, error: null });

function elide(name: keyof Messages, message: Record<string, unknown>): Record<string, unknown> {
  const { data, manifest } = message;
  if ((name === 'chunk' || name === 'sample') && typeof data === 'string')
    return { ...message, data: { bytes: data.length / 2 } };
  if (name === 'desired' && typeof manifest === 'string') {
    try {
      return { ...message, manifest: manifestToJson(new Uint8Array(Buffer.from(manifest, 'hex'))) };
    } catch (error) {
      // The device will say what is wrong with it.
      if (!isFleetError(error)) throw error;
    }
  }
  return message;
}
