/** Cursors come from strangers: what is not one of ours is refused before Postgres sees it. */
import { describe, expect, it } from '@jest/globals';
import { cursorId, cursorKey, cursorNumber, cursorOf, isIso, isNumber, isUuid, toPage } from './page.js';

const page = (key: unknown) => ({
  limit: 10,
  cursor: Buffer.from(JSON.stringify(key)).toString('base64url'),
});
const refused = expect.objectContaining({ code: 'registry.cursor-invalid' });
const id = '01890a5d-ac96-774b-bcce-b302099a8057';

describe('a cursor', () => {
  it('should be taken as it was given', () => {
    const rows = [
      { at: '2026-11-22T00:00:00.000Z', n: '1' },
      { at: '', n: '' },
    ];
    const { nextCursor } = toPage(
      rows,
      1,
      ({ at, n }) => [at, n],
      (row) => row,
    );
    expect(cursorOf({ limit: 1, cursor: nextCursor! }, isIso, isNumber)).toEqual([rows[0]!.at, '1']);
    expect(cursorOf({ limit: 1 }, isIso, isNumber)).toBeUndefined();
  });

  it.each<[unknown]>([
    [['2026-02-31', id, 'x']],
    [['2026-13-01', id, 'x']],
    [['+12026-01-01', id, 'x']],
    [['2026-01-01', '-'.repeat(36), 'x']],
    [['2026-01-01', id, '']],
    [['2026-01-01', id]],
    [['2026-01-01', id, 'a\0b']],
    [{ 0: 'x' }],
    [null],
  ])('should be refused: %j', (key) => {
    const isDay = (day: string) => isIso(`${day}T00:00:00.000Z`);
    expect(() => cursorOf(page(key), isDay, isUuid, Boolean)).toThrow(refused);
  });

  it('should be refused where one number, id or text without NUL is due', () => {
    expect(() => cursorNumber(page(['1e3']))).toThrow(refused);
    expect(() => cursorId(page(['x']))).toThrow(refused);
    expect(() => cursorKey(page(['a\0']))).toThrow(refused);
    expect(() => cursorKey({ limit: 1, cursor: 'no' })).toThrow(refused);
  });
});
