/** Types of the error registry's reader, for its tests. */
export function parseArea(
  area: string,
  source: string,
): { title: string; entries: Array<{ code: string; number?: number; exit: number; fields: string[] }> };
