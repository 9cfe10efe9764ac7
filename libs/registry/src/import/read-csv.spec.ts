/** Device files as people really have them: every fault with its line and column, whatever the chunks they arrive in. */
import { describe, expect, it } from '@jest/globals';
import { csvLine } from '@tinyfleet/contracts';
import fc from 'fast-check';
import { attributeLimits } from '../attributes.js';
import { attributeCell, type ImportRow, type RowError } from './columns.js';
import { readDeviceCsv, type CsvLimits } from './read-csv.js';

const limits: CsvLimits = {
  maxRows: 100,
  maxBytes: 100_000,
  maxLineBytes: 5_000,
  attributes: attributeLimits,
};

async function read(file: string | Buffer, rest: Partial<CsvLimits> = {}, chunkBytes = 7) {
  const bytes = Buffer.from(file);
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
  }
  const rows: ImportRow[] = [];
  const errors: RowError[] = [];
  const count = await readDeviceCsv(
    chunks(),
    {
      rows: async (batch) => void rows.push(...batch),
      error: (error) => void errors.push(error),
      progress: () => {},
    },
    { ...limits, ...rest },
  );
  return { rows, errors, count };
}
const faults = async (file: string | Buffer, rest: Partial<CsvLimits> = {}) =>
  (await read(file, rest)).errors.map(({ line, column, code }) => [line, column, code]);
const codeOf = async (work: Promise<unknown>) =>
  ((await work.catch((e: unknown) => e)) as { code?: string }).code;

