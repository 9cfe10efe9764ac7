/** Estimates beside each other: a point with its interval in each row, a second thinner one below it, the figures in words. */
import { useElementSize } from '@mantine/hooks';
import { formatPercent } from '../../app/format';

interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}
export interface IntervalRow {
  readonly name: string;
  readonly color: string;
  /** Null: no answer. */
  readonly interval: Interval | null;
  readonly second?: Interval | null;
  readonly words: string;
  readonly about: string;
}

const ROW = 52;
const AXIS = 26;

export function IntervalRows({ label, rows }: { label: string; rows: readonly IntervalRow[] }) {
  const { ref, width } = useElementSize();
  const isNarrow = width < 620;
  const height = rows.length * (isNarrow ? ROW + 34 : ROW) + AXIS;
  const known = rows
    .flatMap(({ interval, second }) => [interval, second ?? null])
    .filter((one) => one !== null);
  const lowest = Math.min(0.9, ...known.map(({ low }) => low)) - 0.02;
  const floor = Math.max(0, Math.floor(lowest * 10) / 10);
  const left = isNarrow ? 22 : Math.min(320, width * 0.38);
  const right = 22;
  const x = (share: number) => left + ((share - floor) / (1 - floor)) * Math.max(10, width - left - right);
  const step = 1 - floor <= 0.25 ? 0.05 : 1 - floor <= 0.5 ? 0.1 : 0.25;
  const ticks = Array.from({ length: Math.round((1 - floor) / step) + 1 }, (_, i) => 1 - i * step);
  const said = rows.map(({ name, words }) => `${name} ${words}`).join('; ');
  return (
    <div ref={ref} style={{ minHeight: height }}>
      {width === 0 ? null : (
        <svg
          width={width}
          height={height}
          role="img"
          aria-label={`${label}: ${said}`}
          className="interval-rows"
        >
          {ticks.map((tick) => (
            <g key={tick}>
              <line x1={x(tick)} x2={x(tick)} y1={0} y2={height - AXIS} className="grid" />
              <text x={x(tick)} y={height - 8} textAnchor="middle" className="dim">
                {formatPercent(tick, 0)}
              </text>
            </g>
          ))}
          {rows.map((row, i) => {
            const top = i * (isNarrow ? ROW + 34 : ROW);
            const middle = top + (isNarrow ? 34 : 0) + ROW / 2;
            return (
              <g key={row.name}>
                <title>{`${row.name}: ${row.words}; ${row.about}`}</title>
                <text x={0} y={top + 20} className="name">
                  {row.name} <tspan className="figures">{row.words}</tspan>
                </text>
                <text x={0} y={top + 37} className="dim">
                  {isNarrow || row.about.length < 52 ? row.about : `${row.about.slice(0, 50)}…`}
                </text>
                {row.interval === null ? (
                  <text x={x(floor) + 8} y={middle + 4} className="dim">
                    no answer
                  </text>
                ) : (
                  <Whisker interval={row.interval} y={middle - 5} x={x} color={row.color} thickness={4} />
                )}
                {row.second ? (
                  <Whisker interval={row.second} y={middle + 9} x={x} color={row.color} thickness={2} />
                ) : null}
              </g>
            );
          })}
        </svg>
      )}
    </div>
  );
}

function Whisker(props: {
  interval: Interval;
  y: number;
  x: (share: number) => number;
  color: string;
  thickness: number;
}) {
  const { interval, y, x, color, thickness } = props;
  return (
    <>
      <line
        x1={x(interval.low)}
        x2={Math.max(x(interval.high), x(interval.low) + 1)}
        y1={y}
        y2={y}
        stroke={color}
        strokeWidth={thickness}
        strokeLinecap="round"
        opacity={0.55}
      />
      <circle cx={x(interval.value)} cy={y} r={thickness + 1.5} fill={color} />
    </>
  );
}
