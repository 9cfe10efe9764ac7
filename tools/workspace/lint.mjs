// `npm run lint [-- path ...]`: ESLint with the dependency rules, and the layers of the C code. It makes the Nx project
// graph first: without one, @nx/enforce-module-boundaries only warns and finds nothing.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkLayers } from './c-layers.mjs';
import { cacheDir, root } from './packages.mjs';

const require = createRequire(import.meta.url);
/** Nx asks nobody anything, starts no daemon and draws no screen. */
export const nxEnvironment = { NX_DAEMON: 'false', NX_NO_CLOUD: 'true', NX_TUI: 'false', CI: 'true' };

function program(name, bin) {
  const manifest = require.resolve(`${name}/package.json`);
  return join(dirname(manifest), bin ?? require(manifest).bin[name]);
}

/** Makes the project graph that the boundary rule reads. @throws with Nx's own words */
export function makeGraph(folder = root) {
  mkdirSync(cacheDir, { recursive: true });
  const graph = join(folder, 'node_modules/.cache/tinyfleet/graph.json');
  const result = spawnSync(process.execPath, [program('nx'), 'graph', `--file=${graph}`], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, ...nxEnvironment },
  });
  if (result.status !== 0) throw new Error(`no project graph\n${result.stdout}${result.stderr}`);
}

function main(paths) {
  makeGraph();
  const layers = checkLayers(join(root, 'firmware-stubs'));
  for (const violation of layers) process.stderr.write(`firmware-stubs/${violation}\n`);
  const args = [
    program('eslint'),
    '--max-warnings=0',
    '--no-warn-ignored',
    ...(paths.length > 0 ? paths : ['.']),
  ];
  const eslint = spawnSync(process.execPath, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...nxEnvironment },
  });
  process.exitCode = layers.length > 0 || eslint.status !== 0 ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main(process.argv.slice(2));
