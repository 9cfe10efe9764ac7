/** Histogram of the winning probability, classes stacked: how sure the model was. */
import { dataColor } from '../../app/theme';

interface Props {
  /** Class x bin counts. */
  readonly confidence: readonly (readonly number[])[];
  readonly labels: readonly string[];
  readonly format: (share: number, digits?: number) => string;
}

const WIDTH = 480;
const HEIGHT = 150;

export function ConfidenceBars({ confidence, labels, format }: Props) {
  const bins = Math.max(0, ...confidence.map((row) => row.length));
  const totals = Array.from({ length: bins }, (_, bin) =>
    confidence.reduce((sum, row) => sum + (row[bin] ?? 0), 0),
  );
  const top = Math.max(1, ...totals);
  const barWidth = WIDTH / Math.max(1, bins);
  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${HEIGHT + 18}`}
      width="100%"
      role="img"
      aria-label="Histogram of confidence by predicted class"
    >
      {totals.map((_, bin) => {
        let y = HEIGHT;
        return confidence.map((row, c) => {
          const height = ((row[bin] ?? 0) / top) * (HEIGHT - 6);
          y -= height;
          return (
            <rect
              key={`${bin}-${c}`}
              x={bin * barWidth + 2}
              y={y}
              width={barWidth - 4}
              height={height}
              fill={dataColor(c)}
            >
              <title>{`${labels[c] ?? `class ${c}`}, confidence ${format(bin / bins, 0)} to ${format((bin + 1) / bins, 0)}: ${row[bin] ?? 0}`}</title>
            </rect>
          );
        });
      })}
      <line x1={0} x2={WIDTH} y1={HEIGHT} y2={HEIGHT} stroke="currentColor" opacity={0.3} />
      {[0, 0.25, 0.5, 0.75, 1].map((share) => (
        <text
          key={share}
          x={share * WIDTH}
          y={HEIGHT + 14}
          fontSize={11}
          fill="currentColor"
          opacity={0.7}
          textAnchor={share === 0 ? 'start' : share === 1 ? 'end' : 'middle'}
        >
          {format(share, 0)}
        </text>
      ))}
    </svg>
  );
}
