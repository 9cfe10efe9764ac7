/** The thread of simulations: one job in, its chances out. */
import { parentPort, workerData } from 'node:worker_threads';
import { play, type PlayJob } from '@tinyfleet/rollouts';

parentPort?.postMessage(play(workerData as PlayJob));
