/** What of a device never counted: messages that were refused, by day and registered error, and such as never came. */
import { Code, Table, Text } from '@mantine/core';
import type { Resource } from '@tinyfleet/contracts';
import { useApi, useApiList } from '../../app/api';
import { formatInteger } from '../../app/format';
import { DataTable } from '../../components/data-table';
import { Exportable } from '../../components/exportable';
import { Loaded, More, Section } from '../../components/page';
import { Moment } from '../../components/time';
import { RefusalBars } from './refusal-bars';

type Refusal = Resource<'TelemetryRefusal'>;

export function Losses({ project, device }: { project: string; device: string }) {
  const refusals = useApiList('telemetryRefusalList', { params: { project }, query: { device, limit: 50 } });
  const gaps = useApi('telemetryGapList', { params: { project }, query: { device } });
  return (
    <Section
      id="refusals"
      title="Refusals and gaps"
      about="What came and was refused, and what never came: in no chart above"
    >
      <Loaded query={gaps} height={24}>
        {({ items: [gap] }) => (
          <Text size="sm" mb="sm">
            {gap === undefined ? (
              'Every message of the present boot has come.'
            ) : (
              <>
                <b>{formatInteger(gap.missing)}</b> of {formatInteger(gap.lastSequence + 1)} messages of the
                present boot never came. They were lost on the way, or the device ran out of room for them
                while it was offline.
              </>
            )}
          </Text>
        )}
      </Loaded>
      <Loaded query={refusals} height={120}>
        {({ pages }) => {
          const rows = pages.flatMap(({ items }) => items);
          return rows.length === 0 ? (
            <Text size="sm" c="dimmed">
              Nothing it sent was refused.
            </Text>
          ) : (
            <>
              <Exportable
                name={`refusals-${device}`}
                title={`Refused messages of ${device}`}
                about="By day (UTC) and registered error"
                isBelowText
                table={() => ({
                  heads: ['day', 'code', 'count', 'last at', 'first bytes of the last'],
                  rows: rows.map((one) => [one.day, one.code, one.count, one.lastAt, one.sample]),
                })}
              >
                <RefusalBars rows={rows} />
              </Exportable>
              <Rows rows={rows} />
            </>
          );
        }}
      </Loaded>
      <More
        hasNextPage={refusals.hasNextPage}
        isFetching={refusals.isFetchingNextPage}
        onMore={() => void refusals.fetchNextPage()}
      />
    </Section>
  );
}

function Rows({ rows }: { rows: readonly Refusal[] }) {
  return (
    <DataTable
      label="Refusals"
      minWidth={560}
      heads={['Day (UTC)', 'Error', { text: 'Messages', align: 'right' }, 'Last', 'First bytes']}
    >
      {rows.map((one) => (
        <Table.Tr key={`${one.day}${one.code}`}>
          <Table.Td>{one.day}</Table.Td>
          <Table.Td>
            <Code>{one.code}</Code>
          </Table.Td>
          <Table.Td ta="right">{formatInteger(one.count)}</Table.Td>
          <Table.Td>
            <Moment at={one.lastAt} />
          </Table.Td>
          <Table.Td className="mono" title={one.sample}>
            {one.sample === '' ? '–' : `${one.sample.slice(0, 24)}${one.sample.length > 24 ? '…' : ''}`}
          </Table.Td>
        </Table.Tr>
      ))}
    </DataTable>
  );
}
