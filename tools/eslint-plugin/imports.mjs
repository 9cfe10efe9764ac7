// Visits every way a module names another one: import, export from, import(), and TypeScript's import type nodes.

/**
 * @param {(source: object, specifier: string, typeOnly: boolean) => void} check called with the literal's node
 */
export function onImports(check) {
  const literal = (node, typeOnly) => {
    if (node?.type === 'Literal' && typeof node.value === 'string') check(node, node.value, typeOnly);
  };
  const declared = (node, kind, specifiers) =>
    literal(
      node.source,
      kind === 'type' ||
        (specifiers.length > 0 && specifiers.every((s) => (s.importKind ?? s.exportKind) === 'type')),
    );
  return {
    ImportDeclaration: (node) => declared(node, node.importKind, node.specifiers),
    ExportNamedDeclaration: (node) => declared(node, node.exportKind, node.specifiers),
    ExportAllDeclaration: (node) => literal(node.source, node.exportKind === 'type'),
    ImportExpression: (node) => literal(node.source, false),
    TSImportType: (node) => literal(node.source ?? node.argument?.literal, true),
  };
}
