/** What a project's telemetry says of a fleet that is to be simulated. */
import type { ProjectScope } from '@tinyfleet/contracts';
import type { DeviceDay, FleetRecordReader, FleetRecords } from '@tinyfleet/rollouts';
import type { Db } from '../database.js';
import { namedQuery } from '../queries/index.js';

type Habits = Omit<FleetRecords, 'days' | 'installs'> & FleetRecords['installs'];

export class PgFleetRecords implements FleetRecordReader {
  constructor(private readonly db: Db) {}

  async read(scope: ProjectScope, devices: readonly string[], days: number): Promise<FleetRecords> {
    const values = [scope.id, devices, days];
    const recorded = await this.db.query<DeviceDay & object>(namedQuery('quality/fleet-records'), values);
    const [habits] = await this.db.query<Habits & object>(namedQuery('quality/fleet-habits'), values);
    const { ended, failed, silent, ...rest } = habits!;
    return { days: recorded, ...rest, installs: { ended, failed, silent } };
  }
}
