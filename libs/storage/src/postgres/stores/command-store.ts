/** Commands that wait for their devices, and how they ended. The edge takes them out: telemetry/ask-source.ts. */
import type { Page, PageRequest, ProjectScope, Resource } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { CommandStore, NewCommand } from '@tinyfleet/registry';
import type { Db } from '../database.js';
import { cursorId, iso, isoOrNull, toPage } from './page.js';

interface Row {
  readonly id: string;
  readonly command: Resource<'DeviceCommandName'>;
  readonly argument: number | null;
  readonly data: Buffer | null;
  readonly state: Resource<'DeviceCommandState'>;
  readonly kept: boolean;
  readonly created_at: Date;
  readonly created_by: string;
  readonly expires_at: Date;
  readonly sent_at: Date | null;
  readonly finished_at: Date | null;
}
/** One that nobody has settled is over all the same when its time is. */
const SELECT = `
  select c.id, c.command, c.argument::float8 as argument, c.data,
    case when c.state in ('queued', 'sent') and c.expires_at <= now() then 'expired' else c.state end as state,
    c.kept, c.created_at, c.created_by, c.expires_at, c.sent_at, c.finished_at
  from device_command c join device d on d.project_id = c.project_id and d.id = c.device_id
  where c.project_id = $1 and d.name = $2`;

export class PgCommandStore implements CommandStore {
  constructor(private readonly db: Db) {}

  async keepsSamples(scope: ProjectScope): Promise<boolean> {
    const found = await this.db.query('select from sample_settings where project_id = $1 and enabled', [
      scope.id,
    ]);
    return found.length > 0;
  }

  async add(scope: ProjectScope, device: string, command: NewCommand, maxOpen: number): Promise<void> {
    // The device's row is locked, so that two at once do not both take the last place.
    const [found] = await this.db.query<{ id: string }>(
      'select id from device where project_id = $1 and name = $2 for update',
      [scope.id, device],
    );
    if (!found) throw new FleetError('registry.device-not-found', { device });
    const [open] = await this.db.query<{ count: number }>(
      `select count(*)::int as count from device_command
       where project_id = $1 and device_id = $2 and state in ('queued', 'sent') and expires_at > now()`,
      [scope.id, found.id],
    );
    if ((open?.count ?? 0) >= maxOpen)
      throw new FleetError('registry.commands-too-many', { device, limit: maxOpen });
    // As next-commands.sql authenticates it. Before its first hello nothing is known of its keys.
    const [key] = await this.db.query<{ none: boolean }>(
      `select exists (select from device_report where project_id = $1 and device_id = $2)
         and not exists (select from device_credential where project_id = $1 and device_id = $2 and kind = 'token'
           and revoked_at is null and (expires_at is null or expires_at > now()))
         and not exists (select from signing_key s join device_report r on r.project_id = $1 and r.device_id = $2
           where s.project_id = $1 and s.private_key is not null
             and encode(substring(sha256(s.public_key) for 8), 'hex') = r.hello ->> 'currentKey') as none`,
      [scope.id, found.id],
    );
    if (key?.none === true) throw new FleetError('registry.command-unsigned', { device });
    if (command.setting)
      await this.db.execute(
        'update device_command set kept = false where project_id = $1 and device_id = $2 and command = $3 and kept',
        [scope.id, found.id, command.command],
      );
    await this.db.execute(
      `insert into device_command (project_id, id, device_id, command, argument, data, created_by, expires_at, kept, mark, build)
       values ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(secs => $8), $9::bigint is not null, $9, $10)`,
      [
        scope.id,
        command.id,
        found.id,
        command.command,
        command.argument ?? null,
        command.data ? Buffer.from(command.data) : null,
        command.createdBy,
        command.expiresInSeconds,
        command.setting?.mark ?? null,
        command.setting?.build ? Buffer.from(command.setting.build) : null,
      ],
    );
  }

  async get(scope: ProjectScope, device: string, id: string): Promise<Resource<'DeviceCommand'>> {
    const [row] = await this.db.query<Row>(`${SELECT} and c.id = $3`, [scope.id, device, id]);
    if (!row) throw new FleetError('registry.device-not-found', { device });
    return toCommand(row);
  }

  async list(
    scope: ProjectScope,
    device: string,
    page: PageRequest,
  ): Promise<Page<Resource<'DeviceCommand'>>> {
    const before = cursorId(page);
    const rows = await this.db.query<Row>(
      `${SELECT} and ($3::uuid is null or c.id < $3::uuid) order by c.id desc limit $4`,
      [scope.id, device, before ?? null, page.limit + 1],
    );
    if (rows.length === 0 && before === undefined) await this.requireDevice(scope, device);
    return toPage(rows, page.limit, (row) => [row.id], toCommand);
  }

  private async requireDevice(scope: ProjectScope, device: string): Promise<void> {
    const found = await this.db.query('select 1 from device where project_id = $1 and name = $2', [
      scope.id,
      device,
    ]);
    if (found.length === 0) throw new FleetError('registry.device-not-found', { device });
  }
}

const toCommand = (row: Row): Resource<'DeviceCommand'> => ({
  id: row.id,
  command: row.command,
  argument: row.argument,
  data: row.data?.toString('base64') ?? null,
  state: row.state,
  isKept: row.kept,
  createdAt: iso(row.created_at),
  createdBy: row.created_by,
  expiresAt: iso(row.expires_at),
  sentAt: isoOrNull(row.sent_at),
  finishedAt: isoOrNull(row.finished_at),
});
