/** The project's signing keys: an Ed25519 key is made with the project, others by rotation; private halves are sealed at rest. */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { rawPublicKey, signingKeyId } from '@tinyfleet/wire';
import type { NewSigningKey, ReleaseStores, Sealer, SigningKey } from './ports.js';

export interface Signer {
  readonly id: string;
  readonly privateKey: KeyObject;
}

export class SigningKeyService {
  constructor(
    private readonly stores: Pick<ReleaseStores, 'keys'>,
    private readonly transact: Transact<ReleaseStores>,
    private readonly sealer: Sealer,
    private readonly newId: () => string,
  ) {}

  /** Makes the project's first key when it has none. */
  async ensure(actor: string, scope: ProjectScope): Promise<void> {
    if ((await this.stores.keys.list(scope)).length > 0) return;
    const key = this.generate(scope);
    await this.transact(async ({ keys, audit }) => {
      if (!(await keys.addFirst(scope, key))) return;
      await audit.append(scope, { actor, action: 'signing-key.made', target: key.publicKey.toString('hex') });
    });
  }

  /** A fresh key pair of the project, its private half sealed. */
  generate(scope: ProjectScope): NewSigningKey {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const id = this.newId();
    const der = privateKey.export({ format: 'der', type: 'pkcs8' });
    return {
      id,
      publicKey: Buffer.from(rawPublicKey(publicKey)),
      sealedPrivateKey: this.sealer.seal(der, signingKeyContext(scope.id, id)),
    };
  }

  /** A key pair whose private half stays elsewhere. */
  adopt(publicKeyHex: string): NewSigningKey {
    return { id: this.newId(), publicKey: Buffer.from(publicKeyHex, 'hex'), sealedPrivateKey: null };
  }

  /** The active one first: what devices are given to trust. */
  async list(scope: ProjectScope): Promise<Resource<'SigningKey'>[]> {
    const [keys, holders] = [await this.stores.keys.list(scope), await this.stores.keys.holders(scope)];
    return keys.map((key) => {
      const keyId = keyIdOf(key);
      const held = holders.find((one) => one.keyId === keyId);
      return {
        keyId,
        algorithm: 'ed25519',
        publicKeyHex: key.publicKey.toString('hex'),
        sequence: key.sequence,
        state: key.state,
        held: key.sealedPrivateKey !== null,
        createdAt: key.createdAt.toISOString(),
        devices: { current: held?.current ?? 0, next: held?.next ?? 0 },
      };
    });
  }

  /** The key that signs; with the store of a transaction until that ends. @throws releases.no-key, releases.key-elsewhere, storage.secret-mismatch */
  async signer(scope: ProjectScope, keys = this.stores.keys): Promise<Signer> {
    // Once more: the first look may have waited for a rotation, and knows the keys from before it.
    const active = (await keys.active(scope)) ?? (await keys.active(scope));
    if (!active) throw new FleetError('releases.no-key');
    return { id: active.id, privateKey: this.open(scope, active) };
  }

  /** @throws releases.key-elsewhere when its private half is held elsewhere, storage.secret-mismatch */
  open(scope: ProjectScope, key: SigningKey): KeyObject {
    if (key.sealedPrivateKey === null)
      throw new FleetError('releases.key-elsewhere', { key: keyIdOf(key), release: 'NAME@VERSION' });
    return openSigningKey(this.sealer, scope.id, { id: key.id, sealed: key.sealedPrivateKey });
  }
}

/** @throws storage.secret-mismatch */
export function openSigningKey(
  sealer: Pick<Sealer, 'open'>,
  projectId: string,
  { id, sealed }: { readonly id: string; readonly sealed: Uint8Array },
): KeyObject {
  const der = sealer.open(sealed, signingKeyContext(projectId, id));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

/** As telemetry, manifests and hellos name it, in hex. */
export const keyIdOf = ({ publicKey }: Pick<SigningKey, 'publicKey'>): string =>
  Buffer.from(signingKeyId(publicKey)).toString('hex');
const signingKeyContext = (projectId: string, id: string): string => `signing-key ${projectId} ${id}`;
