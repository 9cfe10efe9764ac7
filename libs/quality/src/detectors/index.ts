/** Detectors of change in a stream. Which to take: docs/design/quality.md. */
export * from './adwin.js';
export * from './bernoulli-cusum.js';
export * from './cusum.js';
export * from './cusum-run-length.js';
export * from './ddm.js';
export type { Detector, Level, ObservationKind, SavedDetector } from './detector.js';
export * from './eddm.js';
export * from './ewma.js';
export { HddmA, type HddmOptions } from './hddm-a.js';
export * from './hddm-w.js';
export * from './kswin.js';
export * from './page-hinkley.js';