describe('readDeviceCsv', () => {
  it('should read every column, and leave out what the header leaves out', async () => {
    const { rows, errors, count } = await read(
      '\uFEFFname,type,tags,site,hardwareRevision,notes,attr.line,attr.on,attr.id\r\n' +
        'pump-1,wasm,"eu, pilot",hall 1,B2,"says ""hi"",\r\ntwice",7,true,"""12"""\r\n' +
        '\r\npump-2,wasm,,,,,,,x\r\n',
    );
    expect(errors).toEqual([]);
    expect(count).toBe(2);
    expect(rows).toEqual([
      {
        line: 2,
        name: 'pump-1',
        type: 'wasm',
        tags: ['eu', 'pilot'],
        site: 'hall 1',
        hardwareRevision: 'B2',
        notes: 'says "hi",\r\ntwice',
        attributes: { line: 7, on: true, id: '12' },
      },
      {
        line: 5,
        name: 'pump-2',
        type: 'wasm',
        tags: [],
        site: '',
        hardwareRevision: '',
        notes: '',
        attributes: { id: 'x' },
      },
    ]);
    const { rows: few } = await read('type,name\nwasm,a\rwasm,b\r\nwasm,c');
    expect(few.map(({ line, name, tags }) => [line, name, tags])).toEqual([
      [2, 'a', undefined],
      [3, 'b', undefined],
      [4, 'c', undefined],
    ]);
  });

  it('should name line, column and character of what is wrong, and read on', async () => {
    const { errors, rows } = await read(
      'name,type,tags,notes,attr.a\n' +
        'Pump,wasm,,,\n' +
        'p\u0430mp,wasm,,,\n' +
        ',wasm,ok Not-ok,,\n' +
        'a,wasm\n' +
        'a+b,../x,,,\n' +
        'good,wasm,,,\n' +
        `b,wasm,,${'n'.repeat(4_001)},${'v'.repeat(257)}\n`,
    );
    expect(rows.map(({ name }) => name)).toEqual(['good']);
    expect(errors.map(({ line, column, message }) => `${line} ${column}: ${message}`)).toEqual(
      [
        '2 name: "Pump": character 1 is "P" (U+0050), an upper-case letter; write "pump"',
        '3 name: "p\u0430mp": character 2 is "\u0430" (U+0430); use a-z 0-9 . _ -',
        '4 name: it is empty',
        '4 tags: "Not-ok": character 1 is "N" (U+004E), an upper-case letter; write "not-ok"',
        '5 null: the row has 2 fields, the header 5',
        '6 name: "a+b": character 2 is "+" (U+002B); use a-z 0-9 . _ -',
        '6 type: "../x": character 3 is "/" (U+002F); use a-z 0-9 . _ -',
        '8 notes: it has 4001 characters of at most 4000',
        '8 attr.a: The attribute "a" is not valid: the text has 257 bytes of at most 256.',
      ].map((text) => expect.stringContaining(text.split(': The')[0]!)),
    );
  });

  it('should find broken encodings in the row they are in', async () => {
    const file = Buffer.concat([
      Buffer.from('name,type,site\na,wasm,caf'),
      Buffer.from([0xe9]),
      Buffer.from('\nb'),
      Buffer.from([0xff]),
      Buffer.from(',wasm,\nc,wasm,caf\u00e9\nd,wasm,x\0y\n'),
    ]);
    expect(await faults(file)).toEqual([
      [2, 'site', 'registry.import-value'],
      [3, 'name', 'registry.import-value'],
      [5, 'site', 'registry.import-value'],
    ]);
    expect(await codeOf(read(Buffer.from('\uFEFFname,type\n', 'utf16le')))).toBe('registry.import-encoding');
    expect(await codeOf(read(Buffer.from('name,type\n', 'utf16le')))).toBe('registry.import-encoding');
  });

  it('should stop where the file stops to be CSV, and say so with the rows before', async () => {
    const head = 'name,type,notes\nA,wasm,\nb,wasm,\n';
    for (const [bad, line] of [
      ['c,wasm,x"y\nD,wasm,\n', 4],
      ['c,wasm,"x"y\nD,wasm,\n', 4],
      ['c,wasm,"x\nD,wasm,\n', 4],
    ] as const) {
      const { errors, rows } = await read(head + bad);
      expect(rows.map(({ name }) => name)).toEqual(['b']);
      expect(errors.map(({ code }) => code)).toEqual(['registry.import-value', 'registry.import-broken']);
      expect(errors[1]?.line).toBe(line);
    }
  });

  it('should keep its limits: at each, and one beyond', async () => {
    const lines = (count: number) =>
      `name,type\n${Array.from({ length: count }, (_, i) => `d${i},wasm\n`).join('')}`;
    expect((await read(lines(3), { maxRows: 3 })).count).toBe(3);
    expect(await codeOf(read(lines(4), { maxRows: 3 }))).toBe('registry.import-too-many-rows');
    const file = lines(5);
    expect((await read(file, { maxBytes: file.length })).count).toBe(5);
    expect(await codeOf(read(file, { maxBytes: file.length - 1 }))).toBe('registry.import-too-large');
    const row = `a,wasm,${'n'.repeat(1_000)}`;
    const fieldBytes = row.length - 2;
    expect(await faults(`name,type,notes\n${row}\n`, { maxLineBytes: fieldBytes })).toEqual([]);
    expect(await faults(`name,type,notes\n${row}\n`, { maxLineBytes: fieldBytes - 1 })).toEqual([
      [2, null, 'registry.import-broken'],
    ]);
  });

  it('should refuse a header that is none, and say how it is written', async () => {
    const reason = async (header: string) =>
      ((await read(`${header}\na,wasm\n`).catch((e: unknown) => e)) as { data: { reason: string } }).data
        .reason;
    expect(await reason('Name,type')).toContain('it is written name');
    expect(await reason('name,tags')).toBe('the column type is missing');
    expect(await reason('name,type,name')).toContain('twice');
    expect(await reason('name,type,colour')).toContain('attr.KEY');
    expect(await reason('name,type,attr.9')).toContain('attr.9');
    expect(await reason('name;type')).toContain('not known');
    expect(await codeOf(read(''))).toBe('registry.import-empty');
    expect(await codeOf(read('\n\n'))).toBe('registry.import-empty');
  });

  it('should not depend on how the file is cut into chunks', async () => {
    const file =
      'name,type,notes,attr.x\r\na,wasm,"\u{1F600} ""q"", \r\n\r\nz",1\r\nB\u00e9,wasm,,\r\nc,wasm,x,"a,b"\r\n';
    const whole = await read(file, {}, 10_000);
    expect(whole.errors).toHaveLength(1);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 60 }), async (size) => {
        expect(await read(file, {}, size)).toEqual(whole);
      }),
      { numRuns: 60 },
    );
  });

  it('should read attributes as they were written', async () => {
    const values = [
      '',
      'text',
      '12',
      '-0.5',
      'true',
      '"q"',
      '"',
      '1e5',
      '0x1',
      '007',
      12,
      -0.25,
      1e21,
      true,
      false,
    ];
    const kept = values.filter((value) => value !== '');
    const cells = kept.map((value) => `"${attributeCell(value).replaceAll('"', '""')}"`);
    const { rows } = await read(
      `name,type,attr.v\n${cells.map((cell, i) => `d${i},wasm,${cell}\n`).join('')}`,
    );
    expect(rows.map(({ attributes }) => attributes?.['v'])).toEqual(kept);
  });
});

describe('an exported text', () => {
  it('should be read as it was, whatever a spreadsheet would make of it', async () => {
    const formula = fc.tuple(
      fc.constantFrom('', "'", "''"),
      fc.constantFrom('=', '+', '-', '@', '\t', '\r', '\n', '\uFF1D', 'x'),
      fc.string(),
    );
    const text = fc.oneof(
      fc.string(),
      formula.map((parts) => parts.join('')),
    );
    const isGood = (value: string) => !/[\0\uFFFD]/.test(value) && value !== '';
    await fc.assert(
      fc.asyncProperty(text.filter(isGood), async (value) => {
        const line = csvLine(['d-1', 'wasm', value, attributeCell(value)]);
        const { rows, errors } = await read(`name,type,notes,attr.t\n${line}\n`, { maxLineBytes: 10_000 });
        expect(errors).toEqual([]);
        expect([rows[0]?.notes, rows[0]?.attributes?.['t']]).toEqual([value, value]);
      }),
      { numRuns: 300 },
    );
  });
});
