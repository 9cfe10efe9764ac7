/**
 * Certificate authorities of a project: uploaded ones whose owner has proven that he holds the key, and own ones that sign
 * requests of devices; what they have revoked. Signs and renews; who comes in by a certificate is admission-service.ts. Reading
 * and signing X.509 itself is behind `Certificates`.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { parseClientId } from '@tinyfleet/wire';
import type { CredentialOptions } from '../credentials/credential-service.js';
import { requireLive } from '../credentials/credential-service.js';
import type { ProjectStore } from '../ports.js';
import type { AuthorityStore, Certificate, Certificates, ProvisioningStores } from './ports.js';

export interface AuthorityOptions {
  /** Authorities of one project. */
  readonly maxAuthorities: number;
  /** The proof has to come within this time. */
  readonly challengeHours: number;
  /** A certificate that a device replaces stays valid this long beside the new one. */
  readonly renewalOverlapS: number;
  /** Entries of a revocation list; each is a row. */
  readonly maxRevocations: number;
  /** Clocks of those who sign may be wrong by so much. */
  readonly skewS: number;
}
export const authorityDefaults: AuthorityOptions = {
  maxAuthorities: 16,
  challengeHours: 24,
  renewalOverlapS: 86_400,
  maxRevocations: 20_000,
  skewS: 300,
};

/** PEM. */
export interface Signed {
  readonly certificate: string;
  readonly authority: string;
  readonly expiresAt: string;
}

interface Keys {
  seal(plain: Uint8Array, context: string): Buffer;
  open(sealed: Uint8Array, context: string): Buffer;
}

export class AuthorityService {
  constructor(
    private readonly stores: { readonly authorities: AuthorityStore; readonly projects: ProjectStore },
    private readonly transact: Transact<ProvisioningStores>,
    private readonly certificates: Certificates,
    private readonly keys: Keys,
    private readonly newId: () => string,
    private readonly options: AuthorityOptions & CredentialOptions,
    private readonly now: () => Date = () => new Date(),
  ) {}

  async list(scope: ProjectScope): Promise<Resource<'Authority'>[]> {
    return await this.stores.authorities.list(scope);
  }

  /** @throws provisioning.certificate-invalid, provisioning.authority-exists, provisioning.authorities-too-many */
  async add(
    actor: string,
    scope: ProjectScope,
    request: Resource<'AuthorityCreate'>,
  ): Promise<Resource<'Authority'>> {
    const id = this.newId();
    const { name, type, tags, site, quota } = request;
    const own =
      request.certificate === undefined
        ? await this.certificates.makeAuthority(`${scope.name} ${name}`)
        : undefined;
    const certificate = this.certificates.read(own?.certificate ?? request.certificate ?? '');
    if (!own) await this.requireAuthority(certificate);
    const challengeEnd = new Date(this.now().getTime() + this.options.challengeHours * 3_600_000);
    await this.transact(async ({ authorities, audit }) => {
      await authorities.add(
        scope,
        {
          id,
          name,
          state: own ? 'active' : 'unproven',
          certificate: certificate.der,
          fingerprint: certificate.fingerprint,
          subject: certificate.subject,
          notBefore: certificate.notBefore,
          notAfter: certificate.notAfter,
          keyHash: certificate.keyHash,
          sealedKey: own ? this.keys.seal(own.privateKey, keyContext(scope, id)) : null,
          challenge: own ? null : randomBytes(24).toString('hex'),
          challengeExpiresAt: own ? null : challengeEnd,
          type,
          tags,
          site: site ?? '',
          quota,
          createdBy: actor,
        },
        this.options.maxAuthorities,
      );
      await audit.append(scope, {
        actor,
        action: 'authority.added',
        target: name,
        after: {
          subject: certificate.subject,
          fingerprint: certificate.fingerprint.toString('hex'),
          type,
          quota,
        },
      });
    });
    return await this.show(scope, name);
  }

