/** Confidence against how many were right: on the diagonal it means what it says, below it the model is too sure. */
import { Text } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import type { Resource } from '@tinyfleet/contracts';
import { formatInteger, formatPercent } from '../../app/format';
import { dataColor } from '../../app/theme';
import { Exportable } from '../../components/exportable';

const HEIGHT = 250;
const [LEFT, BOTTOM, TOP, RIGHT] = [44, 38, 8, 14];

export function Reliability({ data }: { data: Resource<'LabelledQuality'> }) {
  const { ref, width } = useElementSize();
  const bins = data.calibration.filter(({ n }) => n > 0);
  const x = (share: number) => LEFT + share * Math.max(10, width - LEFT - RIGHT);
  const y = (share: number) => TOP + (1 - share) * (HEIGHT - TOP - BOTTOM);
  const most = Math.max(1, ...bins.map(({ n }) => n));
  const said = bins
    .map((b) => `${formatPercent(b.confidence, 0)} sure, ${formatPercent(b.value, 0)} right`)
    .join('; ');
  return (
    <>
      <Exportable
        name={`reliability-${data.release}`}
        title={`Reliability of ${data.release}`}
        about="Confidence against the share that was right, 95 % intervals"
        table={() => ({
          heads: ['confidence', 'right', 'low', 'high', 'labels'],
          rows: bins.map((b) => [b.confidence, b.value, b.low, b.high, b.n]),
        })}
      >
        <div ref={ref} style={{ minHeight: HEIGHT }}>
          {width === 0 ? null : (
            <svg
              width={width}
              height={HEIGHT}
              role="img"
              aria-label={`Reliability: ${said}`}
              className="heat"
            >
              {[0, 0.25, 0.5, 0.75, 1].map((tick) => (
                <g key={tick}>
                  <line x1={x(0)} x2={x(1)} y1={y(tick)} y2={y(tick)} className="grid" />
                  <text x={LEFT - 6} y={y(tick) + 4} textAnchor="end" className="dim">
                    {formatPercent(tick, 0)}
                  </text>
                  <text
                    x={x(tick)}
                    y={HEIGHT - BOTTOM + 16}
                    textAnchor={tick === 1 ? 'end' : 'middle'}
                    className="dim"
                  >
                    {formatPercent(tick, 0)}
                  </text>
                </g>
              ))}
              <text x={x(1)} y={HEIGHT - 4} textAnchor="end" className="dim">
                confidence →
              </text>
              <text x={LEFT + 6} y={TOP + 12} className="dim">
                ↑ were right
              </text>
              <line x1={x(0)} y1={y(0)} x2={x(1)} y2={y(1)} className="diagonal" />
              <polyline
                points={bins.map((b) => `${x(b.confidence)},${y(b.value)}`).join(' ')}
                fill="none"
                stroke={dataColor(0)}
                strokeWidth={2}
              />
              {bins.map((b) => (
                <g key={b.confidence}>
                  <title>{`${formatPercent(b.confidence)} sure: ${formatPercent(b.value)} right (${formatPercent(b.low)} – ${formatPercent(b.high)}) of ${formatInteger(b.n)} labels`}</title>
                  <line
                    x1={x(b.confidence)}
                    x2={x(b.confidence)}
                    y1={y(b.low)}
                    y2={y(b.high)}
                    stroke={dataColor(0)}
                    strokeWidth={2}
                    opacity={0.5}
                  />
                  <circle
                    cx={x(b.confidence)}
                    cy={y(b.value)}
                    r={3 + 4 * Math.sqrt(b.n / most)}
                    fill={dataColor(0)}
                  />
                </g>
              ))}
            </svg>
          )}
        </div>
      </Exportable>
      <Text size="xs" c="dimmed" mt={4}>
        Dashed: confidence is what it says. Below it the model is too sure. Larger points have more labels.
      </Text>
    </>
  );
}
