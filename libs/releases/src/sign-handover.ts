/** The signer's side of handing over, wherever the private key is: no server. */
import type { KeyObject } from 'node:crypto';
import type { Resource } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { rawPublicKey, signAsk, signingKeyId } from '@tinyfleet/wire';
import { nextKeyOf } from './handover-service.js';

/**
 * People know the next key by its id: the key that devices are told of has to be that one.
 * @throws releases.handover-invalid, releases.key-other when no device of the request has this key
 */
export function signHandover(
  { project, next, devices }: Resource<'HandoverRequest'>,
  privateKey: KeyObject,
): Resource<'KeyHandovers'> {
  const publicKey = Buffer.from(next.publicKeyHex, 'hex');
  const held = keyId(publicKey);
  if (held !== next.keyId) throw new FleetError('releases.handover-invalid', { key: next.keyId, held });
  const by = keyId(rawPublicKey(privateKey));
  const own = devices.filter((one) => one.by === by);
  if (devices[0] && own.length === 0)
    throw new FleetError('releases.key-other', { key: by, asked: devices[0].by });
  const data = nextKeyOf({ publicKey, sequence: next.sequence });
  return {
    by,
    asks: own.map(({ device, counter }) => ({
      device,
      askHex: Buffer.from(
        signAsk({ counter, command: 'rotate-key', data }, `${project}/${device}`, privateKey),
      ).toString('hex'),
    })),
  };
}

const keyId = (publicKey: Uint8Array): string => Buffer.from(signingKeyId(publicKey)).toString('hex');
