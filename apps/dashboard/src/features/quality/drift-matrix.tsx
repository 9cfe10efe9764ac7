/**
 * Features x groups x time as a heat map. A block of rows for each group, a column for each bucket; pointer and arrow keys choose a
 * cell, whose figures are said below. Colour is never alone: far cells have a dot, and the line below has the numbers.
 */
import { Button, Group, Text, useComputedColorScheme } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import type { Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { Exportable } from '../../components/exportable';
import { FAR, FULL_DISTANCE, FULL_SHIFT, groupName, movedWords, type Moved } from './drift-words';
import { diverging, sequential } from './ramp';

type DriftMap = Resource<'DriftMap'>;
type Shows = 'distance' | 'shift';
export interface Place {
  readonly group: string;
  readonly feature: string;
  /** Null: the whole range. */
  readonly at: string | null;
}

const ROW = 20;
const HEAD = 24;
const AXIS = 24;
/** Groups drawn until somebody asks for more. */
const FEW_GROUPS = 6;
const KEYS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

export function DriftMatrix(props: {
  map: DriftMap;
  release: string;
  shows: Shows;
  place: Place;
  onPlace: (place: Place) => void;
}) {
  const { map, shows, place, onPlace } = props;
  const { ref, width } = useElementSize();
  const scheme = useComputedColorScheme('light');
  const [hovered, setHovered] = useState<Place | null>(null);
  const [all, setAll] = useState(false);
  const groups = all ? map.groups : map.groups.slice(0, FEW_GROUPS);
  const times = timesOf(map);
  const rows = groups.flatMap(({ group, features }) =>
    features.flatMap(({ feature, n }, index) => (n === 0 ? [] : [{ group, feature, index }])),
  );
  const cells = new Map(map.cells.map((cell) => [`${cell.group} ${Date.parse(cell.at)}`, cell]));
  const movedAt = (group: string, index: number, time: number): Moved | null =>
    cells.get(`${group} ${time}`)?.moved[index] ?? null;
  const whole = Math.max(width, 560);
  const left = whole < 700 ? 118 : 168;
  const cell = (whole - left) / Math.max(1, times.length);
  const blockOf = new Map(groups.map(({ group }, i) => [group, i]));
  const top = (row: number, group: string) => ((blockOf.get(group) ?? 0) + 1) * HEAD + row * ROW;
  const height = groups.length * HEAD + rows.length * ROW + AXIS;
  const color = (moved: Moved) =>
    shows === 'shift'
      ? diverging((moved.shift ?? 0) / FULL_SHIFT, scheme)
      : sequential(moved.distance / FULL_DISTANCE, scheme);
  const move = (key: string): boolean => {
    const step = KEYS[key];
    if (step === undefined) return false;
    const row = rows.findIndex((one) => one.group === place.group && one.feature === place.feature);
    const column = place.at === null ? times.length : times.indexOf(Date.parse(place.at));
    const nextRow = rows[clamp(row + step[0], rows.length)];
    const nextColumn = clamp(column + step[1], times.length);
    if (nextRow === undefined) return false;
    const keepsWhole = place.at === null && step[1] === 0;
    onPlace({
      group: nextRow.group,
      feature: nextRow.feature,
      at: keepsWhole ? null : new Date(times[nextColumn] ?? 0).toISOString(),
    });
    return true;
  };
  const said = hovered ?? place;
  return (
    <>
      <Exportable
        name={`drift-${props.release}`}
        title={`Drift of ${props.release} from validation data`}
        about={
          shows === 'shift'
            ? `Shift of the mean: blue lower, orange higher, full at ${FULL_SHIFT} standard deviations`
            : `Hellinger distance beyond chance, full at ${FULL_DISTANCE}; a dot: beyond ${FAR.toFixed(2)}`
        }
        table={() => ({
          heads: ['at', 'group', 'feature', 'n', 'distance', 'share in other bins', 'shift in sd', 'far'],
          rows: map.cells.flatMap(({ at, group, moved }) =>
            moved.flatMap((one, i) =>
              one === null
                ? []
                : [
                    [
                      at,
                      group,
                      featureName(map, group, i),
                      one.n,
                      one.distance,
                      one.share,
                      one.shift,
                      one.isFar,
                    ],
                  ],
            ),
          ),
        })}
      >
        <div ref={ref}>
          <div
            className="scroll-x matrix"
            role="group"
            tabIndex={0}
            aria-label="Drift matrix; arrow keys choose a cell"
            onKeyDown={(event) => {
              if (move(event.key)) event.preventDefault();
            }}
            onPointerLeave={() => setHovered(null)}
            style={{ minHeight: height }}
          >
            {width === 0 ? null : (
              <svg
                width={whole}
                height={height}
                role="img"
                aria-label={`Drift of ${rows.length} rows over ${times.length} columns; ${farWords(map)}`}
                className="heat"
              >
                {groups.map(({ group }) => (
                  <text key={group} x={0} y={top(firstRow(rows, group), group) - 7} fontWeight={600}>
                    {groupName(group)}
                  </text>
                ))}
                {rows.map((row, r) => {
                  const y = top(r, row.group);
                  return (
                    <g key={`${row.group}${row.feature}`}>
                      <text x={left - 8} y={y + 14} textAnchor="end" className="dim">
                        {clip(row.feature, left)}
                      </text>
                      {times.map((time, c) => {
                        const moved = movedAt(row.group, row.index, time);
                        const own: Place = { ...row, at: new Date(time).toISOString() };
                        return (
                          <g
                            key={time}
                            className="cell"
                            onPointerEnter={() => setHovered(own)}
                            onClick={() => onPlace({ group: row.group, feature: row.feature, at: own.at })}
                          >
                            <rect
                              x={left + c * cell}
                              y={y}
                              width={Math.max(1, cell - (cell > 6 ? 1.5 : 0.5))}
                              height={ROW - 2}
                              rx={cell > 8 ? 2 : 0}
                              fill={moved === null ? 'transparent' : color(moved)}
                            />
                            {moved?.isFar === true ? (
                              <circle
                                cx={left + (c + 0.5) * cell - 0.7}
                                cy={y + ROW / 2 - 1}
                                r={Math.min(3, Math.max(1.4, cell / 5))}
                                className="far"
                              />
                            ) : null}
                          </g>
                        );
                      })}
                    </g>
                  );
                })}
                <Frame place={place} rows={rows} times={times} at={{ left, cell, top }} />
                <TimeAxis times={times} left={left} cell={cell} y={height - 8} />
              </svg>
            )}
          </div>
        </div>
      </Exportable>
      <Group justify="space-between" gap="md" mt={8} align="flex-start">
        <Text size="sm" component="output" aria-live="polite" className="matrix-words">
          {wordsAt(map, said, movedAt)}
        </Text>
        <Scale shows={shows} scheme={scheme} />
      </Group>
      {map.groups.length > FEW_GROUPS ? (
        <Button size="compact-xs" variant="subtle" onClick={() => setAll(!all)} mt={4}>
          {all ? 'Show fewer groups' : `Show all ${map.groups.length} groups`}
        </Button>
      ) : null}
    </>
  );
}

const clamp = (index: number, length: number): number => Math.min(length - 1, Math.max(0, index));
const clip = (text: string, room: number): string => {
  const fits = Math.floor((room - 10) / 6.4);
  return text.length <= fits ? text : `${text.slice(0, fits - 1)}…`;
};
const firstRow = (rows: readonly { group: string }[], group: string): number =>
  rows.findIndex((row) => row.group === group);
const featureName = (map: DriftMap, group: string, index: number): string =>
  map.groups.find((one) => one.group === group)?.features[index]?.feature ?? '';

/** Every bucket of the range, those without a window too: a hole is seen as one. */
function timesOf({ cells, bucketSeconds }: DriftMap): number[] {
  const known = cells.map(({ at }) => Date.parse(at));
  if (known.length === 0) return [];
  const [first, last] = [Math.min(...known), Math.max(...known)];
  const step = bucketSeconds * 1_000;
  return Array.from({ length: Math.round((last - first) / step) + 1 }, (_, i) => first + i * step);
}

function farWords(map: DriftMap): string {
  const far = map.groups.flatMap(({ group, features }) =>
    features.filter(({ isFar }) => isFar).map(({ feature }) => `${feature} at ${groupName(group)}`),
  );
  return far.length === 0 ? 'nothing is far from validation data' : `far: ${far.slice(0, 12).join(', ')}`;
}

function wordsAt(
  map: DriftMap,
  { group, feature, at }: Place,
  movedAt: (group: string, index: number, time: number) => Moved | null,
): string {
  const features = map.groups.find((one) => one.group === group)?.features ?? [];
  const index = features.findIndex((one) => one.feature === feature);
  const name = `${feature}, ${groupName(group)}`;
  if (at === null)
    return features[index] === undefined ? '' : `${name}, whole range: ${movedWords(features[index])}`;
  const moved = movedAt(group, index, Date.parse(at));
  const when = new Date(at).toLocaleString();
  return moved === null ? `${name}, ${when}: nothing was sent` : `${name}, ${when}: ${movedWords(moved)}`;
}

function Frame(props: {
  place: Place;
  rows: readonly { group: string; feature: string }[];
  times: readonly number[];
  at: { left: number; cell: number; top: (row: number, group: string) => number };
}) {
  const { place, rows, times, at } = props;
  const row = rows.findIndex((one) => one.group === place.group && one.feature === place.feature);
  if (row < 0 || times.length === 0) return null;
  const column = place.at === null ? -1 : times.indexOf(Date.parse(place.at));
  const [x, width] =
    column < 0
      ? [at.left - 1.5, at.cell * times.length + 1.5]
      : [at.left + column * at.cell - 1.5, at.cell + 1.5];
  return (
    <rect x={x} y={at.top(row, place.group) - 1.5} width={width} height={ROW + 1} rx={3} className="chosen" />
  );
}

function TimeAxis(props: { times: readonly number[]; left: number; cell: number; y: number }) {
  const { times, left, cell, y } = props;
  const every = Math.max(1, Math.ceil(76 / cell));
  const spanDays = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 86_400_000;
  return times.map((time, i) => {
    if (i % every !== 0 || left + i * cell > left + cell * times.length - 40) return null;
    const date = new Date(time);
    const text =
      spanDays <= 2
        ? date.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' })
        : date.toLocaleDateString(undefined, { day: 'numeric', month: 'short' });
    return (
      <text key={time} x={left + i * cell} y={y} className="dim">
        {text}
      </text>
    );
  });
}

function Scale({ shows, scheme }: { shows: Shows; scheme: 'light' | 'dark' }) {
  const steps = Array.from({ length: 24 }, (_, i) => i / 23);
  const isShift = shows === 'shift';
  return (
    <div className="matrix-scale">
      <div aria-hidden className="matrix-ramp">
        {steps.map((step) => (
          <span
            key={step}
            style={{ background: isShift ? diverging(step * 2 - 1, scheme) : sequential(step, scheme) }}
          />
        ))}
      </div>
      <Text size="xs" c="dimmed" className="matrix-ends">
        <span>{isShift ? `−${FULL_SHIFT} sd` : '0'}</span>
        <span>{isShift ? 'mean' : 'distance'}</span>
        <span>{isShift ? `+${FULL_SHIFT} sd` : `≥ ${FULL_DISTANCE}`}</span>
      </Text>
      <Text size="xs" c="dimmed">
        <span aria-hidden className="far-dot" /> beyond chance and {FAR.toFixed(2)}
      </Text>
    </div>
  );
}
