import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FleetError } from '@tinyfleet/errors';
import { filterLimits, parseFilter } from './filter.js';

const is = (field: string, ...values: string[]) => ({ kind: 'is', field, values });

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

  it('should read lists, parentheses, escapes and any case of keywords', () => {
    expect(parseFilter('(TAG IN ("a", b)) AND site not in ("x\\"y\\\\")')).toEqual({
      kind: 'and',
      terms: [is('tag', 'a', 'b'), { kind: 'not', term: is('site', 'x"y\\') }],
    });
  });

  it.each([
    ['tag =', 6, 'expected a value'],
    ['tag ! "a"', 5, 'unexpected !'],
    ['colour = "red"', 1, 'no field colour'],
    ['tag = "a', 7, 'has no end'],
    ['tag = "a" tag = "b"', 11, 'expected and, or'],
    ['(tag = "a"', 11, 'expected )'],
    ['state = "on fire"', 9, 'no state on fire'],
    ['tag in ()', 9, 'expected a value'],
  ])('should refuse %j at character %i', (source, at, reason) => {
    const error = catchError(() => parseFilter(source));
    expect(error.code).toBe('registry.filter-invalid');
    expect(error.data['at']).toBe(at);
    expect(error.data['reason']).toContain(reason);
  });

  it('should take as many terms as the limit and refuse one more', () => {
    const list = (n: number) => `tag in (${Array.from({ length: n }, (_, i) => `t${i}`).join(',')})`;
    expect(parseFilter(list(filterLimits.maxTerms))).toMatchObject({ kind: 'is' });
    expect(catchError(() => parseFilter(list(filterLimits.maxTerms + 1))).code).toBe(
      'registry.filter-too-complex',
    );
  });

  it('should nest to the limit and refuse one more', () => {
    const nested = (n: number) => `${'('.repeat(n)}tag = a${')'.repeat(n)}`;
    expect(parseFilter(nested(filterLimits.maxDepth))).toEqual(is('tag', 'a'));
    expect(catchError(() => parseFilter(nested(filterLimits.maxDepth + 1))).code).toBe(
      'registry.filter-invalid',
    );
  });

  it('should answer any text with a tree or a registered error', () => {
    const piece = fc.constantFrom(
      'tag',
      '=',
      '!=',
      'in',
      '(',
      ')',
      ',',
      '"a"',
      'not',
      'and',
      'or',
      ' ',
      '"',
      '\\',
      'é',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece, { maxLength: 30 }).map((parts) => parts.join(' ')),
        ),
        (source) => {
          try {
            return typeof parseFilter(source).kind === 'string';
          } catch (error) {
            return error instanceof FleetError;
          }
        },
      ),
    );
  });
});

function catchError(work: () => unknown): FleetError {
  try {
    work();
  } catch (error) {
    if (error instanceof FleetError) return error;
  }
  throw new Error('nothing was thrown');
}
