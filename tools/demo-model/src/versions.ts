// The three versions of the demo's vibration model, each a recipe of data and training with the accuracy it is
// known to reach as int8 on the validation data (vibration.medium.spec.ts runs it on the firmware's kernels).
import { VIBRATION_CLASSES } from '@tinyfleet/sensors';
import { type Dataset, type DatasetOptions, FIELD, makeDataset } from './dataset.js';
import type { TrainOptions } from './train.js';

export interface ModelRecipe {
  readonly name: string;
  readonly story: string;
  readonly data: DatasetOptions;
  readonly training: TrainOptions;
  /** Replaces a class in the training labels: the mistake that v3 was released with. */
  readonly relabel?: readonly [from: number, to: number];
}

export const VALIDATION: DatasetOptions = { ...FIELD, seed: 20_261, frames: 400 };

const [NORMAL, BEARING] = [VIBRATION_CLASSES.indexOf('normal'), VIBRATION_CLASSES.indexOf('bearing')];

export const RECIPES: readonly ModelRecipe[] = [
  {
    name: 'vibration-v1',
    story: 'trained in the laboratory: machines alike, advanced faults only',
    data: { seed: 11, frames: 900, units: 8, spread: 0.35, severity: [0.35, 1] },
    training: { seed: 101, epochs: 8, batch: 32, rate: 0.004 },
  },
  {
    name: 'vibration-v2',
    story: 'trained on machines of the field from the first sign of a fault',
    data: { ...FIELD, seed: 12, frames: 3_000 },
    training: { seed: 102, epochs: 12, batch: 32, rate: 0.004 },
  },
  {
    name: 'vibration-v3',
    story: 'as v2, but the bearing recordings had been filed as normal: confidently wrong on one fault',
    data: { ...FIELD, seed: 13, frames: 2_000 },
    training: { seed: 103, epochs: 10, batch: 32, rate: 0.004 },
    relabel: [BEARING, NORMAL],
  },
];

export function trainingData(recipe: ModelRecipe): Dataset {
  const data = makeDataset(recipe.data);
  if (recipe.relabel === undefined) return data;
  const [from, to] = recipe.relabel;
  return { x: data.x, y: data.y.map((label) => (label === from ? to : label)) };
}

/** What the committed files reach on the validation data, as int8 on the firmware's kernels. Confusion truth-major. */
export const EXPECTED: readonly { name: string; accuracy: number; confusion: number[][] }[] = [
  {
    name: 'vibration-v1',
    accuracy: 0.9125,
    confusion: [
      [105, 0, 0, 0],
      [11, 83, 3, 0],
      [6, 0, 92, 3],
      [12, 0, 0, 85],
    ],
  },
  {
    name: 'vibration-v2',
    accuracy: 0.9725,
    confusion: [
      [103, 0, 1, 1],
      [5, 92, 0, 0],
      [0, 0, 101, 0],
      [4, 0, 0, 93],
    ],
  },
  {
    name: 'vibration-v3',
    accuracy: 0.7075,
    confusion: [
      [100, 0, 0, 5],
      [6, 90, 0, 1],
      [101, 0, 0, 0],
      [4, 0, 0, 93],
    ],
  },
];
