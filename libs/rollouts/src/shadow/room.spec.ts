import { describe, expect, it } from '@jest/globals';
import type { BundleNeeds } from '../compatibility.js';
import { obstacleToShadow, type ShadowRoom } from './room.js';

const ops = { opSet: '', ownOpSet: '' };
const digest = Buffer.alloc(32, 1);
const needs: BundleNeeds = {
  ...{ abi: 1, bytes: 1_000, arenaBytes: 1_000, stateBytes: 64, ops, sequence: 4 },
  ...{ opVersions: {}, firmwareMin: undefined, sensor: undefined, stages: [] },
  ...{ inputBytes: 100, inputsDigest: 'x', latencyUs: 2_000, macs: 200 },
};
const abilities = {
  ...{ abi: 1, slotBytes: 9_000, arenaBytes: 1_108, stateBytes: 64, ops, floor: 0 },
  ...{ opVersions: {}, firmware: '1.0.0', sensors: [], stages: [], imageBytes: 0 },
};
const active = {
  digest: Buffer.alloc(32, 2),
  arenaBytes: 900,
  inputsDigest: 'x',
  latencyUs: 1_000,
  macs: 100,
};
const room: ShadowRoom = {
  ...{ isAble: true, stateBytes: 64, active, isActiveKnown: true, periodUs: 6_000, measuredUs: null },
};
const why = (changes: Partial<ShadowRoom> = {}, of: Partial<BundleNeeds> = {}, arenaBytes = 1_108) =>
  obstacleToShadow(
    { digest, needs: { ...needs, ...of } },
    {
      abilities: { ...abilities, arenaBytes },
      shadowRoom: { ...room, ...changes },
    },
  )?.reason;

describe('obstacleToShadow', () => {
  it('should let in a device with exactly the arena, state and time that both need, and no other', () => {
    expect(why()).toBeUndefined();
    expect(why({}, {}, 1_107)).toContain('need an arena of 1108 bytes and it has 1107');
    expect(why({ stateBytes: 63 })).toContain("a shadow's state needs 64 bytes and it has 63");
    expect(why({ periodUs: 5_999 })).toContain('need about 3 ms of an inference period of 6 ms');
  });

  it('should keep the inputs behind the larger of both arenas', () => {
    expect(why({ active: { ...active, arenaBytes: 1_009 } })).toContain('1124 bytes');
  });

  it('should take what was measured before what is estimated', () => {
    expect(why({ measuredUs: 500, periodUs: 3_000 })).toBeUndefined();
    expect(why({ measuredUs: 1_001, periodUs: 6_000 })).toContain('half');
  });

  it.each([
    [{ isAble: false }, 'no memory for a shadow'],
    [{ active: null }, 'no model to compare with'],
    [{ active: { ...active, digest } }, 'runs this very bundle'],
    [{ active: { ...active, inputsDigest: 'y' } }, 'do not take the same inputs'],
  ])('should say why not: %j', (changes, words) => {
    expect(why(changes as Partial<ShadowRoom>)).toContain(words);
  });

  it('should leave to the device what nobody knows', () => {
    expect(why({ isAble: null })).toBeUndefined();
    expect(
      why({ isActiveKnown: false, active: { digest: active.digest, arenaBytes: 0 } }, {}, 0),
    ).toBeUndefined();
    expect(why({ periodUs: null })).toBeUndefined();
    const old = { inputBytes: undefined, inputsDigest: undefined, latencyUs: undefined, macs: undefined };
    expect(why({ periodUs: 1 }, old)).toBeUndefined();
  });
});
