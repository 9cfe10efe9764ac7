/** What was told of a rollout over time, as the layers of a chart. */
import type { Resource } from '@tinyfleet/contracts';
import { deploymentShares } from './deployment-shares.js';

type Point = Pick<Resource<'RolloutHistory'>['points'][number], 'at' | 'step' | 'counts'>;

export interface StateHistory {
  /** Unix seconds, rising. */
  readonly times: number[];
  readonly series: { label: string; color: string; values: number[] }[];
  /** Where each step began, but for the first. */
  readonly marks: { at: number; label: string }[];
}

/** Of the time it took: the end is held so long, or it could not be seen. */
const HELD = 0.04;

/** States that nobody was ever in are left out. `now`: how it stands at this moment, while it goes on. */
export function stateHistory(points: readonly Point[], now?: Point): StateHistory {
  const all: readonly Point[] = [...points, ...(now === undefined ? held(points) : [now])];
  const rising = all.filter((point, i) => i === 0 || point.at > all[i - 1]!.at);
  const shares = rising.map(({ counts }) => deploymentShares(counts));
  const times = rising.map(({ at }) => Date.parse(at) / 1_000);
  return {
    times,
    series: (shares[0] ?? [])
      .map(({ label, color }, index) => ({
        label,
        color,
        values: shares.map((one) => one[index]?.value ?? 0),
      }))
      .filter(({ values }) => values.some((value) => value > 0)),
    marks: rising.flatMap(({ step }, i) =>
      i > 0 && step > rising[i - 1]!.step ? [{ at: times[i]!, label: `step ${step + 1}` }] : [],
    ),
  };
}

function held(points: readonly Point[]): Point[] {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return [];
  const tookMs = Date.parse(last.at) - Date.parse(first.at);
  return [{ ...last, at: new Date(Date.parse(last.at) + Math.max(1_000, HELD * tookMs)).toISOString() }];
}
