/** A histogram as it is now over the one of validation data: bars and steps, in shares, edges in the units of the model's input. */
import { Group, Table, Text } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import type { Resource } from '@tinyfleet/contracts';
import { formatInteger, formatPercent } from '../../app/format';
import { dataColor } from '../../app/theme';
import { Exportable } from '../../components/exportable';
import { binName, groupName, short, verdictOf } from './drift-words';

type Feature = Resource<'DriftFeature'>;

const USUAL_HEIGHT = 240;
const [LEFT, BOTTOM, TOP] = [46, 40, 10];
const [NOW, THEN] = [dataColor(0), dataColor(5)];

/** What is drawn as bars and what as steps, and what follows. */
export interface OverlayWords {
  readonly now: string;
  readonly then: string;
  readonly verdict: string;
}

export function Overlay(props: {
  feature: Feature;
  group: string;
  words?: OverlayWords;
  /** Pixels. */
  height?: number;
}) {
  const { feature, group, height = USUAL_HEIGHT } = props;
  const words = props.words ?? { now: 'now', then: 'validation data', verdict: verdictOf(feature) };
  const { ref, width } = useElementSize();
  const { baseline, counts, edges, feature: name, kind } = feature;
  const [then, now] = [sharesOf(baseline), sharesOf(counts)];
  const most = Math.max(0.05, ...then, ...now) * 1.08;
  const step = Math.max(4, (width - LEFT - 8) / Math.max(1, baseline.length));
  const y = (share: number) => TOP + (1 - share / most) * (height - TOP - BOTTOM);
  const said = now.map((share, i) => `${binName(feature, i)} ${formatPercent(share, 0)}`).join(', ');
  const every = Math.max(1, Math.ceil(52 / step));
  return (
    <>
      <Exportable
        name={`histogram-${groupName(group)}-${name}`.replaceAll(/[^\w-]+/g, '-')}
        title={`${name}, ${groupName(group)}`}
        about={`${words.now} ${formatInteger(feature.n)}, ${words.then} ${formatInteger(baseline.reduce((a, b) => a + b, 0))}`}
        legend={[
          { label: words.now, color: NOW },
          { label: words.then, color: THEN },
        ]}
        table={() => ({
          heads: ['bin', words.now, `${words.now} share`, words.then, `${words.then} share`],
          rows: counts.map((count, i) => [binName(feature, i), count, now[i], baseline[i], then[i]]),
        })}
      >
        <div ref={ref} style={{ minHeight: height }}>
          {width === 0 ? null : (
            <svg
              width={width}
              height={height}
              role="img"
              aria-label={`${name} ${words.now}: ${said}`}
              className="heat"
            >
              {[0, 0.5, 1].map((part) => (
                <g key={part}>
                  <line x1={LEFT} x2={width - 8} y1={y(part * most)} y2={y(part * most)} className="grid" />
                  <text x={LEFT - 6} y={y(part * most) + 4} textAnchor="end" className="dim">
                    {formatPercent(part * most, most < 0.1 ? 1 : 0)}
                  </text>
                </g>
              ))}
              {now.map((share, i) => (
                <g key={i}>
                  <title>{`${binName(feature, i)}: ${formatPercent(share)} ${words.now}, ${formatPercent(then[i] ?? 0)} ${words.then}`}</title>
                  <rect
                    x={LEFT + i * step}
                    y={TOP}
                    width={step}
                    height={height - TOP - BOTTOM}
                    fill="transparent"
                  />
                  <rect
                    x={LEFT + i * step + 1.5}
                    y={y(share)}
                    width={step - 3}
                    height={Math.max(0, y(0) - y(share))}
                    rx={2}
                    fill={NOW}
                    fillOpacity={0.75}
                  />
                </g>
              ))}
              <path d={stepsOf(then, step, y)} fill="none" stroke={THEN} strokeWidth={2.2} />
              {kind === 'classes'
                ? now.map((_, i) => (
                    <text
                      key={i}
                      x={LEFT + (i + 0.5) * step}
                      y={height - 22}
                      textAnchor="middle"
                      className="dim"
                    >
                      {clip(binName(feature, i), step)}
                    </text>
                  ))
                : edges.map((edge, i) =>
                    i % every === 0 ? (
                      <text
                        key={i}
                        x={LEFT + (i + 1) * step}
                        y={height - 22}
                        textAnchor="middle"
                        className="dim"
                      >
                        {kind === 'confidence' ? formatPercent(edge, 0) : short(edge)}
                      </text>
                    ) : null,
                  )}
              <text x={width - 8} y={height - 4} textAnchor="end" className="dim">
                {AXES[kind]}
              </text>
            </svg>
          )}
        </div>
      </Exportable>
      <Group justify="space-between" gap="sm" mt={4}>
        <Text size="sm">{words.verdict}</Text>
        <Group gap="md">
          <Key color={NOW} text={words.now} />
          <Key color={THEN} text={words.then} isLine />
        </Group>
      </Group>
      <Figures feature={feature} words={words} shares={[now, then]} />
    </>
  );
}

/** The same as a table. */
function Figures(props: {
  feature: Feature;
  words: OverlayWords;
  shares: readonly [readonly number[], readonly number[]];
}) {
  const { feature, words } = props;
  const [now, then] = props.shares;
  return (
    <details>
      <summary className="quiet-summary">Figures of {feature.feature} by bin</summary>
      <Table verticalSpacing={2} aria-label={`${feature.feature} by bin`}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Bin</Table.Th>
            <Table.Th ta="right">{words.now}</Table.Th>
            <Table.Th ta="right">Share</Table.Th>
            <Table.Th ta="right">{words.then}</Table.Th>
            <Table.Th ta="right">Share</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {feature.counts.map((count, i) => (
            <Table.Tr key={i}>
              <Table.Td>{binName(feature, i)}</Table.Td>
              <Table.Td ta="right">{formatInteger(count)}</Table.Td>
              <Table.Td ta="right">{formatPercent(now[i] ?? 0)}</Table.Td>
              <Table.Td ta="right">{formatInteger(feature.baseline[i] ?? 0)}</Table.Td>
              <Table.Td ta="right">{formatPercent(then[i] ?? 0)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </details>
  );
}

const AXES: Readonly<Record<Feature['kind'], string>> = {
  input: 'edges in units of the model’s input',
  score: 'largest logit: higher is more sure',
  confidence: 'confidence of the predicted class',
  classes: 'predicted class',
};

function Key({ color, text, isLine }: { color: string; text: string; isLine?: boolean }) {
  return (
    <Group gap={6}>
      <span
        aria-hidden
        style={{ width: 12, height: isLine === true ? 3 : 12, borderRadius: 2, background: color }}
      />
      <Text size="xs">{text}</Text>
    </Group>
  );
}

const clip = (text: string, room: number): string => {
  const fits = Math.max(2, Math.floor(room / 6.6));
  return text.length <= fits ? text : `${text.slice(0, fits - 1)}…`;
};

function sharesOf(counts: readonly number[]): number[] {
  const all = counts.reduce((sum, n) => sum + n, 0);
  return counts.map((count) => (all === 0 ? 0 : count / all));
}

function stepsOf(shares: readonly number[], step: number, y: (share: number) => number): string {
  return shares
    .map((share, i) => `${i === 0 ? 'M' : 'L'}${LEFT + i * step},${y(share)}H${LEFT + (i + 1) * step}`)
    .join('');
}
