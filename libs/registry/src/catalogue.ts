/**
 * The built-in device types: hardware as bought, with what TinyFleet leaves for a model. Slot and arena are what the
 * firmware offers after its own flash and RAM (about 64 KB and 24 KB with a network stack), not datasheet totals.
 */
import type { Resource } from '@tinyfleet/contracts';

export type DeviceTypeSpec = Omit<Resource<'DeviceType'>, 'builtIn' | 'revision'>;

const KIB = 1024;
const MIB = 1024 * KIB;
const MHZ = 1_000_000;
const ABI = '1.0';

type Row = Omit<DeviceTypeSpec, 'abi' | 'stateBytes'> & { stateBytes?: number };
const type = (row: Row): DeviceTypeSpec => ({ abi: ABI, stateBytes: 8 * KIB, ...row });

export const CATALOGUE: readonly DeviceTypeSpec[] = [
  type({
    name: 'wasm',
    title: 'Simulated device (WebAssembly)',
    core: 'wasm',
    clockHz: 100 * MHZ,
    flashBytes: 2 * MIB,
    ramBytes: 512 * KIB,
    slotBytes: 512 * KIB,
    arenaBytes: 256 * KIB,
    sectorBytes: 4 * KIB,
    programUnitBytes: 4,
    source: 'TinyFleet simulator',
  }),
  type({
    name: 'posix',
    title: 'Gateway or laptop (POSIX)',
    core: 'host',
    clockHz: 1_000 * MHZ,
    flashBytes: 64 * MIB,
    ramBytes: 64 * MIB,
    slotBytes: 8 * MIB,
    arenaBytes: 8 * MIB,
    stateBytes: 256 * KIB,
    sectorBytes: 4 * KIB,
    programUnitBytes: 1,
    source: 'TinyFleet posix port',
  }),
  qemu('qemu-m3', 'QEMU mps2-an385 (Cortex-M3)', 'cortex-m3'),
  qemu('qemu-m4', 'QEMU mps2-an386 (Cortex-M4F)', 'cortex-m4f'),
  qemu('qemu-m7', 'QEMU mps2-an500 (Cortex-M7)', 'cortex-m7'),
  qemu('qemu-m55', 'QEMU mps3-an547 (Cortex-M55)', 'cortex-m55'),
  type({
    name: 'arduino-uno',
    title: 'Arduino Uno (ATmega328P)',
    core: 'avr',
    clockHz: 16 * MHZ,
    flashBytes: 32 * KIB,
    ramBytes: 2 * KIB,
    slotBytes: 2 * KIB,
    arenaBytes: 128,
    stateBytes: 0,
    sectorBytes: 128,
    programUnitBytes: 128,
    profile: 'reduced',
    source: 'datasheet',
  }),
  ...boards(`
    rpi-pico | Raspberry Pi Pico (RP2040) | cortex-m0plus | 133 | 2048 | 264 | 512 | 160 | 4096 | 256
    rpi-pico2 | Raspberry Pi Pico 2 (RP2350) | cortex-m33 | 150 | 4096 | 520 | 1024 | 384 | 4096 | 256
    nano33-ble | Arduino Nano 33 BLE Sense (nRF52840) | cortex-m4f | 64 | 1024 | 256 | 352 | 160 | 4096 | 4
    nrf5340-dk | Nordic nRF5340 DK (application core) | cortex-m33 | 128 | 1024 | 512 | 352 | 320 | 4096 | 4
    nucleo-l4r5zi | ST NUCLEO-L4R5ZI | cortex-m4f | 120 | 2048 | 640 | 768 | 448 | 4096 | 8
    nucleo-f446re | ST NUCLEO-F446RE | cortex-m4f | 180 | 512 | 128 | 128 | 72 | 131072 | 4
    nucleo-h743zi | ST NUCLEO-H743ZI | cortex-m7 | 480 | 2048 | 1024 | 768 | 480 | 131072 | 32
    b-u585i-iot02a | ST B-U585I-IOT02A | cortex-m33 | 160 | 2048 | 786 | 768 | 560 | 8192 | 16
    b-l475e-iot01a | ST B-L475E-IOT01A | cortex-m4f | 80 | 1024 | 128 | 384 | 72 | 2048 | 8
    xiao-esp32c3 | Seeed XIAO ESP32C3 | riscv32 | 160 | 4096 | 400 | 1024 | 160 | 4096 | 4
    esp32-s3-devkit | Espressif ESP32-S3-DevKitC | xtensa | 240 | 8192 | 512 | 2048 | 256 | 4096 | 4
    ek-ra8m1 | Renesas EK-RA8M1 | cortex-m55 | 480 | 2048 | 1024 | 768 | 640 | 32768 | 128
    samd51-itsybitsy | Adafruit ItsyBitsy M4 (SAMD51) | cortex-m4f | 120 | 512 | 192 | 128 | 112 | 8192 | 16
    lpcxpresso55s69 | NXP LPCXpresso55S69 | cortex-m33 | 150 | 640 | 320 | 192 | 208 | 32768 | 512
  `),
];

function qemu(name: string, title: string, core: DeviceTypeSpec['core']): DeviceTypeSpec {
  return type({
    name,
    title,
    core,
    clockHz: 25 * MHZ,
    flashBytes: 4 * MIB,
    ramBytes: 4 * MIB,
    slotBytes: 512 * KIB,
    arenaBytes: 256 * KIB,
    sectorBytes: 4 * KIB,
    programUnitBytes: 4,
    source: 'TinyFleet qemu-cortex-m port',
  });
}

/** One board a line: name, title, core, MHz, flash KiB, RAM KiB, slot KiB, arena KiB, sector bytes, program unit bytes. */
function boards(table: string): DeviceTypeSpec[] {
  return table
    .trim()
    .split('\n')
    .map((line) => {
      const [name = '', title = '', core = '', ...numbers] = line.split('|').map((cell) => cell.trim());
      const [mhz = 0, flash = 0, ram = 0, slot = 0, arena = 0, sectorBytes = 0, programUnitBytes = 0] =
        numbers.map(Number);
      return type({
        name,
        title,
        core: core as DeviceTypeSpec['core'],
        clockHz: mhz * MHZ,
        flashBytes: flash * KIB,
        ramBytes: ram * KIB,
        slotBytes: slot * KIB,
        arenaBytes: arena * KIB,
        sectorBytes,
        programUnitBytes,
        source: 'datasheet',
      });
    });
}
