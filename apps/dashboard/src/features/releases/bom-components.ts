/** Rows of a CycloneDX document, which is somebody else's format: what cannot be read is left out. */
export interface BomComponent {
  readonly type: string;
  readonly name: string;
  readonly version: string | undefined;
  /** SHA-256 as hex. */
  readonly digest: string | undefined;
}

export function componentsOf(bom: Readonly<Record<string, unknown>>): BomComponent[] {
  const metadata = isRecord(bom['metadata']) ? bom['metadata'] : {};
  const listed = Array.isArray(bom['components']) ? (bom['components'] as unknown[]) : [];
  return [metadata['component'], ...listed].filter(isRecord).map((one) => ({
    type: textOf(one['type']) ?? '',
    name: textOf(one['name']) ?? '',
    version: textOf(one['version']),
    digest: digestOf(one['hashes']),
  }));
}

function digestOf(hashes: unknown): string | undefined {
  if (!Array.isArray(hashes)) return undefined;
  const found = (hashes as unknown[]).find((one) => isRecord(one) && one['alg'] === 'SHA-256');
  return isRecord(found) ? textOf(found['content']) : undefined;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
