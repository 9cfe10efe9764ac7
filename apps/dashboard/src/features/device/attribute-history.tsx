/** Who changed desired attributes, from the audit log; asked for when it is opened. */
import { Table, Text } from '@mantine/core';
import { useState } from 'react';
import { useApiList } from '../../app/api';
import { formatActor } from '../../app/format';
import { DataTable } from '../../components/data-table';
import { Loaded, More } from '../../components/page';
import { Moment } from '../../components/time';

export function AttributeHistory(props: { project: string; device: string }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <details onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary className="quiet-summary">Who changed them</summary>
      {isOpen ? <History {...props} /> : null}
    </details>
  );
}

function History({ project, device }: { project: string; device: string }) {
  const changes = useApiList('deviceAttributeChanges', {
    params: { project, device },
    query: { limit: 20 },
  });
  return (
    <>
      <Loaded query={changes} height={80}>
        {({ pages }) => {
          const entries = pages.flatMap(({ items }) => items);
          return entries.length === 0 ? (
            <Text size="sm" c="dimmed">
              Nobody changed them one by one. What was changed for many devices at once is in the audit log.
            </Text>
          ) : (
            <DataTable label="Changes of attributes" heads={['When', 'Who', 'Attribute', 'Before', 'After']}>
              {entries.flatMap(({ at, by, changes: parts }) =>
                parts.map(({ attribute, before, after }) => (
                  <Table.Tr key={`${at}${attribute}`}>
                    <Table.Td>
                      <Moment at={at} />
                    </Table.Td>
                    <Table.Td>{formatActor(by)}</Table.Td>
                    <Table.Td className="mono">{attribute}</Table.Td>
                    <Table.Td>{before === null ? '–' : String(before)}</Table.Td>
                    <Table.Td>{after === null ? 'removed' : String(after)}</Table.Td>
                  </Table.Tr>
                )),
              )}
            </DataTable>
          );
        }}
      </Loaded>
      <More
        hasNextPage={changes.hasNextPage}
        isFetching={changes.isFetchingNextPage}
        onMore={() => void changes.fetchNextPage()}
      />
    </>
  );
}
