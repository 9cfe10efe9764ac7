// The shared models, as the compiler takes them, and a device type that all of them fit.
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Room for everything: what is measured is the model, not the device. */
export const ROOMY = {
  name: 'roomy',
  core: 'cortex-m4f',
  clockHz: 120_000_000,
  slotBytes: 64 << 20,
  arenaBytes: 64 << 20,
  stateBytes: 1 << 20,
};

const MODEL_FILE = /\.(tflite|onnx|h5|keras)$/;

/** Every model file or folder of a model. @returns {{ name: string, path: string }[]} */
export function modelPaths(data) {
  const tiny = join(data, 'mlperf_tiny');
  const models = join(data, 'models');
  return [
    ...readdirSync(tiny)
      .filter((name) => MODEL_FILE.test(name))
      .map((name) => join(tiny, name)),
    ...readdirSync(models)
      .filter((name) => MODEL_FILE.test(name) || statSync(join(models, name)).isDirectory())
      .map((name) => join(models, name)),
  ].map((path) => ({ name: path.slice(data.length + 1), path }));
}

/** A file, or a folder with a model.json and its weight files. */
export function readSource(path) {
  const fileName = path.slice(path.lastIndexOf('/') + 1);
  if (!statSync(path).isDirectory()) return { bytes: readFileSync(path), fileName };
  const names = readdirSync(path);
  const files = new Map(names.map((name) => [name, readFileSync(join(path, name))]));
  return { bytes: files.get('model.json'), fileName: 'model.json', files };
}
