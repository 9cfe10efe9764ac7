/** Boards with chips of Nordic Semiconductor. */
import { board, known, zephyr, type Board, type DeviceTypeSpec } from './board.js';

const nrf52840: Omit<Board, 'name' | 'title'> = {
  core: ['cortex-m4f', zephyr('dts/arm/nordic/nrf52840.dtsi, cpu@0')],
  mhz: [64, zephyr('dts/arm/nordic/nrf52840.dtsi, hfxo')],
  flashKib: [1_024, zephyr('dts/arm/nordic/nrf52840_qiaa.dtsi, flash0')],
  ramKib: [256, zephyr('dts/arm/nordic/nrf52840_qiaa.dtsi, sram0')],
  sectorBytes: [4_096, zephyr('dts/arm/nordic/nrf52840.dtsi, flash0 erase-block-size')],
  programUnitBytes: [4, zephyr('dts/arm/nordic/nrf52840.dtsi, flash0 write-block-size')],
  features: [
    ['dsp', 'fpu'],
    zephyr('dts/arm/nordic/nrf52840.dtsi, cpu@0: M4 with FPU; DSP is part of Armv7E-M'),
  ],
  slotKib: 352,
  arenaKib: 160,
};

export const NORDIC: readonly DeviceTypeSpec[] = [
  board({ name: 'nrf52840-dk', title: 'Nordic nRF52840 DK', ...nrf52840 }),
  board({ name: 'nano33-ble', title: 'Arduino Nano 33 BLE Sense (nRF52840)', ...nrf52840 }),
  board({
    name: 'nrf5340-dk',
    title: 'Nordic nRF5340 DK (application core)',
    core: ['cortex-m33', zephyr('dts/arm/nordic/nrf5340_cpuapp.dtsi, cpu@0')],
    mhz: [128, zephyr('boards/nordic/nrf5340dk/doc, overview')],
    flashKib: [1_024, zephyr('dts/arm/nordic/nrf5340_cpuapp_qkaa.dtsi, flash0')],
    ramKib: [512, zephyr('dts/arm/nordic/nrf5340_cpuapp_qkaa.dtsi, sram0')],
    sectorBytes: [4_096, known('nRF5340 product specification, NVMC: page of 4 KiB')],
    programUnitBytes: [4, known('nRF5340 product specification, NVMC: word')],
    features: [['dsp', 'fpu'], zephyr('boards/nordic/nrf5340dk/doc, overview')],
    slotKib: 352,
    arenaKib: 320,
  }),
];
