/** What a window's predictions were, in the words of the model's labels. */
import { splitReleaseRef } from '@tinyfleet/contracts';
import { percent } from '../output/format.js';
import type { Session } from '../session.js';

/** "normal 80 %, bearing 20 %" */
export function classMix(counts: readonly number[], labels: readonly string[]): string {
  const total = counts.reduce((sum, n) => sum + n, 0);
  if (total === 0) return '-';
  return counts
    .map((n, i) => ({ n, name: labels[i] ?? `class ${i}` }))
    .filter(({ n }) => n > 0)
    .map(({ n, name }) => `${name} ${percent(n / total)}`)
    .join(', ');
}

/** Labels of a release's model; none when it is gone. */
export async function classLabels(session: Session, release: string): Promise<string[]> {
  const client = await session.client();
  const project = await session.project();
  try {
    const version = await client.call('modelVersionGet', {
      params: { project, ...splitReleaseRef(release) },
    });
    return version.labels;
  } catch {
    return [];
  }
}
