/** What went wrong with a device, in registered codes: what it reported, and why messages of it were refused. By day. */
import { Anchor, Code, Table, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { Resource } from '@tinyfleet/contracts';
import { useApiList } from '../../app/api';
import { formatInteger } from '../../app/format';
import { DataTable } from '../../components/data-table';
import { Exportable } from '../../components/exportable';
import { Loaded, More, Section } from '../../components/page';
import { Moment } from '../../components/time';

type Entry = Resource<'DeviceLogEntry'>;

const BY: Readonly<Record<Entry['by'], string>> = { device: 'device', server: 'refused here' };

export function DeviceLog({ project, device }: { project: string; device: string }) {
  const log = useApiList('deviceLog', { params: { project, device }, query: { limit: 25 } });
  return (
    <Section
      id="log"
      title="Log"
      about="Errors that it reported, and for which its messages were refused, by day"
    >
      <Loaded query={log} height={96}>
        {({ pages }) => {
          const entries = pages.flatMap(({ items }) => items);
          return entries.length === 0 ? (
            <Text size="sm" c="dimmed">
              It reported no error, and nothing it sent was refused.
            </Text>
          ) : (
            <Exportable
              name={`log-${device}`}
              title={`Log of ${device}`}
              about="By day (UTC) and registered error"
              isBelowText
              table={() => ({
                heads: [
                  'day',
                  'by',
                  'code',
                  'number',
                  'title',
                  'count',
                  'first at',
                  'last at',
                  'rollout',
                  'release',
                ],
                rows: entries.map((one) => [
                  ...[one.day, one.by, one.code, one.number, one.title, one.count, one.firstAt, one.lastAt],
                  ...[one.deployment?.rollout ?? null, one.deployment?.release ?? null],
                ]),
              })}
            >
              <Entries project={project} entries={entries} />
            </Exportable>
          );
        }}
      </Loaded>
      <More
        hasNextPage={log.hasNextPage}
        isFetching={log.isFetchingNextPage}
        onMore={() => void log.fetchNextPage()}
      />
    </Section>
  );
}

function Entries({ project, entries }: { project: string; entries: readonly Entry[] }) {
  return (
    <DataTable
      label="Log"
      minWidth={640}
      heads={['Day (UTC)', 'By', 'Error', { text: 'Times', align: 'right' }, 'Last', 'About']}
    >
      {entries.map(({ day, by, code, number, title, count, lastAt, deployment }) => (
        <Table.Tr key={`${day}${by}${code}`}>
          <Table.Td>{day}</Table.Td>
          <Table.Td>{BY[by]}</Table.Td>
          <Table.Td>
            {title} <ErrorCode code={code} />
            {number === null ? '' : ` · ${number}`}
          </Table.Td>
          <Table.Td ta="right">{formatInteger(count)}</Table.Td>
          <Table.Td>
            <Moment at={lastAt} />
          </Table.Td>
          <Table.Td>
            {deployment === null ? (
              '–'
            ) : (
              <Link
                className="row-link"
                to="/p/$project/rollouts/$number"
                params={{ project, number: String(deployment.rollout) }}
              >
                #{formatInteger(deployment.rollout)}, {deployment.release}
              </Link>
            )}
          </Table.Td>
        </Table.Tr>
      ))}
    </DataTable>
  );
}

/** Leads to what the documentation says of it. */
function ErrorCode({ code }: { code: string }) {
  const [area, name] = code.split('.');
  if (name === undefined) return <Code>{code}</Code>;
  return (
    <Anchor href={`/docs/errors/${area}#${area}${name}`} target="_blank" rel="noreferrer">
      <Code>{code}</Code>
    </Anchor>
  );
}
