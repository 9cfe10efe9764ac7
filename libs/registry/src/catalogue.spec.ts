/** The catalogue is data: it is checked like any. */
import { describe, expect, it } from '@jest/globals';
import { DeviceType } from '@tinyfleet/contracts';
import { CATALOGUE } from './catalogue.js';

describe('catalogue', () => {
  it.each(CATALOGUE.map((spec) => [spec.name, spec] as const))(
    'should describe %s as the API does',
    (_name, spec) => {
      expect(DeviceType.parse({ ...spec, builtIn: true, revision: 1 })).toEqual({
        ...spec,
        builtIn: true,
        revision: 1,
      });
      // Two slots and the firmware fit into flash, the arena into RAM.
      expect(2 * spec.slotBytes).toBeLessThan(spec.flashBytes);
      expect(spec.arenaBytes + spec.stateBytes).toBeLessThan(spec.ramBytes);
      expect(spec.slotBytes % spec.sectorBytes).toBe(0);
    },
  );

  it('should name each type once', () => {
    expect(new Set(CATALOGUE.map(({ name }) => name)).size).toBe(CATALOGUE.length);
  });
});
