/** The catalogue is data: it is checked like any. */
import { describe, expect, it } from '@jest/globals';
import { DeviceType, DeviceTypeFigure } from '@tinyfleet/contracts';
import { isOpName } from '@tinyfleet/wire';
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

  it('should have the boards that people ask for', () => {
    const wanted =
      'nano33-ble nucleo-l4r5zi stm32f746-disco nucleo-h7a3zi nrf52840-dk nrf5340-dk rpi-pico esp32-s3-devkit esp32-devkitc efr32xg24 arduino-uno corstone-300 qemu-m3 qemu-m4 qemu-m7 qemu-m55 posix wasm';
    const names = CATALOGUE.map(({ name }) => name);
    expect(wanted.split(' ').filter((name) => !names.includes(name))).toEqual([]);
  });

  it.each(CATALOGUE.map((spec) => [spec.name, spec] as const))(
    'should say of every figure of %s where it is from, and which were looked up',
    (_name, spec) => {
      expect(Object.keys(spec.sources ?? {}).sort()).toEqual([...DeviceTypeFigure.options].sort());
      expect(spec.source.length).toBeGreaterThan(10);
    },
  );

  it('should have more figures that were looked up than not', () => {
    const sources = CATALOGUE.flatMap(({ sources = {} }) => Object.values(sources));
    expect(sources.filter(({ checked }) => checked).length / sources.length).toBeGreaterThan(0.6);
  });

  it('should name ops that there are', () => {
    for (const { ops } of CATALOGUE) expect(Object.keys(ops).filter((name) => !isOpName(name))).toEqual([]);
    const uno = CATALOGUE.find(({ name }) => name === 'arduino-uno');
    expect(Object.keys(uno?.ops ?? {})).toEqual(['FULLY_CONNECTED', 'SOFTMAX']);
  });

  it('should name each type once', () => {
    expect(new Set(CATALOGUE.map(({ name }) => name)).size).toBe(CATALOGUE.length);
  });
});
