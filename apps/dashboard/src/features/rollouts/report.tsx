/** What a shadow or a comparison of two versions has shown so far: agreement, disagreements by class, effects with intervals. */
import { Group, SimpleGrid, Table, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { plural, type Resource } from '@tinyfleet/contracts';
import { useApi } from '../../app/api';
import { formatCount, formatInteger, formatPercent } from '../../app/format';
import { DataTable } from '../../components/data-table';
import { Loaded, Section } from '../../components/page';
import { formatDifference, formatInUnit } from './gate-words';
import { IntervalAxis, IntervalBar } from './interval-bar';

type Report = Resource<'RolloutReport'>;

export function ReportSection({ project, rollout }: { project: string; rollout: Resource<'Rollout'> }) {
  const report = useApi('rolloutReport', { params: { project, number: rollout.number } });
  const isShadow = rollout.kind === 'shadow';
  return (
    <Section
      title={isShadow ? 'Agreement' : 'Comparison'}
      about={
        isShadow
          ? 'The release runs beside the active model on the same inputs, and nothing acts on what it says'
          : 'Bounds hold however often one looks'
      }
    >
      <Loaded query={report} height={200}>
        {(data) => (
          <>
            {data.words.map((line) => (
              <Text key={line} size="sm">
                {line}
              </Text>
            ))}
            {data.shadow === null ? null : <Shadow project={project} report={data.shadow} />}
            {data.ab === null ? null : <Effects report={data.ab} />}
          </>
        )}
      </Loaded>
    </Section>
  );
}

function Shadow({ project, report }: { project: string; report: NonNullable<Report['shadow']> }) {
  const segments = report.bySegment.filter(({ runs }) => runs > 0);
  return (
    <>
      <Group gap="xl" my="sm">
        <Figure label="Agree" value={shareText(report)} note={boundsText(report)} />
        <Figure
          label="Runs"
          value={formatCount(report.runs)}
          note={`on ${plural(report.devices, 'device')}${report.skipped === 0 ? '' : `, ${formatCount(report.skipped)} left out`}`}
        />
        <Figure
          label="Running"
          value={formatInteger(report.running)}
          note={`${formatInteger(report.compared)} done`}
        />
      </Group>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        {report.disagreements.length === 0 ? null : (
          <DataTable
            label="Disagreements"
            minWidth={320}
            heads={[
              'Active says',
              'Shadow says',
              { text: 'Times', align: 'right' },
              { text: 'Share', align: 'right' },
            ]}
          >
            {report.disagreements.slice(0, 12).map(({ active, shadow, count, share }) => (
              <Table.Tr key={`${active}/${shadow}`}>
                <Table.Td>{active}</Table.Td>
                <Table.Td>{shadow}</Table.Td>
                <Table.Td ta="right">{formatCount(count)}</Table.Td>
                <Table.Td ta="right">{formatPercent(share)}</Table.Td>
              </Table.Tr>
            ))}
          </DataTable>
        )}
        {segments.length === 0 ? null : (
          <DataTable
            label="By type and site"
            minWidth={320}
            heads={['Where', { text: 'Agree', align: 'right' }, { text: 'Devices', align: 'right' }]}
          >
            {segments.map((one) => (
              <Table.Tr key={`${one.by}/${one.value}`}>
                <Table.Td>
                  {one.by} {one.value === '' ? '(none)' : one.value}
                </Table.Td>
                <Table.Td ta="right" title={boundsText(one)}>
                  {shareText(one)}
                </Table.Td>
                <Table.Td ta="right">{formatInteger(one.devices)}</Table.Td>
              </Table.Tr>
            ))}
          </DataTable>
        )}
      </SimpleGrid>
      {report.least.length === 0 ? null : (
        <Text size="xs" c="dimmed" mt="xs">
          They agree least on{' '}
          {report.least.slice(0, 5).map(({ device, share }, index) => (
            <span key={device}>
              {index === 0 ? '' : ', '}
              <Link className="row-link" to="/p/$project/devices/$device" params={{ project, device }}>
                {device}
              </Link>{' '}
              {formatPercent(share)}
            </span>
          ))}
          .
        </Text>
      )}
    </>
  );
}

const shareText = ({ share }: { share: number | null }): string =>
  share === null ? '–' : formatPercent(share);
const boundsText = ({ low, high }: { low: number | null; high: number | null }): string =>
  low === null || high === null ? 'no bounds yet' : `${formatPercent(low)} to ${formatPercent(high)}`;

function Figure(props: { label: string; value: string; note: string }) {
  return (
    <div>
      <Text size="sm" c="dimmed">
        {props.label}
      </Text>
      <Text className="tile-value">{props.value}</Text>
      <Text size="xs" c="dimmed">
        {props.note}
      </Text>
    </div>
  );
}

function Effects({ report }: { report: NonNullable<Report['ab']> }) {
  const other = report.against ?? 'what each device ran';
  return (
    <>
      <Text size="sm" my="xs">
        B is {report.release} on {report.percent} % of the devices, A is {other} on the others.
      </Text>
      <div className="gate-rows">
        <IntervalAxis left="A is better" right="B is better" isTwoSided />
        {report.effects.map(({ metric, unit, effect, low, high, margin, devicesA, devicesB }) => (
          <div key={metric} className="gate-row">
            <div>
              <Text size="sm" fw={500}>
                {metric}
              </Text>
              <Text size="xs" c="dimmed">
                {effect === null ? 'nothing yet' : formatDifference(effect, unit)}
              </Text>
            </div>
            <IntervalBar
              {...{ difference: effect, low, high, margin }}
              isTwoSided
              color="#1f87c9"
              label={`${metric}: ${effect === null ? 'nothing yet' : formatDifference(effect, unit)}`}
              marginWords={`A smaller difference than ${formatInUnit(margin, unit)} is none`}
            />
            <Text size="xs" c="dimmed">
              {formatInteger(devicesB)} / {formatInteger(devicesA)} devices
            </Text>
          </div>
        ))}
      </div>
    </>
  );
}
