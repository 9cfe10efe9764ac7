/** Mending what a skipped install script and a closed home directory leave. */
import { execFile } from 'node:child_process';
import { cp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findPackage, prepareBinaries } from '../src/postgres/embedded/binaries.js';
import { temporaryDirectory } from './test-database.js';

const run = promisify(execFile);

describe('prepareBinaries', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await temporaryDirectory();
  });
  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it('should copy what runs on its own, with the links and modes that it needs, whatever the umask', async () => {
    const before = process.umask(0o077);
    try {
      const binaries = await prepareBinaries(directory, { mustCopy: true });
      expect(binaries.root.startsWith(directory)).toBe(true);
      const links = JSON.parse(await readFile(join(binaries.root, 'pg-symlinks.json'), 'utf8')) as {
        source: string;
        target: string;
      }[];
      for (const { target } of links) {
        // stat follows the link: it has to lead to a file.
        expect((await stat(join(binaries.root, target.replace('native/', '')))).isFile()).toBe(true);
      }
      expect((await stat(binaries.postgres)).mode & 0o777).toBe(0o755);
      expect((await stat(binaries.root)).mode & 0o777).toBe(0o755);
      const { stdout } = await run(binaries.initdb, ['--version']);
      expect(stdout).toContain(`PostgreSQL) ${binaries.major}`);
    } finally {
      process.umask(before);
    }
  });

  it.each([false, true])(
    'should run when the install script that makes the links was skipped (copied: %s)',
    async (mustCopy) => {
      const found = await findPackage();
      const native = join(directory, 'package', 'native');
      await cp(found.native, native, { recursive: true, verbatimSymlinks: true });
      const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as {
        target: string;
      }[];
      for (const { target } of links) await rm(join(native, '..', target), { force: true });
      await expect(run(join(native, 'bin', 'initdb'), ['--version'])).rejects.toThrow(/shared librar/);
      const binaries = await prepareBinaries(join(directory, 'data'), {
        mustCopy,
        from: { ...found, native },
      });
      expect(binaries.root === native).toBe(!mustCopy);
      expect((await run(binaries.initdb, ['--version'])).stdout).toContain('PostgreSQL');
    },
  );

  it('should copy once and leave no partial copy', async () => {
    const first = await prepareBinaries(directory, { mustCopy: true });
    const { ino } = await stat(first.root);
    const second = await prepareBinaries(directory, { mustCopy: true });
    expect((await stat(second.root)).ino).toBe(ino);
    expect(await readdir(directory)).toHaveLength(1);
  });
});
