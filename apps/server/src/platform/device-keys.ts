/** Device keys at rest: derived from the token as docs/spec/wire.md says, sealed under the instance's secret. */
import type { DeviceKeySealer } from '@tinyfleet/registry';
import type { Sealer } from '@tinyfleet/releases';
import { deviceKey } from '@tinyfleet/wire';

type Whose = Parameters<DeviceKeySealer['sealKey']>[0];
const contextOf = ({ projectId, device }: Whose): string => `device-key ${projectId} ${device}`;

export class DeviceKeys implements DeviceKeySealer {
  constructor(private readonly sealer: Sealer) {}

  sealKey(device: Whose, token: string | Uint8Array): Buffer {
    return this.sealer.seal(deviceKey(token), contextOf(device));
  }

  openKey(device: Whose, sealed: Uint8Array): Uint8Array {
    return this.sealer.open(sealed, contextOf(device));
  }
}
