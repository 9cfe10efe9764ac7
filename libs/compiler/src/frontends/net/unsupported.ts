// Operators or layers nobody here can import, gathered over the whole model: one diagnostic names them all, one for each
// node follows.
import { failure, type Diagnostic } from '../../ir/diagnostics.js';

/** Names said of one operator; a model may have thousands. */
const MOST_NAMED = 50;

export class Unsupported {
  private readonly found = new Map<string, string[]>();

  get empty(): boolean {
    return this.found.size === 0;
  }

  add(operator: string, node: string): void {
    const nodes = this.found.get(operator) ?? [];
    nodes.push(node);
    this.found.set(operator, nodes);
  }

  /** Throws unless there are none. `hints` by operator, or one for all. */
  refuse(supported: readonly string[], hints: Readonly<Record<string, string>> | string): void {
    if (this.empty) return;
    const hintOf = (operator: string): string | undefined =>
      typeof hints === 'string' ? hints : hints[operator];
    const can = supported.join(', ');
    const ops = [...this.found].map(([operator, nodes]) => `${operator} (${named(nodes)})`).join('; ');
    const code = 'compiler.op-unsupported' as const;
    const first = [...this.found.keys()].flatMap((operator) => hintOf(operator) ?? [])[0];
    const summary: Diagnostic = {
      code,
      severity: 'error',
      data: { count: this.found.size, ops, supported: can },
      ...(first === undefined ? {} : { hint: first }),
    };
    const details = [...this.found].flatMap(([operator, nodes]) =>
      nodes.slice(0, MOST_NAMED).map((op): Diagnostic => {
        const hint = hintOf(operator);
        const data = { count: 1, ops: operator, supported: can };
        return { code, severity: 'error', data, op, ...(hint === undefined ? {} : { hint }) };
      }),
    );
    throw failure([summary, ...details]);
  }
}

function named(nodes: readonly string[]): string {
  const more = nodes.length - MOST_NAMED;
  return nodes.slice(0, MOST_NAMED).join(', ') + (more > 0 ? `, and ${more} more` : '');
}
