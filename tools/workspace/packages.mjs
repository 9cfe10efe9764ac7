// The workspace's packages, as the `workspaces` list of the root package.json names them.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** Derived state that may be deleted at any time; `npm ci` deletes it. */
export const cacheDir = join(root, 'node_modules/.cache/tinyfleet');

/** @returns {string[]} package folders relative to the root, such as `libs/wire` */
export function packageFolders() {
  const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const excluded = new Set(
    workspaces.filter((pattern) => pattern[0] === '!').map((pattern) => pattern.slice(1)),
  );
  const folders = workspaces.flatMap((pattern) => {
    if (!pattern.endsWith('/*')) return pattern[0] === '!' ? [] : [pattern];
    const parent = pattern.slice(0, -2);
    return readdirSync(join(root, parent), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && existsSync(join(root, parent, entry.name, 'package.json')))
      .map((entry) => `${parent}/${entry.name}`);
  });
  return folders.filter((folder) => !excluded.has(folder));
}
