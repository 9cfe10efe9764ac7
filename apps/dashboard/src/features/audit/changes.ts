/** What an entry of the audit log changed. */

type Values = Readonly<Record<string, unknown>> | null;

/** What differs between before and after, each as [before, after]. */
export function changes(before: Values, after: Values): Record<string, unknown> {
  const keys = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  const out: Record<string, unknown> = {};
  for (const key of keys) {
    const [was, is] = [before?.[key], after?.[key]];
    if (JSON.stringify(was) !== JSON.stringify(is)) out[key] = { before: was ?? null, after: is ?? null };
  }
  return out;
}
