/** Projects: find, make, remove with everything in them, and the counts of the fleet page. */
import {
  projectScope,
  type Page,
  type PageRequest,
  type ProjectScope,
  type Resource,
} from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { NewProject, ProjectStore } from '@tinyfleet/registry';
import { uuidv7 } from 'uuidv7';
import { isDuplicate, type Db } from '../database.js';
import * as entities from '../entities/index.js';
import { PRESENCE } from '../queries/devices.js';
import { loadReleaseBundles } from '../queries/filter-names.js';
import { releaseFinder, sharedDigests } from '../queries/filter-release.js';
import { cursorKey, iso, toPage } from './page.js';

interface ProjectListRow {
  name: string;
  title: string;
  simulated: boolean;
  window_s: number;
  pick_every: number;
  created_at: Date;
  device_count: number;
  revision: number;
}
const PROJECT_COLUMNS = `p.name, p.title, p.simulated, p.window_s, p.pick_every, p.created_at, p.revision::float8 as revision,
  (select count(*)::int from device d where d.project_id = p.id) as device_count`;

/**
 * Tables whose rows go before the project's, in this order: those without a foreign key to it (telemetry) and those
 * whose references inside the project do not cascade. The rest follows the project row. The audit log stays.
 */
const REMOVE_FIRST = [
  'telemetry_window',
  'prediction',
  'desired_state',
  'deployment',
  'rollout',
  'transfer_payload',
  'release_manifest',
  'release_artifact',
  'release',
  'build',
  'model_version',
  'device',
];

export class PgProjectStore implements ProjectStore {
  constructor(private readonly db: Db) {}

  async list(personId: string | null, page: PageRequest): Promise<Page<Resource<'Project'>>> {
    const after = cursorKey(page)?.[0];
    const rows = await this.db.query<ProjectListRow>(
      `select ${PROJECT_COLUMNS} from project p
       where ($1::uuid is null or exists (select from member m where m.project_id = p.id and m.person_id = $1))
         and ($2::text is null or p.name > $2)
       order by p.name limit $3`,
      [personId, after ?? null, page.limit + 1],
    );
    return toPage(rows, page.limit, (row) => [row.name], toProject);
  }

  async find(name: string): Promise<ProjectScope | undefined> {
    const row = await this.db.manager.getRepository(entities.Project).findOneBy({ name });
    return row ? projectScope(row.id, row.name) : undefined;
  }

  async get(scope: ProjectScope): Promise<Resource<'Project'>> {
    const [row] = await this.db.query<ProjectListRow>(
      `select ${PROJECT_COLUMNS} from project p where p.id = $1`,
      [scope.id],
    );
    if (!row) throw new FleetError('registry.project-not-found', { project: scope.name });
    return toProject(row);
  }

  async add(project: NewProject, personId: string | null): Promise<ProjectScope> {
    const id = uuidv7();
    const { name, title, simulated, windowSeconds, pickEvery } = project;
    try {
      await this.db.manager
        .getRepository(entities.Project)
        .insert({ id, name, title, simulated, windowS: windowSeconds, pickEvery });
    } catch (error) {
      throw isDuplicate(error) ? new FleetError('registry.project-exists', { project: name }) : error;
    }
    if (personId !== null) {
      await this.db.manager.getRepository(entities.Member).insert({ projectId: id, personId, role: 'admin' });
    }
    return projectScope(id, name);
  }

  async remove(scope: ProjectScope): Promise<string[]> {
    const orphans = await this.db.query<{ digest: string }>(
      `select encode(digest, 'hex') as digest from blob b where project_id = $1
         and not exists (select from blob o where o.digest = b.digest and o.project_id <> b.project_id)`,
      [scope.id],
    );
    for (const table of REMOVE_FIRST)
      await this.db.execute(`delete from ${table} where project_id = $1`, [scope.id]);
    await this.db.execute('delete from project where id = $1', [scope.id]);
    return orphans.map(({ digest }) => digest);
  }

  async summary(scope: ProjectScope): Promise<Resource<'FleetSummary'>> {
    const byType = await this.countBy(
      `select t.name as key, n.count from (
         select type_id, count(*)::float8 as count from device where project_id = $1 group by 1) n
       join device_type t on t.project_id = $1 and t.id = n.type_id`,
      scope,
    );
    const byPresence = await this.countBy(
      `select ${PRESENCE} as key, count(*)::float8 as count from presence seen where project_id = $1 group by 1`,
      scope,
    );
    const devices = Object.values(byType).reduce((sum, count) => sum + count, 0);
    const never = devices - Object.values(byPresence).reduce((sum, count) => sum + count, 0);
    const [rest] = await this.db.query<{ rollouts: number; inferences: string | null; windows: number }>(
      `select (select count(*)::int from rollout where project_id = $1 and state = 'running') as rollouts,
         sum(n) as inferences, count(*)::int as windows
       from telemetry_window where project_id = $1
         and window_start > now() - interval '1 hour' and window_start <= now()`,
      [scope.id],
    );
    return {
      devices,
      byPresence: never > 0 ? { ...byPresence, never } : byPresence,
      byType,
      byRelease: await this.countByRelease(scope),
      runningRollouts: rest?.rollouts ?? 0,
      inferencesLastHour: Number(rest?.inferences ?? 0),
      windowsLastHour: rest?.windows ?? 0,
    };
  }

  private async countBy(sql: string, scope: ProjectScope): Promise<Record<string, number>> {
    const rows = await this.db.query<{ key: string; count: number }>(sql, [scope.id]);
    return Object.fromEntries(rows.map(({ key, count }) => [key, count]));
  }

  /** By bundle first, which an index knows; only bundles of several releases are looked at by the release they name. */
  private async countByRelease(scope: ProjectScope): Promise<Record<string, number>> {
    const bundles = await loadReleaseBundles(this.db, scope);
    const releaseOf = releaseFinder(bundles);
    const rows = await this.db.query<{ digest: Buffer; sequence: number | null; count: number }>(
      `select active_digest as digest, null::float8 as sequence, count(*)::float8 as count from device_report
       where project_id = $1 and active_digest is not null and active_digest <> all ($2::bytea[]) group by 1
       union all
       select active_digest, release_sequence::float8, count(*)::float8 from device_report
       where project_id = $1 and active_digest = any ($2::bytea[]) group by 1, 2`,
      [scope.id, sharedDigests(bundles)],
    );
    const sums: Record<string, number> = {};
    for (const { digest, sequence, count } of rows) {
      const ref = releaseOf(digest, sequence)?.ref;
      if (ref !== undefined) sums[ref] = (sums[ref] ?? 0) + count;
    }
    return sums;
  }
}

const toProject = (row: ProjectListRow): Resource<'Project'> => ({
  name: row.name,
  title: row.title,
  simulated: row.simulated,
  createdAt: iso(row.created_at),
  deviceCount: row.device_count,
  revision: row.revision,
  windowSeconds: row.window_s,
  pickEvery: row.pick_every,
});
