/** What a filter names besides values, read before it becomes SQL: device types and groups, groups in groups. */
import type { ProjectScope } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { comparisonsOf, filterLimits, parseFilter, type Comparison, type Filter } from '@tinyfleet/filter';
import type { Db } from '../database.js';
import { RELEASES } from './devices.js';
import type { ReleaseBundle } from './filter-release.js';

/** What the names in a filter stand for. Types become ids, so that Postgres knows how common each is. */
export interface FilterNames {
  readonly types: readonly { readonly id: string; readonly name: string }[];
  readonly groups: ReadonlyMap<string, ResolvedGroup>;
  readonly releases: readonly ReleaseBundle[];
}
export interface ResolvedGroup {
  readonly id: string;
  /** Undefined: members by name. */
  readonly filter: Filter | undefined;
}

/** Groups in groups in groups. */
const maxGroupDepth = 8;

/**
 * Reads what the filter names: nothing when it names neither types, releases nor groups.
 * @throws registry.group-not-found, registry.group-cycle, registry.filter-too-complex
 */
export async function loadFilterNames(
  db: Db,
  scope: ProjectScope,
  filter: Filter,
  /** The group whose filter this is going to be: it must not lead back to itself. */
  own?: string,
): Promise<FilterNames> {
  const groups = new Map<string, ResolvedGroup>();
  const filters = [filter];
  let wanted = groupsIn([filter]);
  for (let depth = 0; wanted.size > 0; depth++) {
    if (own !== undefined && wanted.has(own)) throw new FleetError('registry.group-cycle', { group: own });
    if (depth === maxGroupDepth)
      throw new FleetError('registry.group-cycle', { group: [...wanted][0] ?? '' });
    const rows = await db.query<{ id: string; name: string; filter: string | null }>(
      'select id, name, filter from device_group where project_id = $1 and name = any($2::text[])',
      [scope.id, [...wanted]],
    );
    for (const { id, name, filter: text } of rows)
      groups.set(name, { id, filter: text === null ? undefined : parseFilter(text) });
    const missing = [...wanted].find((name) => !groups.has(name));
    if (missing !== undefined) throw new FleetError('registry.group-not-found', { group: missing });
    const inner = rows.flatMap(({ name }) => groups.get(name)!.filter ?? []);
    filters.push(...inner);
    wanted = new Set([...groupsIn(inner)].filter((name) => !groups.has(name)));
  }
  refuseCycles(groups);
  const terms = expandedTerms(filter, groups);
  if (terms > filterLimits.maxTerms)
    throw new FleetError('registry.filter-too-complex', { terms, limit: filterLimits.maxTerms });
  const fields = new Set(filters.flatMap((one) => [...comparisonsOf(one)].map(({ field }) => field)));
  const types = fields.has('type')
    ? await db.query<{ id: string; name: string }>('select id, name from device_type where project_id = $1', [
        scope.id,
      ])
    : [];
  const ofReleases = ['release', 'releaseState', 'version'] as const;
  const releases = ofReleases.some((field) => fields.has(field)) ? await loadReleaseBundles(db, scope) : [];
  return { types, groups, releases };
}

export async function loadReleaseBundles(db: Db, scope: ProjectScope): Promise<ReleaseBundle[]> {
  return await db.query<ReleaseBundle & object>(
    `select distinct a.bundle_digest as digest, r.sequence::float8 as sequence, m.name || '@' || v.version as ref,
       v.version, v.version_order as "versionOrder", r.state
     from ${RELEASES} where a.project_id = $1`,
    [scope.id],
  );
}

const groupsIn = (filters: readonly Filter[]): Set<string> =>
  new Set(filters.flatMap((filter) => [...comparisonsOf(filter)].flatMap(groupNames)));

function groupNames(comparison: Comparison): string[] {
  return comparison.kind === 'is' && comparison.field === 'group'
    ? comparison.values.filter((value) => typeof value === 'string')
    : [];
}

/** Also of groups that were changed at the same moment by two people. */
function refuseCycles(groups: ReadonlyMap<string, ResolvedGroup>): void {
  const done = new Set<string>();
  const visit = (name: string, path: ReadonlySet<string>): void => {
    if (path.has(name)) throw new FleetError('registry.group-cycle', { group: name });
    if (done.has(name)) return;
    done.add(name);
    const { filter } = groups.get(name)!;
    if (filter) for (const inner of groupsIn([filter])) visit(inner, new Set([...path, name]));
  };
  for (const name of groups.keys()) {
    done.clear();
    visit(name, new Set());
  }
}

/** Comparisons as SQL will have them, groups written out. */
function expandedTerms(filter: Filter, groups: ReadonlyMap<string, ResolvedGroup>): number {
  let terms = 0;
  for (const one of comparisonsOf(filter)) {
    terms += one.kind === 'is' ? one.values.length : 1;
    for (const name of groupNames(one)) {
      const inner = groups.get(name)?.filter;
      if (inner) terms += expandedTerms(inner, groups);
    }
    if (terms > filterLimits.maxTerms) break;
  }
  return terms;
}
