// The changes of the update state that docs/spec/flash.md lists, as the power-cut sweep names them: `trial > soak`.
import { readFileSync } from 'node:fs';

const spec = new URL('../../../docs/spec/flash.md', import.meta.url);

export function documentedEdges(): string[] {
  const section = readFileSync(spec, 'utf8').split('\n## Update states\n')[1]!.split('\n## ')[0]!;
  const rows = [...section.matchAll(/^\| ([a-z, ]+?) +\| ([a-z]+) +\|/gm)].filter(
    ([, from]) => from !== 'from',
  );
  const edges = rows.flatMap(([, from, to]) => from!.split(', ').map((state) => `${state} > ${to!}`));
  return [...new Set(edges)].sort();
}
