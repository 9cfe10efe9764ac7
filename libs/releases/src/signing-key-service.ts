/** The project's signing keys: one Ed25519 key is made with the project; its private half is sealed at rest. */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { rawPublicKey, signingKeyId } from '@tinyfleet/wire';
import type { ReleaseStores, Sealer, SigningKey } from './ports.js';

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
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const id = this.newId();
    const sealed = this.sealer.seal(privateKey.export({ format: 'der', type: 'pkcs8' }), context(scope, id));
    await this.transact(async ({ keys, audit }) => {
      const raw = Buffer.from(rawPublicKey(publicKey));
      if (!(await keys.addFirst(scope, { id, publicKey: raw, sealedPrivateKey: sealed }))) return;
      await audit.append(scope, { actor, action: 'signing-key.made', target: raw.toString('hex') });
    });
  }

  /** Newest first; what devices are given to trust. */
  async list(scope: ProjectScope): Promise<Resource<'SigningKey'>[]> {
    return (await this.stores.keys.list(scope)).map((key) => ({
      keyId: Buffer.from(signingKeyId(key.publicKey)).toString('hex'),
      algorithm: 'ed25519',
      publicKeyHex: key.publicKey.toString('hex'),
      createdAt: key.createdAt.toISOString(),
    }));
  }

  /** The key that signs now. @throws releases.no-key, storage.secret-mismatch */
  async signer(scope: ProjectScope): Promise<{ readonly id: string; readonly privateKey: KeyObject }> {
    const usable = (await this.stores.keys.list(scope)).find(hasPrivateKey);
    if (!usable) throw new FleetError('releases.no-key');
    const der = this.sealer.open(usable.sealedPrivateKey, context(scope, usable.id));
    return { id: usable.id, privateKey: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }) };
  }
}

const context = (scope: ProjectScope, id: string): string => `signing-key ${scope.id} ${id}`;
const hasPrivateKey = (key: SigningKey): key is SigningKey & { sealedPrivateKey: Buffer } =>
  key.sealedPrivateKey !== null;
