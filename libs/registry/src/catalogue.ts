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
/** As the boards of the catalogue are built: the M33s all have both options. */
const FEATURES: Partial<Record<DeviceTypeSpec['core'], NonNullable<DeviceTypeSpec['features']>>> = {
  'cortex-m4': ['dsp'],
  'cortex-m4f': ['dsp', 'fpu'],
  'cortex-m7': ['dsp', 'fpu'],
  'cortex-m33': ['dsp', 'fpu'],
  'cortex-m55': ['dsp', 'fpu', 'mve'],
  xtensa: ['fpu'],
};
const type = (row: Row): DeviceTypeSpec => ({
  abi: ABI,
  stateBytes: 8 * KIB,
  features: FEATURES[row.core] ?? [],
  ...row,
});

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
    source: 'ATmega328P datasheet (clock, flash, RAM, page); slot, arena derived',
  }),
  ...boards(`
    rpi-pico | Raspberry Pi Pico (RP2040) | cortex-m0plus | 133 | 2048 | 264 | 512 | 160 | 4096 | 256 | RP2040 datasheet 1.1; Pico datasheet (flash); W25Q16JV datasheet (sector, page)
    rpi-pico2 | Raspberry Pi Pico 2 (RP2350) | cortex-m33 | 150 | 4096 | 520 | 1024 | 384 | 4096 | 256 | RP2350 datasheet 1.1; Pico 2 datasheet (flash); W25Q32RV datasheet (sector, page)
    nano33-ble | Arduino Nano 33 BLE Sense (nRF52840) | cortex-m4f | 64 | 1024 | 256 | 352 | 160 | 4096 | 4 | nRF52840 product specification, CPU, Memory and NVMC
    nrf5340-dk | Nordic nRF5340 DK (application core) | cortex-m33 | 128 | 1024 | 512 | 352 | 320 | 4096 | 4 | nRF5340 product specification, application core, Memory and NVMC
    nucleo-l4r5zi | ST NUCLEO-L4R5ZI | cortex-m4f | 120 | 2048 | 640 | 768 | 448 | 4096 | 8 | DS12023 (core, flash, RAM); RM0432, embedded flash (page in dual-bank mode, double word)
    nucleo-f446re | ST NUCLEO-F446RE | cortex-m4f | 180 | 512 | 128 | 128 | 72 | 131072 | 4 | DS10693 (core, flash, RAM); RM0390, embedded flash (largest sector, word)
    nucleo-h743zi | ST NUCLEO-H743ZI | cortex-m7 | 480 | 2048 | 1024 | 768 | 480 | 131072 | 32 | DS12110 (core, flash, RAM); RM0433, embedded flash (sector, flash word)
    b-u585i-iot02a | ST B-U585I-IOT02A | cortex-m33 | 160 | 2048 | 786 | 768 | 560 | 8192 | 16 | DS13086 (core, flash, RAM); RM0456, embedded flash (page, quad word)
    b-l475e-iot01a | ST B-L475E-IOT01A | cortex-m4f | 80 | 1024 | 128 | 384 | 72 | 2048 | 8 | DS10969 (core, flash, RAM); RM0351, embedded flash (page, double word)
    xiao-esp32c3 | Seeed XIAO ESP32C3 | riscv32 | 160 | 4096 | 400 | 1024 | 160 | 4096 | 4 | ESP32-C3 datasheet (core, RAM); board (flash); SPI NOR (sector); program unit derived
    esp32-s3-devkit | Espressif ESP32-S3-DevKitC | xtensa | 240 | 8192 | 512 | 2048 | 256 | 4096 | 4 | ESP32-S3 datasheet (core, RAM); module (flash); SPI NOR (sector); program unit derived
    ek-ra8m1 | Renesas EK-RA8M1 | cortex-m55 | 480 | 2048 | 1024 | 768 | 640 | 32768 | 128 | RA8M1 datasheet and hardware manual, flash memory
    samd51-itsybitsy | Adafruit ItsyBitsy M4 (SAMD51) | cortex-m4f | 120 | 512 | 192 | 128 | 112 | 8192 | 16 | SAM D5x/E5x datasheet, DSU and NVMCTRL (block, quad word)
    lpcxpresso55s69 | NXP LPCXpresso55S69 | cortex-m33 | 150 | 640 | 320 | 192 | 208 | 32768 | 512 | LPC55S6x datasheet and user manual, flash (erase and write unit)
    nrf52840-dk | Nordic nRF52840 DK | cortex-m4f | 64 | 1024 | 256 | 352 | 160 | 4096 | 4 | nRF52840 product specification, CPU, Memory and NVMC
    stm32f746-disco | ST 32F746GDISCOVERY | cortex-m7 | 216 | 1024 | 340 | 256 | 224 | 262144 | 4 | DS10916 (core, flash, RAM); RM0385, embedded flash (largest sector, word)
    nucleo-h7a3zi | ST NUCLEO-H7A3ZI-Q | cortex-m7 | 280 | 2048 | 1376 | 768 | 960 | 8192 | 16 | DS13195 (core, flash, RAM); RM0455, embedded flash (sector, flash word)
    esp32-devkitc | Espressif ESP32-DevKitC | xtensa | 240 | 4096 | 520 | 1024 | 160 | 4096 | 4 | ESP32 datasheet (core, RAM); ESP32-WROOM-32E datasheet (flash); SPI NOR (sector); program unit derived
    efr32xg24 | Silicon Labs xG24 (EFR32MG24) | cortex-m33 | 78 | 1536 | 256 | 512 | 144 | 8192 | 4 | EFR32MG24 datasheet (core, flash, RAM); EFR32xG24 reference manual, MSC (page, word)
    corstone-300 | Arm Corstone-300 (MPS3) | cortex-m55 | 32 | 8192 | 2048 | 1024 | 1024 | 4096 | 4 | AN547 application note (clock, memories); sector and program unit derived
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

/**
 * One board a line: name, title, core, MHz, flash KiB, RAM KiB, slot KiB, arena KiB, sector bytes, program unit bytes, and
 * the documents of these figures. Slot and arena are ours: what a firmware with a network stack leaves.
 */
function boards(table: string): DeviceTypeSpec[] {
  return table
    .trim()
    .split('\n')
    .map((line) => {
      const [name = '', title = '', core = '', ...numbers] = line.split('|').map((cell) => cell.trim());
      const document = numbers.pop() ?? '';
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
        source: `${document}; slot, arena and state derived`,
      });
    });
}
