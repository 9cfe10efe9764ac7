/** The data directory and the blob store on a real file system. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { temporaryFolder } from '@tinyfleet/testing';
import { DirectoryBlobStore, fileSecret, openDataDir } from '@tinyfleet/storage';

describe('openDataDir', () => {
  const folder = temporaryFolder();

  it('should refuse a directory that a running TinyFleet uses, and take it when that one is gone', async () => {
    const path = join(folder(), 'data');
    const other = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)']);
    await mkdir(path);
    await writeFile(join(path, 'server.pid'), `${other.pid}\n`);
    await expect(openDataDir(path)).rejects.toMatchObject({
      code: 'storage.already-running',
      data: { pid: other.pid },
    });
    const ended = new Promise((resolve) => other.once('exit', resolve));
    other.kill();
    await ended;
    const dataDir = await openDataDir(path);
    expect((await readFile(join(path, 'server.pid'), 'utf8')).trim()).toBe(String(process.pid));
    await dataDir.release();
    expect(await readdir(path)).not.toContain('server.pid');
  });

  it('should take the lock of a process id that belongs to another program by now', async () => {
    const path = join(folder(), 'data');
    const other = spawn('sleep', ['60']);
    try {
      await mkdir(path);
      await writeFile(join(path, 'server.pid'), `${other.pid}\n`);
      await (await openDataDir(path)).release();
    } finally {
      other.kill();
    }
  });

  it('should say why it cannot write and change no mode of what it did not make', async () => {
    await writeFile(join(folder(), 'file'), '');
    await expect(openDataDir(join(folder(), 'file', 'data'))).rejects.toMatchObject({
      code: 'storage.data-dir-readonly',
    });
    const { mode } = await stat(folder());
    await (await openDataDir(folder())).release();
    expect((await stat(folder())).mode).toBe(mode);
  });

  // Nobody can make a directory in /proc, root included.
  (existsSync('/proc/self') ? it : it.skip)('should say so when a parent cannot be made', async () => {
    await expect(openDataDir('/proc/nowhere/data')).rejects.toMatchObject({
      code: 'storage.data-dir-readonly',
    });
  });

  it('should make missing parents', async () => {
    const path = join(folder(), 'a', 'b', 'data');
    await (await openDataDir(path)).release();
    expect((await stat(path)).isDirectory()).toBe(true);
  });

  it('should make a secret once, readable by its owner only', async () => {
    const file = join(folder(), 'secret');
    const secret = await fileSecret(file, 32);
    expect(secret).toHaveLength(32);
    expect(await fileSecret(file, 32)).toEqual(secret);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });
});

describe('DirectoryBlobStore', () => {
  const folder = temporaryFolder();
  const bytes = Buffer.from('some bytes of a model');
  const digest = createHash('sha256').update(bytes).digest('hex');
  async function* parts() {
    yield bytes.subarray(0, 5);
    yield bytes.subarray(5);
  }

  it('should keep bytes under their digest and read ranges of them', async () => {
    const store = new DirectoryBlobStore(folder());
    expect(await store.put(parts(), 100)).toEqual({ digest, bytes: bytes.length });
    expect(await store.put(bytes, 100)).toEqual({ digest, bytes: bytes.length });
    expect(await store.read(digest)).toEqual(bytes);
    expect(await store.readRange(digest, 5, 5)).toEqual(bytes.subarray(5, 10));
    expect(await store.readRange(digest, 18, 100)).toEqual(bytes.subarray(18));
    await store.remove({ digest, namedAt: new Date() });
    expect(await store.has(digest)).toBe(false);
    await expect(store.read(digest)).rejects.toMatchObject({ code: 'storage.blob-missing' });
  });

  it('should keep bytes that somebody has put again since they were named', async () => {
    const store = new DirectoryBlobStore(folder());
    const namedAt = new Date(Date.now() - 3_600_000);
    await store.put(bytes, 100);
    await store.remove({ digest, namedAt });
    expect(await store.read(digest)).toEqual(bytes);
    await store.remove({ digest: 'f'.repeat(64), namedAt });
    await store.remove({ digest, namedAt: new Date() });
    expect(await store.has(digest)).toBe(false);
    expect((await readdir(folder())).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('should take as many bytes as the limit, refuse one more, and leave nothing of it', async () => {
    const store = new DirectoryBlobStore(folder());
    await store.put(parts(), bytes.length);
    await expect(store.put(parts(), bytes.length - 1)).rejects.toMatchObject({
      code: 'storage.blob-too-large',
    });
    expect((await readdir(folder())).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('should never follow a path that is no digest', async () => {
    await expect(new DirectoryBlobStore(folder()).read('../../etc/passwd')).rejects.toThrow(TypeError);
  });
});
