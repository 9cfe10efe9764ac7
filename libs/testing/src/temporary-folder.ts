// A folder of its own for each test of a suite, removed afterwards. Call it inside `describe`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';

/** @returns a function that gives the folder of the running test */
export function temporaryFolder(prefix = 'tinyfleet-test-'): () => string {
  let folder: string | undefined;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), prefix));
  });
  afterEach(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    folder = undefined;
  });
  return () => {
    if (folder === undefined) throw new Error('a temporary folder exists only while a test runs');
    return folder;
  };
}
