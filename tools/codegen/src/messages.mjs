/**
 * From parsed CDDL rules to what the C header and the TypeScript codec need: enumerations, numbered keys and a
 * field table per message. Refuses what the generic codec could not do.
 */

/** Messages of the wire, in the order of wire.cddl; the other maps are parts of them. */
export const MESSAGES = ['hello', 'state', 'want', 'telemetry', 'sample', 'desired', 'chunk', 'ask'];

/** What the same codec reads and writes but no topic carries: device.cddl. */
export const DOCUMENTS = ['device-parameters'];

export const camel = (name) => name.replace(/-([a-z0-9])/g, (_, c) => c.toUpperCase());
export const pascal = (name) => {
  const c = camel(name);
  return c[0].toUpperCase() + c.slice(1);
};
export const upper = (name) => name.replaceAll('-', '_').toUpperCase();

const SCALARS = new Set(['uint', 'int', 'bool', 'bstr', 'tstr']);

/** Field table of a map rule, envelope included, by rising key: [{key, name, optional, type}]. */
export function fieldsOf(rules, name) {
  const fields = [];
  const add = (entries) => {
    for (const entry of entries) {
      if (entry.key === undefined) {
        const group = rules.get(entry.type.name);
        if (entry.type.kind !== 'ref' || group?.kind !== 'group')
          throw new Error(`${name}: only groups may stand without a key`);
        add(group.entries);
        continue;
      }
      const key =
        entry.key.kind === 'enum' && entry.key.members.length === 1 ? entry.key.members[0] : undefined;
      if (key === undefined) throw new Error(`${name}: a key is written &(name: number)`);
      if (fields.some((f) => f.key === key.value || f.rule === key.name))
        throw new Error(`${name}: key ${key.name}: ${key.value} is used twice`);
      fields.push({
        key: key.value,
        rule: key.name,
        name: camel(key.name),
        optional: entry.min === 0,
        type: typeOf(rules, entry.type, `${name}.${key.name}`),
      });
    }
  };
  add(rules.get(name).entries);
  return fields.sort((a, b) => a.key - b.key);
}

/** Codec type of a CDDL type. */
function typeOf(rules, node, where) {
  switch (node.kind) {
    case 'range':
      return { kind: 'uint', min: node.min, max: node.max };
    case 'enum':
      return { kind: 'enum', rule: undefined, members: node.members };
    case 'control': {
      const inner = typeOf(rules, node.of, where);
      if (node.operator !== 'size' || (inner.kind !== 'bstr' && inner.kind !== 'tstr'))
        throw new Error(`${where}: .${node.operator} is not supported here`);
      const [min, max] =
        node.argument.kind === 'int'
          ? [node.argument.value, node.argument.value]
          : [node.argument.min, node.argument.max];
      return { ...inner, min, max };
    }
    case 'array': {
      if (node.entries.length !== 1) throw new Error(`${where}: lists have one kind of element`);
      const [entry] = node.entries;
      if (!Number.isFinite(entry.max)) throw new Error(`${where}: a list needs a bound`);
      return { kind: 'list', min: entry.min, max: entry.max, of: typeOf(rules, entry.type, where) };
    }
    case 'map': {
      const [entry] = node.entries;
      if (node.entries.length !== 1 || entry.max !== Infinity)
        throw new Error(`${where}: a nested map is a rule of its own or { * uint => uint }`);
      return {
        kind: 'table',
        key: typeOf(rules, entry.key, where),
        value: typeOf(rules, entry.type, where),
      };
    }
    case 'ref': {
      if (node.name === 'boot-id') return { kind: 'boot-id' };
      if (node.name === 'uint') return { kind: 'uint', min: 0, max: Number.MAX_SAFE_INTEGER };
      if (SCALARS.has(node.name)) return { kind: node.name };
      const rule = rules.get(node.name);
      if (rule === undefined) throw new Error(`${where}: ${node.name} is not supported`);
      if (rule.kind === 'map') return { kind: 'message', rule: node.name };
      const inner = typeOf(rules, rule, where);
      if (inner.kind === 'enum') return { ...inner, rule: node.name };
      return node.name === 'name' ? { ...inner, isName: true } : inner;
    }
    default:
      throw new Error(`${where}: ${node.kind} is not supported`);
  }
}

/** Every constant of a rule set for C: [{name, value, comment?}] in file order; refuses a name with two values. */
export function constantsOf(rules) {
  const seen = new Map();
  const groups = [];
  for (const [rule, node] of rules) {
    const constants = [];
    const put = (name, value) => {
      const full = `FLEET_${upper(rule)}_${name}`;
      if (seen.has(full) && seen.get(full) !== value) throw new Error(`${full} would have two values`);
      if (seen.has(full)) return;
      seen.set(full, value);
      constants.push({ name: full, value });
    };
    const limits = (prefix, type) => {
      if (type?.kind === 'control' && type.operator === 'size') {
        const max = type.argument.kind === 'int' ? type.argument.value : type.argument.max;
        put(prefix === '' ? 'MAX_BYTES' : `${prefix}_MAX_BYTES`, max);
      }
      if (type?.kind === 'array' && type.entries.length === 1 && Number.isFinite(type.entries[0].max))
        if (type.entries[0].max > 1) put(`${prefix}_MAX`, type.entries[0].max);
    };
    const visit = (n) => {
      if (n.kind === 'enum') for (const m of n.members) put(upper(m.name), m.value);
      if (n.kind === 'tag') {
        put('TAG', n.number);
        visit(n.of);
      }
      limits('', n);
      for (const entry of n.entries ?? []) {
        if (entry.key?.kind === 'enum') {
          const [key] = entry.key.members;
          put(upper(key.name), key.value);
          if (entry.type.kind === 'enum')
            for (const m of entry.type.members) put(`${upper(key.name)}_${upper(m.name)}`, m.value);
          if (entry.type.kind === 'int') put(`${upper(key.name)}_VALUE`, entry.type.value);
          limits(upper(key.name), entry.type);
        } else if (entry.name !== undefined && entry.type.kind === 'int') {
          put(upper(entry.name), entry.type.value);
        }
      }
    };
    visit(node);
    if (constants.length > 0) groups.push({ rule, constants });
  }
  return groups;
}
