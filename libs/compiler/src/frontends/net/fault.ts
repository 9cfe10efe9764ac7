// A node that cannot be imported: thrown while it is read, collected by the frontend, which goes on with the next one.
import type { Diagnostic } from '../../ir/diagnostics.js';

export class NodeFault extends Error {
  constructor(readonly diagnostic: Diagnostic) {
    super(diagnostic.code);
    this.name = 'NodeFault';
  }
}

export function nodeFault(
  code: Diagnostic['code'],
  data: Diagnostic['data'],
  more: { readonly op?: string; readonly tensor?: string; readonly hint?: string } = {},
): NodeFault {
  return new NodeFault({ code, severity: 'error', data, ...more });
}
