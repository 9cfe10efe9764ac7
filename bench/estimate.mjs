// The compiler's estimate of instructions against QEMU's count on a Cortex-M4, per model and per operator, and the
// coefficients that today's kernels would give: what to write into driver/estimate.ts when kernels have changed.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stdout } from 'node:process';
import { fileURLToPath } from 'node:url';
import { compile, estimate } from '@tinyfleet/compiler';
import { runOnPort } from '@tinyfleet/firmware';
import { ROOMY } from './models/sources.mjs';
import { TINY } from './models/vectors.mjs';
import { bar, printBars, table } from './report.mjs';

const DATA = fileURLToPath(new URL('../../shared/data/mlperf_tiny', import.meta.url));
const PER_STEP = 300;
/** What the estimate states as its error. */
const STATED = 0.05;

export async function run() {
  if (!existsSync(DATA)) {
    stdout.write('estimate left out: ../shared/data is not here\n');
    return { bars: [] };
  }
  const steps = [];
  const models = [];
  for (const name of TINY) {
    const source = { bytes: readFileSync(join(DATA, `${name}.tflite`)), fileName: `${name}.tflite` };
    const { bundle, report } = await compile(source, { deviceType: ROOMY });
    const { input_bytes: bytes } = JSON.parse(readFileSync(join(DATA, `vectors/${name}/meta.json`)));
    const input = readFileSync(join(DATA, `vectors/${name}/inputs.bin`)).subarray(0, bytes);
    const [inference] = (await runOnPort('m4', bundle, input, { steps: true })).inferences;
    const { instructions, milliseconds } = estimate(report.ops, ROOMY);
    models.push({ name, measured: inference.cost, estimated: instructions, milliseconds });
    report.ops.forEach((op, i) => steps.push({ ...op, cost: inference.steps[i].cost }));
  }
  table(
    ['model', 'instructions on M4', 'estimated', 'error', 'ms at 120 MHz'],
    models.map((m) => [
      m.name,
      m.measured,
      m.estimated,
      `${((m.estimated / m.measured - 1) * 100).toFixed(1)} %`,
      m.milliseconds.toFixed(2),
    ]),
  );
  stdout.write('\n');
  const ops = groupBy(steps);
  table(
    ['op', 'steps', 'instructions per round', 'per output byte', 'largest error of a step'],
    [...ops].map(([op, list]) => {
      const { perRound, perOutputByte, error } = fit(list);
      return [
        op,
        list.length,
        perRound.toFixed(2),
        perOutputByte.toFixed(1),
        `${(error * 100).toFixed(0)} %`,
      ];
    }),
  );
  stdout.write('\n');
  const worst = Math.max(...models.map((m) => Math.abs(m.estimated / m.measured - 1)));
  const bars = [
    bar({ id: 'estimate.instructions', value: worst, bar: STATED, better: 'lower', unit: 'relative error' }),
  ];
  printBars(bars);
  return { bars };
}

function groupBy(steps) {
  const groups = new Map();
  for (const step of steps) groups.set(step.op, [...(groups.get(step.op) ?? []), step]);
  return groups;
}

/** Least squares of the relative error over non-negative perRound and perOutputByte. */
function fit(steps) {
  let [ww, wo, oo, wy, oy] = [0, 0, 0, 0, 0];
  for (const { cost, work, outputBytes } of steps) {
    const [w, o, y] = [work / cost, outputBytes / cost, (cost - PER_STEP) / cost];
    ww += w * w;
    wo += w * o;
    oo += o * o;
    wy += w * y;
    oy += o * y;
  }
  const det = ww * oo - wo * wo;
  const candidates = [
    [wy / ww, 0],
    [0, oy / oo],
  ];
  if (det > 1e-12) candidates.push([(wy * oo - oy * wo) / det, (ww * oy - wo * wy) / det]);
  const errors = ([a, b]) => steps.map((s) => (PER_STEP + a * s.work + b * s.outputBytes) / s.cost - 1);
  const squares = (c) => errors(c).reduce((n, e) => n + e * e, 0);
  const best = candidates
    .filter(([a, b]) => a >= 0 && b >= 0)
    .reduce((a, b) => (squares(b) < squares(a) ? b : a));
  return { perRound: best[0], perOutputByte: best[1], error: Math.max(...errors(best).map(Math.abs)) };
}
