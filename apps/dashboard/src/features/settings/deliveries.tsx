/** What was delivered to one webhook and what came of it; one of them, or a range of numbers, again. */
import {
  Alert,
  Button,
  Group,
  Modal,
  NumberInput,
  SegmentedControl,
  Stack,
  Table,
  Text,
} from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { plural, type Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useAction, useApiList } from '../../app/api';
import { formatInteger } from '../../app/format';
import { StateBadge } from '../../components/badges';
import { ACTIONS, DataTable, SkeletonRows } from '../../components/data-table';
import { More, Problem, Section } from '../../components/page';
import { Moment } from '../../components/time';

type Delivery = Resource<'WebhookDelivery'>;
const STATES = [
  { value: '', label: 'all' },
  { value: 'waiting', label: 'waiting' },
  { value: 'delivered', label: 'delivered' },
  { value: 'failed', label: 'failed' },
];
const HEADS = ['Event', 'State', 'Attempts', 'Answer', 'When', ACTIONS];

export function Deliveries({ project, webhook }: { project: string; webhook: string }) {
  const [state, setState] = useState('');
  const params = { project, webhook };
  const list = useApiList('webhookDeliveries', {
    params,
    query: { limit: 50, ...(state === '' ? {} : { state: state as Delivery['state'] }) },
  });
  const test = useAction('webhookTest');
  const replay = useAction('webhookReplay');
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  const error = list.error ?? test.error ?? replay.error;
  return (
    <Section
      title={`Deliveries to ${webhook}`}
      actions={
        <Group gap="xs">
          <SegmentedControl
            size="xs"
            aria-label="State of deliveries"
            data={STATES}
            value={state}
            onChange={setState}
          />
          <Button size="compact-sm" variant="default" onClick={() => void list.refetch()}>
            Look again
          </Button>
          <Button
            size="compact-sm"
            variant="default"
            loading={test.isPending}
            onClick={() => test.mutate({ params })}
          >
            Send a ping
          </Button>
          <ReplayRange project={project} webhook={webhook} />
        </Group>
      }
    >
      {error === null ? null : <Problem error={error} />}
      <DataTable label={`Deliveries to ${webhook}`} minWidth={760} heads={HEADS}>
        {list.data === undefined ? <SkeletonRows rows={4} columns={HEADS.length} /> : null}
        {rows.map((row) => (
          <Table.Tr key={row.id}>
            <Table.Td>
              {row.type}
              <Text size="xs" c="dimmed" className="mono">
                {row.number === null ? row.id.slice(0, 18) : `#${formatInteger(row.number)}`}
              </Text>
            </Table.Td>
            <Table.Td>
              <StateBadge state={row.state} />
            </Table.Td>
            <Table.Td>{row.attempts}</Table.Td>
            <Table.Td style={{ overflowWrap: 'anywhere' }}>
              {row.status === null ? (row.error ?? '–') : `HTTP ${row.status}`}
              {row.latencyMs === null ? '' : `, ${formatInteger(row.latencyMs)} ms`}
              {row.response === null || row.response === '' ? null : (
                <Text size="xs" c="dimmed" lineClamp={1} title={row.response}>
                  {row.response}
                </Text>
              )}
            </Table.Td>
            <Table.Td>
              <Moment at={row.lastAttemptAt ?? row.createdAt} />
              {row.nextAttemptAt === null ? null : (
                <Text size="xs" c="dimmed" component="div">
                  again <Moment at={row.nextAttemptAt} />
                </Text>
              )}
            </Table.Td>
            <Table.Td ta="right">
              <Button
                size="compact-xs"
                variant="subtle"
                aria-label={`Replay ${row.type} ${row.number ?? row.id}`}
                onClick={() => replay.mutate({ params, body: { id: row.id } })}
              >
                Replay
              </Button>
            </Table.Td>
          </Table.Tr>
        ))}
      </DataTable>
      {list.data !== undefined && rows.length === 0 ? (
        <Text c="dimmed" size="sm" ta="center" py="md">
          None. “Send a ping” tries the address.
        </Text>
      ) : null}
      <More
        hasNextPage={list.hasNextPage}
        isFetching={list.isFetchingNextPage}
        onMore={() => void list.fetchNextPage()}
      />
    </Section>
  );
}

function ReplayRange({ project, webhook }: { project: string; webhook: string }) {
  const [opened, { open, close }] = useDisclosure();
  const [from, setFrom] = useState<number | string>('');
  const [to, setTo] = useState<number | string>('');
  const replay = useAction('webhookReplay');
  const isRange = Number(from) >= 1 && Number(to) >= Number(from);
  const leave = () => {
    close();
    replay.reset();
  };
  return (
    <>
      <Button size="compact-sm" variant="default" onClick={open}>
        Replay a range
      </Button>
      <Modal opened={opened} onClose={leave} title="Deliver a range of events again">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            replay.mutate({ params: { project, webhook }, body: { from: Number(from), to: Number(to) } });
          }}
        >
          <Stack gap="sm">
            <Text size="sm">
              Events have numbers in the project. Those of the range that this webhook is told of are
              delivered again under their own ids, so a receiver that has seen them can skip them.
            </Text>
            <Group grow>
              <NumberInput
                label="From number"
                min={1}
                allowDecimal={false}
                required
                value={from}
                onChange={setFrom}
              />
              <NumberInput
                label="To number"
                min={1}
                allowDecimal={false}
                required
                value={to}
                onChange={setTo}
              />
            </Group>
            {replay.error === null ? null : <Problem error={replay.error} />}
            {replay.data === undefined ? null : (
              <Alert color="teal" variant="light" role="status">
                {plural(replay.data.count, 'event')} on the way.
              </Alert>
            )}
            <Group justify="flex-end">
              <Button type="submit" loading={replay.isPending} disabled={!isRange}>
                Deliver again
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}
