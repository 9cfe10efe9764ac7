import { describe, expect, it } from '@jest/globals';
import { opBits } from '@tinyfleet/wire';
import { compatibilityOf } from './compatibility-table.js';
import type { AbilityGroup, ReleaseFacts } from './ports.js';

const abilities = {
  ...{
    abi: 0x1_0000,
    slotBytes: 1_000,
    arenaBytes: 500,
    stateBytes: 64,
    ops: opBits(['ADD']),
    opVersions: {},
  },
  ...{ floor: 0, firmware: '1.0.0', sensors: [], stages: [], imageBytes: 0 },
};
const group = (devices: number, sample: string[], change: Partial<AbilityGroup> = {}): AbilityGroup => ({
  ...{ typeId: 'a', type: 'board-a', ability: 'k', abilities, hasGreeted: true, devices, sample },
  ...change,
});
const needs = {
  ...{ abi: 0x1_0000, bytes: 900, arenaBytes: 400, stateBytes: 0, ops: opBits(['ADD']), opVersions: {} },
  ...{ sequence: 2, firmwareMin: undefined, sensor: undefined, stages: [] },
};
const release: ReleaseFacts = {
  ...{ id: 'r', state: 'approved', stateReason: '', isSigned: true, bringsFirmware: false, notAfter: null },
  artifacts: [{ typeId: 'a', digest: Buffer.alloc(32), needs }],
};

describe('compatibilityOf', () => {
  it('should count every device once: can, cannot with the reason, unknown', () => {
    const small = { ...abilities, arenaBytes: 300 };
    const table = compatibilityOf(release, [
      group(900_000, ['a-1', 'a-9']),
      group(7, ['b-1', 'b-7'], { abilities: small }),
      group(5, ['c-1', 'c-5'], { abilities: small, hasGreeted: false, ability: null }),
      group(40, ['d-1', 'd-40'], { typeId: 'b', type: 'board-b' }),
      group(3, ['e-1', 'e-3'], { hasGreeted: false, ability: null }),
    ]);
    expect(table).toEqual({
      devices: 900_055,
      can: 900_000,
      unknown: 3,
      cannot: [
        {
          reason: 'the release has no build for type board-b',
          errorCode: null,
          devices: 40,
          sample: ['d-1', 'd-40'],
        },
        {
          reason: expect.stringContaining('400 bytes of arena; the device has 300'),
          errorCode: 217,
          devices: 12,
          sample: ['b-1', 'b-7', 'c-1', 'c-5'],
        },
      ],
      doubts: [
        {
          reason: 'never said hello: judged by its type',
          errorCode: null,
          devices: 3,
          sample: ['e-1', 'e-3'],
        },
      ],
    });
  });

  it('should add up to nothing for nobody', () => {
    expect(compatibilityOf(release, [])).toEqual({ devices: 0, can: 0, unknown: 0, cannot: [], doubts: [] });
  });
});
