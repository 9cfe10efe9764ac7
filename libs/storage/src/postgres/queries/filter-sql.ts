/**
 * Turns a parsed device filter into parameterized SQL over `device d`; $1 is the project. Texts of the filter become
 * parameters, never SQL. Every comparison is true or false and never unknown, so that `not` means what it says.
 */
import {
  isAttributeField,
  versionOrderOf,
  type AttributeField,
  type Filter,
  type FilterField,
  type Glob,
  type Scalar,
} from '@tinyfleet/registry';
import { ACTIVE_RELEASE, PRESENCE_CONDITIONS, RELEASES } from './devices.js';
import type { FilterNames, ResolvedGroup } from './filter-names.js';

/** Collects parameters; `$n` is handed out in order. */
export class Parameters {
  constructor(readonly values: unknown[] = []) {}
  add(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

export function filterSql(filter: Filter, parameters: Parameters, names: FilterNames): string {
  switch (filter.kind) {
    case 'all':
      return 'true';
    case 'and':
    case 'or':
      return `(${filter.terms.map((term) => filterSql(term, parameters, names)).join(` ${filter.kind} `)})`;
    case 'not':
      return `(not ${filterSql(filter.term, parameters, names)})`;
    case 'is':
      return isSql(filter, parameters, names);
    case 'order':
      return orderSql(filter, parameters);
    case 'has':
      return hasSql(filter.field, parameters);
  }
}

type Is = Extract<Filter, { kind: 'is' }>;
type Ordered = Extract<Filter, { kind: 'order' }>;

const inReport = (condition: string): string =>
  `exists (select from device_report report where report.project_id = $1 and report.device_id = d.id and ${condition})`;
const inPresence = (condition: string): string =>
  `exists (select from presence seen where seen.project_id = $1 and seen.device_id = d.id and ${condition})`;
/** Digests first: without them the release of every device would be looked up. */
const runs = (condition: string): string =>
  inReport(`report.active_digest in (select active.bundle_digest
      from (select a.bundle_digest, m.name || '@' || v.version as ref, v.version, v.version_order
        from ${RELEASES} where a.project_id = $1) active where ${condition})
    and exists (select from (${ACTIVE_RELEASE}) active where ${condition})`);
const anyOf = <T>(values: readonly T[], sql: (value: T) => string): string =>
  `(${values.map(sql).join(' or ')})`;

function isSql({ field, values }: Is, parameters: Parameters, names: FilterNames): string {
  if (isAttributeField(field)) return anyOf(values, (value) => attributeIs(field, value, parameters));
  const texts = values.map((value) => (isGlob(value) ? value : String(value)));
  const plain = texts.filter((text) => typeof text === 'string');
  const match = (column: string): string => textIs(column, texts, parameters);
  const orders = (): string =>
    `${parameters.add(plain.flatMap((text) => versionOrderOf(text) ?? []))}::text[]`;
  switch (field) {
    case 'name':
      return match('d.name');
    case 'location':
      return `(d.location <> '' and ${match('d.location')})`;
    case 'site':
      return `(d.site <> '' and ${match('d.site')})`;
    case 'hardwareRevision':
      return `(d.hardware_revision <> '' and ${match('d.hardware_revision')})`;
    case 'state':
      return match('d.state');
    case 'type':
      return typeIs(texts, parameters, names);
    case 'tag':
      return anyOf(texts, (text) =>
        typeof text === 'string'
          ? `d.tags @> ${parameters.add([text])}::text[]`
          : `exists (select from unnest(d.tags) as one (tag) where ${textIs('one.tag', [text], parameters)})`,
      );
    case 'presence':
      return anyOf(plain, (presence) =>
        presence === 'never'
          ? `not ${inPresence('true')}`
          : inPresence(PRESENCE_CONDITIONS[presence as keyof typeof PRESENCE_CONDITIONS]),
      );
    case 'update':
      return inReport(match('report.update_state'));
    case 'firmware':
      return inReport(`(${match('report.firmware_version')} or report.firmware_order = any(${orders()}))`);
    case 'release':
      return runs(match('active.ref'));
    case 'version':
      // `1.1.0` or `1.1` of any model, or `kws@1.1.0`.
      return runs(
        `(${match('active.ref')} or ${match('active.version')} or active.version_order = any(${orders()}))`,
      );
    case 'group':
      return anyOf(plain, (name) => groupIs(names.groups.get(name)!, parameters, names));
    case 'lastSeen':
    case 'createdAt':
      throw new Error(`${field} has an order only`);
  }
}

/** `in` a list: exact values in one array, each pattern for itself, so that a prefix can use an index. */
function textIs(column: string, texts: readonly (string | Glob)[], parameters: Parameters): string {
  const exact = texts.filter((text) => typeof text === 'string');
  const parts = texts
    .filter((text) => typeof text !== 'string')
    .map(({ glob }) => `${column} like ${parameters.add(glob.map(escapeLike).join('%'))}::text`);
  if (exact.length === 1) parts.push(`${column} = ${parameters.add(exact[0])}::text`);
  else if (exact.length > 1) parts.push(`${column} = any(${parameters.add(exact)}::text[])`);
  return `(${parts.join(' or ')})`;
}

const escapeLike = (text: string): string => text.replace(/[\\%_]/g, '\\$&');
const isGlob = (value: Scalar): value is Glob => typeof value === 'object';

/** Piece by piece, each where it comes first: linear, whatever the pattern. */
function globMatches({ glob }: Glob, name: string): boolean {
  const last = glob.at(-1)!;
  if (!name.startsWith(glob[0]!) || !name.endsWith(last)) return false;
  let at = glob[0]!.length;
  for (const piece of glob.slice(1, -1)) {
    const found = name.indexOf(piece, at);
    if (found === -1) return false;
    at = found + piece.length;
  }
  return at <= name.length - last.length;
}

/** By id: Postgres knows how common each type is. */
function typeIs(texts: readonly (string | Glob)[], parameters: Parameters, { types }: FilterNames): string {
  const ids = types
    .filter(({ name }) => texts.some((text) => (isGlob(text) ? globMatches(text, name) : text === name)))
    .map(({ id }) => id);
  if (ids.length === 1) return `d.type_id = ${parameters.add(ids[0])}::uuid`;
  return `d.type_id = any(${parameters.add(ids)}::uuid[])`;
}

function groupIs({ id, filter }: ResolvedGroup, parameters: Parameters, names: FilterNames): string {
  if (filter) return filterSql(filter, parameters, names);
  return `exists (select from device_group_member member where member.project_id = $1
    and member.group_id = ${parameters.add(id)}::uuid and member.device_id = d.id)`;
}

/** Where an attribute is: the document and its key. */
function attributeAt(field: AttributeField): {
  readonly key: string;
  readonly column: string;
  readonly within: (condition: string) => string;
} {
  const key = field.slice(field.indexOf('.') + 1);
  return field.startsWith('attr.')
    ? { key, column: 'report.reported', within: inReport }
    : { key, column: 'd.desired', within: (condition) => `(d.desired <> '{}' and ${condition})` };
}

function attributeIs(field: AttributeField, value: Scalar, parameters: Parameters): string {
  const { key, column, within } = attributeAt(field);
  // Containment: an index finds it, numbers are equal as numbers, and the text "20" is not the number 20.
  if (!isGlob(value))
    return within(`${column} @> ${parameters.add(JSON.stringify({ [key]: value }))}::jsonb`);
  const name = parameters.add(key);
  return within(
    `jsonb_typeof(${column} -> ${name}) = 'string' and ${textIs(`(${column} ->> ${name})`, [value], parameters)}`,
  );
}

function orderSql({ field, order, value }: Ordered, parameters: Parameters): string {
  if (isAttributeField(field)) {
    const { key, column, within } = attributeAt(field);
    const attribute = `(${column} -> ${parameters.add(key)})`;
    // CASE keeps the cast away from texts, in whatever order Postgres looks at conditions.
    return within(
      `case jsonb_typeof(${attribute}) when 'number' then ${attribute}::numeric ${order} ${parameters.add(value)}::numeric else false end`,
    );
  }
  if (field === 'lastSeen') return inPresence(timeOrder('seen.last_seen_at', order, value, parameters));
  if (field === 'createdAt') return `(${timeOrder('d.created_at', order, value, parameters)})`;
  const version = `${parameters.add(versionOrderOf(String(value)))}::text collate "C"`;
  return field === 'firmware'
    ? inReport(`report.firmware_order ${order} ${version}`)
    : runs(`active.version_order collate "C" ${order} ${version}`);
}

/** An age below an hour is a time after an hour ago. */
function timeOrder(
  column: string,
  order: Ordered['order'],
  value: Ordered['value'],
  parameters: Parameters,
): string {
  if (typeof value !== 'object') throw new Error('times are compared with ages and dates');
  if ('at' in value) return `${column} ${order} ${parameters.add(value.at)}::timestamptz`;
  const turned = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' }[order];
  return `${column} ${turned} now() - make_interval(secs => ${parameters.add(value.ageS)}::float8)`;
}

function hasSql(field: FilterField, parameters: Parameters): string {
  if (isAttributeField(field)) {
    const { key, column, within } = attributeAt(field);
    return within(`${column} ? ${parameters.add(key)}::text`);
  }
  switch (field) {
    case 'tag':
      return `(d.tags <> '{}')`;
    case 'site':
      return `(d.site <> '')`;
    case 'location':
      return `(d.location <> '')`;
    case 'hardwareRevision':
      return `(d.hardware_revision <> '')`;
    case 'version':
    case 'release':
      return runs('true');
    case 'firmware':
      return inReport(`report.firmware_version <> ''`);
    case 'update':
      return inReport('true');
    case 'lastSeen':
      return inPresence('true');
    case 'name':
    case 'type':
    case 'state':
    case 'presence':
    case 'group':
    case 'createdAt':
      throw new Error(`has ${field} says nothing`);
  }
}
