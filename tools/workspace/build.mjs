// Incremental build of the workspace: src/**/*.ts -> dist/**/*.js with swc, then the dashboard with Vite and the documentation
// with Eleventy when their inputs changed. It checks no types (that is `npm run check`) and compiles only files whose mtime or size differ from the
// recorded ones, so that a build with nothing to do costs some tens of milliseconds and `npm start` can always build.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { argv, stderr, stdout } from 'node:process';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { dirname, extname, join, relative } from 'node:path';
import { cacheDir, packageFolders, root } from './packages.mjs';
import { swcOptions } from './swc-options.mjs';

const dashboard = 'apps/dashboard';
const docsSite = 'tools/docs-site';
/** What browsers get, each made as a whole by one command when one of its inputs changed. */
const sites = [
  {
    name: 'dashboard',
    made: `${dashboard}/dist/index.html`,
    // It bundles these packages from their sources.
    inputs: [dashboard, 'libs/contracts/src', 'libs/errors/src', 'libs/filter/src'],
    cwd: dashboard,
    command: () => [viteOf(dashboard), 'build', '--logLevel', 'warn'],
  },
  {
    name: 'docs',
    made: `${docsSite}/dist/index.html`,
    inputs: ['docs', docsSite],
    cwd: '.',
    command: () => [`${docsSite}/build.mjs`],
  },
];
const copied = new Set(['.sql', '.json', '.yaml', '.yml', '.html', '.wasm']);
const compressible = new Set(['.js', '.css', '.html', '.svg', '.json', '.wasm']);
const statePath = join(cacheDir, 'build.json');
const lockPath = join(cacheDir, 'build.lock');

/**
 * @param {{ quiet?: boolean, sites?: boolean }} [options]
 * @returns {Promise<{ compiled: number, removed: number, sites: string[], milliseconds: number }>}
 */
export async function build(options = {}) {
  const started = performance.now();
  const log = options.quiet ? () => {} : (line) => stdout.write(`${line}\n`);
  let work = findWork(options);
  if (work.empty) return { compiled: 0, removed: 0, sites: [], milliseconds: performance.now() - started };

  mkdirSync(cacheDir, { recursive: true });
  const unlock = await lock();
  try {
    // Another build may have done it while this one waited for the lock.
    work = findWork(options);
    // A failure of one is reported, but the others run to their end, so that the recorded state stays true.
    const [compiling, ...made] = await Promise.allSettled([
      compile(work, log),
      ...work.staleSites.map(({ site }) => make(site, log)),
    ]);
    if (compiling.status === 'rejected') throw compiling.reason;
    const state = { config: work.config, files: work.files, sites: { ...work.state.sites } };
    for (const [i, { site, digest }] of work.staleSites.entries())
      if (made[i].status === 'fulfilled') state.sites[site.name] = digest;
    writeAtomically(statePath, JSON.stringify(state));
    for (const { status, reason } of made) if (status === 'rejected') throw reason;
    const milliseconds = performance.now() - started;
    return {
      compiled: work.stale.length,
      removed: work.removed.length,
      sites: work.staleSites.map(({ site }) => site.name),
      milliseconds,
    };
  } finally {
    unlock();
  }
}

function findWork(options) {
  const config = configDigest();
  let state = readState();
  if (state.config !== config) state = { config, files: {}, sites: {} };
  const files = {};
  const outputs = new Set();
  const stale = [];
  const folders = packageFolders().filter((folder) => folder !== dashboard && folder !== docsSite);
  for (const folder of folders) {
    for (const { path, stamp } of scan(`${folder}/src`)) {
      const output = outputOf(folder, path);
      if (output === undefined) continue;
      files[path] = stamp;
      outputs.add(output);
      if (path.endsWith('.ts')) outputs.add(`${output}.map`);
      if (state.files[path] !== stamp || !exists(output)) stale.push({ path, output });
    }
  }
  // A package's dist holds nothing but outputs of its sources: what has lost its source would still be imported.
  const removed = folders
    .flatMap((folder) => scan(`${folder}/dist`))
    .map(({ path }) => path)
    .filter((path) => !outputs.has(path));
  const staleSites = (options.sites === false ? [] : sites)
    .filter(({ inputs }) => exists(inputs[0]))
    .map((site) => ({ site, digest: digestOf(site.inputs) }))
    .filter(({ site, digest }) => state.sites[site.name] !== digest || !exists(site.made));
  const empty = stale.length === 0 && removed.length === 0 && staleSites.length === 0;
  return { config, state, files, stale, removed, staleSites, empty };
}

