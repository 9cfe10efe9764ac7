import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FleetError } from '@tinyfleet/errors';
import type { Filter, Scalar } from './ast.js';
import { completeFilter } from './complete.js';
import { FILTER_FIELDS, fieldNamed, specOf, type FilterField } from './fields.js';
import { filterLimits, parseFilter } from './filter.js';
import { printFilter } from './print.js';

const is = (field: FilterField, ...values: Scalar[]): Filter => ({ kind: 'is', field, values });

describe('parseFilter', () => {
  it('should take an empty filter as all devices', () => {
    expect(parseFilter('  ')).toEqual({ kind: 'all' });
  });

  it('should bind and tighter than or, and not tightest', () => {
    expect(parseFilter('tag = "a" or not type = wasm and name != "x"')).toEqual({
      kind: 'or',
      terms: [
        is('tag', 'a'),
        {
          kind: 'and',
          terms: [
            { kind: 'not', term: is('type', 'wasm') },
            { kind: 'not', term: is('name', 'x') },
          ],
        },
      ],
    });
  });

  it('should read lists, parentheses, escapes and any case of keywords and fields', () => {
    expect(parseFilter('(TAG IN ("a", b)) AND site not in ("x\\"y\\\\\\*")')).toEqual({
      kind: 'and',
      terms: [is('tag', 'a', 'b'), { kind: 'not', term: is('site', 'x"y\\*') }],
    });
    expect(parseFilter('HARDWAREREVISION = "B*" and Attr.Key = x')).toEqual({
      kind: 'and',
      terms: [is('hardwareRevision', { glob: ['B', ''] }), is('attr.Key', 'x')],
    });
  });

  it('should read the filter of the issue', () => {
    const source =
      'type = "nrf52840" and tag in ("pilot","eu") and version < "2.1" and lastSeen < 1h and attr.battery < 20';
    expect(parseFilter(source)).toEqual({
      kind: 'and',
      terms: [
        is('type', 'nrf52840'),
        is('tag', 'pilot', 'eu'),
        { kind: 'order', field: 'version', order: '<', value: '2.1' },
        { kind: 'order', field: 'lastSeen', order: '<', value: { ageS: 3_600 } },
        { kind: 'order', field: 'attr.battery', order: '<', value: 20 },
      ],
    });
  });

  it('should give values of attributes the type they are written with', () => {
    expect(parseFilter('attr.a in (20, "20", -1.5e3, true, "true", word, -0)')).toEqual(
      is('attr.a', 20, '20', -1_500, true, 'true', 'word', 0),
    );
  });

  it('should take times as ages and as dates, of UTC where no zone is named', () => {
    const at = (source: string) => (parseFilter(source) as { value?: unknown }).value;
    expect(at('createdAt < 7d')).toEqual({ ageS: 604_800 });
    expect(at('createdAt >= 90s')).toEqual({ ageS: 90 });
    expect(at('createdAt < 2026-01-31')).toEqual({ at: '2026-01-31T00:00:00.000Z' });
    expect(at('createdAt < 2026-01-31T12:00')).toEqual({ at: '2026-01-31T12:00:00.000Z' });
    expect(at('lastSeen > "2026-01-31T12:00:00+02:00"')).toEqual({ at: '2026-01-31T10:00:00.000Z' });
  });

  it.each([
    ['tag =', 6, 'expected a value'],
    ['tag ! "a"', 5, 'unexpected !'],
    ['colour = "red"', 1, 'no field colour; there are name, type, tag'],
    ['tpye = wasm', 1, 'did you mean type'],
    ['lastseen2 < 1h', 1, 'did you mean lastSeen'],
    ['attr = 1', 1, 'no field attr'],
    ['tag = "a', 7, 'has no end'],
    ['tag = "a\\n"', 7, 'after \\ there may be'],
    ['tag = "a" tag = "b"', 11, 'expected and, or'],
    ['(tag = "a"', 11, 'expected )'],
    ['state = "on fire"', 9, 'no state on fire; there are registered'],
    ['presence = gone', 12, 'no presence gone; there are never'],
    ['tag in ()', 9, 'expected a value'],
    ['tag not = "a"', 9, 'expected in, found ='],
    ['tag is "a"', 5, 'expected =, !=, <, <=, >, >=, in or not in, found is'],
    ['name < "a"', 8, 'it has no order'],
    ['lastSeen = 1h', 12, 'compared by <, <=, > and >='],
    ['lastSeen < soon', 12, 'expected an age such as'],
    ['lastSeen < 99999999d', 12, 'expected an age such as'],
    ['createdAt < 2026-13-01', 13, 'expected an age such as'],
    ['version < new', 11, 'expected a version such as 2.1 after <, found new'],
    ['attr.battery < "20"', 16, 'expected a number after <, found 20'],
    ['has name', 5, 'every device has one'],
    ['has group', 5, 'name the group'],
    ['group = "p*"', 9, 'without *'],
    ['tag = é', 7, 'unexpected é'],
    ['tag = \u200bx', 7, 'unexpected U+200B'],
    ['tag = "x\0"', 9, 'U+0000 cannot be in a text'],
    ['tag = "\ud800"', 8, 'U+D800 cannot be in a text'],
    ['tag = a; drop table device', 8, 'unexpected ;'],
  ])('should refuse %j at character %i', (source, at, reason) => {
    const error = catchError(() => parseFilter(source));
    expect(error.code).toBe('registry.filter-invalid');
    expect(error.data['reason']).toContain(reason);
    expect(error.data['at']).toBe(at);
  });

  it('should take as many terms as the limit and refuse one more', () => {
    const list = (n: number) => `tag in (${Array.from({ length: n }, (_, i) => `t${i}`).join(',')})`;
    expect(parseFilter(list(filterLimits.maxTerms))).toMatchObject({ kind: 'is' });
    expect(catchError(() => parseFilter(list(filterLimits.maxTerms + 1))).code).toBe(
      'registry.filter-too-complex',
    );
  });

  it.each([
    ['parentheses', (n: number) => `${'('.repeat(n)}tag = a${')'.repeat(n)}`],
    ['not', (n: number) => `${'not '.repeat(n)}tag = a`],
  ])('should nest %s to the limit and refuse one more', (_, nested) => {
    expect(() => parseFilter(nested(filterLimits.maxDepth))).not.toThrow();
    expect(catchError(() => parseFilter(nested(filterLimits.maxDepth + 1))).data['reason']).toContain(
      'nested deeper than 20',
    );
    expect(catchError(() => parseFilter(nested(400))).code).toBe('registry.filter-invalid');
  });

  it('should read as many characters as the limit and refuse one more', () => {
    const long = (n: number) => `tag = "${'x'.repeat(n - 8)}"`;
    expect(parseFilter(long(filterLimits.maxLength))).toMatchObject({ kind: 'is' });
    expect(catchError(() => parseFilter(long(filterLimits.maxLength + 1))).data['at']).toBe(2_001);
  });

  it('should answer any text with a tree or a registered error', () => {
    fc.assert(
      fc.property(anyText, (source) => {
        try {
          return typeof parseFilter(source).kind === 'string';
        } catch (error) {
          return error instanceof FleetError;
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('printFilter', () => {
  it('should write what parses to the same tree', () => {
    fc.assert(
      fc.property(anyFilter, (filter) => {
        expect(parseFilter(printFilter(filter), { maxTerms: 1e9, maxDepth: 1e9, maxLength: 1e9 })).toEqual(
          filter,
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ['not tag=a and(type=wasm or site in (x, y))', 'tag != "a" and (type = "wasm" or site in ("x", "y"))'],
    ['createdAt<86400s', 'createdAt < 1d'],
    ['name = "a*\\*"', 'name = "a*\\*"'],
    ['EXISTS attr.x or not (has site)', 'has attr.x or not has site'],
  ])('should write %j as %j', (source, printed) => {
    expect(printFilter(parseFilter(source))).toBe(printed);
  });
});

describe('completeFilter', () => {
  const texts = (source: string) => completeFilter(source, source.length).options.map(({ text }) => text);
  it.each([
    ['', ['name', 'not', 'attr.']],
    ['last', ['lastSeen']],
    ['tag ', ['=', '!=', 'in', 'not in']],
    ['lastSeen ', ['<', '>=']],
    ['state = s', ['suspended']],
    ['presence in (connected, sil', ['silent']],
    ['tag = a ', ['and', 'or']],
    ['(tag = a) ', ['and', 'or']],
    ['tag in (a', []],
    ['tag = a and not h', ['hardwareRevision', 'has']],
    ['has ', ['site', 'attr.']],
    ['tag = "open', []],
  ])('should offer after %j among others %j', (source, wanted) => {
    expect(texts(source)).toEqual(expect.arrayContaining(wanted));
  });

  it('should say where the word begins and whose values are wanted', () => {
    expect(completeFilter('group = pi', 10)).toEqual({ from: 8, options: [], valuesOf: 'group' });
    expect(texts('has n')).toEqual([]);
  });
});

const word = fc.constantFrom(
  ...Object.keys(FILTER_FIELDS),
  ...[
    'attr.x',
    'desired.y',
    '=',
    '!=',
    '<',
    '>=',
    'in',
    '(',
    ')',
    ',',
    '"a"',
    '"*"',
    'not',
    'and',
    'or',
    'has',
  ],
  ...['1h', '20', '2.1', 'true', '2026-01-01', ' ', '"', '\\', 'é', "'", ';', '--', '$1', '%', '\0'],
);
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.array(word, { maxLength: 30 }).map((parts) => parts.join(' ')),
);

const fieldsOf = (...kinds: string[]) =>
  (Object.keys(FILTER_FIELDS) as FilterField[]).filter((field) => kinds.includes(specOf(field).kind));
const wellFormed = fc.string({ unit: 'binary', maxLength: 12 }).filter((text) => !text.includes('\0'));
const scalar = fc.oneof(
  wellFormed,
  fc.array(wellFormed, { minLength: 2, maxLength: 4 }).map((glob) => ({ glob })),
);
const attribute = fc
  .tuple(fc.constantFrom('attr', 'desired'), fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,20}$/))
  .map(([side, key]) => fieldNamed(`${side}.${key}`)!);
const number = fc.double({ noDefaultInfinity: true, noNaN: true }).map((n) => n + 0);
const list = <T>(value: fc.Arbitrary<T>) => fc.array(value, { minLength: 1, maxLength: 3 });
const order = fc.constantFrom('<' as const, '<=' as const, '>' as const, '>=' as const);
const comparison: fc.Arbitrary<Filter> = fc.oneof(
  fc
    .tuple(fc.constantFrom(...fieldsOf('text', 'version')), list(scalar))
    .map(([field, values]) => is(field, ...values)),
  list(fc.constantFrom(...FILTER_FIELDS.state.choices)).map((values) => is('state', ...values)),
  list(wellFormed).map((values) => is('group', ...values)),
  fc
    .tuple(attribute, list(fc.oneof(scalar, number, fc.boolean())))
    .map(([field, values]) => is(field, ...values)),
  fc.record({
    kind: fc.constant('order' as const),
    field: fc.constantFrom(...fieldsOf('version')),
    order,
    value: fc.constantFrom('2.1', '0.0.1-rc.1', 'v3', '1.2.3+x'),
  }),
  fc.record({ kind: fc.constant('order' as const), field: attribute, order, value: number }),
  fc.record({
    kind: fc.constant('order' as const),
    field: fc.constantFrom(...fieldsOf('time')),
    order,
    value: fc.oneof(
      fc.record({ ageS: fc.nat(1e9) }),
      fc
        .date({ min: new Date('0001-01-02'), max: new Date('9999-12-30'), noInvalidDate: true })
        .map((date) => ({ at: date.toISOString() })),
    ),
  }),
  fc.constantFrom<FilterField>('site', 'tag', 'lastSeen').map((field) => ({ kind: 'has' as const, field })),
);
const { filter: anyFilter } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    comparison,
    fc.record({ kind: fc.constant('not' as const), term: tie('filter') }),
    fc.record({
      kind: fc.constantFrom('and' as const, 'or' as const),
      terms: fc.array(tie('filter'), { minLength: 2, maxLength: 3 }),
    }),
  ),
}));

function catchError(work: () => unknown): FleetError {
  try {
    work();
  } catch (error) {
    if (error instanceof FleetError) return error;
  }
  throw new Error('nothing was thrown');
}
