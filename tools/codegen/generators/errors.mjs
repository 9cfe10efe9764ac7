/** The error registry as TypeScript, C header and documentation pages. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DEVICE_AREAS, parseArea } from '../src/errors.mjs';

export const directories = ['docs/errors', 'libs/errors/src/generated'];

export async function generate(root) {
  const folder = join(root, 'libs/errors/messages');
  const names = (await readdir(folder)).filter((n) => /^[a-z]+\.md$/.test(n)).sort();
  const areas = [];
  for (const name of names) {
    const area = name.slice(0, -3);
    areas.push(parseArea(area, await readFile(join(folder, name), 'utf8')));
  }
  return [
    { path: 'libs/errors/src/generated/errors.ts', text: typescript(areas) },
    { path: 'firmware-stubs/runtime/include/fleet_error.h', text: header(areas) },
    { path: 'docs/errors/README.md', text: index(areas) },
    ...areas.map((area) => ({ path: `docs/errors/${area.area}.md`, text: page(area) })),
  ];
}

function typescript(areas) {
  const entries = areas.flatMap((a) => a.entries);
  const table = entries.map((e) => {
    const number = e.number === undefined ? '' : `number: ${e.number}, `;
    return (
      `  ${JSON.stringify(e.code)}: { ${number}status: ${e.status}, exit: ${e.exit}, transient: ${e.transient}, ` +
      `title: ${JSON.stringify(e.title)}, text: ${JSON.stringify(e.text)}, hint: ${JSON.stringify(e.todo)} },`
    );
  });
  const data = entries.map((e) => {
    const fields = e.fields.map((f) => `${f}: Value`).join('; ');
    return `  ${JSON.stringify(e.code)}: ${fields === '' ? 'Record<never, Value>' : `{ ${fields} }`};`;
  });
  return [
    '/** Generated from libs/errors/messages by npm run generate. Do not edit. */',
    "import type { ErrorEntry } from '../entry.js';",
    '',
    'export const errors = {',
    ...table,
    '} as const satisfies Record<string, ErrorEntry>;',
    '',
    'export type ErrorCode = keyof typeof errors;',
    'type Value = string | number | bigint;',
    '',
    '/** The placeholders of each text. */',
    'export interface ErrorData {',
    ...data,
    '}',
    '',
  ].join('\n');
}

function header(areas) {
  const numbered = areas
    .filter((a) => a.area in DEVICE_AREAS)
    .sort((a, b) => DEVICE_AREAS[a.area] - DEVICE_AREAS[b.area]);
  const lines = [
    '/*',
    ' * Error numbers that a device can report: area x 100 + n. Functions return them negated, 0 is success.',
    ' * Generated from libs/errors/messages by npm run generate. Do not edit. Texts: docs/errors.',
    ' */',
    '#ifndef FLEET_ERROR_H',
    '#define FLEET_ERROR_H',
    '',
    'typedef enum {',
    '    fleet_ok = 0,',
  ];
  for (const area of numbered) {
    lines.push('', `    /* ${area.title}: docs/errors/${area.area}.md */`);
    for (const e of [...area.entries].sort((a, b) => a.number - b.number))
      lines.push(`    fleet_err_${e.code.replace(/[.-]/g, '_')} = ${e.number},`);
  }
  lines.push('', '    fleet_err_last = 799', '} fleet_err_t;', '', '#endif', '');
  return lines.join('\n');
}

function index(areas) {
  const rows = areas.map(
    (a) => `- [${a.area}](${a.area}.md) (${a.entries.length} codes): ${a.intro.replace(/\n+/g, ' ')}`,
  );
  return [
    '# Errors',
    '',
    'Every failure that a user can see has a registered code. It is the same in HTTP answers (`code`), in the log, in',
    'the CLI and, as a number, in the messages of devices.',
    '',
    ...rows,
    '',
  ].join('\n');
}

function page(area) {
  const lines = [`# ${area.title}`, '', area.intro, ''];
  for (const e of area.entries) {
    const facts = [`HTTP ${e.status}`, `CLI exit code ${e.exit}`];
    if (e.number !== undefined) facts.unshift(`device number ${e.number}`);
    if (e.transient) facts.push('may pass by itself');
    lines.push(`## ${e.code}`, '', `_${facts.join(', ')}_`, '', e.text, '', `What to do: ${e.todo}`, '');
  }
  return `${lines.join('\n').trimEnd()}\n`;
}
