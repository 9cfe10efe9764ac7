/** What runs without hardware: the simulator, POSIX and QEMU. Their figures are those of our ports. */
import { KIB, MHZ, seen, type, type DeviceTypeSpec } from './board.js';

const MIB = 1_024 * KIB;
const figures = [
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
] as const;
const all = (from: string) => Object.fromEntries(figures.map((figure) => [figure, seen(from)]));

export const OWN: readonly DeviceTypeSpec[] = [
  type({
    name: 'wasm',
    title: 'Simulated device (WebAssembly)',
    core: 'wasm',
    clockHz: 100 * MHZ,
    flashBytes: 2 * MIB,
    ramBytes: 512 * KIB,
    slotBytes: 512 * KIB,
    arenaBytes: 256 * KIB,
    stateBytes: 8 * KIB,
    sectorBytes: 4 * KIB,
    programUnitBytes: 4,
    features: [],
    sources: all('chosen: firmware-stubs/ports/wasm as the simulator gives it'),
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
    features: [],
    sources: all('chosen: firmware-stubs/ports/posix'),
  }),
  qemu('qemu-m3', 'QEMU mps2-an385 (Cortex-M3)', 'cortex-m3', []),
  qemu('qemu-m4', 'QEMU mps2-an386 (Cortex-M4F)', 'cortex-m4f', ['dsp', 'fpu']),
  qemu('qemu-m7', 'QEMU mps2-an500 (Cortex-M7)', 'cortex-m7', ['dsp', 'fpu']),
  qemu('qemu-m55', 'QEMU mps3-an547 (Cortex-M55)', 'cortex-m55', ['dsp', 'fpu', 'mve']),
];

function qemu(
  name: string,
  title: string,
  core: DeviceTypeSpec['core'],
  features: NonNullable<DeviceTypeSpec['features']>,
): DeviceTypeSpec {
  const machine = seen('QEMU docs/system/arm/mps2.rst, the machine');
  return type({
    name,
    title,
    core,
    clockHz: 25 * MHZ,
    flashBytes: 4 * MIB,
    ramBytes: 4 * MIB,
    slotBytes: 512 * KIB,
    arenaBytes: 256 * KIB,
    stateBytes: 8 * KIB,
    sectorBytes: 4 * KIB,
    programUnitBytes: 4,
    features,
    sources: {
      ...all('chosen: firmware-stubs/ports/cortex-m, PSRAM as flash'),
      core: machine,
      features: machine,
    },
  });
}
