/** Files of windows are read in the process that serves devices. */
import { describe, expect, it } from '@jest/globals';
import { projectScope } from '@tinyfleet/contracts';
import { BackfillService } from './backfill.js';

const unused = (): never => {
  throw new Error('nothing is stored');
};

describe('BackfillService', () => {
  it('should let others go on while it reads', async () => {
    const service = new BackfillService(
      {
        directory: { find: () => Promise.resolve([]) },
        ingest: { commit: unused },
        rollups: { fold: unused, rebuild: unused, lagSeconds: unused },
      },
      () => Promise.resolve(undefined as never),
    );
    async function* body(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(new TextEncoder().encode('wrong\n'.repeat(1_000)));
    }
    let turns = 0;
    let next = setImmediate(function turn() {
      turns++;
      next = setImmediate(turn);
    });
    const result = await service.add('token:test', projectScope('p', 'demo'), body());
    clearImmediate(next);
    expect(result).toMatchObject({ lines: 1_000, stored: 0, refused: 1_000 });
    expect(turns).toBeGreaterThanOrEqual(4);
  });
});
