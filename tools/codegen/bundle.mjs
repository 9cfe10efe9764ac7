// Turns docs/spec/bundle.yaml, the numbers of the bundle format, into the C header, the TypeScript tables of the
// compiler and the runtime wrapper, and the Markdown tables of the specification. It holds no numbers of its own.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';

const SOURCE = 'docs/spec/bundle.yaml';
const TYPE_BYTES = { u8: 1, i8: 1, u16: 2, i16: 2, u32: 4, i32: 4 };
const NOTE = `Generated from ${SOURCE} by tools/codegen/bundle.mjs (npm run generate). Do not edit.`;

/** `name type[count] meaning` lines, or one comma-separated string of them, to fields with offsets. */
export function layoutRecord(name, lines) {
  const texts = typeof lines === 'string' ? lines.split(/,\s*/) : lines;
  const fields = [];
  let offset = 0;
  for (const text of texts) {
    const match = /^(\w+) ([ui](?:8|16|32))(?:\[(\d+)\])?(?:\s+(.*))?$/.exec(text.trim());
    if (!match) throw new Error(`${SOURCE}: ${name}: cannot read field "${text}"`);
    const [, field, type, count, doc] = match;
    const size = TYPE_BYTES[type];
    if (offset % size !== 0)
      throw new Error(`${SOURCE}: ${name}.${field}: offset ${offset} is misaligned for ${type}`);
    if (fields.some((other) => other.name === field))
      throw new Error(`${SOURCE}: ${name}.${field}: named twice`);
    fields.push({ name: field, type, count: count ? Number(count) : 1, offset, doc: doc ?? '' });
    offset += size * (count ? Number(count) : 1);
  }
  return { fields, bytes: Math.ceil(offset / 4) * 4 };
}

const operands = (list = []) =>
  list.map((text) => ({
    name: operandName(text),
    text,
    optional: text.startsWith('['),
    many: text.startsWith('*'),
  }));
