/** What rollouts have done with a device, newest first; each opens into its story. */
import { ActionIcon, Table, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { Resource } from '@tinyfleet/contracts';
import { Fragment, useEffect, useRef, useState } from 'react';
import { useApiList } from '../../app/api';
import { formatBytes, formatInteger } from '../../app/format';
import { StateBadge } from '../../components/badges';
import { ACTIONS, DataTable } from '../../components/data-table';
import { Loaded, More, Section } from '../../components/page';
import { Moment } from '../../components/time';
import '../rollouts/rollouts.css';
import { storyOf } from './deployment-story';

type Deployment = Resource<'DeploymentOfProject'>;
const HEADS = [
  'Rollout',
  'Release',
  'State',
  { text: 'Received', align: 'right' as const },
  'Since',
  ACTIONS,
];

export function Deployments(props: {
  project: string;
  device: string;
  /** Number of the deployment that the address asks for. */
  opened: number | undefined;
}) {
  const { project, device } = props;
  const list = useApiList('deviceDeployments', { params: { project, device }, query: { limit: 10 } });
  return (
    <Section title="Deployments" about="What rollouts have done with it, newest first">
      <Loaded query={list} height={80}>
        {({ pages }) => {
          const rows = pages.flatMap(({ items }) => items);
          if (rows.length === 0)
            return (
              <Text size="sm" c="dimmed">
                No rollout has reached this device yet.
              </Text>
            );
          return (
            <DataTable label="Deployments" minWidth={620} heads={HEADS}>
              {rows.map((row) => (
                <Row key={row.number} project={project} row={row} isAsked={row.number === props.opened} />
              ))}
            </DataTable>
          );
        }}
      </Loaded>
      <More
        hasNextPage={list.hasNextPage}
        isFetching={list.isFetchingNextPage}
        onMore={() => void list.fetchNextPage()}
      />
    </Section>
  );
}

function Row({ project, row, isAsked }: { project: string; row: Deployment; isAsked: boolean }) {
  const [isOpen, setIsOpen] = useState(isAsked);
  const line = useRef<HTMLTableRowElement>(null);
  useEffect(() => {
    if (isAsked) line.current?.scrollIntoView({ block: 'center' });
  }, [isAsked]);
  return (
    <Fragment>
      <Table.Tr ref={line}>
        <Table.Td>
          <Link
            className="row-link"
            to="/p/$project/rollouts/$number"
            params={{ project, number: String(row.rollout) }}
          >
            #{formatInteger(row.rollout)}
          </Link>
        </Table.Td>
        <Table.Td>{row.release}</Table.Td>
        <Table.Td>
          <StateBadge state={row.state} />{' '}
          <Text span size="xs" c="dimmed">
            {row.errorTitle}
          </Text>
        </Table.Td>
        <Table.Td ta="right" style={{ whiteSpace: 'nowrap' }}>
          {row.offset === 0 ? '–' : `${formatBytes(row.offset)} of ${formatBytes(row.bytes)}`}
        </Table.Td>
        <Table.Td style={{ whiteSpace: 'nowrap' }}>
          <Moment at={row.updatedAt} />
        </Table.Td>
        <Table.Td ta="right">
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-expanded={isOpen}
            aria-label={`Story of deployment ${row.number}`}
            onClick={() => setIsOpen(!isOpen)}
          >
            {isOpen ? '▾' : '▸'}
          </ActionIcon>
        </Table.Td>
      </Table.Tr>
      {isOpen ? (
        <Table.Tr>
          <Table.Td colSpan={HEADS.length}>
            <Story row={row} />
          </Table.Td>
        </Table.Tr>
      ) : null}
    </Fragment>
  );
}

function Story({ row }: { row: Deployment }) {
  return (
    <>
      <Text size="xs" c="dimmed">
        Deployment {row.number}
        {row.state === 'control' ? '' : ` · step ${row.step + 1}`}
      </Text>
      {row.warnings.map((warning) => (
        <Text key={warning} size="sm" c="orange">
          {warning}
        </Text>
      ))}
      <ol className="log">
        {storyOf(row).map(({ at, title, about, color }) => (
          <li key={title} style={{ '--log-color': color } as React.CSSProperties}>
            <Text size="xs" c="dimmed" pt={2}>
              {at === null ? 'not yet' : <Moment at={at} />}
            </Text>
            <div>
              <Text size="sm" fw={500}>
                {title}
              </Text>
              <Text size="xs" c="dimmed">
                {at === null ? '' : new Date(at).toLocaleString()}
                {about === '' || at === null ? '' : ' · '}
                {about}
              </Text>
            </div>
          </li>
        ))}
      </ol>
    </>
  );
}
