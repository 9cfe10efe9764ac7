/** One version closer: confusion, recall and reliability from labels, and its devices, the least accurate first. */
import { Select, SimpleGrid, Text, Title } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { plural, type CallOutput } from '@tinyfleet/contracts';
import { useApi } from '../../app/api';
import { formatInteger, formatPercent } from '../../app/format';
import { dataColor } from '../../app/theme';
import { Exportable } from '../../components/exportable';
import { Command, Loaded, Section } from '../../components/page';
import { remedyFor } from './abstain-words';
import { Confusion } from './confusion';
import { IntervalRows } from './interval-rows';
import { Reliability } from './reliability';

interface Props {
  readonly project: string;
  readonly range: { readonly from: string };
  readonly days: number;
}
/** Devices that are shown; the CLI has all. */
const LOWEST = 12;

export function VersionDetail({ project, range, days }: Props) {
  const search: { model?: string } = useSearch({ strict: false });
  const navigate = useNavigate();
  const estimates = useApi('accuracyEstimate', { params: { project }, query: range });
  const releases = (estimates.data?.totals ?? []).map(({ release }) => release);
  // What runs most is what most want to see.
  const [usual] = [...(estimates.data?.totals ?? [])].sort((a, b) => b.n - a.n);
  const release = releases.find((one) => one === search.model) ?? usual?.release;
  if (release === undefined) return null;
  return (
    <>
      <Section
        title="What labels say"
        about="Only labels that chance chose: those that were asked for are counted apart"
        actions={
          <Select
            aria-label="Version"
            size="xs"
            w={190}
            data={releases}
            allowDeselect={false}
            value={release}
            onChange={(model) =>
              void navigate({
                to: '.',
                search: (before: object) => ({ ...before, model: model ?? undefined }),
                replace: true,
                resetScroll: false,
              })
            }
          />
        }
      >
        <Labelled project={project} release={release} range={range} />
      </Section>
      <Devices project={project} release={release} days={days} />
    </>
  );
}

function Labelled({ project, release, range }: { project: string; release: string; range: Props['range'] }) {
  const query = useApi('labelledQuality', { params: { project }, query: { release, from: range.from } });
  return (
    <Loaded query={query} height={340}>
      {(data) =>
        data.accuracy.n === 0 ? (
          <>
            <Text size="sm" mb="sm">
              No label of {release} in this range. Devices keep every n-th prediction; the label queue gives
              them out, and twenty labels already correct the estimate.
            </Text>
            <Command text={`npx tinyfleet labels next --count 20 --output csv --project ${project}`} />
          </>
        ) : (
          <>
            <Text size="sm" mb="md">
              {formatInteger(data.accuracy.n)} labels: <b>{formatPercent(data.accuracy.value)}</b> right (
              {formatPercent(data.accuracy.low)} – {formatPercent(data.accuracy.high)}, 95 %)
              {data.calibrationError === null
                ? ''
                : `; confidence is off by ${formatPercent(data.calibrationError)} on average`}
              {data.asked === 0 ? '' : `; ${formatInteger(data.asked)} more were asked for`}.
            </Text>
            <SimpleGrid cols={{ base: 1, md: 2 }} spacing="xl" verticalSpacing="xl">
              <div>
                <Title order={3} size="h6" mb={8}>
                  Confusion: rows are the truth
                </Title>
                <Confusion data={data} />
              </div>
              <div>
                <Title order={3} size="h6" mb={8}>
                  Reliability: does confidence mean what it says?
                </Title>
                <Reliability data={data} />
              </div>
            </SimpleGrid>
          </>
        )
      }
    </Loaded>
  );
}

/** Each is estimated by itself when the page asks. */
const MOST = 100;

function Devices({ project, release, days }: { project: string; release: string; days: number }) {
  const query = useApi('deviceEstimates', { params: { project }, query: { release, days, limit: MOST } });
  return (
    <Section
      title="Devices with the lowest accuracy"
      about={`${release}, without labels, the last ${days === 1 ? 'day' : `${days} days`}; of the ${MOST} devices that predicted most lately; each moved towards its group by as much as its own error says`}
    >
      <Loaded query={query} height={300}>
        {(data) => <DeviceRows project={project} data={data} />}
      </Loaded>
    </Section>
  );
}

function DeviceRows({ project, data }: { project: string; data: CallOutput<'deviceEstimates'> }) {
  const { items, group, release } = data;
  const spoken = items.filter(({ value }) => value !== null);
  const silent = items.filter(({ abstains }) => abstains !== null);
  const [why] = silent.map(({ abstains }) => abstains);
  const reason = why?.words ?? '';
  if (spoken.length === 0)
    return (
      <Text size="sm">
        {items.length === 0 || why === undefined || why === null
          ? 'No device ran it in these days.'
          : `No answer for ${plural(items.length, 'device')}: ${reason}. ${remedyFor(why.reason, project, release).fix}`}
      </Text>
    );
  const lowest = spoken.slice(0, LOWEST).map((one) => ({
    name: one.device,
    color: dataColor(0),
    interval: { value: one.value ?? 0, low: one.low ?? 0, high: one.high ?? 1 },
    words: `${formatPercent(one.value ?? 0)} (${formatPercent(one.low ?? 0, 0)} – ${formatPercent(one.high ?? 1, 0)})`,
    about: `${formatInteger(one.n)} predictions, by itself ${one.own === null ? '–' : formatPercent(one.own)}`,
  }));
  const whole =
    group === null
      ? []
      : [
          {
            name: `all ${formatInteger(group.devices)} devices`,
            color: dataColor(7),
            interval: group,
            words: `${formatPercent(group.value)} (${formatPercent(group.low, 0)} – ${formatPercent(group.high, 0)})`,
            about: `devices differ by ${(group.between * 100).toFixed(1)} points (standard deviation)`,
          },
        ];
  return (
    <>
      <Exportable
        name={`devices-${release}`}
        title={`Devices with the lowest accuracy, ${release}`}
        about="Estimated without labels, 90 % intervals"
        table={() => ({
          heads: ['device', 'accuracy', 'low', 'high', 'by itself', 'predictions', 'no answer because'],
          rows: items.map((one) => [
            ...[one.device, one.value, one.low, one.high, one.own, one.n],
            one.abstains?.words ?? null,
          ]),
        })}
      >
        <IntervalRows label="Accuracy by device" rows={[...whole, ...lowest]} />
      </Exportable>
      <Text size="xs" c="dimmed" mt={6}>
        {spoken.length > LOWEST
          ? `${formatInteger(spoken.length - LOWEST)} more devices are in the CSV. `
          : ''}
        {silent.length === 0 ? '' : `No answer for ${formatInteger(silent.length)}: ${reason}.`}
      </Text>
    </>
  );
}