  private async requireAuthority(certificate: Certificate): Promise<void> {
    const reason = !certificate.isAuthority
      ? 'it is no authority (basicConstraints CA:TRUE)'
      : certificate.notAfter <= this.now()
        ? `it ended at ${certificate.notAfter.toISOString()}`
        : ((await this.certificates.unsuitableFor(certificate, 'authority')) ??
          (await this.certificates.obstacleInPath([certificate])));
    if (reason !== undefined) throw new FleetError('provisioning.certificate-invalid', { reason });
  }

  /** The owner of the key shows a certificate whose common name is the challenge. @throws provisioning.proof-invalid */
  async prove(actor: string, scope: ProjectScope, name: string, pem: string): Promise<Resource<'Authority'>> {
    await this.transact(async ({ authorities, audit }) => {
      const { state, challenge, challengeExpiresAt, certificate } = await authorities.get(scope, name);
      if (state !== 'unproven') throw new FleetError('provisioning.not-unproven', { authority: name, state });
      const proof = this.certificates.read(pem);
      const now = this.now();
      const reason =
        challengeExpiresAt === null || challengeExpiresAt <= now
          ? 'the challenge has ended; remove the authority and add it again'
          : proof.commonName !== challenge
            ? 'its common name is not the challenge'
            : proof.notBefore > now || proof.notAfter <= now
              ? 'it is not valid at this time'
              : this.certificates.isSignedBy(proof, this.certificates.read(certificate))
                ? undefined
                : 'it is not signed by the authority';
      if (reason !== undefined)
        throw new FleetError('provisioning.proof-invalid', { authority: name, reason });
      await authorities.update(scope, name, { state: 'active' });
      await audit.append(scope, { actor, action: 'authority.proven', target: name });
    });
    return await this.show(scope, name);
  }

  async update(
    actor: string,
    scope: ProjectScope,
    name: string,
    change: Resource<'AuthorityPatch'>,
  ): Promise<Resource<'Authority'>> {
    const { site, state, type, tags, quota } = change;
    await this.transact(async ({ authorities, audit, events }) => {
      const before = await authorities.get(scope, name);
      const shownBefore = (await authorities.list(scope)).find((one) => one.name === name);
      // Nobody gets around the proof by this door.
      if (state === 'active' && before.state === 'unproven')
        throw new FleetError('provisioning.proof-invalid', {
          authority: name,
          reason: 'it needs a certificate',
        });
      await authorities.update(scope, name, {
        ...(state === undefined ? {} : { state }),
        ...(type === undefined ? {} : { type }),
        ...(tags === undefined ? {} : { tags }),
        ...(site === undefined ? {} : { site: site ?? '' }),
        ...(quota === undefined ? {} : { quota }),
      });
      await audit.append(scope, {
        actor,
        action: 'authority.updated',
        target: name,
        before: Object.fromEntries(
          Object.keys(change).map((key) => [key, shownBefore?.[key as keyof typeof change] ?? null]),
        ),
        after: { ...change },
      });
      await events.emit(scope, 'authority.changed', { authority: name });
    });
    return await this.show(scope, name);
  }

  /** @throws provisioning.authority-not-found */
  async remove(actor: string, scope: ProjectScope, name: string): Promise<void> {
    await this.transact(async ({ authorities, audit, events }) => {
      const known = (await authorities.list(scope)).find((one) => one.name === name);
      if (!known || !(await authorities.remove(scope, name)))
        throw new FleetError('provisioning.authority-not-found', { authority: name });
      const { subject, fingerprint, state, certificates } = known;
      const before = { subject, fingerprint, state, certificates };
      await audit.append(scope, { actor, action: 'authority.removed', target: name, before });
      await events.emit(scope, 'authority.changed', { authority: name });
    });
  }

