/** What is sent again, what is not, and what is forgotten. */
import { describe, expect, it } from '@jest/globals';
import { SumsCache } from './sums-cache.js';

/** A table whose rows have versions; counts the lists that it writes. */
class Table {
  written = 0;
  constructor(readonly rows: Map<string, { version: string; classes: string }>) {}

  readonly ask = async (known: readonly string[]) =>
    await Promise.resolve(
      [...this.rows].map(([name, { version, classes }]) => {
        const isKnown = known.includes(version);
        if (!isKnown) this.written++;
        return { name, version, classes: isKnown ? null : classes, featureCounts: null, ood: null };
      }),
    );
}
const tableOf = (...names: string[]) =>
  new Table(new Map(names.map((name) => [name, { version: `${name}/1`, classes: '{1,2}' }])));

describe('a cache of sums', () => {
  it('should ask for the lists of what changed alone', async () => {
    const [cache, table] = [new SumsCache(), tableOf('a', 'b')];
    const first = await cache.read('q', table.ask);
    expect(first).toEqual(
      ['a', 'b'].map((name) => ({
        name,
        classes: [1, 2],
        featureCounts: null,
        featureSums: null,
        ood: null,
      })),
    );
    expect(await cache.read('q', table.ask)).toEqual(first);
    expect(table.written).toBe(2);
    table.rows.set('b', { version: 'b/2', classes: '{5,6}' });
    table.rows.delete('a');
    expect(await cache.read('q', table.ask)).toMatchObject([{ name: 'b', classes: [5, 6] }]);
    expect(table.written).toBe(3);
    expect(cache.size).toBe(2);
  });

  it('should not mix what different questions are answered', async () => {
    const [cache, table] = [new SumsCache(), tableOf('a')];
    await cache.read('q', table.ask);
    await cache.read('r', table.ask);
    expect(table.written).toBe(2);
  });

  it('should have the lists that it said it knows, whatever came meanwhile', async () => {
    const [cache, table] = [new SumsCache(), tableOf('a')];
    await cache.read('q', table.ask);
    const slow = cache.read('q', async (known) => {
      const rows = await table.ask(known);
      await cache.read('q', async () => Promise.resolve([]));
      return rows;
    });
    expect(await slow).toMatchObject([{ name: 'a', classes: [1, 2] }]);
  });

  it('should keep so many numbers, and forget what was asked longest ago', async () => {
    const cache = new SumsCache({ maxNumbers: 4 });
    const [old, table] = [tableOf('a'), tableOf('b')];
    await cache.read('old', old.ask);
    await cache.read('new', table.ask);
    expect(cache.size).toBe(4);
    await cache.read('newest', tableOf('c').ask);
    expect(cache.size).toBe(4);
    await cache.read('new', table.ask);
    await cache.read('old', old.ask);
    expect([old.written, table.written]).toEqual([2, 1]);
    // More than may be kept is an answer all the same.
    expect(await cache.read('wide', tableOf('d', 'e', 'f').ask)).toHaveLength(3);
    expect(cache.size).toBe(0);
  });
});
