// Types of run.mjs.
export function targets(): Promise<string[]>;
export function buildTargets(clang: string, folder: string, names: readonly string[]): Promise<void>;
export function unpackSeeds(name: string, folder: string): Promise<number>;
export function fuzz(
  folder: string,
  name: string,
  options: { readonly corpus: string; readonly seconds: number; readonly seed?: number },
): Promise<{ executions: number; coverage: number; corpus: number }>;
