// The boot loader of the POSIX port alone: what it executes when a slot has rotted, and when it merely cannot be read for a moment.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWith, toolPath } from '@tinyfleet/testing';

const firmware = fileURLToPath(new URL('../..', import.meta.url));

describeWith(['gcc'], 'boot loader of the POSIX port', () => {
  let folder = '';
  let program = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tinyfleet-loader-'));
    program = join(folder, 'load');
    const files = ['loading/load.c', 'agent/firmware_file.c'].map((file) => `ports/posix/${file}`);
    const args = [
      '-std=c11',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-Wl,--wrap=read',
      '-Iagent/include',
      '-Iruntime/include',
    ];
    execFileSync(toolPath('gcc'), [...args, ...files, 'agent/src/sha256.c', '-o', program], {
      cwd: firmware,
    });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const image = (slot: number) => `#!/bin/sh\necho slot ${slot}\n`;
  const sha256 = (text: string) => createHash('sha256').update(text).digest();
  const slots = () => join(folder, 'state', 'firmware');
  /** Both slots were confirmed, slot 0 is active; its file holds `first`. */
  function boot(reads = { good: 0, failing: 0 }, first = image(0)) {
    rmSync(join(folder, 'state'), { recursive: true, force: true });
    mkdirSync(slots(), { recursive: true });
    const files = [first, image(1)];
    files.forEach((text, slot) => writeFileSync(join(slots(), `slot-${slot}`), text, { mode: 0o700 }));
    writeFileSync(
      join(slots(), 'boot'),
      Buffer.concat([Buffer.from('010'), sha256(image(0)), sha256(image(1))]),
    );
    const { stdout, stderr } = spawnSync(
      program,
      [join(folder, 'state'), String(reads.good), String(reads.failing)],
      {
        encoding: 'utf8',
      },
    );
    return {
      runs: stdout.trim(),
      says: stderr.trim(),
      record: readFileSync(join(slots(), 'boot'), 'latin1').slice(0, 3),
    };
  }

  it('should run the active slot, and the other one when that has rotted', () => {
    expect(boot()).toEqual({ runs: 'slot 0', says: '', record: '010' });
    expect(boot(undefined, image(7))).toEqual({
      runs: 'slot 1',
      says: 'firmware slot 0 has rotted',
      record: '100',
    });
  });

  it('should take no read that fails for rot', () => {
    const asEver = { runs: 'slot 0', says: '', record: '010' };
    expect(boot({ good: 0, failing: 4 })).toEqual(asEver); // of the boot record
    expect(boot({ good: 2, failing: 4 })).toEqual(asEver); // of the slot
    const other = { runs: 'slot 1', says: 'firmware slot 0 cannot be read', record: '100' };
    expect(boot({ good: 2, failing: 5 })).toEqual(other);
  });
});
