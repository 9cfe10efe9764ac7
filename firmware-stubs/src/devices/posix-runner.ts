// Devices as processes of this machine: the POSIX port. With TINYFLEET_SANITIZE=1 in the environment they are built with
// AddressSanitizer and UBSan, for tests.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { buildPosixAgent } from '../../ports/posix/build.mjs';
import { startProcess } from './device-process.js';
import { flashOf } from './image.js';
import type { DeviceRunner } from './runner.js';

const run = promisify(execFile);

const build = (): Promise<string> => buildPosixAgent({ sanitize: process.env['TINYFLEET_SANITIZE'] === '1' });

/** Erased bytes are 0, so that a file of erased sectors takes no room on the disk. */
const ERASED = 0;

export const posixRunner: DeviceRunner = {
  name: 'posix',
  deviceType: 'posix',
  async build() {
    await build();
  },
  flash: (hardware) => flashOf(hardware, ERASED),
  async provision(folder, bundleFile, sequence) {
    const program = await build();
    await run(program, [folder, '--provision', bundleFile, '--sequence', String(sequence)]);
  },
  async start(folder, options) {
    const program = await build();
    return startProcess(program, [folder, '--tied', ...(options.verbose ? ['--verbose'] : [])], options);
  },
  command: (folder) => `"$(node firmware-stubs/ports/posix/build.mjs --agent)" ${folder}`,
};
