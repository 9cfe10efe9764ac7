// The reduced agent's C tests on the host: with sanitizers, and its power-cut sweep without. The sweep is checked too: bugs that are
// planted in the sources are found by it.
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWith, toolPath } from '@tinyfleet/testing';
import { REDUCED_INCLUDES, REDUCED_UNITS, SHARED_UNITS } from '../../../ports/avr/build.mjs';

const run = promisify(execFile);
const firmware = fileURLToPath(new URL('../../..', import.meta.url));
const TEST = 'agent/reduced/test';
const SANITIZERS = ['-g', '-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
const STRICT = ['-Wall', '-Wextra', '-Werror'];
/** FULLY_CONNECTED's own check, which the program leaves out, is in the same file and links with these. */
const HOST_UNITS = ['runtime/src/check.c', `${TEST}/world.c`, `${TEST}/reduced_test.c`];

const names = [...(await readFile(join(firmware, TEST, 'reduced_test.c'), 'utf8')).matchAll(/^ {4}\{"(should [^"]+)",/gm)]
  .map((match) => match[1]!); // prettier-ignore
const isSweep = (name: string) => name.includes(' cut');

/** What each planted bug replaces in which file. */
const PLANTED = {
  'a save over the newest record': [
    'records.c',
    'cell = (uint8_t)(cell + 1 == cells ? 0 : cell + 1);',
    'cell = (uint8_t)(cell + tries - 1);',
  ],
  'no CRC of records': ['records.c', 'return crc_of(a, generation) == crc ? generation : 0;', 'return generation;'],
  'a model committed before its trial': [
    'update.c',
    'p->update_state = FLEET_UPDATE_STATE_TRIAL;\n  a->fetching',
    'p->update_state = FLEET_UPDATE_STATE_TRIAL;\n  p->active_slot = p->target_slot;\n  a->fetching',
  ],
  'progress recorded before the pages': [
    'update.c',
    '  const uint16_t error = store(',
    '  p->fetched += expected, (void)reduced_save(a), p->fetched -= expected;\n  const uint16_t error = store(',
  ],
} as const; // prettier-ignore

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tinyfleet-reduced-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function build(name: string, flags: readonly string[], root = firmware): Promise<string> {
  const program = join(folder, name);
  const includes = [...REDUCED_INCLUDES, TEST, 'vectors'].map((path) => `-I${path}`);
  const units = [...SHARED_UNITS, ...REDUCED_UNITS, ...HOST_UNITS];
  const args = ['-std=c11', '-DFLEET_PROFILE_REDUCED', ...flags, ...includes, '-o', program, ...units];
  await run(toolPath('gcc'), args, { cwd: root });
  return program;
}

describeWith(['gcc'], 'reduced agent on the host', () => {
  let sanitized = '';
  let quick = '';
  beforeAll(async () => {
    [sanitized, quick] = await Promise.all([
      build('sanitized', [...STRICT, ...SANITIZERS]),
      build('quick', [...STRICT, '-O2']),
    ]);
  }, 60_000);

  it.each(names)('%s', async (name) => {
    const { stdout } = await run(isSweep(name) ? quick : sanitized, [name]);
    expect(stdout.split('\n')).toContain(`ok ${name}`);
  });

  it.each(Object.entries(PLANTED))(
    'should find a planted bug by its sweep: %s',
    async (bug, [file, from, to]) => {
      const root = join(folder, bug.replaceAll(' ', '-'));
      for (const part of ['agent', 'runtime', 'vectors'])
        await cp(join(firmware, part), join(root, part), { recursive: true });
      const path = join(root, 'agent/reduced/src', file);
      const text = await readFile(path, 'utf8');
      expect(text).toContain(from);
      await writeFile(
        path,
        text.replace(from, () => to),
      );
      const program = await build(`${bug.replaceAll(' ', '-')}-test`, ['-O2'], root);
      for (const sweep of names.filter(isSweep)) {
        const failed = await run(program, [sweep]).then(
          () => false,
          () => true,
        );
        if (failed) return;
      }
      throw new Error('the sweep did not find it');
    },
  );
});
