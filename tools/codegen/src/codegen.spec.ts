/** The readers of CDDL and error messages, and that the committed code is what CDDL says. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { schemas } from '@tinyfleet/wire';
import { checkCddl } from './cddl-check.mjs';
import { parseCddl } from './cddl.mjs';
import { parseArea } from './errors.mjs';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const camel = (name: string) => name.replace(/-([a-z0-9])/g, (_, c: string) => c.toUpperCase());

describe('CDDL', () => {
  it('should name line and reason of a mistake', () => {
    expect(() => parseCddl('a = {\n  &(x: 1) => b,\n}', 'f')).toThrow('f: b is not defined');
    expect(() => parseCddl('a = uint\na = int', 'f')).toThrow('f:2: rule a appears twice');
    expect(() => parseCddl('a = &( x: 1, y: 1 )', 'f')).toThrow('f:1: y: 1 is used twice');
    expect(() => parseCddl('a = [ uint', 'f')).toThrow('unexpected end');
    expect(() => parseCddl('a = \u00b0', 'f')).toThrow('cannot read');
  });

  it('should have every key of wire.cddl in the codec and in the C header', () => {
    const rules = parseCddl(read('docs/spec/wire.cddl'));
    const header = read('firmware-stubs/agent/include/fleet_wire.h');
    let keys = 0;
    for (const [rule, node] of rules) {
      if (node.kind !== 'map' && node.kind !== 'group') continue;
      for (const entry of node.entries ?? []) {
        const key = entry.key?.members?.[0];
        if (key === undefined) continue;
        keys += 1;
        const constant = `FLEET_${rule}_${key.name}`.replaceAll('-', '_').toUpperCase();
        expect(header).toContain(`#define ${constant} ${key.value}u\n`);
        if (node.kind === 'group') continue;
        const fields: ReadonlyArray<{ key: number; name: string; optional: boolean }> =
          schemas[camel(rule) as keyof typeof schemas];
        expect(fields.find((f) => f.key === key.value)).toMatchObject({
          name: camel(key.name),
          optional: entry.min === 0,
        });
      }
    }
    expect(keys).toBeGreaterThan(100);
  });
});

describe('golden messages', () => {
  interface Case {
    readonly name: string;
    readonly message?: string;
    readonly hex: string;
  }
  const vectors = (file: string) =>
    JSON.parse(read(`firmware-stubs/vectors/${file}.json`)) as Record<string, readonly Case[]>;
  const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));
  const wire = parseCddl(read('docs/spec/wire.cddl'), 'wire.cddl');
  const manifest = parseCddl(read('docs/spec/manifest.cddl'), 'manifest.cddl');

  it.each(vectors('wire')['messages']!)('should be what wire.cddl says: $name', ({ message, hex }) => {
    expect(checkCddl(wire, message!, bytes(hex), { open: true })).toEqual([]);
  });

  it.each(vectors('ask')['asks']!)('should be what wire.cddl says: ask $name', ({ hex }) => {
    expect(checkCddl(wire, 'ask', bytes(hex))).toEqual([]);
  });

  it.each(vectors('manifest')['manifests']!)('should be what manifest.cddl says: $name', ({ hex }) => {
    expect(checkCddl(manifest, 'manifest-envelope', bytes(hex))).toEqual([]);
  });

  it.each(vectors('mac-manifest')['manifests']!)(
    'should be what manifest.cddl says: MAC $name',
    ({ hex }) => {
      expect(checkCddl(manifest, 'manifest-envelope', bytes(hex))).toEqual([]);
    },
  );

  it.each([
    'mac-of-64-bits',
    'other-algorithm',
    'payload-attached',
    'unprotected-key',
    'mac-under-sign1-tag',
  ])('should not fit manifest.cddl: MAC %s', (name) => {
    const { hex } = vectors('mac-manifest')['negatives']!.find((negative) => negative.name === name)!;
    expect(checkCddl(manifest, 'manifest-envelope', bytes(hex))).not.toEqual([]);
  });

  it('should name what does not fit, with its path', () => {
    const rules = parseCddl(
      'm = { &(a: 1) => uint, ? &(b: 2) => [ 1*2 tstr ], &(c: 3) => bstr .cbor inner }\ninner = #6.18(1..3)',
    );
    // {1: -1, 2: [], 3: << 18(4) >>, 4: 0}
    expect(checkCddl(rules, 'm', bytes('a401200280034 2d204 0400'.replaceAll(' ', '')))).toEqual([
      'm.a: is -1, not uint',
      'm.b: has 0 items, too few',
      'm.c<: is 4, outside 1..3',
      'm: has key 4, which is not in the rule',
    ]);
    expect(checkCddl(rules, 'm', bytes('a10101'))).toEqual(['m: lacks key 3']);
  });

  it.each(['other-component', 'extra-key', 'not-an-envelope'])('should not fit manifest.cddl: %s', (name) => {
    const { hex } = vectors('manifest')['negatives']!.find((negative) => negative.name === name)!;
    expect(checkCddl(manifest, 'manifest-envelope', bytes(hex))).not.toEqual([]);
  });
});

describe('error messages', () => {
  const entry = (heading: string, meta = 'HTTP 400, exit 6', todo = 'What to do: this.') =>
    `# Area\n\nAbout.\n\n## ${heading}\n\n${meta}\n\nText {a}.\n\n${todo}\n`;

  it('should read code, number, exit code and placeholders', () => {
    expect(parseArea('wire', entry('wire.some-code (101)')).entries[0]).toMatchObject({
      code: 'wire.some-code',
      number: 101,
      exit: 6,
      fields: ['a'],
    });
  });

  it('should refuse what it would have to guess', () => {
    expect(() => parseArea('wire', entry('wire.some-code'))).toThrow('needs a number');
    expect(() => parseArea('wire', entry('wire.some-code (201)'))).toThrow('outside the area');
    expect(() => parseArea('cli', entry('cli.x (101)'))).toThrow('outside a device area');
    expect(() => parseArea('cli', entry('auth.x'))).toThrow('is in the file of cli');
    expect(() => parseArea('cli', entry('cli.x', '400'))).toThrow('lacks the line');
    expect(() => parseArea('cli', entry('cli.x', undefined, 'Do.'))).toThrow('What to do');
    expect(() => parseArea('cli', entry('cli.x') + entry('cli.x').slice(15))).toThrow('appears twice');
  });
});
