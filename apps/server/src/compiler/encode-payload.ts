/**
 * One payload: encoded, then put through the very decoder that devices run, because a payload that does not give the bundle
 * back byte for byte must never be offered. Runs in a worker thread.
 */
import { FleetError } from '@tinyfleet/errors';
import type { PayloadJob } from '@tinyfleet/releases';
import { applyPayload } from '@tinyfleet/runtime';
import { encodeCompressed, encodeDelta } from '@tinyfleet/wire';

/** @throws builds.payload-wrong */
export async function encodePayload(job: PayloadJob): Promise<Uint8Array<ArrayBuffer>> {
  const { base, target, method, blockBytes } = job;
  const options = { sectorBytes: blockBytes };
  const payload = base ? encodeDelta(base, target, options) : encodeCompressed(target, options);
  const made = await applyPayload(payload, {
    ...(base && { base }),
    resultBytes: target.length,
    sectorBytes: blockBytes,
  });
  if (Buffer.compare(made, target) !== 0) throw new FleetError('builds.payload-wrong', { method });
  return new Uint8Array(payload);
}
