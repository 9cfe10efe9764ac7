/**
 * Signing with a key that never comes here: what is to be signed goes out, signatures come in and are verified before any is
 * stored. With the active key this signs a release; with the next one it prepares the releases there are for its activation.
 */
import type { ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { attachSignature, contentToJson, manifestToSign } from '@tinyfleet/wire';
import { transferDefaults, type TransferOptions } from './payload-service.js';
import { verifyStatement, statementType } from './provenance.js';
import type { ReleaseStores, SigningKey } from './ports.js';
import {
  keptStatement,
  kindsOf,
  manifestsOf,
  signedArtifacts,
  type ManifestKind,
} from './release-content.js';
import { afterSigning } from './release-service.js';
import { keyIdOf } from './signing-key-service.js';

export class OfflineSigningService {
  constructor(
    private readonly transact: Transact<ReleaseStores>,
    private readonly transfers: Pick<TransferOptions, 'maxBases'> = transferDefaults,
  ) {}

  /** @param keyId default: the active key @throws releases.not-found, releases.revoked, releases.key-unknown */
  async request(scope: ProjectScope, ref: string, keyId?: string): Promise<Resource<'SigningRequest'>> {
    return await this.transact(async (stores) => {
      const key = await signable(stores, scope, keyId);
      const release = await stores.releases.toSign(scope, ref);
      if (release.state === 'revoked') throw new FleetError('releases.revoked', { release: ref });
      return {
        release: ref,
        keyId: keyIdOf(key),
        publicKeyHex: key.publicKey.toString('hex'),
        manifests: manifestsOf(scope, release).flatMap((one) =>
          kindsOf(one).map(([kind, content]) => ({
            deviceType: one.type,
            kind,
            content: contentToJson(content),
          })),
        ),
        provenance: { payloadType: statementType, payload: await keptStatement(stores, scope, ref) },
      };
    });
  }

  /**
   * All or nothing. What the key has signed already stays.
   * @throws releases.not-found, releases.revoked, releases.key-unknown, releases.signatures-missing, releases.signature-invalid
   */
  async accept(
    actor: string,
    scope: ProjectScope,
    ref: string,
    given: Resource<'ReleaseSignatures'>,
  ): Promise<Resource<'Release'>> {
    return await this.transact(async (stores) => {
      const key = await signable(stores, scope, given.keyId);
      const release = await stores.releases.toSign(scope, ref);
      if (release.state === 'revoked') throw new FleetError('releases.revoked', { release: ref });
      const publicKey = new Uint8Array(key.publicKey);
      const invalid = (what: string) =>
        new FleetError('releases.signature-invalid', { what, key: given.keyId });
      const signatures = new Map(
        given.manifests.map((one) => [`${one.kind} ${one.deviceType}`, one.signatureHex]),
      );
      const manifests = signedArtifacts(manifestsOf(scope, release), (kind, type, content) => {
        const what = `${WHAT[kind]} for ${type}`;
        const hex = signatures.get(`${kind} ${type}`);
        if (hex === undefined) throw new FleetError('releases.signatures-missing', { what });
        try {
          const signature = new Uint8Array(Buffer.from(hex, 'hex'));
          return attachSignature(manifestToSign(content, publicKey), signature, publicKey);
        } catch {
          throw invalid(what);
        }
      });
      const provenance = Buffer.from(given.provenance, 'hex');
      if (!verifyStatement(await keptStatement(stores, scope, ref), provenance, publicKey))
        throw invalid('the provenance');
      await stores.releases.signStatement(scope, release.id, key.id, provenance);
      if (key.state === 'active' && !release.isSigned) {
        await stores.releases.signed(scope, release.id, key.id, manifests);
        await afterSigning(stores, actor, scope, { ...release, ref }, this.transfers);
      } else {
        await stores.releases.signedAgain(scope, release.id, key.id, manifests);
        const detail = { key: given.keyId };
        await stores.audit.append(scope, { actor, action: 'release.signed-again', target: ref, detail });
        await stores.events.emit(scope, 'release.signed', { release: ref });
      }
      return await stores.releases.get(scope, ref);
    });
  }
}

const WHAT: Readonly<Record<ManifestKind, string>> = {
  release: 'the manifest',
  fallback: 'the fallback',
  firmware: 'the manifest of the firmware',
  'firmware-fallback': 'the fallback of the firmware',
};

/** Locks the active key, so that a rotation comes wholly before or behind. */
async function signable(
  { keys }: Pick<ReleaseStores, 'keys'>,
  scope: ProjectScope,
  keyId: string | undefined,
): Promise<SigningKey> {
  const active = (await keys.active(scope)) ?? (await keys.active(scope));
  if (!active) throw new FleetError('releases.no-key');
  if (keyId === undefined || keyIdOf(active) === keyId) return active;
  const next = (await keys.list(scope)).find((one) => one.state === 'next' && keyIdOf(one) === keyId);
  if (!next) throw new FleetError('releases.key-unknown', { key: keyId });
  return next;
}
