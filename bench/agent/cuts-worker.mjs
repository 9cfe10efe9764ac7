// One processor's share of the power-cut sweep.
import { parentPort, workerData } from 'node:worker_threads';
import { runSweep } from '../../apps/simulator/dist/power-cut/sweep.js';

parentPort.postMessage(runSweep(workerData));
