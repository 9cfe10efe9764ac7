/**
 * Certificate authorities of a project: uploaded ones whose owner has proven that he holds the key, and own ones that sign
 * requests of devices. Decides which certificate may connect as which device, registers devices at their first connect, signs
 * and renews. Reading and signing X.509 itself is behind `Certificates`.
 */
import { randomBytes } from 'node:crypto';
import type { ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError, isFleetError } from '@tinyfleet/errors';
import { isName, parseClientId } from '@tinyfleet/wire';
import type { CredentialOptions } from '../credentials/credential-service.js';
import { requireLive } from '../credentials/credential-service.js';
import type { ProjectStore } from '../ports.js';
import type {
  AuthorityRecord,
  AuthorityStore,
  Certificate,
  Certificates,
  ProvisioningStores,
} from './ports.js';
import { bareDevice } from './provisioning-service.js';

export interface AuthorityOptions {
  /** Authorities of one project. */
  readonly maxAuthorities: number;
  /** The proof has to come within this time. */
  readonly challengeHours: number;
  /** A certificate that a device replaces stays valid this long beside the new one. */
  readonly renewalOverlapS: number;
}
export const authorityDefaults: AuthorityOptions = {
  maxAuthorities: 16,
  challengeHours: 24,
  renewalOverlapS: 86_400,
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
        : await this.certificates.unsuitableFor(certificate, 'authority');
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
      const { id } = await authorities.get(scope, name);
      await authorities.revokeSerial(scope, id, { serial: normal, reason, by: actor });
      await audit.append(scope, {
        actor,
        action: 'authority.serial-revoked',
        target: name,
        detail: { serial: normal, reason },
      });
      await events.emit(scope, 'authority.changed', { authority: name });
    });
  }

  /** Signs a request by the project's own authority, in the caller's transaction. @throws provisioning.authority-cannot-sign */
  async sign(
    { authorities, devices, credentials }: ProvisioningStores,
    scope: ProjectScope,
    device: string,
    order: { readonly csr: string; readonly days: number; readonly actor: string },
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
    return {
      certificate: certificate.pem,
      authority: this.certificates.read(signer.certificate).pem,
      expiresAt: certificate.notAfter.toISOString(),
    };
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

  /**
   * Decides about a certificate that no device is known to hold: refused with the code, or the device holds it from now on,
   * registered if it is new. `chain`: the certificate, then what came with it.
   */
  async admit(
    address: { readonly project: string; readonly device: string },
    chain: readonly Uint8Array[],
    peer: { readonly source: string; readonly skewMs: number },
  ): Promise<void> {
    const clientId = `${address.project}/${address.device}`;
    const [leaf, ...others] = chain.map((der) => this.certificates.read(der));
    const scope = await this.stores.projects.find(address.project);
    if (!leaf || !scope) throw new FleetError('mqtt.credentials-wrong', { clientId });
    const owner = await this.stores.authorities.owner(scope, leaf.fingerprint);
    if (owner?.isRevoked) throw new FleetError('mqtt.certificate-revoked', { clientId, serial: leaf.serial });
    if (owner && owner.device !== address.device) throw otherDevice(clientId, leaf);
    const authority = await this.authorityOf(scope, clientId, leaf, others, peer.skewMs);
    const reason = leaf.isAuthority
      ? 'it is an authority itself'
      : await this.certificates.unsuitableFor(leaf, 'device');
    if (reason !== undefined) throw new FleetError('mqtt.certificate-unsuitable', { clientId, reason });
    if (leaf.commonName !== clientId && leaf.commonName !== address.device) throw otherDevice(clientId, leaf);
    if (await this.stores.authorities.isRevoked(scope, authority.id, leaf.serial))
      throw new FleetError('mqtt.certificate-revoked', { clientId, serial: leaf.serial });
    // Known and of this device, or another connection was quicker.
    if (owner) return;
    await this.hold(scope, address.device, { leaf, authority, source: peer.source }).catch(
      (error: unknown) => {
        // Another connection of the same device was quicker: it holds the certificate now.
        const isRace =
          isFleetError(error) &&
          (error.code === 'registry.device-exists' || error.code === 'provisioning.certificate-known');
        if (!isRace) throw error;
      },
    );
  }

  /** The active authority at the end of a chain in which everything is valid now. */
  private async authorityOf(
    scope: ProjectScope,
    clientId: string,
    leaf: Certificate,
    others: readonly Certificate[],
    skewMs: number,
  ): Promise<AuthorityRecord> {
    const active = (await this.stores.authorities.active(scope)).map((record) => ({
      record,
      certificate: this.certificates.read(record.certificate),
    }));
    const now = this.now().getTime();
    let current = leaf;
    for (let depth = 0; depth <= others.length; depth++) {
      if (now > current.notAfter.getTime() + skewMs)
        throw new FleetError('mqtt.certificate-expired', {
          clientId,
          notAfter: current.notAfter.toISOString(),
        });
      if (now < current.notBefore.getTime() - skewMs)
        throw new FleetError('mqtt.certificate-not-yet-valid', {
          clientId,
          notBefore: current.notBefore.toISOString(),
        });
      const found = active.find(({ certificate }) => this.certificates.isSignedBy(current, certificate));
      if (found && now <= found.certificate.notAfter.getTime() + skewMs) return found.record;
      if (this.certificates.isSignedBy(current, current))
        throw depth === 0
          ? new FleetError('mqtt.certificate-self-signed', { clientId })
          : unknownAuthority(clientId, current);
      const next = others.find((one) => one.isAuthority && this.certificates.isSignedBy(current, one));
      if (!next) throw unknownAuthority(clientId, current);
      current = next;
    }
    throw unknownAuthority(clientId, current);
  }

  private async hold(
    scope: ProjectScope,
    device: string,
    { leaf, authority, source }: { leaf: Certificate; authority: AuthorityRecord; source: string },
  ): Promise<void> {
    const clientId = `${scope.name}/${device}`;
    await this.transact(async (stores) => {
      const { devices, authorities, credentials, provisioning, audit, events } = stores;
      const known = await devices.lock(scope, device).catch(() => undefined);
      const actor = `device:${device}`;
      if (known) {
        requireLive(device, known.state);
        if (!(await authorities.mayHold(scope, device, authority.id))) throw otherDevice(clientId, leaf);
      } else {
        if (authority.type === null || !isName(device)) throw unknownAuthority(clientId, leaf);
        if (!(await authorities.takeQuota(scope, authority.id)))
          throw new FleetError('mqtt.certificate-quota', {
            clientId,
            authority: authority.name,
            quota: authority.quota,
          });
        const { type, tags, site } = authority;
        await devices.add(scope, [{ ...bareDevice, name: device, type, tags, site }]);
        await provisioning.addEnrolment(scope, device, {
          authorityId: authority.id,
          state: 'approved',
          address: source,
        });
        await audit.append(scope, {
          actor,
          action: 'device.registered',
          target: device,
          detail: { authority: authority.name, serial: leaf.serial, address: source },
        });
      }
      const id = this.newId();
      await credentials.addCertificate(
        scope,
        device,
        credentialOf(leaf, { id, authorityId: authority.id, createdBy: actor }),
        this.options.maxLive,
      );
      const { id: deviceId } = await devices.lock(scope, device);
      await devices.move(scope, [deviceId], 'claim');
      await audit.append(scope, {
        actor,
        action: 'device.certificate-seen',
        target: device,
        detail: { authority: authority.name, serial: leaf.serial },
      });
      await events.emit(scope, known ? 'device.updated' : 'device.registered', { device });
    });
  }

  private async show(scope: ProjectScope, name: string): Promise<Resource<'Authority'>> {
    const found = (await this.stores.authorities.list(scope)).find((one) => one.name === name);
    if (!found) throw new FleetError('provisioning.authority-not-found', { authority: name });
    return found;
  }
}

const keyContext = (scope: ProjectScope, id: string): string => `device-authority ${scope.id} ${id}`;

const otherDevice = (clientId: string, leaf: Certificate): FleetError =>
  new FleetError('mqtt.certificate-other-device', { clientId, commonName: leaf.commonName ?? 'nobody' });

const unknownAuthority = (clientId: string, certificate: Certificate): FleetError =>
  new FleetError('mqtt.certificate-authority-unknown', { clientId, issuer: certificate.issuer });

function credentialOf(
  certificate: Certificate,
  rest: { readonly id: string; readonly authorityId: string; readonly createdBy: string },
) {
  return {
    ...rest,
    fingerprint: certificate.fingerprint,
    serial: certificate.serial,
    subject: certificate.subject,
    startsAt: certificate.notBefore,
    expiresAt: certificate.notAfter,
  };
}
