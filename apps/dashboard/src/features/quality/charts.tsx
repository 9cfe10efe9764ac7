/** Charts over the quality routes, used by the quality page, the fleet page and the device page. */
import type { CallOutput, RouteName } from '@tinyfleet/contracts';
import { memo } from 'react';
import { useApi } from '../../app/api';
import { formatInteger, formatPercent } from '../../app/format';
import { dataColor } from '../../app/theme';
import { Exportable } from '../../components/exportable';
import { Loaded } from '../../components/page';
import { pivot } from '../../components/pivot';
import { TimeChart } from '../../components/time-chart';

export interface Range {
  readonly from?: string;
  readonly to?: string;
}

interface Chart<N extends RouteName> {
  readonly data: CallOutput<N>;
  /** Pixels. */
  readonly height: number;
}
const HEIGHT_PX = 220;

export function VersionsOverTime(props: { project: string; range?: Range; height?: number }) {
  const { project, range, height = HEIGHT_PX } = props;
  const query = useApi('versionShare', { params: { project }, query: { ...range } });
  return (
    <Loaded query={query} height={height}>
      {(data) => <VersionsChart data={data} height={height} />}
    </Loaded>
  );
}

export function ClassMixOverTime(props: { project: string; range?: Range; height?: number }) {
  const { project, range, height = HEIGHT_PX } = props;
  const query = useApi('classMix', { params: { project }, query: { ...range } });
  return (
    <Loaded query={query} height={height}>
      {(data) => <ClassMixChart data={data} height={height} />}
    </Loaded>
  );
}

/** Both are drawn again when their data changes, not with the page. */
const VersionsChart = memo(function VersionsChart({ data, height }: Chart<'versionShare'>) {
  const table = pivot(data.points, (p) => ({ at: p.at, key: p.release ?? 'unknown', value: p.devices }), 0);
  return (
    <Exportable
      name="devices-per-version"
      title="Devices per version over time"
      legend={legendOf(table.keys)}
      table={() => ({
        heads: ['at', 'release', 'devices'],
        rows: data.points.map((p) => [p.at, p.release ?? 'unknown', p.devices]),
      })}
    >
      <TimeChart
        label={`Devices per version over time: ${table.keys.join(', ')}`}
        times={table.times}
        series={table.keys.map((label, index) => ({ label, values: table.values[index] ?? [] }))}
        format={(value) => formatInteger(Math.round(value))}
        stacked
        height={height}
        empty="No telemetry in this range yet."
      />
    </Exportable>
  );
});

const ClassMixChart = memo(function ClassMixChart({ data, height }: Chart<'classMix'>) {
  const rows = data.points.flatMap((point) =>
    point.counts.map((value, index) => ({
      at: point.at,
      key: data.labels[index] ?? `class ${index}`,
      value,
    })),
  );
  const table = pivot(rows, (row) => row, 0);
  const totals = table.times.map((_, at) => table.values.reduce((sum, column) => sum + (column[at] ?? 0), 0));
  const shares = table.values.map((column) =>
    column.map((value, at) => (value ?? 0) / Math.max(1, totals[at] ?? 1)),
  );
  return (
    <Exportable
      name="predicted-classes"
      title="Share of predicted classes over time"
      legend={legendOf(table.keys)}
      table={() => ({
        heads: ['at', 'class', 'predictions'],
        rows: rows.map(({ at, key, value }) => [at, key, value]),
      })}
    >
      <TimeChart
        label={`Share of predicted classes over time: ${table.keys.join(', ')}`}
        times={table.times}
        series={table.keys.map((label, index) => ({ label, values: shares[index] ?? [] }))}
        format={(value) => formatPercent(value, 0)}
        range={[0, 1]}
        stacked
        height={height}
        empty="No predictions in this range yet."
      />
    </Exportable>
  );
});

const legendOf = (keys: readonly string[]) => keys.map((label, i) => ({ label, color: dataColor(i) }));
