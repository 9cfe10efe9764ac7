/** Device types: hardware profiles with the source of their figures. */
import { z } from '../zod.js';
import { Name } from '../names.js';

export const DeviceType = z
  .object({
    name: Name,
    title: z.string(),
    core: z.enum([
      'cortex-m0plus',
      'cortex-m3',
      'cortex-m4',
      'cortex-m4f',
      'cortex-m7',
      'cortex-m33',
      'cortex-m55',
      'riscv32',
      'avr',
      'xtensa',
      'wasm',
      'host',
    ]),
    clockHz: z.int(),
    flashBytes: z.int(),
    ramBytes: z.int(),
    /** What is left for one model slot and for the arena. */
    slotBytes: z.int(),
    arenaBytes: z.int(),
    stateBytes: z.int(),
    sectorBytes: z.int(),
    programUnitBytes: z.int(),
    /** What the core computes with beside integers: 16-bit SIMD, floating point, vectors (Helium). */
    features: z.array(z.enum(['dsp', 'fpu', 'mve'])).optional(),
    /** `reduced`: bundles carry what the device reads and nothing for tools. Default `full`. */
    profile: z.enum(['full', 'reduced']).optional(),
    /** Runtime ABI `major.minor`. */
    abi: z.string(),
    builtIn: z.boolean(),
    /** Grows with every change. */
    revision: z.int(),
    source: z.string(),
  })
  .meta({ id: 'DeviceType' });
export const DeviceTypeCreate = DeviceType.omit({ builtIn: true, revision: true }).partial({
  source: true,
  abi: true,
});
