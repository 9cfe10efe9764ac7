// Each file opens with a comment that says what it is and what it is not, so that nobody has to read it to know.

export const fileHeader = {
  meta: {
    type: 'suggestion',
    docs: { description: 'a file opens with a comment that says what it is' },
    schema: [],
    messages: { missing: 'open the file with 1-5 lines of comment: what it is, what it is not' },
  },
  create(context) {
    return {
      Program(node) {
        const [first, second] = context.sourceCode.getAllComments();
        // Directives for tools are no description.
        const header =
          first && /^[\s*]*(eslint-|@ts-|<reference|@vitest|@jest)/.test(first.value) ? second : first;
        const begin = node.body[0]?.range[0] ?? Infinity;
        if (header === undefined || header.range[0] > begin || header.value.trim() === '') {
          context.report({ loc: { line: 1, column: 0 }, messageId: 'missing' });
        }
      },
    };
  },
};
