// Makes models/: trains, quantizes and writes the demo models, their labels and the validation data. Run by hand
// (node tools/demo-model/dist/main.js [version ...]); the results are committed and change only with a recipe.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { writeTflite } from '@tinyfleet/compiler';
import { VIBRATION_AXES, VIBRATION_CLASSES, VIBRATION_SAMPLES } from '@tinyfleet/sensors';
import { makeDataset } from './dataset.js';
import { accuracyOf, argmax, confusion, forward } from './evaluate.js';
import { writeNpy } from './npy.js';
import { quantize } from './quantize.js';
import { train } from './train.js';
import { RECIPES, trainingData, VALIDATION } from './versions.js';

const print = (line: string) => process.stdout.write(`${line}\n`);
const wanted = process.argv.slice(2);
const folder = path.resolve(
  process.env['TINYFLEET_DEMO_MODEL_DIR'] ?? path.join(import.meta.dirname, '../models'),
);
await mkdir(folder, { recursive: true });

const validation = makeDataset(VALIDATION);
const shape = [VALIDATION.frames, VIBRATION_SAMPLES, 1, VIBRATION_AXES];
await writeFile(path.join(folder, 'validation-x.npy'), writeNpy(validation.x, shape));
await writeFile(path.join(folder, 'validation-y.npy'), writeNpy(validation.y, [VALIDATION.frames]));
await writeFile(path.join(folder, 'labels.txt'), VIBRATION_CLASSES.join('\n') + '\n');

for (const recipe of RECIPES) {
  if (wanted.length > 0 && !wanted.includes(recipe.name)) continue;
  print(`${recipe.name}: ${recipe.story}`);
  const data = trainingData(recipe);
  const model = await train(data, { ...recipe.training, log: print });
  const table = confusion(validation, (frame) => argmax(forward(model, frame).at(-1)!.data));
  print(`${recipe.name}: float accuracy ${accuracyOf(table).toFixed(4)} ${JSON.stringify(table)}`);
  const bytes = writeTflite(
    quantize(model, data, recipe.name),
    `TinyFleet demo ${recipe.name}: ${recipe.story}`,
  );
  await writeFile(path.join(folder, `${recipe.name}.tflite`), bytes);
  print(`${recipe.name}: ${bytes.length} bytes`);
}
