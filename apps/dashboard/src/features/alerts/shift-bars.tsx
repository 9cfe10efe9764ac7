/** Shifts as bars about none, as long as they are surprising; the text says how far. Wide and narrow screens have their own. */
import { useElementSize } from '@mantine/hooks';
import type { Resource } from '@tinyfleet/contracts';
import { shiftText } from './alert-words';

type Shift = Resource<'AlertShift'>;

const ROW = 30;
/** Blue and vermilion of Okabe and Ito: told apart by everybody, and the side says the same. */
const [MORE, LESS] = ['#d55e00', '#1f87c9'];
/** Scores that chance alone hardly reaches. */
const NOTABLE = 3;

export function ShiftBars({ label, shifts }: { label: string; shifts: readonly Shift[] }) {
  const { ref, width } = useElementSize();
  const isNarrow = width < 560;
  const row = isNarrow ? ROW + 18 : ROW;
  const left = isNarrow ? 0 : 190;
  const right = isNarrow ? 0 : 150;
  const span = Math.max(40, width - left - right);
  const most = Math.max(NOTABLE * 1.3, ...shifts.map(({ score }) => Math.abs(score)));
  const x = (score: number) => left + span / 2 + (score / most) * (span / 2);
  const height = shifts.length * row + 4;
  return (
    <div ref={ref} style={{ minHeight: height }}>
      {width === 0 ? null : (
        <svg width={width} height={height} role="img" aria-label={label} className="shift-bars">
          {shifts.map((one, i) => {
            const y = i * row;
            const bar = isNarrow ? y + 18 : y;
            const edge = x(one.score);
            const text = `${shiftText(one)} over ${one.windows} windows`;
            return (
              <g key={one.stream}>
                <title>{`${one.stream}: ${text}, score ${one.score.toFixed(1)}`}</title>
                <text x={0} y={isNarrow ? y + 13 : y + 19} className="name">
                  {one.stream}
                </text>
                {[-NOTABLE, 0, NOTABLE].map((at) => (
                  <line
                    key={at}
                    x1={x(at)}
                    x2={x(at)}
                    y1={bar + 1}
                    y2={bar + ROW - 1}
                    className={at === 0 ? 'zero' : 'hint'}
                  />
                ))}
                <rect
                  x={Math.min(edge, x(0))}
                  y={bar + 7}
                  width={Math.max(1, Math.abs(edge - x(0)))}
                  height={ROW - 14}
                  rx={3}
                  fill={one.score < 0 ? LESS : MORE}
                />
                <text x={width} y={isNarrow ? y + 13 : y + 19} textAnchor="end" className="size">
                  {text}
                </text>
              </g>
            );
          })}
        </svg>
      )}
    </div>
  );
}
