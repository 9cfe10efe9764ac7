// Gating of suites by tools: what is found, and that a missing tool is told in the suite's name.
import { afterEach, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeWith } from './requires.js';
import { temporaryFolder } from './temporary-folder.js';
import { findTool, toolPath } from './tools.js';

const environment = { ...process.env };

describe('findTool', () => {
  const folder = temporaryFolder();
  afterEach(() => {
    process.env = { ...environment };
  });

  it('should find an executable on the PATH and no other file', () => {
    process.env.PATH = folder();
    writeFileSync(join(folder(), 'clang-14'), '');
    expect(findTool('clang')).toBeUndefined();
    chmodSync(join(folder(), 'clang-14'), 0o755);
    expect(findTool('clang')).toBe(join(folder(), 'clang-14'));
  });

  it('should take the shared data from the environment', () => {
    process.env.TINYFLEET_SHARED_DATA = join(folder(), 'data');
    expect(findTool('shared-data')).toBeUndefined();
    mkdirSync(join(folder(), 'data'));
    expect(findTool('shared-data')).toBe(join(folder(), 'data'));
  });

  it('should name the command that installs a missing tool', () => {
    process.env.PATH = folder();
    expect(() => toolPath('gcc')).toThrow('npm run setup-test-deps');
  });
});

describeWith([], 'describeWith', () => {
  it('should run a suite that needs nothing', () => {
    expect(true).toBe(true);
  });
});
