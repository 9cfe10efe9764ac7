// Builds a bare-metal image for one of QEMU's MPS2 boards with arm-none-eabi-gcc, and prints its path: fleet-run, which runs
// bundles from files, or with --agent tinyfleet-device, the whole device.
//   node firmware-stubs/ports/cortex-m/build.mjs [--agent] m3|m4|m7
// How QEMU is started is in port-runner.ts and qemu-device.ts.
import { pathToFileURL } from 'node:url';
import { AGENT, buildImage } from '../build.mjs';

/** The board of each core, and where it has its PSRAM. Timer 0 is at the same place on all. */
export const CORES = {
  m3: { cpu: 'cortex-m3', board: 'mps2-an385', psram: '0x21000000' },
  m4: { cpu: 'cortex-m4', board: 'mps2-an386', psram: '0x21000000' },
  m7: { cpu: 'cortex-m7', board: 'mps2-an500', psram: '0x60000000' },
};

/** Path of the image. */
export function buildCortexM(core, { agent = false } = {}) {
  const { cpu, psram } = CORES[core];
  return buildImage({
    name: `${agent ? 'tinyfleet-device' : 'fleet-run'}-${core}.elf`,
    cc: 'arm-none-eabi-gcc',
    folders: agent
      ? [
          ...AGENT,
          'crypto/include',
          'crypto/src',
          'ports/serial-modem',
          'ports/cortex-m',
          'ports/cortex-m/agent',
        ]
      : ['ports/run', 'ports/cortex-m', 'ports/cortex-m/run'],
    // Integer code: no floating-point registers to save, and a soft-float call would be seen by its size.
    flags: [
      `-mcpu=${cpu}`,
      '-mthumb',
      '-mfloat-abi=soft',
      '-ffreestanding',
      '-ffunction-sections',
      '-fdata-sections',
    ],
    own: agent ? [] : ['-DFLEET_RUN_TIMER=0x40000000'],
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
  const args = process.argv.slice(2);
  const core = args.find((arg) => !arg.startsWith('--')) ?? '';
  if (!Object.hasOwn(CORES, core)) throw new Error(`Which core? ${Object.keys(CORES).join(' | ')}`);
  process.stdout.write(`${await buildCortexM(core, { agent: args.includes('--agent') })}\n`);
}
