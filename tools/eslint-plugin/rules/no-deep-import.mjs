// A package's only door is its root: no path below it, no `src` or `dist` of it.
import { onImports } from '../imports.mjs';

export const noDeepImport = {
  meta: {
    type: 'problem',
    docs: { description: "a package's only door is its root" },
    schema: [],
    messages: { deep: 'import "{{root}}": a package\'s only door is its src/index.ts' },
  },
  create(context) {
    return onImports((node, specifier) => {
      const root = /^(@tinyfleet\/[^/]+)\/.+$/.exec(specifier)?.[1];
      if (root !== undefined) context.report({ node, messageId: 'deep', data: { root } });
    });
  },
};
