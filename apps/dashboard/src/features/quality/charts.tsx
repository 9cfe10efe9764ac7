/** Charts over the quality routes, used by the quality page, the fleet page and the device page. */
import { Text } from '@mantine/core';
import { useApi } from '../../app/api';
import { formatInteger, formatPercent } from '../../app/format';
import { Loaded } from '../../components/page';
import { pivot } from '../../components/pivot';
import { TimeChart } from '../../components/time-chart';

export interface Range {
  readonly from?: string;
  readonly to?: string;
}

export function VersionsOverTime(props: { project: string; range?: Range; height?: number }) {
  const query = useApi('versionShare', { params: { project: props.project }, query: { ...props.range } });
  return (
    <Loaded query={query} height={props.height ?? 220}>
      {(data) => {
        const table = pivot(
          data.points,
          (p) => ({ at: p.at, key: p.release ?? 'unknown', value: p.devices }),
          0,
        );
        return (
          <TimeChart
            label={`Devices per version over time: ${table.keys.join(', ')}`}
            times={table.times}
            series={table.keys.map((label, index) => ({ label, values: table.values[index] ?? [] }))}
            format={(value) => formatInteger(Math.round(value))}
            stacked
            {...(props.height === undefined ? {} : { height: props.height })}
            empty="No telemetry in this range yet."
          />
        );
      }}
    </Loaded>
  );
}

export function AccuracyOverTime(props: { project: string; range?: Range; height?: number }) {
  const query = useApi('accuracy', { params: { project: props.project }, query: { ...props.range } });
  return (
    <Loaded query={query} height={props.height ?? 260}>
      {(data) => {
        const rows = data.points;
        const accuracy = pivot(rows, (p) => ({ at: p.at, key: p.release, value: p.accuracy }));
        const low = pivot(rows, (p) => ({ at: p.at, key: p.release, value: p.low }));
        const high = pivot(rows, (p) => ({ at: p.at, key: p.release, value: p.high }));
        return (
          <>
            <TimeChart
              label={`Accuracy by version over time: ${accuracy.keys.join(', ')}`}
              times={accuracy.times}
              series={accuracy.keys.map((label, index) => ({
                label,
                values: accuracy.values[index] ?? [],
                low: low.values[index] ?? [],
                high: high.values[index] ?? [],
              }))}
              format={(value) => formatPercent(value, 0)}
              range={[0, 1]}
              height={props.height ?? 260}
              empty="No labels yet. Accuracy is shown only from labels, never guessed."
            />
            <Text size="xs" c="dimmed" mt={4}>
              Band: 95 % Wilson interval of the labelled predictions in each bucket of{' '}
              {formatBucket(data.bucketSeconds)}.
            </Text>
          </>
        );
      }}
    </Loaded>
  );
}

export function ClassMixOverTime(props: { project: string; range?: Range; height?: number }) {
  const query = useApi('classMix', { params: { project: props.project }, query: { ...props.range } });
  return (
    <Loaded query={query} height={props.height ?? 220}>
      {(data) => {
        const rows = data.points.flatMap((point) =>
          point.counts.map((value, index) => ({
            at: point.at,
            key: data.labels[index] ?? `class ${index}`,
            value,
          })),
        );
        const table = pivot(rows, (row) => row, 0);
        const totals = table.times.map((_, at) =>
          table.values.reduce((sum, column) => sum + (column[at] ?? 0), 0),
        );
        const shares = table.values.map((column) =>
          column.map((value, at) => (value ?? 0) / Math.max(1, totals[at] ?? 1)),
        );
        return (
          <TimeChart
            label={`Share of predicted classes over time: ${table.keys.join(', ')}`}
            times={table.times}
            series={table.keys.map((label, index) => ({ label, values: shares[index] ?? [] }))}
            format={(value) => formatPercent(value, 0)}
            range={[0, 1]}
            stacked
            height={props.height ?? 220}
            empty="No predictions in this range yet."
          />
        );
      }}
    </Loaded>
  );
}

function formatBucket(seconds: number): string {
  if (seconds % 86_400 === 0) return `${seconds / 86_400} d`;
  if (seconds % 3_600 === 0) return `${seconds / 3_600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}
