/** Reads the error registry, libs/errors/messages/<area>.md; its README.md fixes the format. */

/** Areas whose codes devices can report, with their hundreds. */
export const DEVICE_AREAS = { wire: 1, manifest: 2, bundle: 3, flash: 4, runtime: 5, sensor: 6, agent: 7 };

/**
 * @typedef {{code: string, number?: number, status: number, exit: number, transient: boolean,
 *   title: string, text: string, todo: string, fields: string[]}} Entry
 */

/**
 * Parses one area's file.
 * @param {string} area @param {string} source
 * @returns {{area: string, title: string, intro: string, entries: Entry[]}}
 */
export function parseArea(area, source) {
  const fail = (line, reason) => {
    throw new Error(`libs/errors/messages/${area}.md:${line}: ${reason}`);
  };
  const lines = source.split('\n');
  const heading = /^# (.+)$/.exec(lines[0] ?? '');
  if (!heading) fail(1, 'the first line is "# Title"');
  const blocks = [];
  let block = { line: 1, heading: '', lines: [] };
  for (const [index, line] of lines.slice(1).entries()) {
    if (line.startsWith('## ')) {
      blocks.push(block);
      block = { line: index + 2, heading: line.slice(3).trim(), lines: [] };
    } else block.lines.push(line);
  }
  blocks.push(block);
  const [intro, ...rest] = blocks;
  const entries = rest.map((b) => parseEntry(area, b, fail));
  const codes = new Set();
  const numbers = new Set();
  for (const [index, entry] of entries.entries()) {
    const line = rest[index].line;
    if (codes.has(entry.code)) fail(line, `${entry.code} appears twice`);
    codes.add(entry.code);
    if (entry.number === undefined) continue;
    if (numbers.has(entry.number)) fail(line, `number ${entry.number} appears twice`);
    if (Math.floor(entry.number / 100) !== DEVICE_AREAS[area])
      fail(line, `number ${entry.number} is outside the area`);
    numbers.add(entry.number);
  }
  return { area, title: heading[1], intro: paragraphs(intro.lines).join('\n\n'), entries };
}

function parseEntry(area, block, fail) {
  const match = /^([a-z]+\.[a-z0-9]+(?:-[a-z0-9]+)*)(?: \((\d+)\))?$/.exec(block.heading);
  if (!match) fail(block.line, `"${block.heading}" is not "area.code-name" or "area.code-name (number)"`);
  const [, code, number] = match;
  if (!code.startsWith(`${area}.`)) fail(block.line, `${code} is in the file of ${area}`);
  if (number === undefined && area in DEVICE_AREAS)
    fail(block.line, `${code} needs a number: devices report it`);
  if (number !== undefined && !(area in DEVICE_AREAS))
    fail(block.line, `${code} has a number outside a device area`);
  const [meta, ...body] = paragraphs(block.lines);
  const facts = /^HTTP (\d{3}), exit (\d{1,3})(, transient)?$/.exec(meta ?? '');
  if (!facts) fail(block.line, `${code} lacks the line "HTTP 4xx, exit n[, transient]"`);
  const todo = body.pop();
  if (!todo?.startsWith('What to do: '))
    fail(block.line, `the last paragraph of ${code} is "What to do: ..."`);
  if (body.length === 0) fail(block.line, `${code} has no text`);
  const text = body.join('\n\n');
  const fields = [...new Set([...(text + todo).matchAll(/\{([A-Za-z][A-Za-z0-9]*)\}/g)].map((m) => m[1]))];
  const name = code.slice(area.length + 1).replaceAll('-', ' ');
  return {
    code,
    ...(number === undefined ? {} : { number: Number(number) }),
    status: Number(facts[1]),
    exit: Number(facts[2]),
    transient: facts[3] !== undefined,
    title: `${area[0].toUpperCase()}${area.slice(1)}: ${name}`,
    text,
    todo: todo.slice('What to do: '.length),
    fields,
  };
}

/** Paragraphs with their lines joined by a space; lines of code blocks are not needed here. */
function paragraphs(lines) {
  return lines
    .join('\n')
    .split(/\n\s*\n/)
    .map((p) => p.trim().replace(/\s*\n\s*/g, ' '))
    .filter((p) => p !== '');
}
