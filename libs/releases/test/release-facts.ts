/** A release as the makers of its documents see it: a keyword spotter for two device types. */
import type { ReleaseFacts } from '../src/ports.js';

type Build = ReleaseFacts['builds'][number];

/** A digest in hex, of one digit. */
export const digest = (digit: string): string => digit.repeat(64);

export const build = (type: string, bundle: string, options: Build['options'] = {}): Build => ({
  type,
  bundleDigest: digest(bundle),
  bundleBytes: 100,
  compilerVersion: '0.3.0',
  options,
  createdBy: 'person:a@example.org',
  startedAt: new Date('2026-11-21T10:00:00Z'),
  finishedAt: new Date('2026-11-21T10:01:00Z'),
  dataSets: { calibration: digest('c'), validation: { inputs: digest('d'), labels: digest('e') } },
  accuracy: 0.9,
  abi: '1.0',
});

const options = { calibration: 'min-max' };
export const facts: ReleaseFacts = {
  id: 'x',
  model: 'kws',
  version: '1.1.0',
  sequence: 4,
  createdBy: 'person:b@example.org',
  createdAt: new Date('2026-11-21T11:00:00Z'),
  firmware: null,
  fileName: 'kws.tflite',
  sourceDigest: digest('a'),
  component: 'model',
  format: 'tflite',
  labels: ['yes', 'no'],
  inputs: [{ dtype: 'int8', shape: [1, 49, 10] }],
  outputs: [{ dtype: 'int8', shape: [1, 2] }],
  builds: [build('m4', '1', options), build('wasm', '2', options)],
};
