/** Reading of command-line arguments. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { afterAll, describe, expect, it } from '@jest/globals';
import { instant, integer, labels, modelRef, readInput, readModel, releaseRef } from './arguments.js';

const folder = mkdtempSync(join(tmpdir(), 'tinyfleet-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('arguments', () => {
  it('should split name and version', () => {
    expect(modelRef('kws')).toEqual({ model: 'kws', version: undefined });
    expect(modelRef('kws@1.1.0')).toEqual({ model: 'kws', version: '1.1.0' });
    expect(() => modelRef('@1.0.0')).toThrow(/NAME@VERSION/);
    expect(() => releaseRef('kws')).toThrow(/lacks the version/);
  });

  it('should take labels as a list, from a named file and from @file', () => {
    const lines = join(folder, 'labels.txt');
    writeFileSync(lines, 'yes\r\nno, or not\n\nunknown\n');
    expect(labels('yes, no,,unknown')).toEqual(['yes', 'no', 'unknown']);
    expect(labels(`@${lines}`)).toEqual(['yes', 'no, or not', 'unknown']);
    expect(labels(lines)).toEqual(['yes', 'no, or not', 'unknown']);
    const one = join(folder, 'one.txt');
    writeFileSync(one, 'a,b,c\n');
    expect(labels(`@${one}`)).toEqual(['a', 'b', 'c']);
    expect(labels('single')).toEqual(['single']);
    expect(() => labels(`@${join(folder, 'none')}`)).toThrow(/does not exist/);
  });

  it('should take numbers at their limits and refuse beyond', () => {
    const read = integer('--n', 1, 5);
    expect([read('1'), read('5')]).toEqual([1, 5]);
    for (const wrong of ['0', '6', '1.5', 'x']) expect(() => read(wrong)).toThrow(/--n is a whole number/);
  });

  it('should say why a file cannot be read', () => {
    expect(() => readInput(join(folder, 'none'))).toThrow(/does not exist/);
    expect(() => readInput(folder)).toThrow(/EISDIR/);
  });

  it('should pack a tfjs model with the weights it names, and nothing else', () => {
    const model = join(folder, 'abalone');
    mkdirSync(model);
    const manifest = [{ paths: ['w.bin', '../secret.bin', '/etc/passwd', 'absent/../x'] }];
    writeFileSync(
      join(model, 'model.json'),
      JSON.stringify({ modelTopology: {}, weightsManifest: manifest }),
    );
    for (const name of ['w.bin', 'other.bin', '../secret.bin']) writeFileSync(join(model, name), 'bytes');
    const packed = readModel(model);
    expect(packed.fileName).toBe('abalone.zip');
    expect(Object.keys(unzipSync(packed.bytes))).toEqual(['model.json', 'w.bin']);
    expect(readModel(join(model, 'model.json'))).toEqual(packed);
  });

  it('should take a model.json that is no tfjs model as it is', () => {
    const trees = join(folder, 'model.json');
    writeFileSync(trees, '{"learner": {}, "version": [3, 0, 0]}');
    expect(readModel(trees)).toEqual({ bytes: readInput(trees), fileName: 'model.json' });
  });

  it('should take other model files as they are', () => {
    const file = join(folder, 'm.onnx');
    writeFileSync(file, 'bytes');
    expect(readModel(file)).toEqual({ bytes: Buffer.from('bytes'), fileName: 'm.onnx' });
    expect(() => readModel(join(folder, 'absent.onnx'))).toThrow(/absent\.onnx/);
  });
});

describe('instant', () => {
  const read = instant('--from', () => Date.parse('2026-02-01T00:00:00Z'));
  it('should read a time, a date and how long ago', () => {
    expect(read('2026-01-31T12:00:00+02:00')).toBe('2026-01-31T10:00:00.000Z');
    expect(read('2026-01-31')).toBe('2026-01-31T00:00:00.000Z');
    expect(read('36h')).toBe('2026-01-30T12:00:00.000Z');
    expect(read('90s')).toBe('2026-01-31T23:58:30.000Z');
  });
  it.each(['', 'yesterday', '24', '5w', '-3h', '2026-13-01'])('should refuse "%s"', (text) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'cli.usage' }));
  });
});
