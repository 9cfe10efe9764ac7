// docs/porting.md: its commands do what it says, in the order in which they stand there.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { describeWith, workspaceRoot, type Tool } from '@tinyfleet/testing';

const page = readFileSync(join(workspaceRoot, 'docs/porting.md'), 'utf8');

/** ```sh blocks, and the tools that `tools=` names behind it. */
const blocks = [...page.matchAll(/^```sh(?: tools=(\S+))?\n([^]*?)^```$/gm)].map(([, tools, text], i) => ({
  name: `block ${i + 1}`,
  tools: ['gcc', 'make', ...(tools?.split(',') ?? [])] as Tool[],
  lines: text!.trim().split('\n'),
}));

const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: '1' };
delete env['NODE_OPTIONS'];

const shell = (line: string): Promise<{ stdout: string; stderr: string }> =>
  promisify(execFile)('sh', ['-e', '-c', line], { cwd: workspaceRoot, env });

/** What a line that begins so must print. */
const EXPECTED: readonly [start: string, output: RegExp][] = [
  [
    '"$(node firmware-stubs/ports/posix/build.mjs)" tmp/vibration.bundle tmp/zeros.bin',
    /^step 0 crc \w{8} cost \d+$[^]*^done crc/m,
  ],
  ['"$(node firmware-stubs/ports/posix', /^golden 3 passed$/m],
  ['qemu-system-arm', /^bundle \d+ [^]* unit instructions\ndone crc \w{8} cost \d+ stack \d+$/m],
  ['make --silent -C tmp/vibration-library check', /^input 3: outputs \w{8}, as expected, class \w+$/m],
  ['ctest', /100% tests passed/],
];

describe('porting guide', () => {
  it('should have commands, each of which starts with a known program', () => {
    expect(blocks.length).toBeGreaterThanOrEqual(6);
    for (const line of blocks.flatMap(({ lines }) => lines))
      expect(line).toMatch(/^(npx tinyfleet|node|"\$\(node|head|make|cmake|ctest|qemu-system-arm) ?/);
    for (const [start] of EXPECTED) expect(page).toContain(`\n${start}`);
  });
});

describe('porting guide', () => {
  beforeAll(async () => {
    await shell('node tools/workspace/build.mjs --quiet --no-sites');
  }, 120_000);

  for (const { name, tools, lines } of blocks)
    describeWith(tools, name, () => {
      it.each(lines)('should run %s', async (line) => {
        const { stdout } = await shell(line);
        const expected = EXPECTED.find(([start]) => line.startsWith(start));
        if (expected !== undefined) expect(stdout).toMatch(expected[1]);
      });
    });
});
