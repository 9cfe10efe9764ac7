import { describe, expect, it } from '@jest/globals';
import { opBits } from '@tinyfleet/wire';
import { doubtAbout, obstacleTo, parseAbi, type BundleNeeds, type DeviceAbilities } from './compatibility.js';

const device: DeviceAbilities = {
  abi: 0x1_0002,
  slotBytes: 1_000,
  arenaBytes: 500,
  stateBytes: 64,
  ops: opBits(['ADD', 'SOFTMAX']),
  opVersions: {},
  floor: 4,
  firmware: '1.4.0',
  sensors: [{ sensor: 'accelerometer', axes: 3, unit: 'g', fullScale: 4_000, sampleRateMhz: 100_000 }],
  stages: [0, 1, 1, 1],
  imageBytes: 4_000,
};
const bundle: BundleNeeds = {
  abi: 0x1_0002,
  bytes: 1_000,
  arenaBytes: 500,
  stateBytes: 64,
  ops: opBits(['ADD']),
  opVersions: {},
  sequence: 4,
  firmwareMin: '1.4',
  sensor: { sensor: 1, axes: 3, unit: 1, fullScale: 4_000, sampleRateMhz: 100_000 },
  stages: [0, 1, 0, 1],
};

describe('obstacleTo', () => {
  it('should let pass what fits exactly', () => {
    expect(obstacleTo(bundle, device)).toBeUndefined();
  });

  it.each<[string, Partial<BundleNeeds>, number]>([
    ['an op that its firmware lacks', { ops: opBits(['ADD', 'CONV_2D', 'PAD']) }, 216],
    ['a newer minor ABI', { abi: 0x1_0003 }, 215],
    ['another major ABI', { abi: 0x2_0000 }, 215],
    ['a bundle one byte larger than the slot', { bytes: 1_001 }, 220],
    ['an arena one byte too large', { arenaBytes: 501 }, 217],
    ['a state one byte too large', { stateBytes: 65 }, 218],
    ['a sequence below the floor', { sequence: 3 }, 213],
    ['a firmware one patch too old', { firmwareMin: '1.4.1' }, 219],
    ['a newer version of an op', { opVersions: { 0: 2 } }, 305],
    ['a front end stage that it lacks', { stages: [0, 1, 0, 1, 1] }, 322],
    ['another version of a front end stage', { stages: [0, 2] }, 322],
    ['a sensor that it does not have', { sensor: { ...bundle.sensor!, sensor: 3 } }, 601],
    ['another sample rate', { sensor: { ...bundle.sensor!, sampleRateMhz: 50_000 } }, 602],
    ['other axes', { sensor: { ...bundle.sensor!, axes: 1 } }, 603],
    ['another unit', { sensor: { ...bundle.sensor!, unit: 0 } }, 604],
    ['another full scale', { sensor: { ...bundle.sensor!, fullScale: 2_000 } }, 605],
  ])('should refuse %s with the number a device would report', (_what, change, number) => {
    const obstacle = obstacleTo({ ...bundle, ...change }, device);
    expect(obstacle?.errorNumber).toBe(number);
    expect(obstacle?.reason).toMatch(/[a-z0-9]/);
  });

  it('should not compare what the bundle does not state, does not use or needs none of', () => {
    const { sensor } = bundle;
    for (const change of [
      { sensor: { ...sensor!, fullScale: 0, sampleRateMhz: 0 } },
      { sensor: undefined, stages: [], firmwareMin: undefined },
      { opVersions: { 3: 2 } },
    ])
      expect(obstacleTo({ ...bundle, ...change }, device)).toBeUndefined();
    expect(obstacleTo(bundle, { ...device, opVersions: { 0: 2 } })?.errorNumber).toBe(305);
    expect(obstacleTo(bundle, { ...device, opVersions: { 25: 2 } })).toBeUndefined();
  });

  it('should leave open what nobody has said', () => {
    const unheard = { ...device, firmware: undefined, sensors: undefined, stages: undefined };
    expect(obstacleTo(bundle, unheard)).toBeUndefined();
    expect(doubtAbout(bundle, unheard, false)).toContain('never said hello');
    expect(doubtAbout(bundle, unheard, true)).toContain('front end');
    expect(doubtAbout({ ...bundle, stages: [] }, unheard, true)).toBeUndefined();
    expect(doubtAbout(bundle, device, true)).toBeUndefined();
  });

  it('should judge a model by the firmware that comes before it, and firmware by the device', () => {
    const image = {
      ...{ version: '1.5.0', bytes: 4_000, from: '1.4.0', isAlone: false },
      ...{ abi: 0x1_0003, arenaBytes: 600, stateBytes: 64, ops: opBits(['ADD', 'PAD']) },
    };
    const needs = {
      ...bundle,
      abi: 0x1_0003,
      arenaBytes: 600,
      ops: opBits(['PAD']),
      firmwareMin: '1.5.0',
      image,
    };
    const number = (change: object, on: Partial<DeviceAbilities> = {}) =>
      obstacleTo({ ...needs, image: { ...image, ...change } }, { ...device, ...on })?.errorNumber;
    expect(number({})).toBeUndefined();
    expect(number({ bytes: 4_001 })).toBe(220);
    expect(number({ from: '1.4.1' })).toBe(219);
    expect(number({ arenaBytes: 599 })).toBe(217);
    expect(number({}, { imageBytes: 0 })).toBe(211);
    expect(number({}, { imageBytes: undefined })).toBeUndefined();
    // It runs it already, and is what it said it is.
    expect(number({ bytes: 4_001 }, { firmware: '1.5.0', imageBytes: 0 })).toBe(215);
    const alone = { ...bundle, ...{ bytes: 1_000_000, arenaBytes: 1, image: { ...image, isAlone: true } } };
    expect(obstacleTo(alone, device)).toBeUndefined();
    expect(obstacleTo({ ...alone, sequence: 3 }, device)?.errorNumber).toBe(213);
    expect(obstacleTo(alone, { ...device, imageBytes: 3_999 })?.errorNumber).toBe(220);
  });

  it('should read an ABI', () => {
    expect([parseAbi('1.2'), parseAbi('1'), parseAbi('1.2.3')]).toEqual([0x1_0002, undefined, undefined]);
  });
});
