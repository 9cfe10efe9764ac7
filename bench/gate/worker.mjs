// Rollouts of one cell in a worker thread: seeds come in, sums go out.
import { parentPort } from 'node:worker_threads';
import { benchWorld, replayRollout, World } from '../../libs/rollouts/dist/index.js';
import { cells, policy } from './cells.mjs';
import { floors, replayThresholds, thresholds } from './thresholds.mjs';

parentPort.on('message', ({ cell: id, seeds }) => {
  const { effect, labelsPerDay } = cells.find((cell) => cell.id === id);
  const options = { ...benchWorld, labelsPerDay };
  const replays = [];
  const settings = floors.length * thresholds.length;
  const stopped = { hawkbit: new Float64Array(settings), aws: new Float64Array(settings) };
  const exposed = { hawkbit: new Float64Array(settings), aws: new Float64Array(settings) };
  for (const seed of seeds) {
    const world = { options, effect, seed };
    replays.push(replayRollout(policy, world));
    const found = replayThresholds({ World }, policy, world);
    for (const name of ['hawkbit', 'aws']) {
      for (let i = 0; i < settings; i++) {
        const step = found[name][i];
        if (step >= 0) stopped[name][i] += 1;
        exposed[name][i] += step >= 0 ? policy.steps[step] / 100 : 1;
      }
    }
  }
  parentPort.postMessage({ cell: id, replays, stopped, exposed });
});
