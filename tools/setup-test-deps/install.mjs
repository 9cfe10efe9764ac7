// `npm run setup-test-deps`: installs what some test suites need besides npm packages, from Debian's (or Ubuntu's)
// packages, and the pinned wasm compiler from its own npm lock file. Without root it prints the command instead. The
// product itself needs none of this.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const print = (line) => process.stdout.write(`${line}\n`);

/** What a suite asks for (`Tool` in libs/testing/src/tools.ts), how it is recognized, and the packages that bring it. */
const tools = [
  { name: 'Chromium', present: () => onPath('chromium'), packages: ['chromium'] },
  { name: 'QEMU for Arm', present: () => onPath('qemu-system-arm'), packages: ['qemu-system-arm'] },
  {
    name: 'arm-none-eabi-gcc',
    present: () => onPath('arm-none-eabi-gcc'),
    packages: ['gcc-arm-none-eabi', 'libnewlib-arm-none-eabi'],
  },
  {
    name: 'avr-gcc',
    present: () => onPath('avr-gcc') && existsSync('/usr/lib/avr/include/avr/io.h'),
    packages: ['gcc-avr', 'binutils-avr', 'avr-libc'],
  },
  {
    name: 'simavr',
    present: () => existsSync('/usr/include/simavr/sim_avr.h') && existsSync('/usr/include/libelf.h'),
    packages: ['libsimavr-dev', 'libelf-dev'],
  },
  { name: 'clang', present: () => onPath('clang'), packages: ['clang'] },
  { name: 'lld', present: () => onPath('wasm-ld'), packages: ['lld'] },
  { name: 'gcc', present: () => onPath('gcc'), packages: ['gcc', 'libc6-dev'] },
  {
    name: 'OpenSSL headers',
    present: () => existsSync('/usr/include/openssl/ssl.h'),
    packages: ['libssl-dev'],
  },
  { name: 'make and CMake', present: () => onPath('make') && onPath('cmake'), packages: ['make', 'cmake'] },
  { name: 'mosquitto clients', present: () => onPath('mosquitto_pub'), packages: ['mosquitto-clients'] },
  { name: 'docker compose', present: dockerCompose, packages: ['docker-compose'] },
  { name: 'Postgres >= 15', present: debianPostgres, packages: ['postgresql'] },
];

const missing = tools.filter(({ present }) => !present());
const packages = missing.flatMap((tool) => tool.packages);

if (packages.length === 0) {
  print('Debian packages: all there');
} else if (process.platform !== 'linux' || !onPath('apt-get')) {
  print(`missing: ${missing.map(({ name }) => name).join(', ')}`);
  print('This installer knows Debian and Ubuntu only: please install these by your own package manager.');
  process.exitCode = 1;
} else if (process.getuid() !== 0) {
  print('missing, and only root can install it:');
  print(`  sudo apt-get update && sudo apt-get install --no-install-recommends ${packages.join(' ')}`);
  process.exitCode = 1;
} else {
  print(`installing ${missing.map(({ name }) => name).join(', ')}`);
  // The tests make their own clusters: no server should start on this machine because of them.
  const clusterSettings = '/etc/postgresql-common/createcluster.d';
  if (packages.includes('postgresql') && !existsSync(clusterSettings)) {
    mkdirSync(clusterSettings, { recursive: true });
    writeFileSync(join(clusterSettings, 'tinyfleet.conf'), 'create_main_cluster = false\n');
  }
  apt('update');
  apt('install', '--no-install-recommends', ...packages);
  sanitizers();
}

const clang = join(root, 'tools/clang');
if (existsSync(join(clang, 'package-lock.json'))) {
  if (existsSync(join(clang, 'node_modules/@yowasp/clang'))) print('pinned wasm compiler: there');
  else {
    print('installing the pinned wasm compiler (100 MB)');
    run('npm', ['ci', '--prefix', clang, '--no-audit', '--no-fund']);
  }
}

/** From Debian 13 on the sanitizers' runtime is a package of its own, named by clang's version. */
function sanitizers() {
  const version = /version (\d+)/.exec(
    spawnSync('clang', ['--version'], { encoding: 'utf8' }).stdout ?? '',
  )?.[1];
  const runtime = `libclang-rt-${version}-dev`;
  const known = spawnSync('apt-cache', ['show', runtime], { stdio: 'ignore' }).status === 0;
  if (version !== undefined && known) apt('install', '--no-install-recommends', runtime);
}

function apt(...args) {
  const settings = [
    '-qq',
    '-y',
    '-o',
    'Dpkg::Use-Pty=0',
    '-o',
    'Acquire::Retries=3',
    '-o',
    'DPkg::Lock::Timeout=120',
  ];
  run('apt-get', [...settings, ...args], { DEBIAN_FRONTEND: 'noninteractive' });
}

/** The output is shown only when the command fails: apt alone writes a thousand lines. */
function run(command, args, environment = {}) {
  const result = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, ...environment },
  });
  if (result.status === 0) return;
  print(
    `${command} ${args.join(' ')}\n${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}`,
  );
  process.exit(1);
}

function onPath(name) {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.some((folder) => existsSync(join(folder, name)));
}

function debianPostgres() {
  const parent = '/usr/lib/postgresql';
  if (!existsSync(parent)) return false;
  return readdirSync(parent).some((v) => Number(v) >= 15 && existsSync(join(parent, v, 'bin/initdb')));
}

/** A plug-in of Docker's client, or the program of its own that Debian packages. */
function dockerCompose() {
  return (
    onPath('docker-compose') || spawnSync('docker', ['compose', 'version'], { stdio: 'ignore' }).status === 0
  );
}
