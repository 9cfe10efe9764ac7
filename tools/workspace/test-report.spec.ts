// The summary of `npm test`.
import { describe, expect, it } from '@jest/globals';
import { countTests, lastLine, leftOut, ofKind } from './test-report.mjs';

const results = {
  testResults: [
    {
      name: '/clone/libs/runtime/src/host.medium.spec.ts',
      status: 'failed',
      assertionResults: [
        { status: 'pending', ancestorTitles: ['host tests [needs clang, gcc]', 'kernels'] },
        { status: 'pending', ancestorTitles: ['host tests [needs clang, gcc]'] },
        { status: 'passed', ancestorTitles: ['more'] },
        { status: 'failed', ancestorTitles: ['more'] },
      ],
    },
    {
      name: '/clone/apps/cli/src/a.spec.ts',
      status: 'focused',
      assertionResults: [{ status: 'pending', ancestorTitles: ['plain'] }],
    },
    { name: '/clone/apps/cli/src/b.large.spec.ts', status: 'failed', assertionResults: [] },
    {
      name: '/clone/apps/cli/src/c.large.spec.ts',
      status: 'passed',
      assertionResults: [
        { status: 'passed', ancestorTitles: [] },
        { status: 'todo', ancestorTitles: [] },
      ],
    },
  ],
};

describe('test report', () => {
  it('should count a suite that could not be loaded as failed', () => {
    expect(lastLine(countTests(results.testResults))).toBe('2 passed, 2 failed, 4 skipped');
  });

  it('should count the suites of one kind', () => {
    const said = ['small', 'medium', 'long', 'large'].map((kind) =>
      lastLine(countTests(ofKind(results, kind))),
    );
    expect(said).toEqual([
      '0 passed, 0 failed, 1 skipped',
      '1 passed, 1 failed, 2 skipped',
      '0 passed, 0 failed, 0 skipped',
      '1 passed, 1 failed, 1 skipped',
    ]);
  });

  it('should list suites that were left out with the missing tools', () => {
    expect(leftOut(results, '/clone')).toEqual([
      { suite: 'libs/runtime/src/host.medium.spec.ts', tools: 'clang, gcc', tests: 2 },
    ]);
  });
});
