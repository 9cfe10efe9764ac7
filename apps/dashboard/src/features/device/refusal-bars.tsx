/** Refused messages by day, errors stacked. */
import { Group, Text } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import type { Resource } from '@tinyfleet/contracts';
import { formatInteger } from '../../app/format';
import { dataColor } from '../../app/theme';

const HEIGHT = 120;
const [LEFT, BOTTOM, TOP] = [46, 20, 6];
const DAY_MS = 86_400_000;
/** Days that are drawn, to today. */
const DAYS = 14;

export function RefusalBars({ rows }: { rows: readonly Resource<'TelemetryRefusal'>[] }) {
  const { ref, width } = useElementSize();
  const codes = [...new Set(rows.map(({ code }) => code))].sort();
  const last = Math.max(...rows.map(({ day }) => Date.parse(day)));
  const days = Array.from({ length: DAYS }, (_, i) =>
    new Date(last - (DAYS - 1 - i) * DAY_MS).toISOString().slice(0, 10),
  );
  const countOf = (day: string, code: string) =>
    rows.reduce((sum, one) => (one.day === day && one.code === code ? sum + one.count : sum), 0);
  const totals = days.map((day) => codes.reduce((sum, code) => sum + countOf(day, code), 0));
  const most = Math.max(1, ...totals);
  const step = Math.max(4, (width - LEFT - 4) / DAYS);
  const room = HEIGHT - TOP - BOTTOM;
  const said = days.map((day, i) => `${day} ${totals[i]}`).filter((_, i) => totals[i] !== 0);
  return (
    <div ref={ref} style={{ minHeight: HEIGHT }}>
      {width === 0 ? null : (
        <svg
          width={width}
          height={HEIGHT}
          role="img"
          aria-label={`Refused messages by day: ${said.join(', ')}`}
          fontSize={11.5}
        >
          {[0, 1].map((part) => (
            <text
              key={part}
              x={LEFT - 8}
              y={TOP + (1 - part) * room + 4}
              textAnchor="end"
              fill="currentColor"
              opacity={0.75}
            >
              {formatInteger(part * most)}
            </text>
          ))}
          <line x1={LEFT} x2={width} y1={TOP + room} y2={TOP + room} stroke="currentColor" opacity={0.3} />
          {days.map((day, i) => {
            let y = TOP + room;
            return (
              <g key={day}>
                {codes.map((code, c) => {
                  const count = countOf(day, code);
                  const height = (count / most) * room;
                  y -= height;
                  return count === 0 ? null : (
                    <rect
                      key={code}
                      x={LEFT + i * step + 2}
                      y={y}
                      width={step - 4}
                      height={height}
                      fill={dataColor(c)}
                    >
                      <title>{`${day}, ${code}: ${formatInteger(count)}`}</title>
                    </rect>
                  );
                })}
                {i % 4 === 1 ? (
                  <text
                    x={LEFT + (i + 0.5) * step}
                    y={HEIGHT - 5}
                    textAnchor="middle"
                    fill="currentColor"
                    opacity={0.75}
                  >
                    {day.slice(5)}
                  </text>
                ) : null}
              </g>
            );
          })}
        </svg>
      )}
      <Group gap="md" mt={4}>
        {codes.map((code, c) => (
          <Group key={code} gap={6}>
            <span aria-hidden style={{ width: 10, height: 10, borderRadius: 3, background: dataColor(c) }} />
            <Text size="xs">{code}</Text>
          </Group>
        ))}
      </Group>
    </div>
  );
}
