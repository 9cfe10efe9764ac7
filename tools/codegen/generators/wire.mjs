/** docs/spec/wire.cddl, device.cddl and manifest.cddl as C constants and as the field tables of the TypeScript codec. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseCddl } from '../src/cddl.mjs';
import { DOCUMENTS, MESSAGES, camel, constantsOf, fieldsOf, pascal } from '../src/messages.mjs';

const NOTE = 'Generated from docs/spec/wire.cddl and manifest.cddl by npm run generate. Do not edit.';
const MESSAGES_NOTE = 'Generated from docs/spec/wire.cddl and device.cddl by npm run generate. Do not edit.';
const DEVICE_NOTE = 'Generated from docs/spec/device.cddl by npm run generate. Do not edit.';

export async function generate(root) {
  const text = async (name) => readFile(join(root, 'docs/spec', name), 'utf8');
  const read = async (name) => parseCddl(await text(name), `docs/spec/${name}`);
  const wire = await read('wire.cddl');
  const manifest = await read('manifest.cddl');
  // device.cddl uses rules of wire.cddl: both are read as one, behind the wire so that a mistake's line is counted there.
  const all = parseCddl(
    `${await text('wire.cddl')}\n${await text('device.cddl')}`,
    'docs/spec/wire.cddl + device.cddl',
  );
  const device = new Map([...all].filter(([name]) => !wire.has(name)));
  return [
    { path: 'firmware-stubs/agent/include/fleet_wire.h', text: header(wire, manifest) },
    { path: 'firmware-stubs/ports/device/fleet_device_keys.h', text: deviceHeader(device) },
    { path: 'libs/wire/src/generated/messages.ts', text: messages(all) },
    { path: 'libs/wire/src/generated/manifest-keys.ts', text: manifestKeys(manifest) },
  ];
}

function header(wire, manifest) {
  const lines = [
    '/*',
    ' * Numbers of the wire protocol and of the manifest: map keys, enumerations and limits.',
    ` * ${NOTE}`,
    ' * FLEET_<RULE>_<KEY> is a map key or a value of an enumeration, ..._MAX a count, ..._MAX_BYTES a length.',
    ' */',
    '#ifndef FLEET_WIRE_H',
    '#define FLEET_WIRE_H',
  ];
  for (const [file, rules] of [
    ['wire.cddl', wire],
    ['manifest.cddl', manifest],
  ])
    lines.push('', `/* ${file} */`, ...defines(rules));
  lines.push('', '#endif', '');
  return lines.join('\n');
}

function deviceHeader(device) {
  const guard = 'FLEET_DEVICE_KEYS_H';
  return [
    '/*',
    ' * Map keys and limits of the device parameters, named as in fleet_wire.h.',
    ` * ${DEVICE_NOTE}`,
    ' */',
    `#ifndef ${guard}`,
    `#define ${guard}`,
    ...defines(device),
    '',
    '#endif',
    '',
  ].join('\n');
}

const defines = (rules) =>
  constantsOf(rules).flatMap(({ rule, constants }) => [
    '',
    `/* ${rule} */`,
    ...constants.map(({ name, value }) => `#define ${name} ${value < 0 ? `(${value})` : `${value}u`}`),
  ]);

function messages(rules) {
  const enums = [...rules].filter(([, node]) => node.kind === 'enum');
  const maps = [...rules].filter(([, node]) => node.kind === 'map').map(([name]) => name);
  const out = [`/** ${MESSAGES_NOTE} */`, "import type { Schema } from '../schema.js';", ''];
  for (const [name, node] of enums) {
    const rows = node.members.map((m) => `'${m.name}': ${m.value}`).join(', ');
    out.push(`export const ${camel(name)} = { ${rows} } as const;`);
    out.push(`/** A value of a newer protocol is '#<number>'. */`);
    out.push(`export type ${pascal(name)} = keyof typeof ${camel(name)} | \`#\${number}\`;`, '');
  }
  for (const name of maps) {
    out.push(`export interface ${pascal(name)} {`);
    for (const f of fieldsOf(rules, name))
      out.push(`  ${f.name}${f.optional ? '?' : ''}: ${tsType(f.type)};`);
    out.push('}', '');
  }
  out.push('export const schemas = {');
  for (const name of maps) {
    out.push(`  ${camel(name)}: [`);
    for (const f of fieldsOf(rules, name))
      out.push(`    { key: ${f.key}, name: '${f.name}', optional: ${f.optional}, type: ${codec(f.type)} },`);
    out.push('  ],');
  }
  out.push('} as const satisfies Record<string, Schema>;', '');
  out.push('/** Message name -> type. */', 'export interface Messages {');
  for (const name of [...MESSAGES, ...DOCUMENTS]) out.push(`  ${camel(name)}: ${pascal(name)};`);
  out.push(
    '}',
    `export const messageNames = [${MESSAGES.map((m) => `'${camel(m)}'`).join(', ')}] as const;`,
    '',
  );
  return out.join('\n');
}

function tsType(type) {
  switch (type.kind) {
    case 'uint':
    case 'int':
      return 'number';
    case 'boot-id':
      return 'bigint';
    case 'bool':
      return 'boolean';
    case 'bstr':
      return 'Uint8Array';
    case 'tstr':
      return 'string';
    case 'enum':
      return type.rule === undefined
        ? `${type.members.map((m) => `'${m.name}'`).join(' | ')} | \`#\${number}\``
        : pascal(type.rule);
    case 'list':
      return `Array<${tsType(type.of)}>`;
    case 'table':
      return 'Record<number, number>';
    default:
      return pascal(type.rule);
  }
}

function codec(type) {
  switch (type.kind) {
    case 'enum':
      return `{ kind: 'enum', values: ${
        type.rule === undefined
          ? `{ ${type.members.map((m) => `'${m.name}': ${m.value}`).join(', ')} }`
          : camel(type.rule)
      } }`;
    case 'list':
      return `{ kind: 'list', min: ${type.min}, max: ${type.max}, of: ${codec(type.of)} }`;
    case 'table':
      return `{ kind: 'table', keyMax: ${type.key.max}, valueMax: ${type.value.max} }`;
    case 'message':
      return `{ kind: 'message', schema: '${camel(type.rule)}' }`;
    default:
      return JSON.stringify(type);
  }
}

function manifestKeys(rules) {
  const out = [`/** ${NOTE} */`, ''];
  for (const { rule, constants } of constantsOf(rules)) {
    const rows = constants.map(({ name, value }) => {
      const short = name.slice(`FLEET_${rule}_`.length).toLowerCase().replaceAll('_', '-');
      return `${camel(short)}: ${value}`;
    });
    out.push(`export const ${camel(rule)}Keys = { ${rows.join(', ')} } as const;`);
  }
  out.push('');
  return out.join('\n');
}
