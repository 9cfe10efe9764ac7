// Builds fleet-run, the inference runtime as a program of the host, with gcc or clang from the PATH, and prints its path.
//   node firmware-stubs/ports/posix/build.mjs [--sanitize]   --sanitize: AddressSanitizer and UBSan, any finding ends it
//   CC=...                                                   another compiler
import { execFile } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { buildImage } from '../build.mjs';

const SANITIZE = [
  '-g',
  '-fsanitize=address,undefined',
  '-fno-sanitize-recover=all',
  '-fno-omit-frame-pointer',
];

async function compiler() {
  for (const cc of process.env.CC ? [process.env.CC] : ['gcc', 'clang', 'cc']) {
    const found = await promisify(execFile)(cc, ['--version']).catch(() => undefined);
    if (found !== undefined) return cc;
  }
  throw new Error('No C compiler on the PATH: install gcc or clang, or set CC.');
}

/** Path of the program. */
export async function buildPosix({ sanitize = false } = {}) {
  return buildImage({
    name: sanitize ? 'fleet-run-sanitized' : 'fleet-run',
    cc: await compiler(),
    folders: ['ports/run', 'ports/posix'],
    flags: sanitize ? SANITIZE : [],
    link: [],
  });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  process.stdout.write(`${await buildPosix({ sanitize: process.argv.includes('--sanitize') })}\n`);
