/** `tinyfleet compile` as a user runs it: no server, a model of the repository, what is written and what is refused. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { temporaryFolder } from '@tinyfleet/testing';
import { workspaceRoot } from '../paths.js';

const model = join(workspaceRoot, 'tools/demo-model/models/vibration-v2.tflite');
const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: '1' };
delete env['NODE_OPTIONS'];

const node = (args: readonly string[], cwd: string) =>
  spawnSync(process.execPath, args, { cwd, env, encoding: 'utf8' });

describe('tinyfleet compile', () => {
  const folder = temporaryFolder();
  const compile = (...args: string[]) =>
    node([join(workspaceRoot, 'apps/cli/bin/tinyfleet.mjs'), 'compile', ...args], folder());

  beforeAll(() => {
    const built = node(['tools/workspace/build.mjs', '--quiet', '--no-sites'], workspaceRoot);
    if (built.status !== 0) throw new Error(built.stderr);
  });

  it('should write a bundle beside you by default', () => {
    const { status, stdout } = compile(model, '--labels', 'normal,imbalance,bearing,looseness');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^written +vibration-v2\.bundle\n/);
    expect(stdout).not.toContain('warning');
    expect(readFileSync(join(folder(), 'vibration-v2.bundle')).toString('latin1', 0, 4)).toBe('TLFB');
  });

  it('should write a C library into a folder, named as asked', () => {
    expect(compile(model, '--backend', 'c', '--name', 'pump', '--out', 'library').status).toBe(0);
    const files = readdirSync(join(folder(), 'library'));
    expect(files).toEqual(
      expect.arrayContaining(['pump.c', 'pump.h', 'Makefile', 'CMakeLists.txt', 'README.md', 'LICENSE']),
    );
  });

  it('should write a .tflite file that compiles to the same constants', () => {
    const first = JSON.parse(
      compile(model, '--backend', 'tflite', '--out', 'a.tflite', '--output', 'json').stdout,
    ) as {
      report: { flash: Record<string, number>; macs: number };
    };
    const again = JSON.parse(compile('a.tflite', '--output', 'json').stdout) as typeof first;
    expect(again.report.macs).toBe(first.report.macs);
    expect(again.report.flash['constants']).toBe(first.report.flash['constants']);
  });

  it('should not write over what is there, unless told to', () => {
    writeFileSync(join(folder(), 'x.bundle'), 'mine');
    const refused = compile(model, '--out', 'x.bundle');
    expect(refused.status).toBe(5);
    expect(refused.stderr).toContain('cli.file-exists');
    expect(readFileSync(join(folder(), 'x.bundle'), 'utf8')).toBe('mine');
    expect(compile(model, '--out', 'x.bundle', '--force').status).toBe(0);
    expect(readFileSync(join(folder(), 'x.bundle')).length).toBeGreaterThan(1000);
  });

  it('should refuse what is no model, with the code of the registry, and write nothing', () => {
    writeFileSync(join(folder(), 'text.tflite'), 'not a model');
    const { status, stderr } = compile('text.tflite');
    expect(status).toBe(6);
    expect(stderr).toContain('compiler.not-a-model');
    expect(existsSync(join(folder(), 'text.bundle'))).toBe(false);
  });
});