  /** @throws provisioning.authority-not-found */
  async revokeSerial(
    actor: string,
    scope: ProjectScope,
    name: string,
    { serial, reason }: Resource<'SerialRevoke'>,
  ): Promise<void> {
    const normal = serial
      .replace(/:/g, '')
      .toLowerCase()
      .replace(/^0+(?=.)/, '');
    await this.transact(async ({ authorities, audit, events }) => {
      const authority = await authorities.get(scope, name);
      await authorities.revokeSerials(scope, authority, { serials: [normal], reason, by: actor });
      await audit.append(scope, {
        actor,
        action: 'authority.serial-revoked',
        target: name,
        detail: { serial: normal, reason },
      });
      await events.emit(scope, 'authority.changed', { authority: name });
    });
  }

  /**
   * Revokes what a revocation list of the authority names. What was revoked stays so, whatever a later list leaves out: nothing is
   * "on hold". @throws provisioning.authority-not-found, provisioning.crl-invalid
   */
  async takeRevocationList(
    actor: string,
    scope: ProjectScope,
    name: string,
    text: string,
  ): Promise<Resource<'Authority'>> {
    await this.transact(async ({ authorities, audit, events }) => {
      const authority = await authorities.get(scope, name);
      const { serials, ...list } = await this.certificates.readRevocations(
        text,
        this.certificates.read(authority.certificate),
        { maxEntries: this.options.maxRevocations },
      );
      const skewMs = this.options.skewS * 1_000;
      const now = this.now().getTime();
      const reason =
        list.thisUpdate.getTime() > now + skewMs
          ? `it is not valid before ${list.thisUpdate.toISOString()}`
          : list.nextUpdate.getTime() < now - skewMs
            ? `it ended at ${list.nextUpdate.toISOString()}`
            : authority.crlThisUpdate !== null && list.thisUpdate < authority.crlThisUpdate
              ? `a newer one, of ${authority.crlThisUpdate.toISOString()}, was taken already`
              : undefined;
      if (reason !== undefined) throw new FleetError('provisioning.crl-invalid', { reason });
      const added = await authorities.revokeSerials(scope, authority, { serials, reason: 'CRL', by: actor });
      await authorities.noteRevocationList(scope, authority.id, list);
      const { thisUpdate, nextUpdate, entries } = list;
      await audit.append(scope, {
        actor,
        action: 'authority.crl-taken',
        target: name,
        detail: {
          thisUpdate: thisUpdate.toISOString(),
          nextUpdate: nextUpdate.toISOString(),
          entries,
          added,
        },
      });
      await events.emit(scope, 'authority.changed', { authority: name });
    });
    return await this.show(scope, name);
  }

  /** Signs a request by the project's own authority, in the caller's transaction. @throws provisioning.authority-cannot-sign */
  async sign(
    { authorities, devices, credentials }: ProvisioningStores,
    scope: ProjectScope,
    device: string,
    order: {
      readonly csr: string;
      readonly days: number;
      readonly actor: string;
      readonly isRenewal?: boolean;
    },
  ): Promise<Signed> {
    requireLive(device, (await devices.lock(scope, device)).state);
    const signer = (await authorities.active(scope)).find(({ sealedKey }) => sealedKey !== null);
    if (!signer?.sealedKey) throw new FleetError('provisioning.authority-cannot-sign');
    const { der: request } = await this.certificates.readRequest(order.csr);
    const certificate = await this.certificates.sign({
      request,
      commonName: `${scope.name}/${device}`,
      days: order.days,
      authority: {
        certificate: signer.certificate,
        privateKey: this.keys.open(signer.sealedKey, keyContext(scope, signer.id)),
      },
    });
    const id = this.newId();
    await credentials.replace(scope, device, {
      id,
      kind: 'certificate',
      overlapSeconds: this.options.renewalOverlapS,
    });
    await credentials.addCertificate(
      scope,
      device,
      credentialOf(certificate, { id, authorityId: signer.id, createdBy: order.actor }),
      this.options.maxLive,
    );
    if (order.isRenewal === true)
      await authorities.addRenewal(scope, {
        requestHash: hashRequest(request),
        credentialId: id,
        certificate: certificate.der,
        // The certificate that it was asked for with has ended by then.
        keepSeconds: this.options.renewalOverlapS + 86_400,
      });
    return this.shown(certificate, signer.certificate);
  }

