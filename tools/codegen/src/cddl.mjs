/**
 * Parser of the CDDL (RFC 8610) that docs/spec uses: rules, maps, arrays, groups, enumerations `&( name: n )`,
 * named keys `&(name: n) => type`, ranges, .size, .cbor, tags and choices. No generics, sockets or unwrapping.
 *
 * Node shapes: {kind: 'ref', name} | {kind: 'int', value} | {kind: 'text', value} | {kind: 'bytes', value} |
 * {kind: 'range', min, max} | {kind: 'choice', of} | {kind: 'enum', members: [{name, value}]} |
 * {kind: 'map', entries} | {kind: 'array', entries} | {kind: 'group', entries} | {kind: 'tag', number, of} |
 * {kind: 'control', operator, of, argument}. An entry is {min, max, key?, name?, type}; max is Infinity for `*`.
 */

const TOKEN =
  /\s+|;[^\n]*|=>|\.\.|\.(?:size|cbor)\b|#6\.\d+|h'[0-9A-Fa-f]*'|"[^"]*"|[A-Za-z@_$][A-Za-z0-9@_$-]*(?:\.[A-Za-z0-9]+)*|-?\d+(?:\.\d+)?|[=&(){}[\],:?*+/]/gy;

/** @returns {Map<string, object>} rules in file order */
export function parseCddl(source, file = 'cddl') {
  const tokens = tokenize(source, file);
  let at = 0;
  const peek = (offset = 0) => tokens[at + offset]?.text;
  const fail = (reason) => {
    throw new Error(`${file}:${tokens[Math.min(at, tokens.length - 1)]?.line ?? 1}: ${reason}`);
  };
  const take = (expected) => {
    const text = peek();
    if (text === undefined) fail(`unexpected end${expected ? `, expected ${expected}` : ''}`);
    if (expected !== undefined && text !== expected) fail(`found "${text}", expected "${expected}"`);
    at += 1;
    return text;
  };
  const isName = (text) => text !== undefined && /^[A-Za-z@_$]/.test(text) && !text.startsWith("h'");
  const isInt = (text) => text !== undefined && /^-?\d+$/.test(text);

  function type() {
    const first = type1();
    if (peek() !== '/') return first;
    const of = [first];
    while (peek() === '/') {
      take();
      of.push(type1());
    }
    return { kind: 'choice', of };
  }

  function type1() {
    const left = type2();
    if (peek() === '..') {
      take();
      const right = type2();
      if (left.kind !== 'int' || right.kind !== 'int') fail('a range is number..number');
      return { kind: 'range', min: left.value, max: right.value };
    }
    if (peek() === '.size' || peek() === '.cbor')
      return { kind: 'control', operator: take().slice(1), of: left, argument: type2() };
    return left;
  }

  function type2() {
    const text = take();
    if (isInt(text)) return { kind: 'int', value: Number(text) };
    if (text.startsWith('"')) return { kind: 'text', value: text.slice(1, -1) };
    if (text.startsWith("h'")) return { kind: 'bytes', value: text.slice(2, -1).toLowerCase() };
    if (text.startsWith('#6.')) {
      take('(');
      const of = type();
      take(')');
      return { kind: 'tag', number: Number(text.slice(3)), of };
    }
    if (text === '&') return enumeration();
    if (text === '{') return { kind: 'map', entries: group('}') };
    if (text === '[') return { kind: 'array', entries: group(']') };
    if (text === '(') {
      const inner = type();
      take(')');
      return inner;
    }
    if (isName(text)) return { kind: 'ref', name: text };
    return fail(`unexpected "${text}"`);
  }

  function enumeration() {
    take('(');
    const members = [];
    while (peek() !== ')') {
      const name = take();
      if (!isName(name)) fail(`"${name}" is not a name`);
      take(':');
      const value = take();
      if (!isInt(value)) fail(`"${value}" is not a number`);
      if (members.some((m) => m.name === name || m.value === Number(value)))
        fail(`${name}: ${value} is used twice`);
      members.push({ name, value: Number(value) });
      if (peek() === ',') take();
    }
    take(')');
    return { kind: 'enum', members };
  }

  function group(end) {
    const entries = [];
    while (peek() !== end) {
      const entry = { min: 1, max: 1 };
      if (peek() === '?') {
        take();
        entry.min = 0;
      } else if (isInt(peek()) && peek(1) === '*') {
        entry.min = Number(take());
        take();
        entry.max = isInt(peek()) ? Number(take()) : Infinity;
      } else if (peek() === '*' || peek() === '+') {
        entry.min = take() === '+' ? 1 : 0;
        entry.max = isInt(peek()) ? Number(take()) : Infinity;
      }
      if (isName(peek()) && peek(1) === ':') {
        entry.name = take();
        take(':');
        entry.type = type();
      } else {
        const left = type();
        if (peek() === '=>') {
          take();
          entry.key = left;
          entry.type = type();
        } else entry.type = left;
      }
      entries.push(entry);
      if (peek() === ',') take();
      else if (peek() === undefined) fail('unexpected end');
      else if (peek() !== end) fail(`found "${peek()}", expected "," or "${end}"`);
    }
    take(end);
    return entries;
  }

  const rules = new Map();
  while (at < tokens.length) {
    const name = take();
    if (!isName(name)) fail(`"${name}" is not a rule name`);
    if (rules.has(name)) fail(`rule ${name} appears twice`);
    take('=');
    if (peek() === '(') {
      take();
      rules.set(name, { kind: 'group', entries: group(')') });
    } else rules.set(name, type());
  }
  const known = new Set(['uint', 'int', 'nint', 'bool', 'bstr', 'tstr', 'nil', 'any']);
  walk([...rules.values()], (node) => {
    if (node.kind === 'ref' && !rules.has(node.name) && !known.has(node.name))
      throw new Error(`${file}: ${node.name} is not defined`);
  });
  return rules;
}

function walk(nodes, visit) {
  for (const node of nodes) {
    if (node === undefined) continue;
    visit(node);
    if (node.entries)
      walk(
        node.entries.flatMap((e) => [e.key, e.type]),
        visit,
      );
    if (node.kind === 'choice') walk(node.of, visit);
    else if (node.of) walk([node.of], visit);
    if (node.argument) walk([node.argument], visit);
  }
}

function tokenize(source, file) {
  const tokens = [];
  let line = 1;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const start = TOKEN.lastIndex;
    const match = TOKEN.exec(source);
    if (match === null) throw new Error(`${file}:${line}: cannot read "${source.slice(start, start + 20)}"`);
    const text = match[0];
    if (!/^[\s;]/.test(text)) tokens.push({ text, line });
    line += text.split('\n').length - 1;
  }
  return tokens;
}
