// The runtime's integer arithmetic and its dense kernels on a machine whose int has 16 bits: an ATmega328P under simavr gives what this
// machine gives, function by function.
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import { describeWith } from '@tinyfleet/testing';
import { buildSimavr } from '../build.mjs';
import { buildUnits } from '../../build.mjs';

const run = promisify(execFile);
const UNITS = [
  'ports/avr/test/main.c',
  'runtime/kernels/fully_connected.c',
  'runtime/kernels/softmax.c',
  'runtime/src/integer.c',
  'runtime/src/check.c',
];
const includes = ['runtime/include', 'runtime/src'];

describeWith(['avr-gcc', 'gcc', 'simavr'], 'integers where int has 16 bits', () => {
  it('should be those of this machine', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'tinyfleet-integers-'));
    try {
      const name = 'integers';
      const host = await buildUnits({
        name,
        cc: 'gcc',
        units: UNITS,
        includes,
        flags: ['-std=c99', '-O1'],
        link: [],
      });
      const chip = await buildUnits({
        name: 'integers.elf',
        cc: 'avr-gcc',
        units: UNITS,
        includes,
        // Constants in RAM: the general kernels take operands anywhere.
        flags: [
          '-mmcu=atmega328p',
          '-std=gnu99',
          '-Os',
          '-ffunction-sections',
          '-mcall-prologues',
          '-DFLEET_CONST_MEMORY=',
        ],
        link: ['-Wl,--gc-sections'],
      });
      const hex = path.join(folder, 'integers.hex');
      await run('avr-objcopy', ['-O', 'ihex', chip, hex]);
      const { stdout } = await run(host);
      expect(stdout.trim().split('\n').length).toBe(15);
      expect(await said(hex, path.join(folder, 'memory'))).toEqual(stdout);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 60_000);
});

/** What the program sends over its UART until the line that begins with `end`. */
async function said(hex: string, memory: string): Promise<string> {
  const machine = await buildSimavr();
  let text = '';
  return await new Promise<string>((resolve, reject) => {
    const server = createServer((line) => {
      line.on('data', (data) => {
        text += data.toString('latin1');
        if (!/^end .*\n/m.test(text)) return;
        child.kill('SIGKILL');
        resolve(text);
      });
      line.on('error', () => line.destroy());
    });
    let child: ReturnType<typeof spawn>;
    server.listen(0, '127.0.0.1', () => {
      child = spawn(machine, [hex, memory, String((server.address() as AddressInfo).port)], {
        stdio: 'ignore',
      });
      child.once('error', reject);
      child.once('exit', () => server.close(() => reject(new Error(`it ended after: ${text}`))));
    });
  });
}
