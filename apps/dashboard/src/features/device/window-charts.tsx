/** Charts of one device's windows: predicted classes, confidence and latency. */
import { SimpleGrid, Text, Title } from '@mantine/core';
import type { Resource } from '@tinyfleet/contracts';
import { splitReleaseRef } from '@tinyfleet/contracts';
import { useApi } from '../../app/api';
import { formatCount, formatInteger, formatPercent } from '../../app/format';
import { dataColor } from '../../app/theme';
import { Exportable } from '../../components/exportable';
import { TimeChart } from '../../components/time-chart';
import { ConfidenceBars } from './confidence-bars';

type Window = Resource<'TelemetryWindow'>;

export function WindowCharts({ windows, project }: { windows: readonly Window[]; project: string }) {
  const rows = [...windows].sort((a, b) => a.startAt.localeCompare(b.startAt));
  const newest = rows.at(-1);
  const labels = useLabels(project, newest?.release ?? null);
  if (newest === undefined) {
    return (
      <Text size="sm" c="dimmed">
        No window yet. The first arrives when the device's first window closes.
      </Text>
    );
  }
  const times = rows.map((row) => Date.parse(row.startAt) / 1_000);
  const classes = Math.max(...rows.map((row) => row.classCounts.length));
  const className = (index: number) => labels[index] ?? `class ${index}`;
  const confidence = sum(rows.map((row) => row.confidence));
  const bins = Math.max(0, ...confidence.map((row) => row.length));
  return (
    <SimpleGrid cols={{ base: 1, lg: 2 }}>
      <div>
        <Title order={3} size="h6">
          Predicted classes per window
        </Title>
        <Exportable
          name="classes-per-window"
          title="Predicted classes per window"
          legend={Array.from({ length: classes }, (_, index) => ({
            label: className(index),
            color: dataColor(index),
          }))}
          table={() => ({
            heads: ['at', ...Array.from({ length: classes }, (_, index) => className(index))],
            rows: rows.map((row) => [row.startAt, ...row.classCounts]),
          })}
        >
          <TimeChart
            label="Predicted classes per window"
            times={times}
            series={Array.from({ length: classes }, (_, index) => ({
              label: className(index),
              values: rows.map((row) => row.classCounts[index] ?? 0),
            }))}
            format={(value) => formatInteger(Math.round(value))}
            stacked
            height={180}
          />
        </Exportable>
      </div>
      <div>
        <Title order={3} size="h6">
          Cycles per inference
        </Title>
        <Exportable
          name="cycles-per-inference"
          title="Cycles per inference"
          legend={['mean', 'max'].map((label, index) => ({ label, color: dataColor(index) }))}
          table={() => ({
            heads: ['at', 'mean', 'max'],
            rows: rows.map((row) => [row.startAt, row.cyclesMean, row.cyclesMax]),
          })}
        >
          <TimeChart
            label="Mean and largest cycles per inference"
            times={rows.some((row) => row.cyclesMean !== null) ? times : []}
            empty="This device has no cycle counter."
            series={[
              { label: 'mean', values: rows.map((row) => row.cyclesMean) },
              { label: 'max', values: rows.map((row) => row.cyclesMax) },
            ]}
            format={formatCount}
            height={180}
          />
        </Exportable>
      </div>
      <div>
        <Title order={3} size="h6">
          Confidence, all windows shown
        </Title>
        <Exportable
          name="confidence"
          title="Confidence by predicted class"
          about="All windows shown"
          legend={confidence.map((_, index) => ({ label: className(index), color: dataColor(index) }))}
          table={() => ({
            heads: ['confidence from', ...confidence.map((_, index) => className(index))],
            rows: Array.from({ length: bins }, (_, bin) => [
              bin / bins,
              ...confidence.map((row) => row[bin] ?? 0),
            ]),
          })}
        >
          <ConfidenceBars confidence={confidence} labels={labels} format={formatPercent} />
        </Exportable>
      </div>
    </SimpleGrid>
  );
}

function useLabels(project: string, release: string | null): readonly string[] {
  const ref = release === null ? null : splitReleaseRef(release);
  const version = useApi(
    'modelVersionGet',
    { params: { project, model: ref?.model ?? 'x', version: ref?.version ?? '0.0.0' } },
    { enabled: ref !== null },
  );
  return version.data?.labels ?? [];
}

/** Adds class x bin tables of the same or smaller shape. */
function sum(tables: readonly (readonly (readonly number[])[])[]): number[][] {
  const total: number[][] = [];
  for (const table of tables) {
    table.forEach((row, c) => {
      const into = (total[c] ??= []);
      row.forEach((count, bin) => {
        into[bin] = (into[bin] ?? 0) + count;
      });
    });
  }
  return total;
}
