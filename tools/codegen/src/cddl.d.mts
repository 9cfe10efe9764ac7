/** Types of the CDDL parser, for its tests. */
export interface CddlNode {
  kind: string;
  name?: string;
  min?: number;
  max?: number;
  members?: Array<{ name: string; value: number }>;
  entries?: Array<{ min: number; max: number; key?: CddlNode; name?: string; type: CddlNode }>;
}
export function parseCddl(source: string, file?: string): Map<string, CddlNode>;
