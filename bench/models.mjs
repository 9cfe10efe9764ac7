// Models: every shared model compiled or refused, the reference vectors on every target, float references, known answers,
// the C and .tflite backends. Reads ../shared/data; nothing is measured without it.
//   npm run bench -- models [--only files,vectors,float,answers,backends]
import { existsSync } from 'node:fs';
import { stdout } from 'node:process';
import { fileURLToPath } from 'node:url';
import { measureAnswers } from './models/answers.mjs';
import { measureBackends } from './models/backends.mjs';
import { measureFloat } from './models/float.mjs';
import { measureFiles } from './models/files.mjs';
import { measureVectors } from './models/vectors.mjs';
import { printBars } from './report.mjs';

const DATA = fileURLToPath(new URL('../../shared/data', import.meta.url));

const SECTIONS = {
  files: measureFiles,
  vectors: measureVectors,
  float: measureFloat,
  answers: measureAnswers,
  backends: measureBackends,
};

export async function run(args = []) {
  if (!existsSync(DATA)) {
    stdout.write('models left out: ../shared/data is not here\n');
    return { bars: [] };
  }
  const only = args.includes('--only') ? (args[args.indexOf('--only') + 1] ?? '').split(',') : null;
  const bars = [];
  for (const [name, measure] of Object.entries(SECTIONS)) {
    if (only !== null && !only.includes(name)) continue;
    stdout.write(`${name}\n`);
    bars.push(...(await measure(DATA)));
    stdout.write('\n');
  }
  printBars(bars);
  return { bars };
}
