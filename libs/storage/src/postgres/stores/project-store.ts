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
import { DEVICE_FROM } from '../queries/devices.js';
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
    const groups = await this.db.query<{
      presence: 'never';
      type: string;
      release: string | null;
      count: number;
    }>(
      `select state.presence, t.name as type, active.ref as release, count(*)::int as count
       ${DEVICE_FROM} where d.project_id = $1 group by 1, 2, 3`,
      [scope.id],
    );
    const [rest] = await this.db.query<{ rollouts: number; inferences: string | null; windows: number }>(
      `select (select count(*)::int from rollout where project_id = $1 and state = 'running') as rollouts,
         sum(n) as inferences, count(*)::int as windows
       from telemetry_window where project_id = $1
         and window_start > now() - interval '1 hour' and window_start <= now()`,
      [scope.id],
    );
    const sumBy = (key: (group: (typeof groups)[number]) => string | null) => {
      const sums: Record<string, number> = {};
      for (const group of groups) {
        const name = key(group);
        if (name !== null) sums[name] = (sums[name] ?? 0) + group.count;
      }
      return sums;
    };
    return {
      devices: groups.reduce((sum, { count }) => sum + count, 0),
      byPresence: sumBy((group) => group.presence),
      byType: sumBy((group) => group.type),
      byRelease: sumBy((group) => group.release),
      runningRollouts: rest?.rollouts ?? 0,
      inferencesLastHour: Number(rest?.inferences ?? 0),
      windowsLastHour: rest?.windows ?? 0,
    };
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
