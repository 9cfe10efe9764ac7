/** The cache of names: what a batch asked for is there afterwards, however full the cache was. */
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { BundleNames } from './bundle-names.js';

const projectId = 'p';
const prefixOf = (i: number): Uint8Array => Uint8Array.of(i, 0, 0, 0, 0, 0, 0, 0);

describe('BundleNames', () => {
  const asked: number[] = [];
  /** The table: prefixes from 100 on are of no bundle. */
  const table = {
    query: <Row extends object>(_sql: string, values: readonly unknown[] = []): Promise<Row[]> => {
      const prefixes = values[1] as Buffer[];
      asked.push(...prefixes.map((prefix) => prefix[0]!));
      const rows = prefixes.filter((prefix) => prefix[0]! < 100);
      return Promise.resolve(
        rows.map(
          (prefix) => ({ projectId, prefix, modelVersionId: `m${prefix[0]!}`, classes: 2 }) as object as Row,
        ),
      );
    },
  };
  const load = async (names: BundleNames, ...prefixes: number[]) => {
    await names.load(
      table,
      prefixes.map((i) => ({ projectId, prefix: prefixOf(i) })),
    );
    return prefixes.map((i) => names.get(projectId, prefixOf(i))?.modelVersionId);
  };
  afterEach(() => {
    asked.length = 0;
    jest.restoreAllMocks();
  });

  it('should know all of a batch that fills it, also those that it knew before', async () => {
    const names = new BundleNames(3);
    await load(names, 1, 2);
    expect(await load(names, 1, 3, 4)).toEqual(['m1', 'm3', 'm4']);
  });

  it('should find what a batch asked for when others begin the cache anew before it is used', async () => {
    const names = new BundleNames(3);
    await load(names, 1);
    const asking = names.load(
      table,
      [1, 2].map((i) => ({ projectId, prefix: prefixOf(i) })),
    );
    const others = load(names, 3, 4, 5);
    const found = await asking;
    await others;
    expect([1, 2].map((i) => found(projectId, prefixOf(i))?.modelVersionId)).toEqual(['m1', 'm2']);
    expect(names.get(projectId, prefixOf(1))).toBeUndefined();
  });

  it('should hold as many as allowed and start anew with one more', async () => {
    const names = new BundleNames(3);
    await load(names, 1);
    await load(names, 2);
    await load(names, 3);
    expect(names.get(projectId, prefixOf(1))).toBeDefined();
    await load(names, 4);
    expect(names.get(projectId, prefixOf(1))).toBeUndefined();
  });

  it('should not fill by asking again for one that is unknown', async () => {
    let now = 0;
    jest.spyOn(Date, 'now').mockImplementation(() => now);
    const names = new BundleNames(3);
    await load(names, 1);
    for (let i = 0; i < 5; i++, now += 5_000) await load(names, 100);
    expect(asked).toEqual([1, 100, 100, 100, 100, 100]);
    expect(names.get(projectId, prefixOf(1))).toBeDefined();
  });
});
