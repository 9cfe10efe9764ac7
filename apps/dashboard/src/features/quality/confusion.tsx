/** Truth by prediction: shares of each row as shades, counts as numbers, recall at the end of the row. */
import { useComputedColorScheme } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import type { Resource } from '@tinyfleet/contracts';
import { formatInteger, formatPercent } from '../../app/format';
import { Exportable } from '../../components/exportable';
import { sequential, inkOn } from './ramp';

type Labelled = Resource<'LabelledQuality'>;

const TOP = 40;

export function Confusion({ data }: { data: Labelled }) {
  const { ref, width } = useElementSize();
  const scheme = useComputedColorScheme('light');
  const { classes, confusion, recall, precision, release } = data;
  const names = confusion.map((_, i) => classes[i] ?? `class ${i}`);
  const left = Math.min(110, width * 0.24);
  const right = 96;
  const size = Math.max(20, (width - left - right) / Math.max(1, names.length));
  const row = Math.min(46, Math.max(26, size));
  const height = TOP + row * names.length + 30;
  const short = (name: string, room: number) => {
    const fits = Math.max(2, Math.floor((room - 4) / 7.4));
    return name.length <= fits ? name : `${name.slice(0, fits - 1)}…`;
  };
  const said = recall.map(({ value }, i) => `${names[i]} ${formatPercent(value, 0)}`).join(', ');
  return (
    <Exportable
      name={`confusion-${release}`}
      title={`Confusion of ${release}`}
      about="Rows are the truth, columns what was predicted"
      table={() => ({
        heads: ['truth', ...names, 'labels', 'recall', 'low', 'high'],
        rows: confusion.map((counts, i) => [
          names[i],
          ...counts,
          ...[recall[i]?.n, recall[i]?.value, recall[i]?.low, recall[i]?.high],
        ]),
      })}
    >
      <div ref={ref} style={{ minHeight: height }}>
        {width === 0 ? null : (
          <svg
            width={width}
            height={height}
            role="img"
            aria-label={`Confusion; recall: ${said}`}
            className="heat"
          >
            <text x={left} y={12} className="dim">
              predicted
            </text>
            {names.map((name, c) => (
              <text key={name} x={left + (c + 0.5) * size} y={30} textAnchor="middle">
                {short(name, size)}
              </text>
            ))}
            <text x={width} y={30} textAnchor="end" className="dim">
              recall
            </text>
            {confusion.map((counts, t) => {
              const all = counts.reduce((sum, n) => sum + n, 0);
              const y = TOP + t * row;
              const one = recall[t];
              return (
                <g key={names[t]}>
                  <text x={left - 8} y={y + row / 2 + 4} textAnchor="end">
                    {short(names[t] ?? '', left)}
                  </text>
                  {counts.map((count, c) => {
                    const share = all === 0 ? 0 : count / all;
                    const color = sequential(share, scheme);
                    return (
                      <g key={c}>
                        <title>{`truth ${names[t]}, predicted ${names[c]}: ${formatInteger(count)}, ${formatPercent(share)}`}</title>
                        <rect
                          x={left + c * size + 1}
                          y={y + 1}
                          width={size - 2}
                          height={row - 2}
                          rx={3}
                          fill={color}
                        />
                        <text
                          x={left + (c + 0.5) * size}
                          y={y + row / 2 + 4}
                          textAnchor="middle"
                          style={{ fill: inkOn(color) }}
                          fontWeight={c === t ? 600 : 400}
                        >
                          {size < 38 && count >= 1_000
                            ? `${Math.round(count / 1_000)}k`
                            : formatInteger(count)}
                        </text>
                      </g>
                    );
                  })}
                  <text x={width} y={y + row / 2 + 4} textAnchor="end">
                    {one === undefined || one.n === 0
                      ? '–'
                      : `${formatPercent(one.value, 0)} ±${Math.round(((one.high - one.low) / 2) * 100)}`}
                  </text>
                </g>
              );
            })}
            <text x={left - 8} y={TOP + names.length * row + 18} textAnchor="end" className="dim">
              precision
            </text>
            {precision.map((one, c) => (
              <text key={c} x={left + (c + 0.5) * size} y={TOP + names.length * row + 18} textAnchor="middle">
                {one.n === 0 ? '–' : formatPercent(one.value, 0)}
              </text>
            ))}
          </svg>
        )}
      </div>
    </Exportable>
  );
}
