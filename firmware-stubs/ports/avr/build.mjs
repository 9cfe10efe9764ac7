// Builds the reduced agent for the ATmega328P with avr-gcc, and, with --simavr, the machine that runs it here; prints the path.
//   node firmware-stubs/ports/avr/build.mjs [--simavr]     tinyfleet-avr.elf with tinyfleet-avr.hex beside it, or tinyfleet-simavr
// The program has 27,904 bytes: what is left of 32 KB below the identity, two slots and the boot section (board.h). More does not link.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { buildUnits } from '../build.mjs';

const run = promisify(execFile);
const firmware = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** What of the other folders the reduced agent is made of, compiled with FLEET_PROFILE_REDUCED. */
export const SHARED_UNITS = [
  'agent/src/cbor.c',
  'agent/src/sha256.c',
  'agent/src/hmac.c',
  'agent/reduced/src/histogram.c',
  'agent/src/mqtt.c',
  'agent/src/manifest.c',
  'runtime/kernels/fully_connected.c',
  'runtime/kernels/softmax.c',
  'runtime/src/integer.c',
];
export const REDUCED_UNITS = ['model', 'records', 'reduced', 'update'].map((n) => `agent/reduced/src/${n}.c`);
export const REDUCED_INCLUDES = [
  'runtime/include',
  'runtime/src',
  'agent/include',
  'agent/src',
  'agent/reduced/include',
  'agent/reduced/src',
];

export const PROGRAM_BYTES = 0x6d00;
const BOOT_AT = 0x7e00;
const BOOT_BYTES = 512;

const FLAGS = [
  '-mmcu=atmega328p',
  '-DF_CPU=16000000UL',
  '-DFLEET_PROFILE_REDUCED',
  '-std=gnu99', // __flash
  '-Os',
  '-Wall',
  '-Wextra',
  '-ffunction-sections',
  '-fdata-sections',
  '-fshort-enums',
  '-mcall-prologues',
  '-mrelax',
  '-mstrict-X',
  // Found one by one: each makes the program smaller with gcc 5.4, the first one because it crashes on __flash pointers.
  '-fno-ivopts',
  '-fno-tree-ter',
  '-fno-tree-loop-optimize',
  '-fno-move-loop-invariants',
  '-fno-rerun-cse-after-loop',
  '-fno-ipa-sra',
  '-fno-ipa-pure-const',
  '-fno-inline-small-functions',
  '-fno-shrink-wrap',
];

/** Path of the ELF file; the .hex lies beside it. */
export async function buildAvr() {
  const port = ['ports/serial-modem/modem.c', ...['main', 'serial', 'flash'].map((n) => `ports/avr/${n}.c`)];
  const image = await buildUnits({
    name: 'tinyfleet-avr.elf',
    cc: 'avr-gcc',
    units: [...SHARED_UNITS, ...REDUCED_UNITS, ...port],
    includes: [...REDUCED_INCLUDES, 'ports/serial-modem', 'ports/avr'],
    flags: FLAGS,
    link: [
      '-Wl,--gc-sections',
      `-Wl,--section-start=.bootloader=0x${BOOT_AT.toString(16)}`,
      `-Wl,--defsym=__TEXT_REGION_LENGTH__=${BOOT_AT + BOOT_BYTES}`,
    ],
  });
  const sections = await avrSections(image);
  const program = sections['.text'] + sections['.data'];
  if (program > PROGRAM_BYTES || sections['.bootloader'] > BOOT_BYTES)
    throw new Error(
      `the program has ${program} of ${PROGRAM_BYTES} bytes, its boot section ${sections['.bootloader']} of ${BOOT_BYTES}`,
    );
  const hex = image.replace(/elf$/, 'hex');
  if (!existsSync(hex)) {
    await run('avr-objcopy', ['-O', 'ihex', '-R', '.eeprom', image, `${hex}.${process.pid}`]);
    await rename(`${hex}.${process.pid}`, hex);
  }
  return image;
}

/** Bytes of each section. @param {string} image */
export async function avrSections(image) {
  const { stdout } = await run('avr-size', ['-A', image]);
  return Object.fromEntries(
    [...stdout.matchAll(/^(\.\w+)\s+(\d+)/gm)].map(([, name, n]) => [name, Number(n)]),
  );
}

/** Path of the machine: needs gcc, libsimavr and libelf. */
export function buildSimavr() {
  return buildUnits({
    name: 'tinyfleet-simavr',
    cc: 'gcc',
    units: ['ports/avr/simavr/main.c'],
    includes: [],
    flags: ['-std=gnu11', '-O2', '-Wall', '-Wextra'],
    link: ['-lsimavr', '-lelf'],
  });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  process.stdout.write(`${await (process.argv.includes('--simavr') ? buildSimavr() : buildAvr())}\n`);
