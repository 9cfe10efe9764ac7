import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@tinyfleet/testing';
import { LogFile } from './log-file.js';

let folder: string;
let path: string;
let log: LogFile;
const text = () => readFile(path, 'utf8');

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tinyfleet-log-'));
  path = join(folder, 'log', 'server.log');
});
afterEach(async () => {
  log.close();
  await rm(folder, { recursive: true, force: true });
});

describe('LogFile', () => {
  it('should append lines in order and keep what is there', async () => {
    log = new LogFile(path);
    const lines = Array.from({ length: 500 }, (_, i) => `${i} ü\n`);
    for (const line of lines.slice(0, 250)) log.write(line);
    await eventually(async () => expect(await text()).toBe(lines.slice(0, 250).join('')));
    log.close();
    log = new LogFile(path);
    for (const line of lines.slice(250)) log.write(line);
    await eventually(async () => expect(await text()).toBe(lines.join('')));
  });

  it('should write at the end what still waits; a write at work may come after it', async () => {
    log = new LogFile(path);
    const lines = Array.from({ length: 100 }, (_, i) => `${i}\n`);
    for (const line of lines) log.write(line);
    log.flushSync();
    await eventually(async () =>
      expect((await text()).split('\n').sort()).toEqual(lines.join('').split('\n').sort()),
    );
  });

  // /dev/full answers every write as a full disk does.
  (existsSync('/dev/full') ? it : it.skip)(
    'should go on when the disk is full, drop above the limit, and write the rest when there is room',
    async () => {
      path = join(folder, 'server.log');
      await symlink('/dev/full', path);
      log = new LogFile(path, { limit: 10, retryMs: 10 });
      for (let i = 0; i < 5; i++) log.write(`${i} --\n`);
      await new Promise((resolve) => setTimeout(resolve, 50));
      // What is at work does not count; then ten characters wait.
      await symlink(join(folder, 'room.log'), join(folder, 'next'));
      await rename(join(folder, 'next'), path);
      await eventually(async () => expect(await text()).toMatch(/^0 --\n1 --\n2 --\n{.*"dropped":2,.*}\n$/));
    },
  );

  (existsSync('/dev/full') ? it : it.skip)('should return from a last flush to a full disk', async () => {
    path = join(folder, 'server.log');
    await symlink('/dev/full', path);
    log = new LogFile(path);
    log.write('lost\n');
    log.write('lost\n');
    log.flushSync();
  });
});
