// The C backend on the MLPerf Tiny models: compiles without a warning for the host and Cortex-M4, computes what the
// reference computes on both, and brings no interpreter along.
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { runtimeSources } from '@tinyfleet/firmware';
import { OPS, type OpName } from '@tinyfleet/runtime';
import { describeWith, findTool, temporaryFolder, toolPath } from '@tinyfleet/testing';
import { cLibrary, compile } from '../src/index.js';
import { selectSources } from '../src/backends/c/sources.js';
import { writeTflite } from '../src/backends/tflite/write.js';
import { movementNet } from './models.js';

const run = promisify(execFile);
const shared = join(findTool('shared-data') ?? '', 'mlperf_tiny');
const firmware = fileURLToPath(new URL('../../../firmware-stubs', import.meta.url));
const deviceType = { name: 'any', core: 'm4', clockHz: 1e8, slotBytes: 1 << 20, arenaBytes: 1 << 20 };
const STRICT = [
  '-std=c99',
  '-Wall',
  '-Wextra',
  '-Wconversion',
  '-Wshadow',
  '-Wcast-qual',
  '-Wstrict-prototypes',
  '-Werror',
];
const M4 = ['-mcpu=cortex-m4', '-mthumb', '-mfloat-abi=soft', '-ffunction-sections', '-fdata-sections'];

/** Vectors that are run on Cortex-M4. */
const MODELS = {
  hello_world_int8: 256,
  ad01_int8: 10,
  micro_speech_quantized: 4,
  kws_ref_model: 2,
  vww_96_int8: 1,
  pretrainedResnet_quant: 1,
};

/** Code bytes of kernels, call sequence and harness on Cortex-M4, without weights: TFLM needs 27 to 53 KB for these. */
const CODE_LIMIT = 16 * 1024;

/** A program of the posix and cortex-m ports that runs the library on each input of a file. */
const harness = (stem: string): string => `#include "fleet_run.h"
#include <string.h>
#include "${stem}.h"
#define CAT(a, b) a##b
#define M(name) CAT(${stem.toUpperCase()}_, name)
#define F(name) CAT(${stem}_, name)
int fleet_run_main(int argc, const char *const *argv) {
  static F(t) model;
  uint32_t bytes = 0;
  const uint8_t *data = argc == 3 ? port_read(argv[1], &bytes) : NULL;
  void *arena = port_memory(M(ARENA_BYTES));
  if (data == NULL || arena == NULL || F(init)(&model, arena) != 0) return 2;
  if (F(init)(&model, (uint8_t *)arena + 1) != -1 || F(init)(&model, NULL) != -1) return 3;
  for (uint32_t at = 0; at < bytes; at += M(INPUT_BYTES)) {
    memcpy(F(input)(&model), data + at, M(INPUT_BYTES));
    if (F(run)(&model) != 0 || !port_write(argv[2], F(output)(&model), M(OUTPUT_BYTES))) return 1;
  }
  return port_guards_hold() ? 0 : 4;
}
`;

