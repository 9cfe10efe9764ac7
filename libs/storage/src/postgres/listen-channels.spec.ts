/** Texts of any length through notifications of at most 7,999 bytes. */
import { describe, expect, it } from '@jest/globals';
import { PieceJoiner, piecesOf } from './listen-channels.js';

const through = (pieces: readonly string[]): (string | undefined)[] => {
  const joiner = new PieceJoiner();
  return pieces.map((piece) => joiner.take(piece));
};

describe('pieces of a text', () => {
  it('should give it back, in notifications that Postgres takes', () => {
    for (const text of ['', 'x', 'ü€😀'.repeat(2_000), 'a'.repeat(100_000)]) {
      const pieces = piecesOf(text);
      for (const piece of pieces) expect(Buffer.byteLength(piece)).toBeLessThan(8_000);
      // Equal notifications of one transaction come once.
      expect(new Set(pieces).size).toBe(pieces.length);
      expect(through(pieces).filter((one) => one !== undefined)).toEqual([text]);
    }
  });

  it('should drop a text that lacks a piece and read the next', () => {
    const long = piecesOf('b'.repeat(20_000));
    const [, second, third = ''] = long;
    expect(long.length).toBeGreaterThan(2);
    expect(through([second!, third, ...piecesOf('after')])).toEqual([undefined, undefined, 'after']);
    expect(through([long[0]!, third, ...piecesOf('after')]).at(-1)).toBe('after');
  });

  it('should not read what is none', () => {
    expect(through(['', '1/1', '0/1:€', `0/1:${Buffer.from('ok').toString('base64')}`])).toEqual([
      undefined,
      undefined,
      undefined,
      'ok',
    ]);
  });
});
