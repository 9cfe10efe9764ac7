/** Rules of single devices, and what holds for every rollout of a project. */
import type { Page, PageRequest, ProjectScope, Resource } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { UpdateRuleStore } from '@tinyfleet/rollouts';
import type { Db } from '../database.js';
import { cursorKey, iso, isoOrNull, toPage } from '../stores/page.js';

type Rule = Resource<'UpdateRule'>;
type Row = Omit<Rule, 'until' | 'createdAt'> & { until: Date | null; createdAt: Date };

const SELECT = `
  select d.name as device, u.kind, m.name || '@' || v.version as release, u.until, u.reason, u.created_by as "createdBy",
    u.created_at as "createdAt"
  from update_rule u
  join device d on d.project_id = u.project_id and d.id = u.device_id
  left join release r on r.project_id = u.project_id and r.id = u.release_id
  left join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
  left join model m on m.project_id = v.project_id and m.id = v.model_id
  where u.project_id = $1`;

const toRule = (row: Row): Rule => ({
  ...row,
  until: isoOrNull(row.until),
  createdAt: iso(row.createdAt),
});

export class PgUpdateRuleStore implements UpdateRuleStore {
  constructor(private readonly db: Db) {}

  async list(
    scope: ProjectScope,
    page: PageRequest & { readonly device?: string | undefined },
  ): Promise<Page<Rule>> {
    const rows = await this.db.query<Row>(
      `${SELECT} and ($2::text is null or d.name > $2) and ($3::text is null or d.name = $3) order by d.name limit $4`,
      [scope.id, cursorKey(page)?.[0] ?? null, page.device ?? null, page.limit + 1],
    );
    return toPage(rows, page.limit, (row) => [row.device], toRule);
  }

  async find(scope: ProjectScope, device: string): Promise<Rule | undefined> {
    const [row] = await this.db.query<Row>(`${SELECT} and d.name = $2`, [scope.id, device]);
    return row && toRule(row);
  }

  async set(scope: ProjectScope, device: string, rule: Omit<Rule, 'device' | 'createdAt'>): Promise<void> {
    const releaseId = rule.release === null ? null : await this.releaseId(scope, rule.release);
    const changed = await this.db.execute(
      `insert into update_rule (project_id, device_id, kind, release_id, until, reason, created_by)
       select project_id, id, $3, $4, $5, $6, $7 from device where project_id = $1 and name = $2
       on conflict (project_id, device_id) do update set kind = excluded.kind, release_id = excluded.release_id,
         until = excluded.until, reason = excluded.reason, created_by = excluded.created_by, created_at = now()`,
      [scope.id, device, rule.kind, releaseId, rule.until, rule.reason, rule.createdBy],
    );
    if (changed === 0) throw new FleetError('registry.device-not-found', { device, project: scope.name });
  }

  async remove(scope: ProjectScope, device: string): Promise<boolean> {
    const [found] = await this.db.query<{ id: string }>(
      'select id from device where project_id = $1 and name = $2',
      [scope.id, device],
    );
    if (!found) throw new FleetError('registry.device-not-found', { device, project: scope.name });
    const removed = await this.db.execute(
      'delete from update_rule where project_id = $1 and device_id = $2',
      [scope.id, found.id],
    );
    return removed > 0;
  }

  async settings(scope: ProjectScope): Promise<Resource<'RolloutSettings'>> {
    const [row] = await this.db.query<Resource<'RolloutSettings'>>(
      `select approval, bytes_per_second::float8 as "bytesPerSecond", devices_per_minute as "devicesPerMinute",
         concurrent_transfers as "concurrentTransfers" from rollout_settings where project_id = $1`,
      [scope.id],
    );
    return (
      row ?? { approval: false, bytesPerSecond: null, devicesPerMinute: null, concurrentTransfers: null }
    );
  }

  async setSettings(scope: ProjectScope, settings: Resource<'RolloutSettings'>): Promise<void> {
    await this.db.execute(
      `insert into rollout_settings (project_id, approval, bytes_per_second, devices_per_minute, concurrent_transfers)
       values ($1, $2, $3, $4, $5)
       on conflict (project_id) do update set approval = excluded.approval, bytes_per_second = excluded.bytes_per_second,
         devices_per_minute = excluded.devices_per_minute, concurrent_transfers = excluded.concurrent_transfers`,
      [
        scope.id,
        settings.approval,
        settings.bytesPerSecond,
        settings.devicesPerMinute,
        settings.concurrentTransfers,
      ],
    );
  }

  private async releaseId(scope: ProjectScope, ref: string): Promise<string> {
    const [row] = await this.db.query<{ id: string }>(
      `select r.id from release r
       join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
       join model m on m.project_id = v.project_id and m.id = v.model_id
       where r.project_id = $1 and m.name || '@' || v.version = $2`,
      [scope.id, ref],
    );
    if (!row) throw new FleetError('releases.not-found', { release: ref });
    return row.id;
  }
}
