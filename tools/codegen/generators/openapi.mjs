// docs/api/openapi.json from the route table. The table is TypeScript, so the workspace's build runs first.
import { build } from '../../workspace/build.mjs';

/** @param {string} _root @returns {Promise<{path: string, text: string}[]>} */
export async function generate(_root) {
  await build({ quiet: true, sites: false });
  const { openApiDocument } = await import('@tinyfleet/contracts');
  return [{ path: 'docs/api/openapi.json', text: `${JSON.stringify(openApiDocument('1'), null, 2)}\n` }];
}
