/** Errors with their place, and completion with what the project knows. */
import { describe, expect, it } from '@jest/globals';
import { checkFilter, suggest, type KnownValues } from './language.js';

const known: KnownValues = { tag: ['eu', 'hall 3', 'pilot'], type: ['wasm'] };
const texts = (filter: string) => suggest(filter, filter.length, known).map(({ text }) => text);
const accept = (filter: string, at = filter.length) => suggest(filter, at, known)[0];

describe('checkFilter', () => {
  it('should say nothing of a filter that is right', () => {
    expect(checkFilter('tag = pilot and lastSeen < 1h')).toBeUndefined();
    expect(checkFilter('')).toBeUndefined();
  });

  it('should point at the character', () => {
    expect(checkFilter('name = = "x"')).toEqual({ at: 7, reason: 'expected a value, found =' });
    expect(checkFilter('tag =')).toMatchObject({ at: 5 });
  });

  it('should say that a filter is too long, too', () => {
    expect(checkFilter(`name = "${'x'.repeat(2_000)}"`)?.reason).toContain('2000');
  });
});

describe('suggest', () => {
  it('should complete fields, operators and what joins them', () => {
    expect(texts('ty')).toEqual(['type']);
    expect(texts('type ')).toEqual(expect.arrayContaining(['=', 'in']));
    expect(texts('tag = pilot ')).toEqual(['and', 'or']);
  });

  it('should know the values of the project, and quote them where they need it', () => {
    expect(texts('tag = ')).toEqual(['eu', 'hall 3', 'pilot']);
    expect(accept('tag = h')?.filter).toBe('tag = "hall 3" ');
    expect(accept('tag = p')?.filter).toBe('tag = pilot ');
  });

  it('should complete inside quotes and keep them whole', () => {
    expect(accept('tag = "pi')?.filter).toBe('tag = "pilot" ');
    expect(accept('tag = "pi"', 9)?.filter).toBe('tag = "pilot" ');
    expect(texts('tag = "a" and type = "w')).toEqual(['wasm']);
  });

  it('should complete in the middle and leave the cursor behind what it wrote', () => {
    const taken = accept('ta = pilot', 2);
    expect(taken).toMatchObject({ filter: 'tag = pilot', cursor: 3 });
  });

  it('should open the list of `in`, and go on behind a dot', () => {
    expect(accept('tag in')?.filter).toBe('tag in (');
    expect(suggest('tag i', 5, known)[0]?.filter).toBe('tag in (');
    expect(suggest('att', 3, known)[0]?.filter).toBe('attr.');
  });
});
