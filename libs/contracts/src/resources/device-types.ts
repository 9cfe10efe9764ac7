/** Device types: hardware profiles with the source of their figures. */
import { z } from '../zod.js';
import { Name } from '../names.js';

const Bytes = z
  .int()
  .min(0)
  .max(2 ** 40);
/** What is said of a figure. */
export const FigureSource = z
  .object({
    /** Document, revision and place in it; or how it was derived. */
    from: z.string().min(1).max(300),
    /** Somebody has looked there. False: from memory of the document. */
    checked: z.boolean(),
  })
  .meta({ id: 'FigureSource' });
export const DeviceTypeFigure = z.enum([
  'core',
  'clockHz',
  'flashBytes',
  'ramBytes',
  'sectorBytes',
  'programUnitBytes',
  'features',
  'slotBytes',
  'arenaBytes',
  'stateBytes',
]);

export const DeviceType = z
  .object({
    name: Name,
    title: z.string().max(200),
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
    clockHz: z.int().min(1).max(1e11),
    flashBytes: Bytes,
    ramBytes: Bytes,
    /** What is left for one model slot and for the arena. */
    slotBytes: Bytes,
    arenaBytes: Bytes,
    stateBytes: Bytes,
    sectorBytes: z
      .int()
      .min(1)
      .max(2 ** 30),
    programUnitBytes: z.int().min(1).max(65_536),
    /** What the core computes with beside integers: 16-bit SIMD, floating point, vectors (Helium). */
    features: z.array(z.enum(['dsp', 'fpu', 'mve'])).optional(),
    /** `reduced`: bundles carry what the device reads and nothing for tools. Default `full`. */
    profile: z.enum(['full', 'reduced']).optional(),
    /** Runtime ABI `major.minor` of its firmware. */
    abi: z.string().regex(/^\d{1,5}\.\d{1,5}$/, 'is written major.minor'),
    /** Ops that its firmware runs: names of docs/spec/supported-ops.md, version of each one's parameters. */
    ops: z
      .record(z.string().regex(/^[A-Z][A-Z0-9_]{0,47}$/), z.int().min(1).max(255))
      .refine((ops) => Object.keys(ops).length <= 320, 'has more than 320 ops'),
    builtIn: z.boolean(),
    /** Grows with every change. */
    revision: z.int(),
    source: z.string().max(1_000),
    /** Where single figures are from. */
    sources: z.partialRecord(DeviceTypeFigure, FigureSource).optional(),
  })
  .meta({ id: 'DeviceType' });
/** Without `abi` and `ops`: those of the firmware that this server came with. */
export const DeviceTypeCreate = DeviceType.omit({ builtIn: true, revision: true }).partial({
  source: true,
  abi: true,
  ops: true,
});
/** What is not named stays. */
export const DeviceTypePatch = DeviceType.omit({ name: true, builtIn: true, revision: true }).partial();
