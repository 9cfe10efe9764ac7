export const SANITIZERS: string[];
export function unitsOf(...folders: string[]): Promise<string[]>;
export function objectsOf(cc: string, flags: readonly string[], units: readonly string[]): Promise<string[]>;
export function buildProgram(program: {
  readonly cc: string;
  readonly flags: readonly string[];
  readonly units: readonly string[];
  readonly link?: readonly string[];
  readonly out: string;
}): Promise<string>;
