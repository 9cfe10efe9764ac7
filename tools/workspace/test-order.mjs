// The order of suites in one run of Jest: the longest first, so that all workers end together. A fresh clone knows no times:
// the longest are named here. Only the order depends on it, so nobody has to keep it exact.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './packages.mjs';

/** Suites of 15 s and more, with their seconds on two busy cores. */
const seconds = JSON.parse(readFileSync(join(root, 'tools/workspace/test-seconds.json'), 'utf8'));
/** Of a suite that is not listed: by its kind, the larger file first. */
const usual = (path) =>
  (path.endsWith('.large.spec.ts') ? 20 : 5) + Math.min(statSync(path).size / 10_000, 4);

/** What Jest calls of a sequencer. */
export default class LongestFirst {
  sort(tests) {
    const weight = ({ path }) => seconds[path.slice(root.length + 1)] ?? usual(path);
    return tests
      .map((test) => ({ test, weight: weight(test) }))
      .sort((a, b) => b.weight - a.weight)
      .map(({ test }) => test);
  }

  cacheResults() {}
}
