/** The data files that builds of a release were made and measured with. */
import type { DataSets, ReleaseFacts } from './ports.js';

/** in-toto ResourceDescriptor. */
export interface Descriptor {
  readonly name: string;
  readonly digest: { readonly sha256: string };
  readonly annotations?: Readonly<Record<string, unknown>>;
}

/** Each file once, with the builds that have used it. */
export function dataSetsOf({ builds }: Pick<ReleaseFacts, 'builds'>): Descriptor[] {
  const byKey = new Map<string, { role: string; sha256: string; types: string[] }>();
  for (const { type, dataSets } of builds) {
    for (const [role, sha256] of filesOf(dataSets)) {
      const key = `${role} ${sha256}`;
      const known = byKey.get(key) ?? { role, sha256, types: [] };
      known.types.push(type);
      byKey.set(key, known);
    }
  }
  return [...byKey.values()].map(({ role, sha256, types }) => ({
    name: role,
    digest: { sha256 },
    annotations: { role, deviceTypes: types },
  }));
}

function filesOf({ calibration, validation }: DataSets): [role: string, sha256: string][] {
  return [
    ...(calibration ? [['calibration', calibration] as [string, string]] : []),
    ...(validation
      ? ([
          ['validation-inputs', validation.inputs],
          ['validation-labels', validation.labels],
        ] as [string, string][])
      : []),
  ];
}
