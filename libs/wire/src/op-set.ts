/** Sets of runtime ops: as bits, as hello and manifests carry them, and as names with the version of each op's parameters. */
import { OPS } from './generated/ops.js';

/** Version by name. */
export type NamedOps = Readonly<Record<string, number>>;

/** Hexadecimal: bit n of byte n / 8 = op n, of `ownOpSet` op 1,024 + n; trailing zero bytes may be left out. */
export interface OpBits {
  readonly opSet: string;
  readonly ownOpSet: string;
}

/** What the firmware of this version runs. */
export const FIRMWARE_OPS: NamedOps = Object.fromEntries(
  Object.entries(OPS).map(([name, { version }]) => [name, version]),
);
/** The same of the reduced profile: firmware-stubs/agent/reduced/src/model.c. */
export const REDUCED_FIRMWARE_OPS: NamedOps = {
  FULLY_CONNECTED: OPS.FULLY_CONNECTED.version,
  SOFTMAX: OPS.SOFTMAX.version,
};

const FIRST_OWN = 1_024;
const table: Readonly<Record<string, { readonly number: number; readonly version: number }>> = OPS;
const nameOf = new Map(Object.entries(table).map(([name, { number }]) => [number, name]));

export function isOpName(name: string): boolean {
  return Object.hasOwn(table, name);
}

export const nameOfOp = (number: number): string => nameOf.get(number) ?? `op ${number}`;

/** Version by number of the ops whose version is not 1, as hello carries them. */
export function opVersions(ops: NamedOps): Record<string, number> {
  const other = Object.entries(ops).filter(([name, version]) => isOpName(name) && version !== 1);
  return Object.fromEntries(other.map(([name, version]) => [String(table[name]!.number), version]));
}

/** Names that are none of ours are left out. */
export function opBits(names: Iterable<string>): OpBits {
  const builtin = new Uint8Array(64);
  const own = new Uint8Array(8);
  for (const name of names) {
    const number = isOpName(name) ? table[name]!.number : undefined;
    if (number === undefined) continue;
    const [bits, n] = number < FIRST_OWN ? [builtin, number] : [own, number - FIRST_OWN];
    bits[n >> 3] = (bits[n >> 3] ?? 0) | (1 << (n & 7));
  }
  return { opSet: trimmed(builtin), ownOpSet: trimmed(own) };
}

/** What is needed and not there, by name; ops that this version does not know by number. */
export function missingOps(needed: OpBits, offered: OpBits): string[] {
  const numbers = [
    ...missingBits(needed.opSet, offered.opSet),
    ...missingBits(needed.ownOpSet, offered.ownOpSet).map((n) => n + FIRST_OWN),
  ];
  return numbers.map(nameOfOp);
}

/** @param number of an op, as in the plan */
export function hasOp({ opSet, ownOpSet }: OpBits, number: number): boolean {
  const [bits, n] = number < FIRST_OWN ? [opSet, number] : [ownOpSet, number - FIRST_OWN];
  return ((Buffer.from(bits, 'hex')[n >> 3] ?? 0) & (1 << (n & 7))) !== 0;
}

function missingBits(needed: string, offered: string): number[] {
  const want = Buffer.from(needed, 'hex');
  const have = Buffer.from(offered, 'hex');
  const missing: number[] = [];
  for (let n = 0; n < want.length * 8; n++) {
    const mask = 1 << (n & 7);
    if (((want[n >> 3] ?? 0) & mask) !== 0 && ((have[n >> 3] ?? 0) & mask) === 0) missing.push(n);
  }
  return missing;
}

const trimmed = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString('hex')
    .replace(/(?:00)+$/, '');
