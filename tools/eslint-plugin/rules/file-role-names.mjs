// A file's name says noun and role in kebab-case; grab-bag names say nothing and collect everything.
import { basename } from 'node:path';

const grabBags = new Set(['utils', 'util', 'helpers', 'helper', 'common', 'misc', 'shared', 'lib']);

export const fileRoleNames = {
  meta: {
    type: 'suggestion',
    docs: { description: 'files are named kebab-case by noun and role' },
    schema: [],
    messages: {
      grabBag: '"{{name}}" names no idea: name the file after what it holds',
      kebab: '"{{name}}" is not kebab-case',
    },
  },
  create(context) {
    return {
      Program(node) {
        const name = basename(context.filename);
        const parts = name
          .replace(/\.d\.ts$/, '.ts')
          .split('.')
          .slice(0, -1);
        if (parts.some((part) => grabBags.has(part)))
          context.report({ node, messageId: 'grabBag', data: { name } });
        else if (!parts.every((part) => /^[a-z0-9]+(-[a-z0-9]+)*$/.test(part))) {
          context.report({ node, messageId: 'kebab', data: { name } });
        }
      },
    };
  },
};
