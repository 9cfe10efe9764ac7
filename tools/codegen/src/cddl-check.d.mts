/** Types of the CDDL check, for its tests. */
import type { CddlNode } from './cddl.mjs';
export function checkCddl(
  rules: Map<string, CddlNode>,
  rule: string,
  bytes: Uint8Array,
  options?: { open?: boolean },
): string[];
