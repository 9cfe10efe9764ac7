// docs/porting-agent.md: its commands do what it says, in the order in which they stand there, against a real server. A port
// is made of the template in a folder of its own, filled in, flashed, and says hello.
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  describeWith,
  findTool,
  startProduct,
  workspaceRoot,
  type Product,
  type Tool,
} from '@tinyfleet/testing';

const page = readFileSync(join(workspaceRoot, 'docs/porting-agent.md'), 'utf8');

/** ```sh blocks; `tools=` names more than every block needs. */
const lines = [...page.matchAll(/^```sh([^\n]*)\n([^]*?)^```$/gm)].flatMap(([, info = '', text = '']) => {
  const tools = (/tools=(\S+)/.exec(info)?.[1]?.split(',') ?? []) as Tool[];
  return text
    .trim()
    .split('\n')
    .map((line) => ({ line, tools }));
});

/** What a line that begins so must print. */
const EXPECTED: readonly [start: string, output: RegExp][] = [
  ['npx tinyfleet --project workshop flash my-board', /^device +my-board, nano33-ble$/m],
  ['npx tinyfleet --project workshop device show my-board', /connected|pending|silent/],
  ['timeout 4 "$(node', /connected to 127\.0\.0\.1/],
  ['npx tinyfleet --project workshop device show gateway-1', /0\.1\.0/],
  ['arm-none-eabi-size', /\b\d{5}\b/],
  ['timeout 6 node firmware-stubs/ports/cortex-m/run.mjs', /^boot 1$/m],
  ['npx tinyfleet --project workshop device show m4-1', /0\.1\.0/],
  ['npx tinyfleet --project workshop flash uno-1', /^device +uno-1, arduino-uno$/m],
  ['timeout 8 node firmware-stubs/ports/avr/run.mjs', /^boot$/m],
  ['npx tinyfleet --project workshop device show uno-1', /0\.1\.0/],
];

describe('guide of a port of the agent', () => {
  it('should have the commands that are looked at', () => {
    expect(lines.length).toBeGreaterThanOrEqual(15);
    for (const [start] of EXPECTED) expect(page).toContain(`\n${start}`);
  });

  it('should name no function that the template does not have', () => {
    const template = readFileSync(join(workspaceRoot, 'firmware-stubs/ports/template/board.h'), 'utf8');
    const declared = new Set<string>(template.match(/\bboard_\w+(?=\()/g));
    const named = new Set(
      page.match(/\bboard_[a-z_]+\b(?![*.])/g)?.filter((name) => name !== 'board_flash_'),
    );
    expect([...named].filter((name) => !declared.has(name))).toEqual([]);
  });
});

describeWith(['gcc', 'cmake', 'make'], 'guide of a port of the agent', () => {
  let product: Product;

  beforeAll(async () => {
    const made = ['my-board', 'my-board-image', 'gateway-1', 'm4-1', 'uno-1', 'TinyFleet'];
    await Promise.all(
      made.map((name) => rm(join(workspaceRoot, 'tmp', name), { recursive: true, force: true })),
    );
    product = await startProduct({ args: ['--no-demo'] });
  }, 180_000);
  afterAll(async () => {
    await product.stop();
  }, 60_000);

  it.each(lines)(
    'should run $line',
    async ({ line, tools }) => {
      if (tools.some((tool) => findTool(tool) === undefined)) return;
      const run = async (text: string) => {
        const result = await product.shell(
          `export TINYFLEET_MQTT_PORT=${product.mqttPort}; mkdir -p tmp; ${text}`,
        );
        const { code, stderr } = result;
        expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
        return result;
      };
      let { stdout, stderr } = await run(line);
      const expected = EXPECTED.find(([start]) => line.startsWith(start));
      const before = lines[lines.findIndex((other) => other.line === line) - 1]?.line ?? '';
      const device = [line, before].find((text) => /\btimeout \d/.test(text));
      // On a busy machine a device may need more than the seconds that the guide gives it: it is started again.
      for (let more = 0; more < 3 && device !== undefined; more++) {
        if (expected?.[1].test(stdout + stderr) ?? true) break;
        const again = await run(device);
        ({ stdout, stderr } = device === line ? again : await run(line));
      }
      if (expected !== undefined) expect(stdout + stderr).toMatch(expected[1]);
      // Neither compiler has anything to say about the template.
      if (line.startsWith('cmake --build')) expect(stdout + stderr).not.toMatch(/warning/);
    },
    120_000,
  );

  it('should have given the board of the guide a session, seen by the platform', async () => {
    const { stdout } = await product.cli('device', 'list', '--project', 'workshop', '--output', 'json');
    const devices = JSON.parse(stdout) as { name: string; firmwareVersion: string; presence: string }[];
    const ports = devices.filter(({ name }) => name === 'gateway-1' || name === 'my-board');
    expect(ports.map(({ name, firmwareVersion }) => [name, firmwareVersion])).toEqual([
      ['gateway-1', '0.1.0'],
      ['my-board', '0.1.0'],
    ]);
  }, 30_000);
});
