/**
 * Which certificate may connect as which device, and the registration of devices at their first connect. Asked by the broker for
 * certificates that no device is known to hold; what is refused has the code that the broker tells.
 */
import type { ProjectScope, Transact } from '@tinyfleet/contracts';
import { FleetError, isFleetError } from '@tinyfleet/errors';
import { isName } from '@tinyfleet/wire';
import { requireLive, type CredentialOptions } from '../credentials/credential-service.js';
import type { ProjectStore } from '../ports.js';
import { credentialOf } from './authority-service.js';
import type {
  AuthorityRecord,
  AuthorityStore,
  Certificate,
  Certificates,
  ProvisioningStores,
} from './ports.js';
import { bareDevice } from './provisioning-service.js';

/** A certificate, the authorities between it and ours, and ours. */
interface CertificatePath {
  readonly leaf: Certificate;
  readonly between: readonly Certificate[];
  readonly authority: AuthorityRecord;
}

export class AdmissionService {
  constructor(
    private readonly stores: { readonly authorities: AuthorityStore; readonly projects: ProjectStore },
    private readonly transact: Transact<ProvisioningStores>,
    private readonly certificates: Certificates,
    private readonly newId: () => string,
    private readonly options: CredentialOptions,
    private readonly now: () => Date = () => new Date(),
  ) {}

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
    const path = await this.pathOf(scope, clientId, leaf, others, peer.skewMs);
    const reason = leaf.isAuthority
      ? 'it is an authority itself'
      : ((await this.certificates.unsuitableFor(leaf, 'device')) ?? (await this.obstacleIn(path)));
    if (reason !== undefined) throw new FleetError('mqtt.certificate-unsuitable', { clientId, reason });
    if (leaf.commonName !== clientId && leaf.commonName !== address.device) throw otherDevice(clientId, leaf);
    await this.requireUnrevoked(this.stores.authorities, scope, clientId, path);
    // Known and of this device, or another connection was quicker.
    if (owner) return;
    await this.hold(scope, address.device, path, peer.source).catch((error: unknown) => {
      // Another connection of the same device was quicker: it holds the certificate now.
      const isRace =
        isFleetError(error) &&
        (error.code === 'registry.device-exists' || error.code === 'provisioning.certificate-known');
      if (!isRace) throw error;
    });
  }

  /** Of the authorities too, which an upload has looked at only if they are ours. */
  private async obstacleIn({ leaf, between, authority }: CertificatePath): Promise<string | undefined> {
    for (const one of between) {
      const reason = await this.certificates.unsuitableFor(one, 'authority');
      if (reason !== undefined) return `of the authority ${one.subject}, ${reason}`;
    }
    const own = this.certificates.read(authority.certificate);
    return await this.certificates.obstacleInPath([leaf, ...between, own]);
  }

  private async requireUnrevoked(
    authorities: AuthorityStore,
    scope: ProjectScope,
    clientId: string,
    { leaf, between, authority }: CertificatePath,
  ): Promise<void> {
    const serials = [leaf, ...between].map(({ serial }) => serial);
    const { fingerprint } = leaf;
    if (await authorities.isRevoked(scope, authority, { serials, fingerprint }))
      throw new FleetError('mqtt.certificate-revoked', { clientId, serial: leaf.serial });
  }

  /** The way to an active authority on which everything is signed by the next and valid now. */
  private async pathOf(
    scope: ProjectScope,
    clientId: string,
    leaf: Certificate,
    others: readonly Certificate[],
    skewMs: number,
  ): Promise<CertificatePath> {
    const active = (await this.stores.authorities.active(scope)).map((record) => ({
      record,
      certificate: this.certificates.read(record.certificate),
    }));
    const now = this.now().getTime();
    const between: Certificate[] = [];
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
      if (found && now <= found.certificate.notAfter.getTime() + skewMs)
        return { leaf, between, authority: found.record };
      if (this.certificates.isSignedBy(current, current))
        throw depth === 0
          ? new FleetError('mqtt.certificate-self-signed', { clientId })
          : unknownAuthority(clientId, current);
      const next = others.find((one) => one.isAuthority && this.certificates.isSignedBy(current, one));
      if (!next) throw unknownAuthority(clientId, current);
      between.push(next);
      current = next;
    }
    throw unknownAuthority(clientId, current);
  }

  private async hold(
    scope: ProjectScope,
    device: string,
    path: CertificatePath,
    source: string,
  ): Promise<void> {
    const { leaf, between, authority } = path;
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
      // Once more: it may have been revoked while it was looked at.
      await this.requireUnrevoked(authorities, scope, clientId, path);
      const id = this.newId();
      await credentials.addCertificate(
        scope,
        device,
        credentialOf(leaf, {
          id,
          authorityId: authority.id,
          createdBy: actor,
          betweenSerials: between.map(({ serial }) => serial),
        }),
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
}

const otherDevice = (clientId: string, leaf: Certificate): FleetError =>
  new FleetError('mqtt.certificate-other-device', { clientId, commonName: leaf.commonName ?? 'nobody' });

const unknownAuthority = (clientId: string, certificate: Certificate): FleetError =>
  new FleetError('mqtt.certificate-authority-unknown', { clientId, issuer: certificate.issuer });