const operandName = (text) => /^\[?\*?\[?(\w+)/.exec(text)[1];

export async function readFormat(root) {
  const raw = parse(await readFile(join(root, SOURCE), 'utf8'));
  const records = Object.fromEntries(
    Object.entries(raw.records).map(([name, lines]) => [name, layoutRecord(name, lines)]),
  );
  const numbers = new Set();
  const ops = Object.entries(raw.ops).map(([name, op]) => {
    if (numbers.has(op.number)) throw new Error(`${SOURCE}: op number ${op.number} is used twice`);
    numbers.add(op.number);
    return {
      name,
      number: op.number,
      version: op.version ?? 1,
      implemented: op.implemented ?? false,
      inputs: operands(op.inputs),
      outputs: operands(op.outputs),
      scratch: operands(op.scratch),
      params: layoutRecord(name, op.params),
    };
  });
  const stages = Object.entries(raw.front_end_stages).map(([name, stage]) => ({
    name,
    number: stage.number,
    version: stage.version ?? 1,
    doc: stage.in_place ? `${stage.doc}; in place if output and first input coincide` : stage.doc,
    inputs: operands(stage.inputs),
    outputs: operands(stage.outputs),
    scratch: operands(stage.scratch),
    params: layoutRecord(name, stage.params),
  }));
  return { ...raw, records, ops, stages };
}

const upper = (name) => name.toUpperCase();
const enumLines = (prefix, map) =>
  Object.entries(map).map(
    ([name, value]) =>
      `#define FLEET_${prefix}_${upper(name)} ${typeof value === 'object' ? value.number : value}`,
  );
const recordLines = (prefix, record, sizeName = 'RECORD_BYTES') => [
  ...record.fields.map(
    (f) =>
      `#define FLEET_${prefix}_${upper(f.name)} ${f.offset} /* ${f.type}${f.count > 1 ? `[${f.count}]` : ''} */`,
  ),
  `#define FLEET_${prefix}_${sizeName} ${record.bytes}`,
];

function header(format) {
  const hex = (n) => `UINT32_C(0x${n.toString(16).toUpperCase()})`;
  const out = [
    `/* ${NOTE} */`,
    '/* Numbers and byte offsets of the bundle format; prose in docs/spec/bundle.md. */',
    '#ifndef FLEET_BUNDLE_H',
    '#define FLEET_BUNDLE_H',
    '',
    `#define FLEET_BUNDLE_MAGIC ${hex(format.magic)}`,
    `#define FLEET_ABI_MAJOR ${format.abi.major}`,
    `#define FLEET_ABI_MINOR ${format.abi.minor}`,
    `#define FLEET_BUNDLE_ALIGNMENT ${format.alignment}`,
    '',
    ...Object.entries(format.limits).map(([name, value]) => `#define FLEET_MAX_${upper(name)} ${value}`),
  ];
  const groups = {
    SECTION_FLAG: format.section_flags,
    HEADER_FLAG: format.header_flags,
    STAGE_FLAG: format.stage_flags,
    SECTION: format.sections,
    SPACE: format.spaces,
    DTYPE: format.dtypes,
    LAYOUT: format.layouts,
    ROLE: format.roles,
    MONITOR_KIND: format.monitor_kinds,
    REDUCTION: format.reductions,
    GOLDEN_KIND: format.golden_kinds,
    STATISTIC: format.statistics,
  };
  for (const [prefix, map] of Object.entries(groups)) out.push('', ...enumLines(prefix, map));
  const prefixes = { step: 'STEP', header: 'HEADER', section: 'SECTION_ENTRY' };
  for (const [name, record] of Object.entries(format.records))
    out.push('', ...recordLines(prefixes[name] ?? upper(name), record));
  for (const op of format.ops) {
    out.push(
      '',
      `#define FLEET_OP_${op.name} ${op.number}`,
      `#define FLEET_OP_${op.name}_VERSION ${op.version}`,
    );
    for (const [role, list] of [
      ['INPUT', op.inputs],
      ['OUTPUT', op.outputs],
      ['SCRATCH', op.scratch],
    ])
      list.forEach((operand, index) => {
        if (!operand.many) out.push(`#define FLEET_${op.name}_${role}_${upper(operand.name)} ${index}`);
      });
    out.push(...recordLines(op.name, op.params, 'PARAM_BYTES'));
  }
  for (const stage of format.stages)
    out.push(
      '',
      `#define FLEET_STAGE_${upper(stage.name)} ${stage.number}`,
      `#define FLEET_STAGE_${upper(stage.name)}_VERSION ${stage.version}`,
      ...recordLines(`STAGE_${upper(stage.name)}`, stage.params, 'PARAM_BYTES'),
    );
  out.push(
    '',
    '/* X(name, number, version) for every op that the runtime of this tree implements. */',
    '#define FLEET_IMPLEMENTED_OPS(X) \\',
  );
  const done = format.ops.filter((op) => op.implemented);
  out.push(
    ...done.map(
      (op, i) => `    X(${op.name}, ${op.number}, ${op.version})${i < done.length - 1 ? ' \\' : ''}`,
    ),
  );
  out.push('', '#endif', '');
  return out.join('\n');
}

function typescript(format) {
  const record = (r) => ({
    bytes: r.bytes,
    fields: Object.fromEntries(
      r.fields.map((f) => [f.name, { type: f.type, offset: f.offset, count: f.count }]),
    ),
  });
  const operand = (o) => ({ name: o.name, optional: o.optional, many: o.many });
  const numbersOf = (map) =>
    Object.fromEntries(Object.entries(map).map(([name, v]) => [name, typeof v === 'object' ? v.number : v]));
  const constant = (name, value) => `export const ${name} = ${JSON.stringify(value)} as const;\n`;
  return [
    `// ${NOTE}`,
    '// Numbers and byte offsets of the bundle format; prose in docs/spec/bundle.md.\n',
    "export type FieldType = 'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32';",
    'export interface FieldLayout { readonly type: FieldType; readonly offset: number; readonly count: number }',
    'export interface RecordLayout { readonly bytes: number; readonly fields: Readonly<Record<string, FieldLayout>> }',
    'export interface OperandSlot { readonly name: string; readonly optional: boolean; readonly many: boolean }',
    'export interface OpLayout { readonly number: number; readonly version: number; readonly implemented: boolean; readonly inputs: readonly OperandSlot[]; readonly outputs: readonly OperandSlot[]; readonly scratch: readonly OperandSlot[]; readonly params: RecordLayout }\n',
    constant('BUNDLE_MAGIC', format.magic),
    constant('BUNDLE_ABI', format.abi),
    constant('BUNDLE_ALIGNMENT', format.alignment),
    constant('BUNDLE_LIMITS', format.limits),
    constant('SECTION_FLAGS', format.section_flags),
    constant('HEADER_FLAGS', format.header_flags),
    constant(
      'SECTIONS',
      Object.fromEntries(
        Object.entries(format.sections).map(([n, s]) => [n, { number: s.number, required: s.required }]),
      ),
    ),
    constant('SPACES', format.spaces),
    constant(
      'DTYPES',
      Object.fromEntries(
        Object.entries(format.dtypes).map(([n, d]) => [n, { number: d.number, bits: d.bits }]),
      ),
    ),
    constant('LAYOUTS', numbersOf(format.layouts)),
    constant('ROLES', format.roles),
    constant('MONITOR_KINDS', format.monitor_kinds),
    constant('REDUCTIONS', format.reductions),
    constant('GOLDEN_KINDS', format.golden_kinds),
    constant('STAGE_FLAGS', format.stage_flags),
    constant('STATISTICS', format.statistics),
    constant('RECORDS', Object.fromEntries(Object.entries(format.records).map(([n, r]) => [n, record(r)]))),
    constant(
      'OPS',
      Object.fromEntries(
        format.ops.map((op) => [
          op.name,
          {
            number: op.number,
            version: op.version,
            implemented: op.implemented,
            inputs: op.inputs.map(operand),
            outputs: op.outputs.map(operand),
            scratch: op.scratch.map(operand),
            params: record(op.params),
          },
        ]),
      ),
    ),
    constant(
      'FRONT_END_STAGES',
      Object.fromEntries(
        format.stages.map((s) => [
          s.name,
          {
            number: s.number,
            version: s.version,
            inputs: s.inputs.map(operand),
            outputs: s.outputs.map(operand),
            scratch: s.scratch.map(operand),
            params: record(s.params),
          },
        ]),
      ),
    ),
    'export type OpName = keyof typeof OPS;',
    '',
  ].join('\n');
}

function markdown(format) {
  const fields = (record) => [
    '| offset | type | field | meaning |',
    '|---|---|---|---|',
    ...record.fields.map(
      (f) => `| ${f.offset} | ${f.type}${f.count > 1 ? `[${f.count}]` : ''} | ${f.name} | ${f.doc} |`,
    ),
  ];
  const out = [
    `<!-- ${NOTE} -->`,
    '',
    '# Bundle format tables, ABI ' + `${format.abi.major}.${format.abi.minor}`,
    '',
    'Prose: [bundle.md](bundle.md).',
    '',
    '## Records',
  ];
  for (const [name, record] of Object.entries(format.records))
    out.push('', `### ${name} (${record.bytes} bytes)`, '', ...fields(record));
  out.push(
    '',
    '## Sections',
    '',
    '| number | section | required flag | content |',
    '|---|---|---|---|',
    ...Object.entries(format.sections).map(
      ([n, s]) => `| ${s.number} | ${n} | ${s.required ? 'yes' : 'no'} | ${s.doc} |`,
    ),
  );
  out.push(
    '',
    '## Ops',
    '',
    '| number | op | version | implemented | inputs | outputs | scratch |',
    '|---|---|---|---|---|---|---|',
    ...format.ops.map(
      (op) =>
        `| ${op.number} | ${op.name} | ${op.version} | ${op.implemented ? 'yes' : 'no'} | ${[op.inputs, op.outputs, op.scratch].map((l) => l.map((o) => o.text.replace('*', '\\*')).join('; ')).join(' | ')} |`,
    ),
  );
  out.push('', '## Op parameters');
  for (const op of format.ops)
    out.push('', `### ${op.name} (${op.params.bytes} bytes)`, '', ...fields(op.params));
  out.push('', '## Front end stages');
  for (const s of format.stages)
    out.push(
      '',
      `### ${s.number} ${s.name} (${s.params.bytes} bytes)`,
      '',
      s.doc.replaceAll('*', '\\*'),
      '',
      ...[s.inputs, s.outputs].map(
        (list, i) =>
          `- ${['inputs', 'outputs'][i]}: ${list.map((o) => o.text.replaceAll('*', '\\*')).join('; ')}`,
      ),
      '',
      ...fields(s.params),
    );
  return out.join('\n') + '\n';
}

/** Every derived file, as path (from the root) to content; formatting of .ts and .md is the caller's (prettier). */
/** What the firmware runs, for those who hear of it by number and tell it by name. */
function opNames(format) {
  const ops = format.ops
    .filter((op) => op.implemented)
    .map((op) => [op.name, { number: op.number, version: op.version }]);
  return [
    `// ${NOTE}`,
    '// Ops of the runtime: TFLite builtin codes, own ops from 1,024; version of their parameters.',
    `export const OPS = ${JSON.stringify(Object.fromEntries(ops))} as const;`,
  ].join('\n');
}

export async function files(root) {
  const format = await readFormat(root);
  const ts = typescript(format);
  return new Map([
    ['firmware-stubs/runtime/include/fleet_bundle.h', header(format)],
    ['libs/compiler/src/plan/generated/bundle-layout.ts', ts],
    ['libs/runtime/src/generated/bundle-layout.ts', ts],
    ['libs/wire/src/generated/ops.ts', opNames(format)],
    ['docs/spec/bundle-tables.md', markdown(format)],
  ]);
}
