/** Turns a parsed device filter into parameterized SQL over the aliases of queries/devices.ts. */
import type { Filter, FilterField } from '@tinyfleet/registry';

/** Collects parameters; `$n` is handed out in order. */
export class Parameters {
  constructor(readonly values: unknown[] = []) {}
  add(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

/** Columns as queries/devices.ts names them. A device that never spoke has no version: `is` is false, not unknown. */
const COLUMN: Record<Exclude<FilterField, 'tag' | 'version'>, string> = {
  name: 'd.name',
  type: 't.name',
  site: 'd.site',
  release: `coalesce(active.ref, '')`,
  state: 'd.state',
  presence: 'state.presence',
  update: `coalesce(report.update_state, '')`,
};

export function filterSql(filter: Filter, parameters: Parameters): string {
  switch (filter.kind) {
    case 'all':
      return 'true';
    case 'and':
    case 'or':
      return `(${filter.terms.map((term) => filterSql(term, parameters)).join(` ${filter.kind} `)})`;
    case 'not':
      return `(not ${filterSql(filter.term, parameters)})`;
    case 'is':
      return comparison(filter.field, filter.values, parameters);
  }
}

function comparison(field: FilterField, values: readonly string[], parameters: Parameters): string {
  if (field === 'tag') return `(d.tags && ${parameters.add([...values])}::text[])`;
  if (field === 'version') {
    // `1.1.0` of any model, or `kws@1.1.0`.
    const list = parameters.add([...values]);
    return `(coalesce(active.ref, '') = any(${list}::text[]) or coalesce(active.version, '') = any(${list}::text[]))`;
  }
  const column = COLUMN[field];
  if (field === 'name' || field === 'site') {
    const patterns = values.filter((value) => value.includes('*'));
    const exact = values.filter((value) => !value.includes('*'));
    const parts: string[] = [];
    if (exact.length > 0) parts.push(`${column} = any(${parameters.add(exact)}::text[])`);
    if (patterns.length > 0)
      parts.push(`${column} like any(${parameters.add(patterns.map(toLike))}::text[])`);
    return `(${parts.join(' or ')})`;
  }
  return `(${column} = any(${parameters.add([...values])}::text[]))`;
}

const toLike = (pattern: string): string => pattern.replace(/[\\%_]/g, '\\$&').replaceAll('*', '%');
