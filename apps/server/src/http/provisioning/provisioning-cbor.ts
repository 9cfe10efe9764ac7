/**
 * CBOR for devices that have no JSON (docs/provisioning.md): one map with small unsigned keys, texts as texts, certificates and
 * requests as DER instead of PEM. Becomes the very object that JSON would have been, and is validated as such.
 */
import { decode, encode } from 'cborg';
import { FleetError } from '@tinyfleet/errors';
import type { FastifyInstance, FastifyRequest } from 'fastify';

export const CBOR_TYPE = 'application/cbor';
/** A request with a certificate and its signature is a quarter of it. */
const maxBytes = 8_192;

/** Keys are appended, never renumbered. */
const KEYS = {
  key: 1,
  code: 2,
  name: 3,
  type: 4,
  csr: 5,
  clientId: 6,
  token: 7,
  certificate: 8,
  signature: 9,
  state: 10,
  authority: 11,
  expiresAt: 12,
} as const;
const NAMES = new Map<unknown, string>(Object.entries(KEYS).map(([name, key]) => [key, name]));
const LABELS: Readonly<Record<string, string>> = {
  csr: 'CERTIFICATE REQUEST',
  certificate: 'CERTIFICATE',
  authority: 'CERTIFICATE',
};

export const isCbor = ({ headers }: FastifyRequest): boolean =>
  (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() === CBOR_TYPE;

/** Takes CBOR bodies on these paths only: nothing else of the API speaks it. */
export function acceptCbor(fastify: FastifyInstance): void {
  fastify.addContentTypeParser(
    CBOR_TYPE,
    { parseAs: 'buffer', bodyLimit: maxBytes },
    (request, body, done) => {
      if (!/^\/api\/v1\/provision(\/certificate)?$/.test(request.url.split('?', 1)[0] ?? ''))
        return done(new FleetError('server.unsupported-media', { type: CBOR_TYPE }));
      try {
        done(null, decodeRequest(body as Buffer));
      } catch (error) {
        done(error as Error);
      }
    },
  );
}

/** @throws server.invalid-request */
export function decodeRequest(bytes: Uint8Array): Record<string, unknown> {
  const refuse = (summary: string): never => {
    throw new FleetError('server.invalid-request', { summary });
  };
  let map: unknown;
  try {
    map = decode(bytes, { useMaps: true, rejectDuplicateMapKeys: true, allowIndefinite: false });
  } catch (error) {
    return refuse(`the body is no CBOR: ${(error as Error).message.slice(0, 100)}`);
  }
  if (!(map instanceof Map))
    return refuse('the body has to be a CBOR map with the keys of docs/provisioning.md');
  const out: Record<string, unknown> = {};
  for (const [key, value] of map as Map<unknown, unknown>) {
    const name = NAMES.get(key);
    // Unknown keys are of newer firmware.
    if (name === undefined) continue;
    out[name] = value instanceof Uint8Array ? fromBytes(name, value) : value;
  }
  return out;
}

function fromBytes(name: string, value: Uint8Array): string {
  const base64 = Buffer.from(value).toString('base64');
  const label = LABELS[name];
  return label === undefined
    ? base64
    : `-----BEGIN ${label}-----\n${base64.replace(/(.{64})/g, '$1\n')}\n-----END ${label}-----\n`;
}

export function encodeAnswer(value: object): Buffer {
  const map = new Map<number, unknown>();
  for (const [name, field] of Object.entries(value)) {
    if (field === null || field === undefined) continue;
    const isPem = LABELS[name] !== undefined;
    map.set(
      KEYS[name as keyof typeof KEYS],
      isPem
        ? new Uint8Array(Buffer.from(String(field).replace(/-----[^\n]*-----|\s/g, ''), 'base64'))
        : field,
    );
  }
  return Buffer.from(encode(map));
}
