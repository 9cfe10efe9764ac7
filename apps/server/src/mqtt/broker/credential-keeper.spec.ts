import { describe, expect, it } from '@jest/globals';
import type { CredentialUse } from '@tinyfleet/registry';
import { CredentialKeeper } from './credential-keeper.js';
import type { Admitted } from './credentials.js';

/** As cached when nobody had used it. */
const admitted = (id: string) =>
  ({
    device: { projectId: 'p', project: 'p', device: id },
    credential: { id, kind: 'token', hasKey: false, usedAt: null, expiresAt: null },
  }) as unknown as Admitted;

describe('CredentialKeeper', () => {
  it('should write a use and its key once, although the cached record does not know', async () => {
    const notes: (readonly CredentialUse[])[] = [];
    let fails = true;
    let sealed = 0;
    const usage = {
      note: async (uses: readonly CredentialUse[]) => {
        if (fails) throw new Error('away');
        notes.push(uses);
        return [];
      },
      warn: async () => 0,
    };
    const keys = { sealKey: () => Buffer.of(++sealed) };
    const failures: unknown[] = [];
    const keeper = new CredentialKeeper(usage, keys, 60, (error) => failures.push(error));
    const token = Buffer.from('t');
    keeper.note(admitted('a'), token);
    await keeper.stop();
    expect(failures).toHaveLength(1);
    fails = false;
    // A lost note is made again.
    for (const id of ['a', 'b']) keeper.note(admitted(id), token);
    await keeper.stop();
    for (const id of ['a', 'b', 'c']) keeper.note(admitted(id), token);
    await keeper.stop();
    expect(notes.map((uses) => uses.map(({ credentialId }) => credentialId))).toEqual([['a', 'b'], ['c']]);
    expect(sealed).toBe(4);
    // The database lost it.
    keeper.forget('c');
    keeper.note(admitted('c'), token);
    await keeper.stop();
    expect(notes.at(-1)?.map(({ credentialId }) => credentialId)).toEqual(['c']);
  });
});
