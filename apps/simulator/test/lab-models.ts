// Small models for experiments with updates: dense classifiers of about 24 KB that were fine-tuned from one another, as
// far as weights tell: a tenth of them differs, by a little.
import { GraphBuilder, compile, writeTflite } from '@tinyfleet/compiler';
import { Random } from '@tinyfleet/sensors';

const CLASSES = 4;
const QEMU = {
  inputs: 192,
  hidden: 112,
  deviceType: { name: 'qemu-m4', core: 'cortex-m4f', clockHz: 25e6, slotBytes: 65_536, arenaBytes: 65_536 },
} as const;
const UNO = {
  inputs: 32,
  hidden: 16,
  deviceType: {
    name: 'arduino-uno',
    core: 'avr',
    clockHz: 16e6,
    slotBytes: 2_048,
    arenaBytes: 256,
    stateBytes: 0,
    profile: 'reduced',
  },
} as const;

export const LAB_LABELS = Array.from({ length: CLASSES }, (_, i) => `class-${i}`);

/** The bundle of one of them for a device type of QEMU; another family has nothing in common but its inputs and outputs. */
export const labModel = (seed: number, family = 1): Promise<Uint8Array> => model(seed, family, QEMU);

/** The same with 32 inputs and 16 units, for a slot of 2 KB. */
export const unoModel = (seed: number, family = 1): Promise<Uint8Array> => model(seed, family, UNO);

interface LabOptions {
  readonly family?: number;
  readonly size?: typeof QEMU | typeof UNO;
  /** Where it would say class 0 it says class 1, and the other way round. */
  readonly swapped?: boolean;
}

/** As a .tflite file. */
export function labTflite(
  seed: number,
  { family = 1, size = QEMU, swapped = false }: LabOptions = {},
): Uint8Array {
  const { inputs, hidden: units } = size;
  const origin = new Random(family);
  const tuning = new Random(seed);
  const tuned = () => (tuning.uniform() < 0.1 ? Math.round(tuning.between(-2, 2)) : 0);
  const weights = (n: number) =>
    Int8Array.from({ length: n }, () => Math.round(origin.between(-125, 125)) + tuned());
  const g = new GraphBuilder('classifier');
  const layer = (name: string, input: number, shape: [number, number], inputScale: number) => {
    const rows = weights(shape[0] * shape[1]);
    if (swapped && name === 'sums')
      rows.set([...rows.subarray(units, 2 * units), ...rows.subarray(0, units)]);
    const filter = g.constant(`${name}-w`, shape, rows, { scale: 1 / 512 });
    const bias = g.constant(`${name}-b`, [shape[0]], new Int32Array(shape[0]), { scale: inputScale / 512 });
    return g.fullyConnected({ input, filter, bias }, { name, scale: 1 / 16 });
  };
  const x = g.input('x', [1, inputs], { scale: 1 / 32 });
  const hidden = layer('hidden', x, [units, inputs], 1 / 32);
  const sums = layer('sums', hidden, [CLASSES, units], 1 / 16);
  return writeTflite(g.build([g.softmax(sums, 'classes')]));
}

async function model(seed: number, family: number, size: typeof QEMU | typeof UNO): Promise<Uint8Array> {
  const bytes = labTflite(seed, { family, size });
  const { deviceType } = size;
  return (await compile({ bytes, fileName: 'classifier.tflite' }, { deviceType, labels: LAB_LABELS })).bundle;
}
