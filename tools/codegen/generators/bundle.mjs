/** The tables of the bundle format; made by tools/codegen/bundle.mjs, formatted by generate.mjs. */
import { files } from '../bundle.mjs';

export async function generate(root) {
  return [...(await files(root))].map(([path, text]) => ({ path, text }));
}
