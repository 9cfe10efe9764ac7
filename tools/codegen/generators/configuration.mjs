// docs/configuration.md from the server's table of settings. The table is TypeScript, so the workspace's build runs first.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from '../../workspace/build.mjs';

/** @param {string} root @returns {Promise<{path: string, text: string}[]>} */
export async function generate(root) {
  await build({ quiet: true, sites: false });
  const { configReference } = await import(
    pathToFileURL(join(root, 'apps/server/dist/platform/config.js')).href
  );
  return [{ path: 'docs/configuration.md', text: configReference() }];
}
