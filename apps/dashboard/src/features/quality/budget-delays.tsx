/** How late shifts are seen by budget: a line for each size of shift, from the loosest budget to the tightest. */
import { Text } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import type { Resource } from '@tinyfleet/contracts';
import { formatDuration } from '../../app/format';
import { dataColor } from '../../app/theme';
import { Exportable } from '../../components/exportable';

type Cost = Resource<'BudgetCost'>;

const HEIGHT = 210;
const [LEFT, RIGHT, TOP, BOTTOM] = [64, 120, 10, 40];

export function BudgetDelays({ costs, inForce }: { costs: readonly Cost[]; inForce: string }) {
  const { ref, width } = useElementSize();
  const shifts = costs[0]?.delays.map(({ shift }) => shift) ?? [];
  if (costs.length < 2 || shifts.length === 0) return null;
  const roundMs = (costs[0]?.roundSeconds ?? 3_600) * 1_000;
  const delay = (cost: Cost, shift: number) => cost.delays.find((one) => one.shift === shift)?.rounds ?? 0;
  const most = Math.max(...costs.map((cost) => delay(cost, shifts[0] ?? 1))) * 1.1;
  const isNarrow = width < 560;
  const room = isNarrow ? 56 : RIGHT;
  const x = (i: number) => LEFT + 24 + (i / (costs.length - 1)) * Math.max(10, width - LEFT - room - 48);
  const y = (rounds: number) => TOP + (1 - rounds / most) * (HEIGHT - TOP - BOTTOM);
  const said = costs
    .map(
      (cost) =>
        `${cost.budget}: ${cost.delays.map((d) => `${d.shift} sd after ${d.rounds.toFixed(1)} rounds`).join(', ')}`,
    )
    .join('; ');
  return (
    <>
      <Exportable
        name="budget-delays"
        isBelowText
        title="How late a lasting shift is seen, by budget"
        about="Mean rounds until the alarm; shifts in standard deviations of a stream from round to round"
        table={() => ({
          heads: [
            'budget',
            'false pages a week',
            'ARL0',
            ...shifts.map((shift) => `rounds until ${shift} sd`),
          ],
          rows: costs.map((c) => [
            c.budget,
            c.falsePagesPerWeek,
            c.arl0,
            ...c.delays.map(({ rounds }) => rounds),
          ]),
        })}
      >
        <div ref={ref} style={{ minHeight: HEIGHT }}>
          {width === 0 ? null : (
            <svg width={width} height={HEIGHT} role="img" aria-label={`How late: ${said}`} className="heat">
              {[0, 0.5, 1].map((part) => (
                <g key={part}>
                  <line
                    x1={LEFT}
                    x2={width - room}
                    y1={y((part * most) / 1.1)}
                    y2={y((part * most) / 1.1)}
                    className="grid"
                  />
                  <text x={LEFT - 8} y={y((part * most) / 1.1) + 4} textAnchor="end" className="dim">
                    {formatDuration(((part * most) / 1.1) * roundMs)}
                  </text>
                </g>
              ))}
              {costs.map((cost, i) => (
                <text
                  key={cost.budget}
                  x={x(i)}
                  y={HEIGHT - (isNarrow && i % 2 === 1 ? 8 : 22)}
                  textAnchor="middle"
                  fontWeight={cost.budget === inForce ? 700 : 400}
                >
                  {isNarrow ? shortOf(cost.budget).replace(/ an? /, '/') : shortOf(cost.budget)}
                </text>
              ))}
              {shifts.map((shift, s) => (
                <g key={shift}>
                  <polyline
                    fill="none"
                    stroke={dataColor(s)}
                    strokeWidth={2}
                    points={costs.map((cost, i) => `${x(i)},${y(delay(cost, shift))}`).join(' ')}
                  />
                  {costs.map((cost, i) => (
                    <circle
                      key={cost.budget}
                      cx={x(i)}
                      cy={y(delay(cost, shift))}
                      r={cost.budget === inForce ? 5.5 : 3.5}
                      fill={dataColor(s)}
                    >
                      <title>{`${cost.budget}: ${shift} sd after ${delay(cost, shift).toFixed(1)} rounds`}</title>
                    </circle>
                  ))}
                  <text x={width - room + 4} y={y(delay(costs.at(-1)!, shift)) + 4}>
                    {shift} sd{isNarrow ? '' : ` after ${delay(costs.at(-1)!, shift).toFixed(0)}`}
                  </text>
                </g>
              ))}
            </svg>
          )}
        </div>
      </Exportable>
      <Text size="xs" c="dimmed" mt={4}>
        How late a lasting shift is seen on average; the budget in force is bold. A tighter budget costs the
        logarithm of it: a tenth of the false pages makes each true one a few rounds later.
      </Text>
    </>
  );
}

/** `at most one false page a week` -> `one a week`. */
const shortOf = (budget: string): string => budget.replace(/^at most /, '').replace(/ false pages?/, '');
