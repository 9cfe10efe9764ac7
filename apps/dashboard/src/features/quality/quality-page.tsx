/** Does the model still work? Accuracy from labels, predicted classes and versions over the same range. */
import { SegmentedControl, Table } from '@mantine/core';
import { useParams } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { useApi } from '../../app/api';
import { formatInteger, formatPercent } from '../../app/format';
import { Loaded, Page, Section } from '../../components/page';
import { AccuracyOverTime, ClassMixOverTime, VersionsOverTime } from './charts';

const RANGES = [
  { value: '1', label: '1 h' },
  { value: '24', label: '24 h' },
  { value: '168', label: '7 d' },
  { value: '360', label: '15 d' },
];

/** Its start is fixed when it is chosen: one that moved with the clock would load anew at every render. */
function periodOf(hours: string) {
  return { hours, from: new Date(Date.now() - Number(hours) * 3_600_000).toISOString() };
}

export function QualityPage() {
  const { project } = useParams({ from: '/p/$project' });
  const [period, setPeriod] = useState(() => periodOf('360'));
  const range = useMemo(() => ({ from: period.from }), [period.from]);
  const accuracy = useApi('accuracy', { params: { project }, query: range });
  return (
    <Page
      title="Quality"
      about="Accuracy comes from labelled predictions; the rest from the summaries every device sends."
      actions={
        <SegmentedControl
          aria-label="Range"
          data={RANGES}
          value={period.hours}
          onChange={(hours) => setPeriod(periodOf(hours))}
        />
      }
    >
      <Section title="Accuracy by version">
        <AccuracyOverTime project={project} range={range} />
      </Section>
      <Section title="By version, whole range">
        <Loaded query={accuracy} height={80}>
          {(data) => (
            <div className="scroll-x" tabIndex={0} role="region" aria-label="Accuracy table">
              <Table miw={520}>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>Version</Table.Th>
                    <Table.Th ta="right">Accuracy</Table.Th>
                    <Table.Th ta="right">95 % interval</Table.Th>
                    <Table.Th ta="right">Labels</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {data.totals.map((row) => (
                    <Table.Tr key={row.release}>
                      <Table.Td>{row.release}</Table.Td>
                      <Table.Td ta="right">{formatPercent(row.accuracy)}</Table.Td>
                      <Table.Td ta="right">
                        {formatPercent(row.low)} – {formatPercent(row.high)}
                      </Table.Td>
                      <Table.Td ta="right">{formatInteger(row.labels)}</Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </div>
          )}
        </Loaded>
      </Section>
      <Section title="Predicted classes" about="Share of each class among all predictions">
        <ClassMixOverTime project={project} range={range} />
      </Section>
      <Section title="Devices per version">
        <VersionsOverTime project={project} range={range} />
      </Section>
    </Page>
  );
}
