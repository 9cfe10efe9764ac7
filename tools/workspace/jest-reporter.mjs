// A Jest reporter for long runs: one short line per suite (with TINYFLEET_TEST_QUIET=1 only per broken one), failures in
// full as soon as they are known, no summary (`npm test` adds up several runs itself).
import { relative } from 'node:path';

export default class CompactReporter {
  #root;

  constructor(globalConfig) {
    this.#root = globalConfig.rootDir;
  }

  onTestResult(test, result) {
    const path = relative(this.#root, test.path);
    const { numPassingTests: passed, numFailingTests: failed, numPendingTests: skipped } = result;
    const broken = failed > 0 || result.testExecError !== undefined;
    const counts = [`${passed} ok`];
    if (failed > 0) counts.push(`${failed} FAILED`);
    if (result.testExecError !== undefined) counts.push('COULD NOT RUN');
    if (skipped > 0) counts.push(`${skipped} skipped`);
    const { start, end } = result.perfStats;
    const took = end > start ? `${((end - start) / 1000).toFixed(1)} s` : '';
    if (!broken && process.env.TINYFLEET_TEST_QUIET === '1') return;
    process.stdout.write(`  ${broken ? 'x' : ' '} ${path}  ${counts.join(', ')}  ${took}\n`);
    if (broken && result.failureMessage) process.stdout.write(`${result.failureMessage}\n`);
  }

  getLastError() {}
}
