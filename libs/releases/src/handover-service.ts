/**
 * Telling devices of another signing key when the private half of the one they have is elsewhere. What is signed there is
 * the very message that each device gets: it names device, counter and next key, so nothing of it can be used otherwise.
 */
import type { Page, PageRequest, ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError, isFleetError } from '@tinyfleet/errors';
import { encodeNextKey, verifyAsk } from '@tinyfleet/wire';
import type { ReleaseStores, SigningKey } from './ports.js';
import { keyIdOf } from './signing-key-service.js';

/**
 * Commands that a device may get while a signature is made: handovers.sql asks for half of it. A device takes no counter twice, so
 * that one at the end of its range would be its last command.
 */
const counterRoom = 2_000;

type Given = Resource<'KeyHandovers'>['asks'][number];

export class HandoverService {
  constructor(
    private readonly stores: Pick<ReleaseStores, 'keys'>,
    private readonly transact: Transact<ReleaseStores>,
  ) {}

  /** Devices that wait for it, by name. @throws releases.key-not-next */
  async list(scope: ProjectScope, keyId: string, page: PageRequest): Promise<Page<Resource<'KeyHandover'>>> {
    const key = tellable(await this.stores.keys.list(scope), keyId);
    return await this.stores.keys.handovers(scope, key.id, page);
  }

  /** All or nothing. @throws releases.key-not-next, releases.signature-invalid, releases.handover-counter */
  async accept(
    actor: string,
    scope: ProjectScope,
    keyId: string,
    { by, asks }: Resource<'KeyHandovers'>,
  ): Promise<{ readonly devices: number }> {
    return await this.transact(async ({ keys, audit, events }) => {
      const known = await keys.list(scope);
      const key = tellable(known, keyId);
      const signer = known.find((one) => keyIdOf(one) === by && one.sequence < key.sequence);
      if (!signer) throw new FleetError('releases.key-unknown', { key: by });
      const read = asks.map((one) => ({ ...verified(scope, one, key, signer), signerId: signer.id }));
      const counters = await keys.askCounters(
        scope,
        read.map(({ device }) => device),
      );
      for (const { device, counter } of read) {
        const limit = (counters.get(device) ?? 0) + counterRoom;
        if (counter > limit) throw new FleetError('releases.handover-counter', { device, counter, limit });
      }
      const devices = await keys.addHandovers(scope, key.id, read);
      await audit.append(scope, {
        actor,
        action: 'signing-key.handed-over',
        target: keyId,
        detail: { devices, by },
      });
      await events.emit(scope, 'key.changed', { keyId, state: key.state });
      return { devices };
    });
  }
}

/** @throws releases.signature-invalid */
function verified(
  scope: ProjectScope,
  { device, askHex }: Given,
  key: SigningKey,
  signer: SigningKey,
): { device: string; counter: number; ask: Buffer } {
  const ask = Buffer.from(askHex, 'hex');
  const invalid = () =>
    new FleetError('releases.signature-invalid', { what: `the message to ${device}`, key: keyIdOf(signer) });
  try {
    const { counter, command, data, signature } = verifyAsk(ask, `${scope.name}/${device}`, {
      signingKey: new Uint8Array(signer.publicKey),
    });
    const wanted = nextKeyOf(key);
    if (!signature || command !== 'rotate-key' || !data || !wanted.equals(data)) throw invalid();
    return { device, counter, ask };
  } catch (error) {
    if (isFleetError(error)) throw invalid();
    throw error;
  }
}

/** `data` of rotate-key. */
export const nextKeyOf = ({ publicKey, sequence }: Pick<SigningKey, 'publicKey' | 'sequence'>): Buffer =>
  Buffer.from(encodeNextKey({ algorithm: 'ed25519', key: new Uint8Array(publicKey), keySequence: sequence }));

/** The newest key: devices are told of no other. @throws releases.key-not-next */
function tellable(keys: readonly SigningKey[], keyId: string): SigningKey {
  const newest = keys
    .filter(({ state }) => state === 'next' || state === 'active')
    .reduce<SigningKey | undefined>((a, b) => (a && a.sequence > b.sequence ? a : b), undefined);
  if (!newest || keyIdOf(newest) !== keyId) throw new FleetError('releases.key-not-next', { key: keyId });
  return newest;
}
