/** A statement with its parameters written into it against the same with parameters, on a real server. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestDatabase, type TestDatabase } from '../../test/test-database.js';
import { withLiterals, type LiteralValue } from './literals.js';

describe('withLiterals', () => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await startTestDatabase();
  });
  afterAll(async () => {
    await test.stop();
  });

  const hostile = [`it's`, `'; drop table device; --`, '\\', `\\'`, '"', '{a,b}', '$1', 'é😀\n', '', 'NULL'];
  const at = new Date(1_700_000_000_123);

  it.each<[string, LiteralValue]>([
    ['int4', -5],
    ['int8', -(2n ** 63n)],
    ['timestamptz', at],
    ['bytea', Uint8Array.of(0, 92, 39, 255)],
    ['text[]', hostile],
    ['text[]', []],
    ['bytea[]', [Buffer.of(0, 34, 92, 44), Buffer.alloc(0)]],
    ['smallint[]', [1, -2]],
    ['bigint[]', [2n ** 63n - 1n, -1n]],
    ['timestamptz[]', [at, at]],
    ['jsonb[]', [JSON.stringify({ said: `"it's"`, path: '\\n' })]],
    ...hostile.map((text): [string, LiteralValue] => ['text', text]),
  ])('should write a %s as it would be given: %p', async (type, value) => {
    const sql = `-- A comment that speaks of $1.\nselect $1::${type} as value -- and of $1`;
    const parameter = value instanceof Uint8Array ? Buffer.from(value) : value;
    expect(await test.database.query(withLiterals({ sql, values: [value] }))).toEqual(
      await test.database.query(sql, [parameter]),
    );
  });

  it('should refuse text that would end the message', () => {
    expect(() => withLiterals({ sql: 'select $1', values: ['a\0b'] })).toThrow(RangeError);
    expect(() => withLiterals({ sql: 'select $1::text[]', values: [['a\0b']] })).toThrow(RangeError);
  });
});
