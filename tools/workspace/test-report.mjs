// What `npm test` says about results: counts, suites that were left out and why. Pure functions over Jest's JSON.

/** `describeWith` of @tinyfleet/testing puts the missing tools at the end of the suite's name. */
const needs = /\[needs ([^\]]+)\]/;

/** @returns {object[]} results of the suites of one kind, which is in a suite's name; `small` has no such word */
export function ofKind({ testResults }, kind) {
  const found = ({ name }) => /\.(medium|long|large)\.spec\.ts$/.exec(name)?.[1] ?? 'small';
  return testResults.filter((suite) => found(suite) === kind);
}

/**
 * @param {object[]} suites `testResults` of what `jest --json` writes
 * @returns {{ passed: number, failed: number, skipped: number }} tests; a suite that failed without a failed test, so one
 *   that could not even be loaded, counts as one
 */
export function countTests(suites) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { status, assertionResults } of suites) {
    const count = (...names) => assertionResults.filter((test) => names.includes(test.status)).length;
    const failed = count('failed');
    counts.passed += count('passed');
    counts.failed += failed === 0 && status === 'failed' ? 1 : failed;
    counts.skipped += count('pending', 'todo', 'skipped', 'disabled');
  }
  return counts;
}

/**
 * @param {object} results what `jest --json` writes
 * @param {string} root checkout, taken off the suites' paths
 * @returns {{ suite: string, tools: string, tests: number }[]} in the order of the paths
 */
export function leftOut(results, root) {
  const found = new Map();
  for (const { name, assertionResults } of results.testResults) {
    for (const { ancestorTitles, status } of assertionResults) {
      const tools =
        status === 'pending'
          ? ancestorTitles.map((title) => needs.exec(title)?.[1]).find(Boolean)
          : undefined;
      if (tools === undefined) continue;
      const suite = name.startsWith(`${root}/`) ? name.slice(root.length + 1) : name;
      const key = `${suite}\n${tools}`;
      found.set(key, { suite, tools, tests: (found.get(key)?.tests ?? 0) + 1 });
    }
  }
  return [...found.values()].sort((a, b) => a.suite.localeCompare(b.suite));
}

/** The line that ends every run; nothing may be printed after it. */
export function lastLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
