/**
 * A board of the catalogue, each figure with where it is from. `seen`: somebody looked there. `known`: from memory of the
 * document, not looked up. Slot, arena and state are ours: computed here from what a firmware with a network stack keeps.
 */
import type { Resource } from '@tinyfleet/contracts';
import { FIRMWARE_OPS, REDUCED_FIRMWARE_OPS } from '@tinyfleet/wire';

export type DeviceTypeSpec = Omit<Resource<'DeviceType'>, 'builtIn' | 'revision'>;
export type FigureSource = Resource<'FigureSource'>;
/** A figure and where it is from. */
type Figure<T> = readonly [T, FigureSource];

/** Runtime ABI of the firmware that comes with this version. */
export const FIRMWARE_ABI = '1.0';
export const KIB = 1_024;
export const MHZ = 1_000_000;
const STATE_BYTES = 8 * KIB;

export const seen = (from: string): FigureSource => ({ from, checked: true });
export const known = (from: string): FigureSource => ({ from, checked: false });
/** A file of the Zephyr project, which boots on these boards. */
export const zephyr = (file: string): FigureSource => seen(`Zephyr ${file}`);

export interface Board {
  readonly name: string;
  readonly title: string;
  readonly core: Figure<DeviceTypeSpec['core']>;
  readonly mhz: Figure<number>;
  readonly flashKib: Figure<number>;
  readonly ramKib: Figure<number>;
  readonly sectorBytes: Figure<number>;
  readonly programUnitBytes: Figure<number>;
  readonly features: Figure<NonNullable<DeviceTypeSpec['features']>>;
  readonly slotKib: number;
  readonly arenaKib: number;
}

export function board(from: Board): DeviceTypeSpec {
  const { name, title, core, mhz, flashKib, ramKib, sectorBytes, programUnitBytes, features } = from;
  const { slotKib, arenaKib } = from;
  return type({
    name,
    title,
    core: core[0],
    clockHz: mhz[0] * MHZ,
    flashBytes: flashKib[0] * KIB,
    ramBytes: ramKib[0] * KIB,
    slotBytes: slotKib * KIB,
    arenaBytes: arenaKib * KIB,
    stateBytes: STATE_BYTES,
    sectorBytes: sectorBytes[0],
    programUnitBytes: programUnitBytes[0],
    features: features[0],
    sources: {
      core: core[1],
      clockHz: mhz[1],
      flashBytes: flashKib[1],
      ramBytes: ramKib[1],
      sectorBytes: sectorBytes[1],
      programUnitBytes: programUnitBytes[1],
      features: features[1],
      slotBytes: seen(
        `derived: half of the flash without ${flashKib[0] - 2 * slotKib} KiB for firmware, bootloader and settings`,
      ),
      arenaBytes: seen(
        `derived: RAM without the state and ${ramKib[0] - arenaKib - STATE_BYTES / KIB} KiB for stacks, buffers of the network and the firmware's own`,
      ),
      stateBytes: seen('chosen: streaming state and front-end history of the reference models, four times'),
    },
  });
}

export function type(
  spec: Omit<DeviceTypeSpec, 'abi' | 'ops' | 'source' | 'sources'> &
    Required<Pick<DeviceTypeSpec, 'sources'>>,
): DeviceTypeSpec {
  const documents = new Set(
    Object.values(spec.sources)
      .filter(isDocument)
      .map(({ from }) => from),
  );
  return {
    ...spec,
    abi: FIRMWARE_ABI,
    ops: spec.profile === 'reduced' ? REDUCED_FIRMWARE_OPS : FIRMWARE_OPS,
    source: documents.size > 0 ? [...documents].join('; ') : (spec.sources.core?.from ?? ''),
  };
}

const isDocument = ({ from }: FigureSource): boolean => !/^(derived|chosen)/.test(from);
