// Types of bundle.mjs for its specs.
export interface BundleField {
  name: string;
  type: string;
  count: number;
  offset: number;
  doc: string;
}
export function layoutRecord(
  name: string,
  lines: string | readonly string[],
): { fields: BundleField[]; bytes: number };
export function files(root: string): Promise<Map<string, string>>;
