// Builds fleet-run as a bare-metal image for one of QEMU's MPS2 boards with arm-none-eabi-gcc, and prints its path.
//   node firmware-stubs/ports/cortex-m/build.mjs m3|m4|m7
// Run it: qemu-system-arm -M BOARD -icount shift=0 -kernel IMAGE -semihosting-config enable=on,target=native,arg=... ;
// port-runner.ts does.
import { pathToFileURL } from 'node:url';
import { buildImage } from '../build.mjs';

/** The board of each core, and where it has its PSRAM. Timer 0 is at the same place on all. */
export const CORES = {
  m3: { cpu: 'cortex-m3', board: 'mps2-an385', psram: '0x21000000' },
  m4: { cpu: 'cortex-m4', board: 'mps2-an386', psram: '0x21000000' },
  m7: { cpu: 'cortex-m7', board: 'mps2-an500', psram: '0x60000000' },
};

/** Path of the image. */
export function buildCortexM(core) {
  const { cpu, psram } = CORES[core];
  return buildImage({
    name: `fleet-run-${core}.elf`,
    cc: 'arm-none-eabi-gcc',
    folders: ['ports/run', 'ports/cortex-m'],
    // Integer code: no floating-point registers to save, and a soft-float call would be seen by its size.
    flags: [
      `-mcpu=${cpu}`,
      '-mthumb',
      '-mfloat-abi=soft',
      '-ffreestanding',
      '-ffunction-sections',
      '-fdata-sections',
      '-DFLEET_RUN_TIMER=0x40000000',
    ],
    link: [
      '-nostartfiles',
      '-Wl,--gc-sections',
      `-Wl,--defsym=link_psram=${psram}`,
      '-T',
      'ports/cortex-m/mps2.ld',
    ],
  });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const core = process.argv[2] ?? '';
  if (!Object.hasOwn(CORES, core)) throw new Error(`Which core? ${Object.keys(CORES).join(' | ')}`);
  process.stdout.write(`${await buildCortexM(core)}\n`);
}