async function compile(work, log) {
  for (const path of work.removed) rmSync(join(root, path));
  if (work.stale.length === 0) return;
  const started = performance.now();
  const { transform } = await import('@swc/core');
  const failures = [];
  await Promise.all(
    work.stale.map(async ({ path, output }) => {
      const source = readFileSync(join(root, path));
      mkdirSync(dirname(join(root, output)), { recursive: true });
      if (!path.endsWith('.ts')) return writeAtomically(join(root, output), source);
      try {
        const result = await transform(source.toString('utf8'), {
          ...swcOptions,
          filename: join(root, path),
          sourceFileName: relative(dirname(output), path),
          sourceMaps: true,
          inlineSourcesContent: false,
        });
        const map = output.slice(output.lastIndexOf('/') + 1);
        writeAtomically(join(root, `${output}.map`), result.map ?? '{}');
        writeAtomically(join(root, output), `${result.code}//# sourceMappingURL=${map}.map\n`);
      } catch (error) {
        delete work.files[path];
        failures.push(`${path}\n${error instanceof Error ? error.message : String(error)}`);
      }
    }),
  );
  if (failures.length > 0)
    throw new Error(`the build failed in ${failures.length} file(s)\n${failures.join('\n')}`);
  log(`built ${count(work.stale.length, 'file')} in ${seconds(started)}`);
}

const viteOf = (folder) =>
  join(
    dirname(createRequire(join(root, folder, 'package.json')).resolve('vite/package.json')),
    'bin/vite.js',
  );

function make({ name, made, cwd, command }, log) {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, command(), {
      // Whoever builds: a test runner's environment would make it the development build.
      env: { ...process.env, NODE_ENV: 'production' },
      cwd: join(root, cwd),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('exit', (code) => {
      if (code !== 0) return reject(new Error(`the build of the ${name} failed\n${output.trim()}`));
      compressFiles(dirname(join(root, made))).then(() => {
        log(`built the ${name} in ${seconds(started)}`);
        resolve();
      }, reject);
    });
  });
}

/** Beside each text that browsers load what the server sends instead of it, to all who take gzip. */
async function compressFiles(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const texts = entries.filter((entry) => entry.isFile() && compressible.has(extname(entry.name)));
  await Promise.all(
    texts.map(async ({ parentPath, name }) => {
      const path = join(parentPath, name);
      writeAtomically(`${path}.gz`, await promisify(gzip)(readFileSync(path), { level: 9 }));
    }),
  );
}

function outputOf(folder, path) {
  const inside = path.slice(folder.length + '/src/'.length);
  if (path.endsWith('.d.ts') || /\.spec\.ts$/.test(path)) return undefined;
  if (path.endsWith('.ts')) return `${folder}/dist/${inside.slice(0, -3)}.js`;
  return copied.has(extname(path)) ? `${folder}/dist/${inside}` : undefined;
}

/** Every file below a folder with its stamp; a folder that is not there is empty. */
function scan(folder) {
  let entries;
  try {
    entries = readdirSync(join(root, folder), { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return ['node_modules', 'dist'].includes(entry.name) ? [] : scan(path);
    // A file may vanish between the listing and here: then there is nothing to build.
    const stat = statSync(join(root, path), { throwIfNoEntry: false });
    return stat?.isFile() ? [{ path, stamp: `${stat.mtimeMs}:${stat.size}` }] : [];
  });
}

function digestOf(folders) {
  const hash = createHash('sha256');
  for (const folder of folders) {
    for (const { path, stamp } of scan(folder))
      if (!path.endsWith('.spec.ts')) hash.update(`${path} ${stamp}\n`);
  }
  return hash.digest('hex');
}

/** What every output depends on besides its source: this program and the compiler's options and version. */
function configDigest() {
  const hash = createHash('sha256')
    .update(readFileSync(new URL(import.meta.url)))
    .update(JSON.stringify(swcOptions));
  return hash.update(readFileSync(join(root, 'package.json'))).digest('hex');
}

function readState() {
  try {
    return JSON.parse(readFileSync(statePath, 'utf8'));
  } catch {
    return { config: undefined, files: {}, sites: {} };
  }
}

function exists(path) {
  return statSync(join(root, path), { throwIfNoEntry: false }) !== undefined;
}

function writeAtomically(path, content) {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, content);
  renameSync(temporary, path);
}

/** One build at a time in a clone. A lock whose owner is gone is taken over. */
async function lock() {
  for (;;) {
    try {
      writeFileSync(lockPath, String(process.pid), { flag: 'wx' });
      return () => rmSync(lockPath, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (!ownerLives()) rmSync(lockPath, { force: true });
    else await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function ownerLives() {
  try {
    process.kill(Number(readFileSync(lockPath, 'utf8')), 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

const seconds = (started) => `${((performance.now() - started) / 1000).toFixed(1)} s`;
const count = (n, noun) => `${n} ${noun}${n === 1 ? '' : 's'}`;

async function main(args) {
  const options = { quiet: args.includes('--quiet'), sites: !args.includes('--no-sites') };
  const once = async () => {
    const result = await build(options);
    if (options.quiet) return;
    const idle = result.compiled === 0 && result.removed === 0 && result.sites.length === 0;
    if (idle) stdout.write(`nothing to build (${Math.round(result.milliseconds)} ms)\n`);
  };
  if (!args.includes('--watch')) return once();
  let timer;
  const again = () => {
    clearTimeout(timer);
    timer = setTimeout(() => void once().catch((error) => stderr.write(`${error.message}\n`)), 150);
  };
  for (const folder of packageFolders()) {
    if (exists(`${folder}/src`)) watch(join(root, folder, 'src'), { recursive: true }, again);
  }
  again();
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) {
  await main(argv.slice(2)).catch((error) => {
    stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  });
}
