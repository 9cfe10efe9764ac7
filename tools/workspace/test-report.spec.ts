// The summary of `npm test`.
import { describe, expect, it } from '@jest/globals';
import { countTests, lastLine, leftOut } from './test-report.mjs';

const results = {
  numPassedTests: 5,
  numFailedTests: 1,
  numPendingTests: 2,
  numTodoTests: 1,
  numRuntimeErrorTestSuites: 1,
  testResults: [
    {
      name: '/clone/libs/runtime/src/host.medium.spec.ts',
      assertionResults: [
        { status: 'pending', ancestorTitles: ['host tests [needs clang, gcc]', 'kernels'] },
        { status: 'pending', ancestorTitles: ['host tests [needs clang, gcc]'] },
        { status: 'passed', ancestorTitles: ['more'] },
      ],
    },
    {
      name: '/clone/apps/cli/src/a.spec.ts',
      assertionResults: [{ status: 'pending', ancestorTitles: ['plain'] }],
    },
  ],
};

describe('test report', () => {
  it('should count a suite that could not be loaded as failed', () => {
    expect(lastLine(countTests(results))).toBe('5 passed, 2 failed, 3 skipped');
  });

  it('should list suites that were left out with the missing tools', () => {
    expect(leftOut(results, '/clone')).toEqual([
      { suite: 'libs/runtime/src/host.medium.spec.ts', tools: 'clang, gcc', tests: 2 },
    ]);
  });
});
