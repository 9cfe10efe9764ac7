/**
 * Holds a CBOR item against a rule of parsed CDDL (RFC 8610, the part that cddl.mjs reads). It knows neither the codec
 * nor the C code: golden messages are checked by what the documents say alone. With `open`, maps may have further
 * unsigned keys and enumerations further numbers, as wire.md allows for what comes later.
 */
import { decode, Tagged } from 'cborg';

const decodeOptions = { useMaps: true, tags: Tagged.preserve(17, 18, 107), allowBigInt: true };

/**
 * @param {Map<string, object>} rules of parseCddl
 * @param {string} rule name of one
 * @param {Uint8Array} bytes one CBOR item
 * @param {{open?: boolean}} [options]
 * @returns {string[]} what does not fit, each with its path; empty when all does
 */
export function checkCddl(rules, rule, bytes, { open = false } = {}) {
  const problems = [];
  const note = (path, text) => problems.push(`${path}: ${text}`);

  function item(node, value, path) {
    switch (node.kind) {
      case 'ref':
        return rules.has(node.name)
          ? item(rules.get(node.name), value, path)
          : primitive(node.name, value, path);
      case 'int':
        return Number(value) === node.value || note(path, `is ${show(value)}, not ${node.value}`);
      case 'text':
        return value === node.value || note(path, `is ${show(value)}, not "${node.value}"`);
      case 'bytes':
        return hex(value) === node.value || note(path, `is ${show(value)}, not h'${node.value}'`);
      case 'range':
        return (
          (isInteger(value) && value >= node.min && value <= node.max) ||
          note(path, `is ${show(value)}, outside ${node.min}..${node.max}`)
        );
      case 'enum':
        return (
          (isInteger(value) && (open || node.members.some((member) => member.value === Number(value)))) ||
          note(path, `is ${show(value)}, none of ${node.members.map((m) => m.value).join(', ')}`)
        );
      case 'choice':
        return choice(node.of, value, path);
      case 'tag':
        if (!(value instanceof Tagged) || value.tag !== node.number)
          return note(path, `lacks tag ${node.number}`);
        return item(node.of, value.value, path);
      case 'control':
        return control(node, value, path);
      case 'map':
        return map(node, value, path);
      case 'array':
        return array(node, value, path);
      default:
        throw new Error(`${path}: CDDL of kind ${node.kind} is not checked`);
    }
  }

  function primitive(name, value, path) {
    const fits = {
      uint: () => isInteger(value) && value >= 0,
      int: () => isInteger(value),
      nint: () => isInteger(value) && value < 0,
      bool: () => typeof value === 'boolean',
      bstr: () => value instanceof Uint8Array,
      tstr: () => typeof value === 'string',
      nil: () => value === null,
      any: () => true,
    }[name];
    return fits() || note(path, `is ${show(value)}, not ${name}`);
  }

  function choice(of, value, path) {
    const before = problems.length;
    for (const node of of) {
      item(node, value, path);
      if (problems.length === before) return;
      problems.length = before;
    }
    note(path, `${show(value)} is none of its choices`);
  }

  function control({ operator, of, argument }, value, path) {
    item(of, value, path);
    if (operator === 'cbor') {
      if (value instanceof Uint8Array) item(argument, decode(value, decodeOptions), `${path}<`);
      return;
    }
    const size = typeof value === 'string' ? Buffer.byteLength(value) : value?.length;
    const [min, max] =
      argument.kind === 'range' ? [argument.min, argument.max] : [argument.value, argument.value];
    if (!(size >= min && size <= max)) note(path, `has ${size} bytes, not ${min}..${max}`);
  }

  /** Groups are written out where they are named. */
  const entriesOf = (node) =>
    node.entries.flatMap((entry) => {
      const target = entry.type.kind === 'ref' ? rules.get(entry.type.name) : undefined;
      return entry.key === undefined && target?.kind === 'group' ? entriesOf(target) : [entry];
    });

  function map(node, value, path) {
    if (!(value instanceof Map)) return note(path, `is ${show(value)}, not a map`);
    const left = new Map(value);
    for (const { key, min, type } of entriesOf(node)) {
      if (key.kind === 'enum' || key.kind === 'int') {
        const number = key.kind === 'enum' ? key.members[0].value : key.value;
        if (left.has(number)) item(type, left.get(number), `${path}.${key.members?.[0].name ?? number}`);
        else if (min > 0) note(path, `lacks key ${number}`);
        left.delete(number);
        continue;
      }
      for (const [at, member] of left) {
        item(key, at, `${path}[${at}]`);
        item(type, member, `${path}[${at}]`);
        left.delete(at);
      }
    }
    for (const at of left.keys())
      if (!open || !isInteger(at) || at < 0) note(path, `has key ${at}, which is not in the rule`);
  }

  function array(node, value, path) {
    if (!Array.isArray(value)) return note(path, `is ${show(value)}, not a list`);
    let at = 0;
    for (const { min, max, type } of entriesOf(node)) {
      let count = 0;
      while (count < max && at < value.length && (count < min || max > 1)) {
        item(type, value[at], `${path}[${at}]`);
        at++;
        count++;
      }
      if (count < min) return note(path, `has ${value.length} items, too few`);
    }
    if (at < value.length) note(path, `has ${value.length} items, too many`);
  }

  item({ kind: 'ref', name: rule }, decode(bytes, decodeOptions), rule);
  return problems;
}

const isInteger = (value) => typeof value === 'bigint' || Number.isInteger(value);
const hex = (value) => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : undefined);
const show = (value) => hex(value) ?? (value instanceof Map ? 'a map' : String(value));
