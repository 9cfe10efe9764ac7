// Which of the runtime's C files a model needs: the kernels of its ops, what those call and include, and nothing else. It
// reads the sources' own op table, so an op's kernel is stated once, in C.
import type { OpName } from '../../plan/types.js';

/** File name, without folders -> text, of the runtime's sources and headers. */
export type RuntimeSources = ReadonlyMap<string, string>;

/** Loader, interpreter and op table: what an ahead-of-time library is there to leave out. */
const INTERPRETER = new Set(['load.c', 'run.c', 'ops.c', 'front_end.c']);
/** CRC-32 and random inputs, for self-tests. */
const ALWAYS = ['integer.c'];

export interface KernelSources {
  /** By file name. */
  readonly files: ReadonlyMap<string, string>;
  /** The C function that runs an op. */
  readonly kernel: (op: OpName) => string;
}

export function selectSources(all: RuntimeSources, ops: readonly OpName[]): KernelSources {
  const kernels = opTable(all);
  const kernel = (op: OpName): string => kernels.get(op) ?? missing(`a kernel of ${op}`);
  const definedIn = definitions(all);
  const chosen = new Set<string>();
  const pending = [...ALWAYS, ...ops.map((op) => definedIn.get(kernel(op)) ?? missing(kernel(op)))];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (chosen.has(name)) continue;
    chosen.add(name);
    const text = all.get(name) ?? missing(name);
    for (const [, header] of text.matchAll(/^\s*#\s*include\s+"(?:[^"]*\/)?([^"/]+)"/gm))
      pending.push(header!);
    // A header declares more than a kernel calls.
    if (!name.endsWith('.c')) continue;
    for (const [symbol] of withoutComments(text).matchAll(/\bfleet_\w+/g)) {
      const file = definedIn.get(symbol);
      if (file !== undefined) pending.push(file);
    }
  }
  return { files: new Map([...chosen].sort().map((name) => [name, all.get(name)!])), kernel };
}

/** Rows `OP(NAME, function, ...)` of ops.c. */
function opTable(all: RuntimeSources): ReadonlyMap<string, string> {
  const text = all.get('ops.c') ?? missing('ops.c');
  return new Map(
    [...text.matchAll(/^\s*OP\((\w+), (\w+),/gm)].map(([, op, name]) => [op!, `fleet_run_${name!}`]),
  );
}

/** Function or constant with external linkage -> the file that defines it. */
function definitions(all: RuntimeSources): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [name, text] of all) {
    if (!name.endsWith('.c') || INTERPRETER.has(name)) continue;
    for (const [, symbol] of text.matchAll(
      /^(?!static\b)\w[\w \t*]*\b(fleet_\w+)(?:\([^;{]*\)\s*\{|(?:\[[^\]]*\])*\s*=)/gm,
    ))
      found.set(symbol!, name);
  }
  return found;
}

const withoutComments = (text: string): string => text.replace(/\/\/.*$|\/\*[^]*?\*\//gm, '');

function missing(what: string): never {
  throw new Error(`invariant: the runtime's sources have no ${what}`);
}
