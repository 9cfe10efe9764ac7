/**
 * Turns a parsed device filter into parameterized SQL over `device d`; $1 is the project. Texts of the filter become
 * parameters, never SQL. Every comparison is true or false and never unknown, so that `not` means what it says.
 */
import type { Resource } from '@tinyfleet/contracts';
import { versionOrderOf } from '@tinyfleet/contracts';
import {
  isAttributeField,
  type AttributeField,
  type Filter,
  type FilterField,
  type Glob,
  type Scalar,
} from '@tinyfleet/filter';
import { PRESENCE_CONDITIONS } from './devices.js';
import type { FilterNames, ResolvedGroup } from './filter-names.js';
import { matchesRelease, ordersRelease, runsSql } from './filter-release.js';
import { globMatches, likePattern, type Parameters } from './parameters.js';

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
      return orderSql(filter, parameters, names);
    case 'has':
      return hasSql(filter.field, parameters, names);
  }
}

type Is = Extract<Filter, { kind: 'is' }>;
type Ordered = Extract<Filter, { kind: 'order' }>;

/** By the name: indexes of reports end in it, so that a page of what is rare is one range and of what is common a merge. */
const inReport = (condition: string): string =>
  `exists (select from device_report report where report.project_id = $1 and report.name = d.name and ${condition})`;
const inPresence = (condition: string): string =>
  `exists (select from presence seen where seen.project_id = $1 and seen.device_id = d.id and ${condition})`;
const anyOf = <T>(values: readonly T[], sql: (value: T) => string): string =>
  `(${values.map(sql).join(' or ')})`;

function isSql({ field, values }: Is, parameters: Parameters, names: FilterNames): string {
  if (isAttributeField(field)) return attributeIs(field, values, parameters);
  const texts = values.map((value) => (isGlob(value) ? value : String(value)));
  const plain = texts.filter((text) => typeof text === 'string');
  const match = (column: string): string => textIs(column, texts, parameters);
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
      return presenceIs(plain as Resource<'Presence'>[]);
    case 'update':
      return inReport(match('report.update_state'));
    case 'firmware':
      return inReport(firmwareIs(texts, parameters));
    case 'release':
    case 'version':
      return inReport(runsSql(names.releases, matchesRelease(field, values), parameters));
    case 'releaseState':
      return inReport(runsSql(names.releases, ({ state }) => plain.includes(state), parameters));
    case 'group':
      return anyOf(plain, (name) => groupIs(names.groups.get(name)!, parameters, names));
    case 'lastSeen':
    case 'createdAt':
      throw new Error(`${field} has an order only`);
  }
}

function presenceIs(wanted: readonly Resource<'Presence'>[]): string {
  const there = wanted.flatMap((presence) =>
    presence === 'never' ? [] : [`(${PRESENCE_CONDITIONS[presence]})`],
  );
  const parts = there.length === 0 ? [] : [inPresence(`(${there.join(' or ')})`)];
  if (wanted.includes('never')) parts.push(`not ${inPresence('true')}`);
  return `(${parts.join(' or ')})`;
}

/** `in` a list: exact values in one array, each pattern for itself, so that a prefix can use an index. */
function textIs(column: string, texts: readonly (string | Glob)[], parameters: Parameters): string {
  const exact = texts.filter((text) => typeof text === 'string');
  const parts = texts
    .filter((text) => typeof text !== 'string')
    .map((glob) => `${column} like ${parameters.add(likePattern(glob))}::text`);
  if (exact.length === 1) parts.push(`${column} = ${parameters.add(exact[0])}::text`);
  else if (exact.length > 1) parts.push(`${column} = any(${parameters.add(exact)}::text[])`);
  return `(${parts.join(' or ')})`;
}

/** Versions by their order, which equal spellings share; other texts as they are. */
function firmwareIs(texts: readonly (string | Glob)[], parameters: Parameters): string {
  const orders: string[] = [];
  const others: (string | Glob)[] = [];
  for (const text of texts) {
    const order = typeof text === 'string' ? versionOrderOf(text) : undefined;
    if (order === undefined) others.push(text);
    else orders.push(order);
  }
  const parts = orders.length === 0 ? [] : [textIs('report.firmware_order', orders, parameters)];
  if (others.length > 0) parts.push(textIs('report.firmware_version', others, parameters));
  return `(${parts.join(' or ')})`;
}

const isGlob = (value: Scalar): value is Glob => typeof value === 'object';

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

function attributeIs(field: AttributeField, values: readonly Scalar[], parameters: Parameters): string {
  const { key, column, within } = attributeAt(field);
  return within(
    anyOf(values, (value) => {
      // Containment: an index finds it, numbers are equal as numbers, and the text "20" is not the number 20.
      if (!isGlob(value)) return `${column} @> ${parameters.add(JSON.stringify({ [key]: value }))}::jsonb`;
      const name = parameters.add(key);
      return `jsonb_typeof(${column} -> ${name}) = 'string' and ${textIs(`(${column} ->> ${name})`, [value], parameters)}`;
    }),
  );
}

function orderSql({ field, order, value }: Ordered, parameters: Parameters, names: FilterNames): string {
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
  const version = String(value);
  if (field === 'version')
    return inReport(runsSql(names.releases, ordersRelease(order, version), parameters));
  return inReport(
    `report.firmware_order ${order} ${parameters.add(versionOrderOf(version))}::text collate "C"`,
  );
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

function hasSql(field: FilterField, parameters: Parameters, names: FilterNames): string {
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
    case 'releaseState':
      return inReport(runsSql(names.releases, () => true, parameters));
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
