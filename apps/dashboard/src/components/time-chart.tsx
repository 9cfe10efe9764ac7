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
  /** A value holds until the next one. */
  readonly stepped?: boolean;
  readonly height?: number;
  readonly range?: [number, number];
  readonly empty?: string;
  /** Hatched lanes along the lower edge, one for each series that has some: times without a value, Unix seconds. */
  readonly lanes?: readonly {
    readonly color: string;
    readonly spans: readonly { readonly from: number; readonly to: number }[];
  }[];
  /** Moments worth a line, Unix seconds. */
  readonly marks?: readonly { readonly at: number; readonly label: string }[];
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

function drawMarks(plot: uPlot, marks: NonNullable<TimeChartProps['marks']>, ink: string): void {
  const { ctx, bbox } = plot;
  const scale = window.devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = ink;
  ctx.fillStyle = ink;
  ctx.font = `${11 * scale}px system-ui, sans-serif`;
  ctx.setLineDash([3 * scale, 3 * scale]);
  let free = -Infinity;
  for (const { at, label } of marks) {
    const x = plot.valToPos(at, 'x', true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    // Labels that would lie on each other are left out; one that would not fit stands on the other side.
    if (x < free) continue;
    const { width } = ctx.measureText(label);
    const fits = x + width + 8 * scale < bbox.left + bbox.width;
    ctx.textAlign = fits ? 'left' : 'right';
    ctx.fillText(label, fits ? x + 4 * scale : x - 4 * scale, bbox.top + 11 * scale);
    free = x + (fits ? width : 0) + 8 * scale;
  }
  ctx.restore();
}

const LANE = 9;

function drawLanes(plot: uPlot, lanes: NonNullable<TimeChartProps['lanes']>): void {
  const { ctx, bbox } = plot;
  const scale = window.devicePixelRatio;
  const shown = lanes.filter(({ spans }) => spans.length > 0);
  ctx.save();
  shown.forEach(({ color, spans }, i) => {
    const top = bbox.top + bbox.height - (shown.length - i) * LANE * scale;
    for (const { from, to } of spans) {
      const left = Math.max(bbox.left, plot.valToPos(from, 'x', true));
      const right = Math.min(bbox.left + bbox.width, plot.valToPos(to, 'x', true));
      if (right <= left) continue;
      ctx.save();
      ctx.beginPath();
      ctx.rect(left, top, right - left, (LANE - 2) * scale);
      ctx.clip();
      ctx.fillStyle = `${color}40`;
      ctx.fillRect(left, top, right - left, LANE * scale);
      ctx.strokeStyle = color;
      ctx.lineWidth = 1.5 * scale;
      ctx.beginPath();
      for (let x = left - LANE * scale; x < right; x += 5 * scale) {
        ctx.moveTo(x, top + LANE * scale);
        ctx.lineTo(x + LANE * scale, top);
      }
      ctx.stroke();
      ctx.restore();
    }
  });
  ctx.restore();
}

function plotOf(props: TimeChartProps, look: { width: number; height: number; dark: boolean }) {
  const ink = look.dark ? '#a6adb4' : '#5c6670';
  const grid = { stroke: look.dark ? '#ffffff14' : '#00000010', width: 1 };
  const columns: (number | null)[][] = [[...props.times]];
  const series: uPlot.Series[] = [
    { value: (_, at: number | null) => (at === null ? '' : new Date(at * 1_000).toLocaleString()) },
  ];
  const bands: uPlot.Band[] = [];
  const paths = props.stepped === true ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
  const drawn = props.stacked === true ? stack(props.series.map((s) => s.values)) : null;

  props.series.forEach((s, index) => {
    const color = s.color ?? dataColor(index);
    columns.push([...(drawn?.[index] ?? s.values)]);
    series.push({
      label: s.label,
      stroke: color,
      width: props.stacked === true ? 1 : 2,
      ...(props.stacked === true ? { fill: `${color}b3` } : {}),
      ...(paths === undefined ? {} : { paths }),
      points: { show: props.times.length < 3 && props.stepped !== true },
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
    hooks: {
      draw: [(plot) => drawLanes(plot, props.lanes ?? []), (plot) => drawMarks(plot, props.marks ?? [], ink)],
    },
    axes: [
      { stroke: ink, grid, ticks: grid },
      { stroke: ink, grid, ticks: grid, size: 58, values: (_, splits) => splits.map((v) => props.format(v)) },
    ],
  };
  return { options, data: columns as unknown as uPlot.AlignedData };
}
