// Programs that suites and benches need besides npm packages, and where they are. Whatever `npm run setup-test-deps` installs is
// listed here, and nothing else may be required.
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export type Tool =
  | 'arm-none-eabi-gcc'
  | 'avr-gcc'
  | 'chromium'
  | 'clang'
  | 'cmake'
  | 'docker-compose'
  | 'gcc'
  | 'make'
  | 'mosquitto_pub'
  | 'openssl'
  | 'postgres15'
  | 'qemu-system-arm'
  | 'shared-data'
  | 'simavr'
  | 'wasm-ld'
  | 'yowasp-clang';

const checkout = fileURLToPath(new URL('../../..', import.meta.url));

const finders: Record<Tool, () => string | undefined> = {
  'arm-none-eabi-gcc': () => onPath('arm-none-eabi-gcc'),
  'avr-gcc': () => onPath('avr-gcc'),
  chromium: () =>
    existing(process.env.CHROMIUM_PATH) ?? onPath('chromium', 'chromium-browser', 'google-chrome'),
  clang: () => onPath('clang', 'clang-19', 'clang-18', 'clang-17', 'clang-16', 'clang-15', 'clang-14'),
  cmake: () => onPath('cmake'),
  'docker-compose': () => dockerComposePlugin() ?? onPath('docker-compose'),
  gcc: () => onPath('gcc'),
  make: () => onPath('make'),
  mosquitto_pub: () => onPath('mosquitto_pub'),
  // Its headers: the POSIX port has TLS where they are.
  openssl: () =>
    ['/usr/include/openssl/ssl.h', '/usr/local/include/openssl/ssl.h'].find((path) => existsSync(path)),
  postgres15: () => debianPostgres(),
  'qemu-system-arm': () => onPath('qemu-system-arm'),
  'shared-data': () => existing(process.env.TINYFLEET_SHARED_DATA ?? join(checkout, '../shared/data')),
  // Its headers: the machine that runs the AVR port is linked with it, and with libelf.
  simavr: () =>
    ['/usr/include/simavr/sim_avr.h', '/usr/local/include/simavr/sim_avr.h'].find((path) => existsSync(path)),
  'wasm-ld': () =>
    onPath('wasm-ld', 'wasm-ld-19', 'wasm-ld-18', 'wasm-ld-17', 'wasm-ld-16', 'wasm-ld-15', 'wasm-ld-14'),
  'yowasp-clang': () => existing(join(checkout, 'tools/clang/node_modules/@yowasp/clang')),
};

/** The tool's absolute path (a folder for `postgres15`, `shared-data` and `yowasp-clang`), or undefined. */
export function findTool(tool: Tool): string | undefined {
  return finders[tool]();
}

/** As `findTool`, for code inside `describeWith([tool], ...)`, where it cannot be missing. */
export function toolPath(tool: Tool): string {
  const path = findTool(tool);
  if (path === undefined) throw new Error(`${tool} is not installed: npm run setup-test-deps`);
  return path;
}

function onPath(...names: string[]): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const name of names) {
    for (const folder of folders) {
      const path = join(folder, name);
      if (isExecutable(path)) return path;
    }
  }
  return undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function existing(path: string | undefined): string | undefined {
  return path !== undefined && existsSync(path) ? path : undefined;
}

/** The `bin` folder of a Debian Postgres >= 15, newest first: Debian keeps the server's programs off the PATH. */
function debianPostgres(): string | undefined {
  const parent = '/usr/lib/postgresql';
  if (!existsSync(parent)) return undefined;
  const versions = readdirSync(parent).filter((version) => Number(version) >= 15);
  versions.sort((a, b) => Number(b) - Number(a));
  return versions
    .map((version) => join(parent, version, 'bin'))
    .find((bin) => isExecutable(join(bin, 'initdb')));
}

/** Docker's client without its compose plug-in cannot check a compose file. */
function dockerComposePlugin(): string | undefined {
  const folders = [
    '/usr/libexec/docker',
    '/usr/lib/docker',
    '/usr/local/lib/docker',
    '/usr/local/libexec/docker',
  ];
  if (process.env.HOME !== undefined) folders.push(join(process.env.HOME, '.docker'));
  return folders.map((folder) => join(folder, 'cli-plugins/docker-compose')).find(isExecutable);
}
