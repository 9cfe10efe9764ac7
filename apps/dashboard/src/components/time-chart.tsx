/** Lines, bands or stacked areas over time with uPlot; follows the width of its box and the colour scheme. */
import { Box, Text, useComputedColorScheme } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import { dataColor } from '../app/theme';
import { stack } from './stack';

export interface Series {
  readonly label: string;
  /** One value per time; null leaves a gap. */
  readonly values: readonly (number | null)[];
  readonly color?: string;
  /** Interval drawn behind the line. */
  readonly low?: readonly (number | null)[];
  readonly high?: readonly (number | null)[];
}

export interface TimeChartProps {
  /** Said by screen readers in place of the drawing. */
  readonly label: string;
  /** Unix seconds, rising. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
  readonly stacked?: boolean;
  readonly height?: number;
  readonly range?: [number, number];
  readonly empty?: string;
}

export function TimeChart(props: TimeChartProps) {
  const { ref, width } = useElementSize();
  const host = useRef<HTMLDivElement>(null);
  const dark = useComputedColorScheme('light') === 'dark';
  const height = props.height ?? 220;
  const isEmpty = props.times.length === 0;

  useEffect(() => {
    const target = host.current;
    if (target === null || width === 0 || isEmpty) return undefined;
    const { options, data } = plotOf(props, { width, height, dark });
    const plot = new uPlot(options, data, target);
    return () => plot.destroy();
  }, [props, width, height, dark, isEmpty]);

  return (
    <Box ref={ref} className="chart" mih={height + 30} role="img" aria-label={props.label}>
      {isEmpty ? (
        <Text c="dimmed" size="sm" ta="center" pt={height / 2 - 10}>
          {props.empty ?? 'Nothing yet in this range.'}
        </Text>
      ) : (
        <div ref={host} />
      )}
    </Box>
  );
}

/** Counts and shares start at zero; only lines without a stated range may zoom in. */
function rangeOf(props: TimeChartProps): uPlot.Scale {
  if (props.range !== undefined) return { range: props.range };
  if (props.stacked !== true) return {};
  return { range: (_plot, _low, high) => [0, Math.max(1, high)] };
}

function plotOf(props: TimeChartProps, look: { width: number; height: number; dark: boolean }) {
  const ink = look.dark ? '#a6adb4' : '#5c6670';
  const grid = { stroke: look.dark ? '#ffffff14' : '#00000010', width: 1 };
  const columns: (number | null)[][] = [[...props.times]];
  const series: uPlot.Series[] = [
    { value: (_, at: number | null) => (at === null ? '' : new Date(at * 1_000).toLocaleString()) },
  ];
  const bands: uPlot.Band[] = [];
  const drawn = props.stacked === true ? stack(props.series.map((s) => s.values)) : null;

  props.series.forEach((s, index) => {
    const color = s.color ?? dataColor(index);
    columns.push([...(drawn?.[index] ?? s.values)]);
    series.push({
      label: s.label,
      stroke: color,
      width: props.stacked === true ? 1 : 2,
      ...(props.stacked === true ? { fill: `${color}b3` } : {}),
      points: { show: props.times.length < 3 },
      spanGaps: false,
      value: (_plot, _value, _seriesIndex, at) => {
        const own = at === null ? null : s.values[at];
        return own === null || own === undefined ? '–' : props.format(own);
      },
    });
    if (s.low && s.high) {
      const edge: uPlot.Series = { stroke: 'transparent', points: { show: false }, label: '', class: 'edge' };
      columns.push([...s.high], [...s.low]);
      series.push({ ...edge }, { ...edge });
      bands.push({ series: [columns.length - 2, columns.length - 1], fill: `${color}26` });
    }
  });
  if (props.stacked === true) {
    for (let i = series.length - 1; i > 1; i -= 1) bands.push({ series: [i, i - 1] });
  }
  const options: uPlot.Options = {
    width: look.width,
    height: look.height,
    series,
    bands,
    cursor: { drag: { x: false, y: false } },
    scales: { x: { time: true }, y: rangeOf(props) },
    axes: [
      { stroke: ink, grid, ticks: grid },
      { stroke: ink, grid, ticks: grid, size: 58, values: (_, splits) => splits.map((v) => props.format(v)) },
    ],
  };
  return { options, data: columns as unknown as uPlot.AlignedData };
}
