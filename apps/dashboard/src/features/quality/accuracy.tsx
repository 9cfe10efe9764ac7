/** Accuracy by version over time, with labels or without; where it abstains there is a gap, a hatched lane and a reason. */
import { Anchor, Group, Stack, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { CallOutput } from '@tinyfleet/contracts';
import { memo } from 'react';
import { useApi } from '../../app/api';
import { formatBucket, formatInteger, formatPercent } from '../../app/format';
import { dataColor } from '../../app/theme';
import { Exportable, type ChartTable } from '../../components/exportable';
import { Command, Empty, Loaded, Section } from '../../components/page';
import { TimeChart } from '../../components/time-chart';
import { remedyFor } from './abstain-words';
import { IntervalRows } from './interval-rows';
import { spansOf } from './spans';

type Estimates = CallOutput<'accuracyEstimate'>;
type Total = Estimates['totals'][number];
interface Props {
  readonly project: string;
  readonly range: { readonly from: string };
}

export function Accuracy({ project, range }: Props) {
  const query = useApi('accuracyEstimate', { params: { project }, query: range });
  const labelled = useApi('accuracy', { params: { project }, query: range });
  return (
    <Loaded query={query} height={420}>
      {(data) =>
        data.totals.length === 0 ? (
          <NoPredictions project={project} />
        ) : (
          <>
            <Section
              title="Accuracy by version"
              about={`Share of predictions that are right, per ${formatBucket(data.bucketSeconds)}; the band is the 90 % interval`}
            >
              <OverTime data={data} />
            </Section>
            <Section
              title="By version, whole range"
              about="Upper line: estimate with its 90 % interval. Lower, thinner line: labels alone with their 95 % interval"
            >
              <Totals totals={data.totals} labelled={labelled.data?.totals ?? []} />
            </Section>
            <Abstentions project={project} data={data} />
          </>
        )
      }
    </Loaded>
  );
}

interface Line {
  readonly values: (number | null)[];
  readonly low: (number | null)[];
  readonly high: (number | null)[];
  /** Times without an answer. */
  readonly silent: string[];
}

/** Of each release one value per time. */
function linesOf(points: Estimates['points']): { times: number[]; lines: Map<string, Line> } {
  const secondsOf = ({ at }: { at: string }): number => Date.parse(at) / 1_000;
  const times = [...new Set(points.map(secondsOf))].sort((one, other) => one - other);
  const place = new Map(times.map((time, i) => [time, i]));
  const gaps = (): (number | null)[] => times.map(() => null);
  const lines = new Map<string, Line>();
  for (const point of points) {
    const line = lines.get(point.release) ?? { values: gaps(), low: gaps(), high: gaps(), silent: [] };
    lines.set(point.release, line);
    const i = place.get(secondsOf(point));
    if (i === undefined || point.value === null) {
      line.silent.push(point.at);
      continue;
    }
    line.values[i] = point.value;
    line.low[i] = point.low;
    line.high[i] = point.high;
  }
  return { times, lines };
}

/** Drawn again when the data changes, not with the page. */
const OverTime = memo(function OverTime({ data }: { data: Estimates }) {
  const { points, bucketSeconds } = data;
  const { times, lines } = linesOf(points);
  const releases = [...lines.keys()];
  const floor = points.reduce(
    (least, { value, low }) => Math.min(least, value === null ? 1 : (low ?? 1)),
    0.9,
  );
  const title = 'Accuracy by version over time';
  return (
    <Exportable
      name="accuracy-by-version"
      title={title}
      about={`90 % intervals, per ${formatBucket(bucketSeconds)}; hatched: no answer`}
      legend={releases.map((label, i) => ({ label, color: dataColor(i) }))}
      table={() => tableOf(points)}
    >
      <TimeChart
        label={`${title}: ${releases.join(', ')}`}
        times={times}
        series={[...lines].map(([label, { values, low, high }]) => ({ label, values, low, high }))}
        lanes={[...lines.values()].map(({ silent }, i) => ({
          color: dataColor(i),
          spans: spansOf(silent, bucketSeconds),
        }))}
        format={(value) => formatPercent(value, 0)}
        range={[Math.max(0, Math.floor(floor * 10 - 0.5) / 10), 1]}
        height={260}
      />
    </Exportable>
  );
});

function tableOf(points: Estimates['points']): ChartTable {
  return {
    heads: ['at', 'release', 'accuracy', 'low', 'high', 'from', 'predictions', 'labels', 'no answer because'],
    rows: points.map((p) => [
      ...[p.at, p.release, p.value, p.low, p.high],
      ...[p.value === null ? null : p.basis, p.n, p.labels, p.abstains?.words ?? null],
    ]),
  };
}

function Totals(props: { totals: readonly Total[]; labelled: CallOutput<'accuracy'>['totals'] }) {
  const { totals, labelled } = props;
  const rows = totals.map((one, i) => {
    const truth = labelled.find(({ release }) => release === one.release);
    return {
      name: one.release,
      color: dataColor(i),
      interval: one.value === null ? null : { value: one.value, low: one.low ?? 0, high: one.high ?? 1 },
      second: truth === undefined ? null : { value: truth.accuracy, low: truth.low, high: truth.high },
      words:
        one.value === null
          ? 'no answer'
          : `${formatPercent(one.value)} (${formatPercent(one.low ?? 0)} – ${formatPercent(one.high ?? 1)})`,
      about: `${formatInteger(one.n)} predictions, ${formatInteger(truth?.labels ?? 0)} labels, ${
        one.value === null ? (one.abstains?.words ?? '') : `from ${one.basis}`
      }`,
    };
  });
  return (
    <Exportable
      name="accuracy-totals"
      title="Accuracy by version, whole range"
      about="Thick: estimate, 90 %; thin: labels, 95 %"
      table={() => ({
        heads: ['release', 'accuracy', 'low', 'high', 'from', 'predictions', 'labels', 'labelled accuracy'],
        rows: totals.map((t, i) => [
          ...[t.release, t.value, t.low, t.high, t.value === null ? null : t.basis, t.n, t.labels],
          rows[i]?.second?.value ?? null,
        ]),
      })}
    >
      <IntervalRows label="Accuracy by version" rows={rows} />
    </Exportable>
  );
}

/** Who gives no answer, why, and what would change that. */
function Abstentions({ project, data }: { project: string; data: Estimates }) {
  const silent = new Map<string, { release: string; reason: string; words: string; buckets: number }>();
  for (const { release, abstains } of data.points) {
    if (abstains === null) continue;
    const key = `${release} ${abstains.reason}`;
    const known = silent.get(key);
    silent.set(key, { release, ...abstains, buckets: (known?.buckets ?? 0) + 1 });
  }
  const all = [...silent.values()].sort((a, b) => b.buckets - a.buckets);
  if (all.length === 0) return null;
  const bucket = formatBucket(data.bucketSeconds);
  return (
    <Section
      title="Where there is no answer"
      about="An estimate that would mislead is not shown. Why, and what would bring one"
    >
      <Stack gap="md">
        {all.slice(0, 6).map(({ release, reason, words, buckets }) => {
          const remedy = remedyFor(reason, project, release);
          return (
            <div key={`${release}${reason}`} className="abstention">
              <Text size="sm" fw={600}>
                {remedy.title} · {release}
              </Text>
              <Text size="sm">
                {words} ({formatInteger(buckets)} of {bucket} each).
              </Text>
              <Group gap="sm" mt={2}>
                <Text size="sm" c="dimmed">
                  {remedy.fix}
                </Text>
                {remedy.page === undefined ? null : (
                  <Anchor
                    size="sm"
                    renderRoot={(p) => (
                      <Link
                        to={
                          remedy.page === 'drift' ? '/p/$project/quality/drift' : '/p/$project/quality/labels'
                        }
                        params={{ project }}
                        {...p}
                      />
                    )}
                  >
                    {remedy.page === 'drift' ? 'Open the drift matrix' : 'Open the label queue'}
                  </Anchor>
                )}
              </Group>
              {remedy.command === undefined ? null : <Command text={remedy.command} />}
            </div>
          );
        })}
      </Stack>
    </Section>
  );
}

function NoPredictions({ project }: { project: string }) {
  return (
    <Empty
      title="No prediction in this range"
      about="Devices send sums of what they predict once a window. The first window of a device that runs a model turns this page into its chart; a model with labelled validation data is estimated without any label."
      commands={[
        `npx tinyfleet model import my-model.tflite --name my-model --labels @labels.txt --validation x.npy,y.npy --project ${project}`,
        `npx tinyfleet simulate --devices 10 --project ${project}`,
      ]}
    />
  );
}
