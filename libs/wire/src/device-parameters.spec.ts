import { describe, expect, it } from '@jest/globals';
import {
  classId,
  decodeParameterBlock,
  encodeParameterBlock,
  vendorId,
  type DeviceParameters,
} from './index.js';

const parameters: DeviceParameters = {
  project: 'demo',
  device: 'pump-1',
  deviceType: 'posix',
  vendorId: vendorId('demo'),
  classId: classId('posix'),
  token: 't'.repeat(43),
  brokerHost: '127.0.0.1',
  brokerPort: 1883,
  key: { algorithm: 'ed25519', key: new Uint8Array(32).fill(7) },
  flash: { bytes: 1 << 20, sectorBytes: 4096, unitBytes: 4, erased: 255, slotBytes: 1 << 18 },
  arenaBytes: 65_536,
  stateBytes: 4_096,
  sensors: [{ sensor: 'accelerometer', axes: 3, unit: 'g', fullScale: 16_000, sampleRateMhz: 800_000 }],
};
const codeOf = (block: Uint8Array): string => {
  try {
    decodeParameterBlock(block);
    return 'none';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe('the parameter block', () => {
  it('should read back what was written, also from a whole flash sector', () => {
    const block = encodeParameterBlock(parameters);
    expect(block.length).toBeLessThan(512);
    const sector = new Uint8Array(4_096).fill(0xff);
    sector.set(block);
    for (const bytes of [block, sector])
      expect(encodeParameterBlock(decodeParameterBlock(bytes))).toEqual(block);
  });

  it('should tell an erased sector from a damaged block', () => {
    const block = encodeParameterBlock(parameters);
    expect(codeOf(new Uint8Array(512).fill(0xff))).toBe('agent.parameters-missing');
    expect(codeOf(new Uint8Array(512))).toBe('agent.parameters-missing');
    expect(codeOf(block.subarray(0, 15))).toBe('agent.parameters-missing');
    expect(codeOf(block.subarray(0, -1))).toBe('agent.parameters-invalid');
    for (const at of [0, 4, 8, 9, 12, 16, block.length - 1]) {
      const damaged = block.slice();
      damaged[at]! ^= 1;
      expect(codeOf(damaged)).toBe('agent.parameters-invalid');
    }
  });

  it('should refuse to write what the firmware would refuse for its size', () => {
    const pem = 'x'.repeat(8_192);
    expect(() => encodeParameterBlock({ ...parameters, authority: pem, certificate: pem })).toThrow();
  });
});
