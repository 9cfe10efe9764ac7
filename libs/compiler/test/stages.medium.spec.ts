// The compiler's own boundaries: stages import the IR only, backends also the plan's types, and only the driver knows all.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const src = fileURLToPath(new URL('../src', import.meta.url));

/** Stage -> the other stages its files may import. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  ir: [],
  frontends: ['ir'],
  passes: ['ir'],
  plan: ['ir'],
  backends: ['ir', 'plan'],
};

/** `from '...'` of a file under src, as `[stage of the file, stage of the import]`. */
export function crossings(path: string, text: string): [string, string][] {
  const [stage] = path.split('/') as [string];
  return [...text.matchAll(/from '(\.{1,2}\/[^']+)'/g)].map(([, target]) => {
    const resolved = new URL(target!, `file:///${path}`).pathname.slice(1);
    return [stage, resolved.split('/')[0]!];
  });
}

function violations(path: string, text: string): string[] {
  return crossings(path, text)
    .filter(([from, to]) => from !== to && from in MAY_IMPORT && !MAY_IMPORT[from]!.includes(to))
    .map(([, to]) => `${path} imports ${to}`);
}

describe('stages', () => {
  it('should import no stage but the IR', () => {
    const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((path) =>
      /\.ts$/.test(path),
    );
    const code = files.filter((path) => !path.endsWith('.spec.ts'));
    expect(code.length).toBeGreaterThan(30);
    expect(code.flatMap((path) => violations(path, readFileSync(`${src}/${path}`, 'utf8')))).toEqual([]);
  });

  it('should be told when one does', () => {
    expect(violations('passes/x.ts', "import { open } from '../frontends/tflite/open.js';")).toEqual([
      'passes/x.ts imports frontends',
    ]);
    expect(violations('backends/bundle/x.ts', "import type { Plan } from '../../plan/types.js';")).toEqual(
      [],
    );
    expect(violations('plan/x.ts', "import { compile } from '../driver/compile.js';")).toHaveLength(1);
  });
});
