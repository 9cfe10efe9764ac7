// One detector or one fleet of `npm run bench -- drift` in a worker thread.
import { parentPort } from 'node:worker_threads';
import { diverseFleet, identicalFleet, Random, replayDriftFleet } from '../../libs/quality/dist/index.js';
import { bits, normals } from './detectors.mjs';

/** Two hundred alarms where ARL0 is 100,000: a standard error of 7 %. */
const HEALTHY = 20_000_000;
/** Where nothing is promised. */
const HEALTHY_OTHERS = 2_000_000;
const RUNS = 400;
/** Observations before a shift, for those that learn from them. */
const BEFORE = 1_000;
const PATIENCE = 3_000;

parentPort.on('message', ({ detector, fleet, seed }) => {
  if (fleet)
    parentPort.postMessage(replayDriftFleet(fleet === 'identical' ? identicalFleet : diverseFleet, seed));
  else {
    const isBits = bits.some(({ name }) => name === detector);
    const preset = [...normals, ...bits].find(({ name }) => name === detector);
    parentPort.postMessage({
      measured: runLength(preset, isBits),
      delays: (isBits ? [0.15, 0.2, 0.3] : [0.5, 1, 2]).map((shift) => delay(preset, isBits, shift)),
    });
  }
});

function runLength({ make, learns, cost = learns ? HEALTHY_OTHERS : HEALTHY }, isBits) {
  const random = new Random(17);
  const detector = make();
  let alarms = 0;
  for (let i = 0; i < cost; i++)
    if (detector.update(isBits ? Number(random.uniform() < 0.1) : random.normal()) === 'drift') alarms++;
  return { mean: cost / Math.max(1, alarms), alarms };
}

/** From the shift to the alarm, in runs without an alarm before it. */
function delay({ make, learns, cost }, isBits, shift) {
  const random = new Random(29);
  const before = learns ? BEFORE : 50;
  const runs = cost ? RUNS / 10 : RUNS;
  let [total, seen] = [0, 0];
  for (let run = 0; run < runs;) {
    const detector = make();
    const next = (isShifted) =>
      isBits
        ? Number(random.uniform() < (isShifted ? shift : 0.1))
        : random.normal() + (isShifted ? shift : 0);
    let isCalm = true;
    for (let i = 0; i < before && isCalm; i++) isCalm = detector.update(next(false)) !== 'drift';
    if (!isCalm) continue;
    run++;
    for (let i = 1; i <= PATIENCE; i++) {
      if (detector.update(next(true)) !== 'drift') continue;
      total += i;
      seen++;
      break;
    }
  }
  return { mean: seen > 0 ? total / seen : Infinity, missed: 1 - seen / runs };
}
