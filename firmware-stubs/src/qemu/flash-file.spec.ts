// The file behind a QEMU device's memory.
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { createFlashFile, readFlash, readProbe } from './flash-file.js';

const folder = mkdtempSync(path.join(tmpdir(), 'tinyfleet-flash-file-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('should be readable by its owner only, because it holds the token, also in place of another file', async () => {
  const file = path.join(folder, 'flash');
  writeFileSync(file, 'before');
  chmodSync(file, 0o644);
  await createFlashFile(file, { parameterBlock: Buffer.from('secret'), bytes: 8_192, erased: 0xff });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect((await readFlash(file, 0, 8_192)).every((byte) => byte === 0xff)).toBe(true);
  expect(await readProbe(file)).toMatchObject({ operation: 'none', operations: 0 });
});