  private shown(certificate: Certificate, authority: Uint8Array): Signed {
    return {
      certificate: certificate.pem,
      authority: this.certificates.read(authority).pem,
      expiresAt: certificate.notAfter.toISOString(),
    };
  }

  /**
   * The answer that this request has got before: one request makes one certificate, so that whoever has overheard it gets nothing
   * new, and a device that missed the answer gets it once more. @throws provisioning.renewal-refused when it is no longer good
   */
  async renewedBefore(
    { authorities, devices }: ProvisioningStores,
    scope: ProjectScope,
    device: string,
    csr: string,
  ): Promise<Signed | undefined> {
    // Two of the same request at once follow each other.
    await devices.lock(scope, device);
    const { der } = await this.certificates.readRequest(csr);
    const before = await authorities.renewal(scope, hashRequest(der));
    if (!before) return undefined;
    if (before.device !== device || !before.isLive)
      throw new FleetError('provisioning.renewal-refused', { reason: 'this request was used before' });
    return this.shown(this.certificates.read(before.certificate), before.authority);
  }

  /** Signs for a person. */
  async signFor(
    actor: string,
    scope: ProjectScope,
    device: string,
    request: Resource<'CertificateSign'>,
  ): Promise<Signed> {
    return await this.transact(async (stores) => {
      const signed = await this.sign(stores, scope, device, { ...request, actor });
      await stores.audit.append(scope, { actor, action: 'device.certificate-signed', target: device });
      await stores.events.emit(scope, 'credential.changed', { device, change: 'issued' });
      return signed;
    });
  }

  /** Whose certificate signed the request for the next one. @throws provisioning.renewal-refused */
  async whoRenews(
    { authorities, projects }: ProvisioningStores,
    given: { csr: string; certificate: string | undefined; signature: string | undefined },
  ): Promise<{ scope: ProjectScope; device: string }> {
    const refuse = (reason: string): never => {
      throw new FleetError('provisioning.renewal-refused', { reason });
    };
    const certificate = this.certificates.read(given.certificate ?? '');
    const { der } = await this.certificates.readRequest(given.csr);
    const signed = Buffer.concat([Buffer.from('tinyfleet:renew:1\0'), der]);
    const signature = Buffer.from(given.signature ?? '', 'base64');
    if (!this.certificates.verifySignature(certificate, signed, signature))
      return refuse('the signature is not by its key');
    // Own authorities sign `<project>/<device>`: only such a certificate names its project.
    const address = parseClientId(certificate.commonName ?? '');
    const scope = address && (await projects.find(address.project));
    const owner = scope && (await authorities.owner(scope, certificate.fingerprint));
    if (!scope || !owner || owner.device !== address.device || owner.isRevoked)
      return refuse('it is not known, or revoked');
    if (owner.expiresAt <= this.now()) return refuse('it has ended');
    // Who may not come in by it does not get a better one by it, signed by an authority that is still good.
    if (!owner.mayConnect) return refuse('its device may not connect, or its authority is disabled');
    return { scope, device: owner.device };
  }

  private async show(scope: ProjectScope, name: string): Promise<Resource<'Authority'>> {
    const found = (await this.stores.authorities.list(scope)).find((one) => one.name === name);
    if (!found) throw new FleetError('provisioning.authority-not-found', { authority: name });
    return found;
  }
}

const hashRequest = (der: Uint8Array): Buffer => createHash('sha256').update(der).digest();

const keyContext = (scope: ProjectScope, id: string): string => `device-authority ${scope.id} ${id}`;

export function credentialOf(
  certificate: Certificate,
  rest: {
    readonly id: string;
    readonly authorityId: string;
    readonly createdBy: string;
    readonly betweenSerials?: readonly string[];
  },
) {
  return {
    betweenSerials: [],
    ...rest,
    fingerprint: certificate.fingerprint,
    serial: certificate.serial,
    subject: certificate.subject,
    startsAt: certificate.notBefore,
    expiresAt: certificate.notAfter,
  };
}
