// Builds the programs of the POSIX port with gcc or clang from the PATH, and prints the path of the one that was asked for.
//   node firmware-stubs/ports/posix/build.mjs            fleet-run, the inference runtime alone
//   node firmware-stubs/ports/posix/build.mjs --agent    tinyfleet-device, a whole device; with TLS where OpenSSL's headers are
//   --sanitize                                           AddressSanitizer and UBSan, any finding ends it
//   --no-tls                                             without OpenSSL, even where it is
//   CC=...                                               another compiler
import { execFile } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { AGENT, buildImage } from '../build.mjs';

const run = promisify(execFile);
const SANITIZE = [
  '-g',
  '-fsanitize=address,undefined',
  '-fno-sanitize-recover=all',
  '-fno-omit-frame-pointer',
];

async function compiler() {
  for (const cc of process.env.CC ? [process.env.CC] : ['gcc', 'clang', 'cc']) {
    const found = await run(cc, ['--version']).catch(() => undefined);
    if (found !== undefined) return cc;
  }
  throw new Error('No C compiler on the PATH: install gcc or clang, or set CC.');
}

/** How to compile and link with OpenSSL; undefined where its headers are not installed. */
export async function openSsl() {
  const words = (text) => text.split(/\s+/).filter((word) => word !== '');
  const asked = async (flag) =>
    words((await run('pkg-config', [flag, 'openssl']).catch(() => ({ stdout: '' }))).stdout);
  const flags = await asked('--cflags');
  const link = await asked('--libs');
  const probe = run(await compiler(), [
    ...flags,
    '-x',
    'c',
    '-fsyntax-only',
    '-include',
    'openssl/ssl.h',
    '/dev/null',
  ]);
  const found = await probe.then(
    () => true,
    () => false,
  );
  return found ? { flags, link: link.length > 0 ? link : ['-lssl', '-lcrypto'] } : undefined;
}

/** Path of fleet-run. */
export async function buildPosix({ sanitize = false } = {}) {
  return buildImage({
    name: sanitize ? 'fleet-run-sanitized' : 'fleet-run',
    cc: await compiler(),
    folders: ['ports/run', 'ports/posix/run'],
    flags: sanitize ? SANITIZE : [],
    link: [],
  });
}

/** Path of tinyfleet-device; with another `version`, which it says in hello, or more `folders`, under a `name` of its own. */
export async function buildPosixAgent({ sanitize = false, tls = true, name, version, folders = [] } = {}) {
  const ssl = tls ? await openSsl() : undefined;
  return buildImage({
    name: name ?? (sanitize ? 'tinyfleet-device-sanitized' : 'tinyfleet-device'),
    cc: await compiler(),
    folders: [...AGENT, ...(ssl ? [] : ['crypto/include', 'crypto/src']), 'ports/posix/agent', ...folders],
    flags: [
      ...(sanitize ? SANITIZE : []),
      ...(version === undefined ? [] : [`-DFLEET_FIRMWARE_VERSION="${version}"`]),
    ],
    own: ssl ? ['-DFLEET_POSIX_TLS', ...ssl.flags] : [],
    link: ssl?.link ?? [],
  });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const asked = (flag) => process.argv.includes(flag);
  const options = { sanitize: asked('--sanitize'), tls: !asked('--no-tls') };
  if (asked('--agent') && options.tls && (await openSsl()) === undefined)
    process.stderr.write(
      'No OpenSSL headers (libssl-dev): this device has no TLS and verifies Ed25519 only.\n',
    );
  process.stdout.write(`${await (asked('--agent') ? buildPosixAgent : buildPosix)(options)}\n`);
}
