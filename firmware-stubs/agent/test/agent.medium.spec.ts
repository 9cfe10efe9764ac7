// Builds the agent's C tests with sanitizers and runs them, one Jest test per C test; proves that the sources compile
// cleanly for a bare-metal Cortex-M4 and stay within their budgets of code and context bytes.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeWith, toolPath } from '@tinyfleet/testing';
import { SANITIZERS, buildProgram, unitsOf } from '../../objects.mjs';

const run = promisify(execFile);
const firmware = fileURLToPath(new URL('../..', import.meta.url));
const STRICT = [
  '-Wall',
  '-Wextra',
  '-Wconversion',
  '-Wno-sign-conversion',
  '-Wshadow',
  '-Wstrict-prototypes',
  '-Werror',
];
/** Bytes: the agent must leave room on a 6 KB RAM budget. */
const CONTEXT_LIMIT = 6144;
/** Bytes of code and constants without the optional parts. The aim is 24 KB with all of them, which is not reached. */
const CORE_LIMIT = 26_088;
/** The same with all of them: what is reached, so that no byte of it is lost unseen. */
const WHOLE_LIMIT = 31_192;
/** What updates of the firmware itself cost, in all files together. Compiled with FLEET_WITHOUT_FIRMWARE nothing of it is left. */
const FIRMWARE_LIMIT = 2_744;
const WITHOUT_FIRMWARE = '-DFLEET_WITHOUT_FIRMWARE';
/** What a port may leave out by not linking the file (agent/src/optional.c stands in for it): bytes of its own. */
const OPTIONAL_LIMITS: Record<string, number> = {
  'ask.c': 1080,
  'hmac.c': 208,
  'edges.c': 496,
  'merge.c': 896,
  'samples.c': 776,
  'watch.c': 272,
  'shadow.c': 1312,
  'sleep.c': 320,
};

