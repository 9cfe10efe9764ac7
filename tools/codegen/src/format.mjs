/** Formats generated TypeScript as the workspace does, so that `npm run check` finds nothing to change. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';

const here = dirname(fileURLToPath(import.meta.url));

export async function formatTypeScript(text) {
  const options = await resolveConfig(join(here, 'format.mjs'));
  return format(text, { ...options, parser: 'typescript' });
}
