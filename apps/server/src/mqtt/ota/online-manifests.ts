/**
 * Manifests for devices that can verify a MAC and nothing else (docs/spec/manifest.md, Reduced profile). Made when such a device
 * asks, of what the project has signed and of nothing else: that signature is verified first, by the key that the database
 * names for it. Devices with public keys never come here.
 */
import type { DeviceKeySealer } from '@tinyfleet/registry';
import type { DesiredBundle, DesiredRecord } from '@tinyfleet/rollouts';
import { FleetError } from '@tinyfleet/errors';
import { fillMac, macTemplate, verifyManifest, type MacTemplate } from '@tinyfleet/wire';
import type { DeviceSession } from '../broker/session.js';

/** One per release and device type is in use; a few rollouts at a time. */
const maxVerified = 256;

export class OnlineManifests {
  private readonly verified = new Map<string, MacTemplate>();

  constructor(private readonly keys: DeviceKeySealer) {}

  /** @throws manifest.device-key-missing, also when it was sealed under another secret; errors of area `manifest` */
  make(
    session: DeviceSession,
    bundle: Pick<DesiredBundle, 'manifest' | 'signedBy'>,
    { sealedKey }: NonNullable<DesiredRecord['hmac']>,
  ): Buffer {
    const { device, clientId } = session;
    if (!sealedKey) throw new FleetError('manifest.device-key-missing', { device: device.device });
    const template = this.template(device.project, bundle);
    return Buffer.from(fillMac(template, { clientId, key: this.open(device, sealedKey) }));
  }

  private open(device: DeviceSession['device'], sealedKey: Buffer): Uint8Array {
    try {
      return this.keys.openKey(device, sealedKey);
    } catch (cause) {
      throw new FleetError('manifest.device-key-missing', { device: device.device }, { cause });
    }
  }

  private template(
    project: string,
    { manifest, signedBy }: Pick<DesiredBundle, 'manifest' | 'signedBy'>,
  ): MacTemplate {
    const id = `${project} ${signedBy?.toString('base64')} ${manifest.toString('base64')}`;
    let template = this.verified.get(id);
    if (!template) {
      const keys = signedBy ? [new Uint8Array(signedBy)] : [];
      template = macTemplate(verifyManifest(new Uint8Array(manifest), { keys, project }));
      const [oldest] = this.verified.keys();
      if (oldest !== undefined && this.verified.size >= maxVerified) this.verified.delete(oldest);
      this.verified.set(id, template);
    }
    return template;
  }
}
