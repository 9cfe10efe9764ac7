/** Device records for the edge, many in one query. */
import type { CredentialRecord, DeviceDirectory, DeviceRecord } from '@tinyfleet/telemetry';
import type { DeviceAddress } from '@tinyfleet/wire';
import type { Db } from '../database.js';
import { namedQuery } from '../queries/index.js';

interface Row extends Omit<DeviceRecord, 'bootId' | 'credentials'> {
  readonly position: number;
  readonly credentials: readonly (Omit<CredentialRecord, 'hash'> & { readonly hash: string })[];
  readonly bootId: string | null;
}

export class PgDeviceDirectory implements DeviceDirectory {
  constructor(private readonly db: Db) {}

  async find(addresses: readonly DeviceAddress[]): Promise<(DeviceRecord | undefined)[]> {
    // Prepared: planning it takes longer than finding a few devices.
    const rows = await this.db.query<Row>(
      namedQuery('telemetry/find-devices'),
      [addresses.map(({ project }) => project), addresses.map(({ device }) => device)],
      'find-devices',
    );
    const found = new Array<DeviceRecord | undefined>(addresses.length).fill(undefined);
    for (const { position, bootId, credentials, ...record } of rows) {
      found[position - 1] = {
        ...record,
        credentials: credentials.map((one) => ({ ...one, hash: Buffer.from(one.hash, 'base64') })),
        bootId: bootId === null ? undefined : BigInt.asUintN(64, BigInt(bootId)),
      };
    }
    return found;
  }
}
