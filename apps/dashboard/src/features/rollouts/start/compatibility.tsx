/** How many devices can take a release, how many cannot and why, and who is kept from it. */
import { Alert, Table, Text } from '@mantine/core';
import { plural, type Resource } from '@tinyfleet/contracts';
import { formatInteger } from '../../../app/format';
import { DataTable } from '../../../components/data-table';
import { StackedBar } from '../../../components/stacked-bar';
import { DATA_COLORS } from '../../../app/theme';

type Plan = Resource<'RolloutPlan'>;
interface Row {
  readonly answer: string;
  readonly devices: number;
  readonly why: string;
  readonly sample: readonly string[];
}

export function Compatibility({ plan }: { plan: Plan }) {
  const sum = (of: Plan['cannot']) => of.reduce((total, { devices }) => total + devices, 0);
  const [cannot, kept] = [sum(plan.cannot), sum(plan.kept)];
  const [, amber, green, , , red, , grey] = DATA_COLORS;
  const rows: Row[] = [
    { answer: 'can', devices: plan.can, why: 'Everything it needs is there.', sample: [] },
    ...plan.doubts.map((one) => rowOf('unknown', one)),
    ...(plan.unknown === 0 || plan.doubts.length > 0
      ? []
      : [
          {
            answer: 'unknown',
            devices: plan.unknown,
            why: 'Never said hello: judged by their type, and in the end by themselves.',
            sample: [],
          },
        ]),
    ...plan.cannot.map((one) => rowOf('cannot', one)),
    ...plan.kept.map((one) => rowOf('kept from it', one)),
  ];
  if (plan.devices === 0)
    return (
      <Text size="sm" c="dimmed">
        No device matches.
      </Text>
    );
  return (
    <div style={{ width: '100%' }}>
      <Text size="sm" mb={6}>
        <b>{plural(plan.devices, 'device')}</b> with <span className="mono">{plan.filter}</span>
      </Text>
      <StackedBar
        label="Devices"
        shares={[
          { label: 'can', value: plan.can, color: green },
          { label: 'unknown', value: plan.unknown, color: amber },
          { label: 'cannot', value: cannot, color: red },
          { label: 'kept from it', value: kept, color: grey },
        ]}
      />
      {plan.warnings.map((warning) => (
        <Alert key={warning} color="orange" variant="light" mt="sm">
          {warning}
        </Alert>
      ))}
      <DataTable
        label="Who can take it"
        minWidth={560}
        heads={['Answer', { text: 'Devices', align: 'right', width: 90 }, 'Why', 'Such as']}
      >
        {rows.map(({ answer, devices, why, sample }) => (
          <Table.Tr key={`${answer}${why}`}>
            <Table.Td fw={500} style={{ whiteSpace: 'nowrap' }}>
              {answer}
            </Table.Td>
            <Table.Td ta="right">{formatInteger(devices)}</Table.Td>
            <Table.Td>{why}</Table.Td>
            <Table.Td>
              <Text size="xs" c="dimmed">
                {sample.slice(0, 4).join(', ')}
                {devices > 4 && sample.length > 0 ? ', …' : ''}
              </Text>
            </Table.Td>
          </Table.Tr>
        ))}
      </DataTable>
    </div>
  );
}

const rowOf = (answer: string, one: Plan['cannot'][number]): Row => ({
  answer,
  devices: one.devices,
  why: one.errorCode === null ? one.reason : `${one.reason} (code ${one.errorCode})`,
  sample: one.sample,
});
