/** Watching fleets on the server: from windows to alerts. Stores are ports. */
export * from './frame.js';
export * from './keeper.js';
export * from './ports.js';
export {
  COUNTERS,
  learnReference,
  streamNames,
  streamsOf,
  valuesOf,
  type WatchReference,
} from './reference.js';
export { findSilence } from './silence.js';