const SUITES = [
  'codec_test',
  'mqtt_test',
  'flash_test',
  'update_test',
  'telemetry_test',
  'sleep_test',
  'payload_test',
  'transfer_test',
  'shadow_test',
  'hostile_test',
  'ask_test',
  'attack_test',
  'one_slot_test',
  'firmware_test',
  'summary_test',
];

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tinyfleet-agent-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** The names in a suite's table: `{"should ...", function},`. */
async function namesOf(suite: string): Promise<string[]> {
  const text = await readFile(join(firmware, `agent/test/${suite}.c`), 'utf8');
  return [...text.matchAll(/^ {4}\{"(should [^"]+)",/gm)].map((match) => match[1]!);
}

const names = new Map<string, string[]>();
for (const suite of SUITES) names.set(suite, await namesOf(suite));

describeWith(['gcc'], 'agent on the host, under ASan and UBSan', () => {
  let binary = '';
  beforeAll(async () => {
    binary = join(folder, 'agent-tests');
    const units = await unitsOf('agent/src', 'agent/test', 'runtime/src', 'runtime/kernels', 'dsp/src');
    await buildProgram({ cc: toolPath('gcc'), flags: SANITIZERS, units, out: binary });
  });

  for (const [suite, tests] of names) {
    describe(suite.replace('_test', ''), () => {
      it.each(tests)('%s', async (name) => {
        const { stdout } = await run(binary, [name]);
        expect(stdout.split('\n')).toContain(`ok ${name}`);
      });
    });
  }

  it('should compile as C99 without a warning', async () => {
    for (const file of await unitsOf('agent/src')) {
      await run(
        toolPath('gcc'),
        [
          '-std=c99',
          '-O2',
          ...STRICT,
          '-Iruntime/include',
          '-Iagent/include',
          '-c',
          file,
          '-o',
          join(folder, 'x.o'),
        ],
        { cwd: firmware },
      );
    }
  });
});

describeWith(['arm-none-eabi-gcc'], 'agent for a Cortex-M4', () => {
  const flags = [
    '-mcpu=cortex-m4',
    '-mthumb',
    '-Os',
    '-std=c99',
    '-ffreestanding',
    '-Wall',
    '-Wextra',
    '-Werror',
  ];
  const includes = ['-Iruntime/include', '-Iagent/include'];

  it('should need no more code, no writable data and no library but mem*, with and without its optional parts', async () => {
    const runtime = await readFile(join(firmware, 'runtime/include/fleet_runtime.h'), 'utf8');
    let core = 0;
    let whole = 0;
    const required = { needs: new Set<string>(), has: new Set<string>() };
    const optional = { needs: new Set<string>(), has: new Set<string>() };
    for (const file of await unitsOf('agent/src')) {
      const object = join(folder, 'm4.o');
      await run(
        toolPath('arm-none-eabi-gcc'),
        [...flags, WITHOUT_FIRMWARE, ...includes, '-c', file, '-o', object],
        { cwd: firmware },
      );
      const { stdout: size } = await run(toolPath('arm-none-eabi-gcc').replace(/gcc$/, 'size'), [object]);
      const [text, data, bss] = size.split('\n')[1]!.trim().split(/\s+/).map(Number);
      expect(`${file} ${data} ${bss}`).toBe(`${file} 0 0`);
      const limit = OPTIONAL_LIMITS[basename(file)];
      if (limit !== undefined) expect(`${file} ${text! <= limit}`).toBe(`${file} true`);
      else if (!file.endsWith('/provision.c')) core += text!; // the factory's, not linked in the field
      if (!/\/(provision|optional)\.c$/.test(file)) whole += text!;
      const { stdout: symbols } = await run(toolPath('arm-none-eabi-gcc').replace(/gcc$/, 'nm'), [object]);
      const part = limit === undefined ? required : optional;
      for (const line of symbols.trim().split('\n')) {
        const [kind, name] = line.slice(9).split(' ');
        (kind === 'U' ? part.needs : part.has).add(name!);
      }
    }
    expect(core).toBeLessThanOrEqual(CORE_LIMIT);
    expect(whole).toBeLessThanOrEqual(WHOLE_LIMIT);
    // The runtime, mem*, and the compiler's own 64-bit division.
    const outside = (name: string): boolean =>
      /^(mem(cpy|move|set|cmp)$|__aeabi_u?l?div)/.test(name) || runtime.includes(`${name}(`);
    expect([...required.needs].filter((name) => !required.has.has(name) && !outside(name))).toEqual([]);
    const all = new Set([...required.has, ...optional.has]);
    expect([...optional.needs].filter((name) => !all.has(name) && !outside(name))).toEqual([]);
  });

  it('should pay for updates of its firmware what they cost, and nothing without them', async () => {
    const bytesOf = async (...more: string[]): Promise<number> => {
      let sum = 0;
      for (const file of await unitsOf('agent/src')) {
        const object = join(folder, 'm4.o');
        const args = [...flags, ...more, ...includes, '-c', file, '-o', object];
        await run(toolPath('arm-none-eabi-gcc'), args, { cwd: firmware });
        const { stdout } = await run(toolPath('arm-none-eabi-gcc').replace(/gcc$/, 'size'), [object]);
        const text = Number(stdout.split('\n')[1]!.trim().split(/\s+/)[0]);
        if (more.length > 0 && file.endsWith('/firmware.c')) expect(text).toBe(0);
        sum += text;
      }
      return sum;
    };
    expect((await bytesOf()) - (await bytesOf(WITHOUT_FIRMWARE))).toBeLessThanOrEqual(FIRMWARE_LIMIT);
  });

  it('should keep its context within its budget', async () => {
    const probe = join(folder, 'context.c');
    await writeFile(
      probe,
      `#include "fleet_agent.h"\ntypedef char within_budget[sizeof(fleet_agent_t) <= ${CONTEXT_LIMIT} ? 1 : -1];\n`,
    );
    await run(
      toolPath('arm-none-eabi-gcc'),
      [...flags, ...includes, '-c', probe, '-o', join(folder, 'probe.o')],
      {
        cwd: firmware,
      },
    );
  });
});
