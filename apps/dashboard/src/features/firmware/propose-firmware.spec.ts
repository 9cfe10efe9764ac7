/** What is proposed can be sent as it is. */
import { describe, expect, it } from '@jest/globals';
import { NAME_PATTERN, VERSION_PATTERN } from '@tinyfleet/contracts';
import fc from 'fast-check';
import { proposeFirmware } from './propose-firmware.js';

const none = new Uint8Array();

describe('proposeFirmware', () => {
  it('should read name and version from the name of the file', () => {
    expect(proposeFirmware('Gateway-v1.2.0.signed.bin', none)).toEqual({ name: 'gateway', version: '1.2.0' });
    expect(proposeFirmware('app_update.bin', none)).toEqual({ name: 'app_update', version: '' });
    expect(proposeFirmware('1.4.2.elf', none)).toEqual({ name: 'firmware', version: '1.4.2' });
  });

  it('should rather believe the header of an MCUboot image', () => {
    const head = new Uint8Array(32);
    head.set([0x3d, 0xb8, 0xf3, 0x96]);
    head.set([2, 1, 0x2c, 0x01], 20);
    expect(proposeFirmware('app-1.0.0.bin', head).version).toBe('2.1.300');
    expect(proposeFirmware('app-1.0.0.bin', head.subarray(0, 31)).version).toBe('1.0.0');
  });

  it('should always be valid, or leave the version open', () => {
    fc.assert(
      fc.property(fc.string(), fc.uint8Array({ maxLength: 40 }), (fileName, head) => {
        const { name, version } = proposeFirmware(fileName, head);
        expect(NAME_PATTERN.test(name)).toBe(true);
        expect(version === '' || VERSION_PATTERN.test(version)).toBe(true);
      }),
    );
  });
});
