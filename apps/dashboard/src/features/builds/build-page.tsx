/** The compiler's report of one build: memory drawn, cost by operator, accuracy on validation data. */
import { Alert, Anchor, Button, Group, Progress, SimpleGrid, Table, Text } from '@mantine/core';
import { Link, useParams } from '@tanstack/react-router';
import type { Resource } from '@tinyfleet/contracts';
import { useAction, useApi } from '../../app/api';
import { formatBytes, formatCount, formatPercent } from '../../app/format';
import { dataColor } from '../../app/theme';
import { StateBadge } from '../../components/badges';
import { Loaded, Page, Problem, Section } from '../../components/page';
import { StackedBar } from '../../components/stacked-bar';
import { ArenaMap } from './arena-map';
import { FitTable } from './fit-table';
import { Quantization, Validation } from './quantization';

type Report = Resource<'BuildReport'>;

export function BuildPage() {
  const params = useParams({ from: '/p/$project/models/$model/versions/$version/builds/$deviceType' });
  const build = useApi('buildGet', { params });
  const done = build.data?.state === 'succeeded';
  const report = useApi('buildReport', { params }, { enabled: done });
  const fit = useApi('buildFit', { params }, { enabled: done });
  const cancel = useAction('buildCancel');
  const retry = useAction('buildRetry');
  const state = build.data?.state;
  return (
    <Page
      title={`${params.model} ${params.version} for ${params.deviceType}`}
      about={
        <Anchor component={Link} to={`/p/${params.project}/models/${params.model}`} size="sm">
          ← {params.model}
        </Anchor>
      }
      actions={
        <>
          {state === undefined ? null : <StateBadge state={state} />}
          {state === 'running' || state === 'queued' ? (
            <Button size="xs" variant="default" onClick={() => cancel.mutate({ params })}>
              Cancel
            </Button>
          ) : null}
          {state === 'failed' || state === 'cancelled' ? (
            <Button size="xs" onClick={() => retry.mutate({ params })}>
              Run again
            </Button>
          ) : null}
        </>
      }
    >
      {build.error === null ? null : <Problem error={build.error} />}
      {state === 'running' || state === 'queued' ? (
        <Section title={build.data?.stage ?? 'queued'}>
          <Progress value={(build.data?.progress ?? 0) * 100} animated aria-label="Build progress" />
        </Section>
      ) : null}
      {build.data?.error === null || build.data === undefined ? null : (
        <Alert color="red" variant="light" title={build.data.error.detail}>
          {build.data.error.hint}
        </Alert>
      )}
      {done ? <Loaded query={report}>{(data) => <ReportView report={data} />}</Loaded> : null}
      {done ? (
        <Section title="Does it fit?" about="This bundle on every device type of the project">
          <Loaded query={fit}>{(data) => <FitTable items={data.items} basis={data.basis} />}</Loaded>
        </Section>
      ) : null}
    </Page>
  );
}

function ReportView({ report }: { report: Report }) {
  return (
    <>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Section
          title="Flash"
          about={`${formatBytes(report.bundleBytes)} in the slot${report.fits.slot ? '' : ': does not fit'}`}
        >
          <StackedBar
            label="Flash by section"
            format={formatBytes}
            shares={Object.entries(report.flash)
              .sort(([, a], [, b]) => b - a)
              .map(([label, value], index) => ({ label, value, color: dataColor(index) }))}
          />
        </Section>
        <Section title="At a glance">
          <Group gap="xl">
            <Figure label="MACs" value={formatCount(report.macs)} />
            <Figure
              label="Arena"
              value={formatBytes(report.arenaBytes)}
              note={`lower bound ${formatBytes(report.arenaLowerBoundBytes)}`}
            />
            <Figure label="State" value={formatBytes(report.stateBytes)} />
            <Figure label="ABI" value={report.abi} note={`compiler ${report.compilerVersion}`} />
          </Group>
        </Section>
      </SimpleGrid>
      <Section
        title="Arena over time"
        about={`Each block is a tensor: where it lies (down) and during which plan steps it lives (across)${report.fits.arena ? '' : '. The arena does not fit'}`}
      >
        <ArenaMap blocks={report.arena} arenaBytes={report.arenaBytes} steps={report.ops.length} />
      </Section>
      {report.validation === null ? null : (
        <Validation validation={report.validation} float={report.quantization?.float ?? null} />
      )}
      {report.quantization === null ? null : <Quantization quantization={report.quantization} />}
      <Section
        title="Operators"
        about={`${report.goldenVectors} golden vectors${report.goldenCoverage === null ? '' : `; ${formatPercent(report.goldenCoverage)} of sampled flash blocks change a checksum when a bit flips`}`}
      >
        <Operators ops={report.ops} />
      </Section>
    </>
  );
}

function Figure(props: { label: string; value: string; note?: string }) {
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

function Operators({ ops }: { ops: Report['ops'] }) {
  const most = Math.max(1, ...ops.map((op) => op.macs));
  return (
    <div className="scroll-x" tabIndex={0} role="region" aria-label="Operators">
      <Table miw={560} verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>#</Table.Th>
            <Table.Th>Operator</Table.Th>
            <Table.Th>Name</Table.Th>
            <Table.Th ta="right">Output</Table.Th>
            <Table.Th ta="right">MACs</Table.Th>
            <Table.Th w={160}>Share</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {ops.map((op) => (
            <Table.Tr key={op.index}>
              <Table.Td>{op.index}</Table.Td>
              <Table.Td>{op.op}</Table.Td>
              <Table.Td className="mono">{op.name}</Table.Td>
              <Table.Td ta="right">{formatBytes(op.outputBytes)}</Table.Td>
              <Table.Td ta="right">{formatCount(op.macs)}</Table.Td>
              <Table.Td>
                <Progress value={(op.macs / most) * 100} aria-label={`${formatCount(op.macs)} MACs`} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}