function emit(folder: string, files: ReadonlyMap<string, string>): string[] {
  for (const [path, text] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return [...files.keys()].filter((path) => path.endsWith('.c') && !path.startsWith('example/'));
}

async function library(name: string, from = shared): Promise<ReadonlyMap<string, string>> {
  const source = { bytes: readFileSync(join(from, `${name}.tflite`)), fileName: `${name}.tflite` };
  return cLibrary(await compile(source, { deviceType, model: name, labels: [] }));
}

const vectors = (name: string, file: string): Buffer => readFileSync(join(shared, 'vectors', name, file));
const count = (name: string): number =>
  (JSON.parse(vectors(name, 'meta.json').toString()) as { count: number }).count;

describe('sources of the C backend', () => {
  it('should find the kernel of every op of the table, and only real files', async () => {
    const all = await runtimeSources();
    const ops = [...all.get('ops.c')!.matchAll(/^\s*OP\((\w+),/gm)].map((match) => match[1] as OpName);
    expect(ops.length).toBeGreaterThanOrEqual(8);
    for (const op of ops) {
      expect(OPS[op].number).toBeGreaterThanOrEqual(0);
      const { files, kernel } = selectSources(all, [op]);
      const defining = [...files.values()].filter((text) =>
        text.includes(`int32_t ${kernel(op)}(const step_t`),
      );
      expect([op, defining.length]).toEqual([op, 1]);
      expect([...files.keys()]).toEqual(expect.arrayContaining(['internal.h', 'poison.h', 'integer.c']));
      for (const name of ['load.c', 'run.c', 'ops.c']) expect([...files.keys()]).not.toContain(name);
    }
  });
});

describeWith(['gcc', 'make'], 'C library of every op that moves or reduces', () => {
  const folder = temporaryFolder();

  it('should pass its own self-test, compiled without a warning', async () => {
    const source = { bytes: writeTflite(movementNet()), fileName: 'movement.tflite' };
    const model = await compile(source, { deviceType, model: 'movement', labels: [] });
    emit(folder(), await cLibrary(model));
    const flags = [...STRICT, '-O2'].join(' ');
    const { stdout, stderr } = await run(toolPath('make'), ['--silent', 'check', `CFLAGS=${flags}`], {
      cwd: folder(),
    });
    expect(stderr).toBe('');
    expect(stdout.match(/as expected/g)).toHaveLength(4);
  });
});

describeWith(['shared-data', 'gcc', 'make'], 'C library on the host', () => {
  const folder = temporaryFolder();

  for (const name of Object.keys(MODELS))
    it(`should compute ${name} as the reference does, compiled without a warning`, async () => {
      const units = emit(folder(), await library(name));
      writeFileSync(join(folder(), 'harness.c'), harness(name.toLowerCase().replace('resnet', '_resnet')));
      const port = [join(firmware, 'ports/posix/run/fleet_run_posix.c'), `-I${join(firmware, 'ports/run')}`];
      const args = [...STRICT, '-O2', '-I.', ...port, 'harness.c', ...units, '-o', 'harness'];
      expect(await run(toolPath('gcc'), args, { cwd: folder() })).toEqual({ stdout: '', stderr: '' });
      await run('./harness', [join(shared, 'vectors', name, 'inputs.bin'), 'outputs'], { cwd: folder() });
      expect(readFileSync(join(folder(), 'outputs')).equals(vectors(name, 'outputs.bin'))).toBe(true);
      // Its own example is its self-test.
      const { stdout, stderr } = await run(toolPath('make'), ['--silent', 'check', 'CFLAGS=-O2 -Werror'], {
        cwd: folder(),
      });
      expect(stderr).toBe('');
      expect(stdout.match(/as expected/g)).toHaveLength(4);
    });

  it('should pass the self-test of models that remember: eight inferences in a row', async () => {
    for (const name of ['mww_v2_hey_jarvis_int8', 'tflm_mnist_lstm_int8']) {
      emit(folder(), await library(name, join(findTool('shared-data')!, 'models')));
      const { stdout } = await run(toolPath('make'), ['--silent', 'check', 'CFLAGS=-O2 -Werror'], {
        cwd: folder(),
      });
      expect(stdout.match(/as expected/g)).toHaveLength(4);
    }
  });

  it('should be refused for a model with a signal front end, which it would leave out', async () => {
    const source = {
      bytes: readFileSync(join(shared, 'micro_speech_quantized.tflite')),
      fileName: 'micro_speech.tflite',
    };
    const result = await compile(source, { deviceType, frontEnd: { kind: 'micro-speech' } });
    await expect(cLibrary(result)).rejects.toMatchObject({ code: 'compiler.c-library-unsupported' });
  });

  it('should notice in its self-test when a weight is wrong', async () => {
    const files = new Map(await library('kws_ref_model'));
    const text = files.get('kws_ref_model.c')!;
    files.set('kws_ref_model.c', text.replace(/(operand 1: int8, 2560 bytes\n\s+)\d+/, '$1'.concat('7')));
    expect(files.get('kws_ref_model.c')).not.toBe(text);
    emit(folder(), files);
    await expect(run(toolPath('make'), ['--silent', 'check'], { cwd: folder() })).rejects.toThrow();
  });
});

describeWith(['shared-data', 'cmake', 'make', 'gcc'], 'C library in CMake', () => {
  const folder = temporaryFolder();

  it('should build and pass its self-test, alone and as a part of a project', async () => {
    const stem = 'micro_speech_quantized';
    emit(join(folder(), 'model'), await library(stem));
    const alone = join(folder(), 'alone');
    await run(toolPath('cmake'), ['-S', join(folder(), 'model'), '-B', alone]);
    await run(toolPath('cmake'), ['--build', alone]);
    expect((await run(join(alone, `${stem}_example`), [])).stdout.match(/as expected/g)).toHaveLength(4);
    const project = [
      'cmake_minimum_required(VERSION 3.13)',
      'project(application C)',
      'add_subdirectory(model)',
      'add_executable(application main.c)',
      `target_link_libraries(application ${stem})`,
    ];
    writeFileSync(join(folder(), 'CMakeLists.txt'), project.join('\n'));
    const main = `#include <${stem}.h>\nint main(void) { return ${stem}_init(0, 0) + 1; }\n`;
    writeFileSync(join(folder(), 'main.c'), main);
    const build = join(folder(), 'build');
    await run(toolPath('cmake'), ['-S', folder(), '-B', build]);
    await run(toolPath('cmake'), ['--build', build]);
    await run(join(build, 'application'), []);
  });
});

describeWith(['shared-data', 'arm-none-eabi-gcc', 'qemu-system-arm'], 'C library on Cortex-M4', () => {
  const folder = temporaryFolder();
  const tool = (name: string): string =>
    join(dirname(toolPath('arm-none-eabi-gcc')), `arm-none-eabi-${name}`);

  for (const [name, few] of Object.entries(MODELS))
    it(`should compute ${name} without an interpreter in the image`, async () => {
      const units = emit(folder(), await library(name));
      writeFileSync(join(folder(), 'harness.c'), harness(name.toLowerCase().replace('resnet', '_resnet')));
      const port = ['run/startup.c', 'semihosting.c', 'run/fleet_run_cortex_m.c'].map((file) =>
        join(firmware, 'ports/cortex-m', file),
      );
      const headers = ['ports/run', 'ports/cortex-m'].map((path) => `-I${join(firmware, path)}`);
      const includes = ['-I.', ...headers, '-DFLEET_RUN_TIMER=0x40000000'];
      const link = ['-nostartfiles', '-Wl,--gc-sections', '-Wl,--defsym=link_psram=0x21000000'];
      const script = ['-T', join(firmware, 'ports/cortex-m/mps2.ld')];
      const args = [
        ...STRICT,
        '-O2',
        ...M4,
        ...includes,
        'harness.c',
        ...port,
        ...units,
        ...link,
        ...script,
        '-o',
        'image',
      ];
      expect(await run(tool('gcc'), args, { cwd: folder() })).toEqual({ stdout: '', stderr: '' });

      const symbols = (await run(tool('nm'), ['--size-sort', '-S', '--radix=d', join(folder(), 'image')]))
        .stdout;
      const functions = [...symbols.matchAll(/^\d+ (\d+) [tT] (\w+)$/gm)];
      const names = functions.map((match) => match[2]!);
      expect(names).toContain('fleet_run_main');
      expect(
        names.filter((symbol) => /^fleet_(load|run|begin|step|inspect|find_op|ops|check_\w+)$/.test(symbol)),
      ).toEqual([]);
      expect(symbols).not.toMatch(/ fleet_ops$/m);
      // The linker script puts weights and records beside the code.
      const code = functions
        .filter((match) => !/^(constants|step_\d+)$/.test(match[2]!))
        .reduce((sum, match) => sum + Number(match[1]), 0);
      expect(code).toBeLessThan(CODE_LIMIT);

      const one = vectors(name, 'inputs.bin').length / count(name);
      writeFileSync(join(folder(), 'inputs'), vectors(name, 'inputs.bin').subarray(0, few * one));
      const semihosting = 'enable=on,target=native,arg=harness,arg=inputs,arg=outputs';
      const machine = ['-machine', 'mps2-an386', '-display', 'none', '-monitor', 'none', '-serial', 'none'];
      const qemu = [...machine, '-semihosting-config', semihosting, '-kernel', 'image'];
      await run(toolPath('qemu-system-arm'), qemu, { cwd: folder() });
      const expected = vectors(name, 'outputs.bin');
      const outputs = readFileSync(join(folder(), 'outputs'));
      expect(outputs.equals(expected.subarray(0, (few * expected.length) / count(name)))).toBe(true);
    });
});
