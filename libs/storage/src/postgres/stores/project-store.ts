/** Projects: find, make, remove with everything in them, and the counts of the fleet page. */
import {
  projectScope,
  type Page,
  type PageRequest,
  type ProjectScope,
  type Resource,
  type UnnamedBlob,
} from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { NewProject, ProjectStore } from '@tinyfleet/registry';
import { uuidv7 } from 'uuidv7';
import { isDuplicate, type Db } from '../database.js';
import * as entities from '../entities/index.js';
import { loadReleaseBundles } from '../queries/filter-names.js';
import { releaseFinder, type ReleaseBundle } from '../queries/filter-release.js';
import { namedQuery } from '../queries/index.js';
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
  (select coalesce(sum(n), 0)::int from (
     select count as n from fleet_count c where c.project_id = p.id and c.kind = 'state'
     union all select delta from fleet_count_delta c where c.project_id = p.id and c.kind = 'state') as kept) as device_count`;

/**
 * Tables whose rows go before the project's, in this order: those without a foreign key to it (telemetry) and those
 * whose references inside the project do not cascade. The rest follows the project row. The audit log stays.
 */
export const REMOVE_FIRST: readonly string[] = [
  'telemetry_window',
  'prediction',
  'desired_state',
  'deployment',
  'rollout',
  'transfer_payload',
  'release_manifest',
  'release_firmware',
  'release_artifact',
  'release',
  'build',
  'model_version',
  'device',
  'device_authority',
  'provisioning_key',
  // What the removals above noted.
  'fleet_count_delta',
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

  async remove(scope: ProjectScope): Promise<UnnamedBlob[]> {
    const orphans = await this.db.query<UnnamedBlob & object>(
      `select encode(digest, 'hex') as digest, created_at as "namedAt" from blob b where project_id = $1
         and not exists (select from blob o where o.digest = b.digest and o.project_id <> b.project_id)`,
      [scope.id],
    );
    for (const table of REMOVE_FIRST)
      await this.db.execute(`delete from ${table} where project_id = $1`, [scope.id]);
    await this.db.execute('delete from project where id = $1', [scope.id]);
    return orphans;
  }

  async summary(scope: ProjectScope): Promise<Resource<'FleetSummary'>> {
    const bundles = await loadReleaseBundles(this.db, scope);
    const kept = await this.db.query<{ kind: CountKind; key: string; count: number }>(
      namedQuery('registry/fleet-counts'),
      [scope.id, [...new Set(bundles.map(({ digest }) => digest.toString('hex')))]],
    );
    const of = (kind: CountKind): Counts =>
      Object.fromEntries(kept.filter((one) => one.kind === kind).map(({ key, count }) => [key, count]));
    const byState = of('state');
    const devices = sumOf(byState);
    const types = await this.db.query<{ id: string; name: string }>(
      'select id, name from device_type where project_id = $1 order by name',
      [scope.id],
    );
    const byTypeId = of('type');
    const [rest] = await this.db.query<{ rollouts: number; inferences: string | null; windows: number }>(
      `select (select count(*)::int from rollout where project_id = $1 and state = 'running') as rollouts,
         sum(n) as inferences, count(*)::int as windows
       from telemetry_window where project_id = $1
         and window_start > now() - interval '1 hour' and window_start <= now()`,
      [scope.id],
    );
    return {
      devices,
      byState,
      byPresence: countsOfPresence(devices, of('presence'), { away: of('away'), asleep: of('asleep') }),
      byType: Object.fromEntries(
        types.flatMap(({ id, name }) => (byTypeId[id] === undefined ? [] : [[name, byTypeId[id]]])),
      ),
      byRelease: countsOfReleases(bundles, of('bundle')),
      runningRollouts: rest?.rollouts ?? 0,
      inferencesLastHour: Number(rest?.inferences ?? 0),
      windowsLastHour: rest?.windows ?? 0,
    };
  }
}

/** As in the table; and those whose time ran out, of devices that are `away` or `asleep`. */
type CountKind = 'state' | 'type' | 'bundle' | 'presence' | 'away' | 'asleep';
type Counts = Record<string, number>;
const sumOf = (counts: Counts): number => Object.values(counts).reduce((sum, count) => sum + count, 0);

/** Same cases as PRESENCE_CONDITIONS: whose time has not run out is pending, or sleeping when it declared that. */
function countsOfPresence(
  devices: number,
  { connected = 0, away = 0, asleep = 0 }: Counts,
  overdue: { readonly away: Counts; readonly asleep: Counts },
): Resource<'FleetSummary'>['byPresence'] {
  const counts = {
    connected,
    pending: away - sumOf(overdue.away),
    sleeping: asleep - sumOf(overdue.asleep),
    silent: (overdue.away['silent'] ?? 0) + (overdue.asleep['silent'] ?? 0),
    lost: (overdue.away['lost'] ?? 0) + (overdue.asleep['lost'] ?? 0),
    never: devices - connected - away - asleep,
  };
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

/** Keys are `digest@sequence`: of several releases with one bundle a device runs the one it names, else the newest. */
function countsOfReleases(bundles: readonly ReleaseBundle[], byBundle: Counts): Counts {
  const releaseOf = releaseFinder(bundles);
  const sums: Counts = {};
  for (const [key, count] of Object.entries(byBundle)) {
    const [digest = '', sequence = ''] = key.split('@');
    const ref = releaseOf(Buffer.from(digest, 'hex'), Number(sequence))?.ref;
    if (ref !== undefined) sums[ref] = (sums[ref] ?? 0) + count;
  }
  return sums;
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
