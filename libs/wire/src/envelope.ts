/** Which message telemetry is, read before all else of it: the rest costs ten times as much, and waits until it is needed. */
import { isFleetError } from '@tinyfleet/errors';
import { CborFault, CborHeads, Major } from './cbor-heads.js';
import { schemas, type Telemetry } from './generated/messages.js';
import { packedEnvelope } from './packed-window.js';

export type Envelope = Pick<Telemetry, 'bootId' | 'sequence'>;

const keyOf = (name: 'bootId' | 'sequence' | 'packed'): number =>
  schemas.telemetry.find((field) => field.name === name)!.key;
const [bootKey, sequenceKey, packedKey] = [keyOf('bootId'), keyOf('sequence'), keyOf('packed')];
const maxSequence = 2 ** 32 - 1;

/** @returns undefined where the bytes do not begin like telemetry: decoding them says why. Nothing behind it is looked at. */
export function readEnvelope(bytes: Uint8Array): Envelope | undefined {
  try {
    return envelopeOf(new CborHeads(bytes));
  } catch (error) {
    if (error instanceof CborFault || isFleetError(error)) return undefined;
    throw error;
  }
}

function envelopeOf(heads: CborHeads): Envelope | undefined {
  const next = (): number => {
    heads.next();
    return heads.major;
  };
  if (next() !== Major.map) return undefined;
  let bootId: bigint | undefined;
  for (let left = Number(heads.argument); left > 0; left--) {
    const key = next() === Major.uint ? Number(heads.argument) : Infinity;
    if (key > packedKey) return undefined;
    const major = next();
    if (key === packedKey) return major === Major.bytes ? packedEnvelope(heads.content) : undefined;
    if (major !== Major.uint) return undefined;
    const { argument } = heads;
    if (key === bootKey) bootId = BigInt(argument);
    if (key === sequenceKey)
      return bootId !== undefined && argument <= maxSequence
        ? { bootId, sequence: Number(argument) }
        : undefined;
  }
  return undefined;
}
