// Tenants are kept apart by type: every method of a store port takes the branded ProjectScope (or AllProjects) first,
// so a query without a project cannot even be written. Exceptions are named one by one in eslint.config.mjs.

export const storePortTakesProjectScope = {
  meta: {
    type: 'problem',
    docs: { description: 'methods of store ports take ProjectScope or AllProjects first' },
    schema: [
      {
        type: 'object',
        properties: { allow: { type: 'array', items: { type: 'string' }, uniqueItems: true } },
        additionalProperties: false,
      },
    ],
    messages: {
      scope:
        '{{port}}.{{method}} must take ProjectScope or AllProjects first, or be on the allow-list with its reason',
    },
  },
  create(context) {
    const allow = new Set(context.options[0]?.allow ?? []);
    const check = (port, node, method, signature) => {
      if (allow.has(port) || allow.has(`${port}.${method}`)) return;
      if (!isScope(signature.params?.[0]))
        context.report({ node, messageId: 'scope', data: { port, method } });
    };
    const checkMembers = (port, members) => {
      if (!port.endsWith('Store')) return;
      for (const member of members) {
        if (member.key?.type !== 'Identifier') continue;
        if (member.type === 'TSMethodSignature') check(port, member, member.key.name, member);
        const annotation = member.typeAnnotation?.typeAnnotation;
        if (member.type === 'TSPropertySignature' && annotation?.type === 'TSFunctionType') {
          check(port, member, member.key.name, annotation);
        }
      }
    };
    return {
      TSInterfaceDeclaration: (node) => checkMembers(node.id.name, node.body.body),
      TSTypeAliasDeclaration: (node) => {
        if (node.typeAnnotation.type === 'TSTypeLiteral')
          checkMembers(node.id.name, node.typeAnnotation.members);
      },
    };
  },
};

function isScope(parameter) {
  const type = parameter?.typeAnnotation?.typeAnnotation;
  if (type === undefined) return false;
  const parts = type.type === 'TSUnionType' ? type.types : [type];
  return parts.every(
    (part) => part.type === 'TSTypeReference' && ['ProjectScope', 'AllProjects'].includes(part.typeName.name),
  );
}
