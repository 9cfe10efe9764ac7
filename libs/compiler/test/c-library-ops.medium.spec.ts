// The C backend over every op: libraries of single-op models, one of each vector file, compile without a warning beside each
// other, and each example's self-test gives what the WebAssembly runtime gave. Kernels are compiled once for all.
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import { describeWith, temporaryFolder, toolPath } from '@tinyfleet/testing';
import { cLibrary, compile } from '../src/index.js';
import { readVectors, vectorFiles } from './vectors.js';

const run = promisify(execFile);
const deviceType = { name: 'any', core: 'm4', clockHz: 1e8, slotBytes: 1 << 20, arenaBytes: 1 << 20 };
const FLAGS = ['-std=c99', '-O1', '-Wall', '-Wextra', '-Wconversion', '-Wshadow', '-Werror', '-I.'];

/** What the library is called: an identifier. */
const modelName = (file: string): string => file.replace('.gz', '').replace('.', '_').toLowerCase();

describeWith(['gcc'], 'C library of every op', () => {
  const folder = temporaryFolder();

  it('should compile beside the others and pass its self-test', async () => {
    for (const name of ['example', 'fleet']) mkdirSync(join(folder(), name));
    const kernels = new Set<string>();
    const names: string[] = [];
    const units: string[] = [];
    for (const file of vectorFiles()) {
      const name = modelName(file);
      const source = { bytes: readVectors(file)[0]!.bytes, fileName: `${name}.tflite` };
      const options = { deviceType, optimize: false, goldenVectors: 2, model: name, labels: [] };
      for (const [path, text] of await cLibrary(await compile(source, options))) {
        const own = path === 'example/main.c' ? `example/${name}.c` : path;
        if (!/\.[ch]$/.test(own)) continue;
        writeFileSync(join(folder(), own), text.replace('int main(void)', `int test_${name}(void)`));
        if (own.startsWith('fleet/') && own.endsWith('.c')) kernels.add(own);
        else if (own.endsWith('.c')) units.push(own);
      }
      names.push(name);
    }
    const driver = [
      '#include <stdio.h>',
      ...names.map((name) => `int test_${name}(void);`),
      'int main(void) {',
      '  int failed = 0;',
      ...names.map((name) => `  if (test_${name}() != 0) failed += printf("${name} failed\\n");`),
      '  return failed != 0;',
      '}',
    ];
    writeFileSync(join(folder(), 'driver.c'), `${driver.join('\n')}\n`);
    const args = [...FLAGS, 'driver.c', ...units, ...kernels, '-o', 'driver'];
    expect(await run(toolPath('gcc'), args, { cwd: folder() })).toEqual({ stdout: '', stderr: '' });
    const { stdout } = await run('./driver', [], { cwd: folder() });
    expect(stdout.match(/failed|WRONG/g)).toBeNull();
    expect(stdout.match(/as expected/g)).toHaveLength(2 * names.length);
  });
});
