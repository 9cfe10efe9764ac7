/** What the device was told to do and what became of it; asks it for samples, its state or a restart. */
import { Anchor, Button, Group, NumberInput, Table, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useAction, useApi, useApiList } from '../../app/api';
import { formatActor } from '../../app/format';
import { useMay } from '../../app/role';
import { StateBadge } from '../../components/badges';
import { Confirm } from '../../components/confirm';
import { DataTable, SkeletonRows } from '../../components/data-table';
import { More, Problem, Section } from '../../components/page';
import { Moment } from '../../components/time';

type Name = Resource<'DeviceCommandName'>;
const HEADS = ['Command', 'State', 'By', 'Asked', 'Sent', 'Ended'];
const UNITS: Partial<Record<Name, (argument: number) => string>> = {
  'send-samples': (count) => (count === 0 ? 'none any more' : `${count} inputs`),
  'set-cadence': (ms) => (ms === 0 ? 'its own' : `${ms} ms`),
  shadow: (n) => (n === 0 ? 'stop' : `every ${n} inferences`),
};

export function Commands({ project, device }: { project: string; device: string }) {
  const list = useApiList('deviceCommandList', { params: { project, device }, query: { limit: 10 } });
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  const may = useMay(project);
  return (
    <Section
      title="Commands"
      about="What it was told to do; a command waits for a device that is away"
      actions={may('operator') ? <Ask project={project} device={device} /> : null}
    >
      {list.error === null ? null : <Problem error={list.error} onRetry={() => void list.refetch()} />}
      {list.data !== undefined && rows.length === 0 ? (
        <Text size="sm" c="dimmed">
          None so far. Samples that are asked for come to the label queue; settings of alerts can ask for them
          by themselves.
        </Text>
      ) : (
        <DataTable label="Commands" minWidth={640} heads={HEADS}>
          {list.data === undefined ? <SkeletonRows rows={2} columns={HEADS.length} /> : null}
          {rows.map((one) => (
            <Table.Tr key={one.id}>
              <Table.Td>
                {one.command}{' '}
                <Text size="xs" c="dimmed" component="span">
                  {one.argument === null ? '' : (UNITS[one.command]?.(one.argument) ?? String(one.argument))}
                </Text>
              </Table.Td>
              <Table.Td>
                <StateBadge state={one.state} />
              </Table.Td>
              <Table.Td>{formatActor(one.createdBy)}</Table.Td>
              <Table.Td>
                <Moment at={one.createdAt} />
              </Table.Td>
              <Table.Td>
                <Moment at={one.sentAt} none="not yet" />
              </Table.Td>
              <Table.Td>
                {one.finishedAt === null ? (
                  <>
                    at the latest <Moment at={one.expiresAt} />
                  </>
                ) : (
                  <Moment at={one.finishedAt} />
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </DataTable>
      )}
      <More
        hasNextPage={list.hasNextPage}
        isFetching={list.isFetchingNextPage}
        onMore={() => void list.fetchNextPage()}
      />
    </Section>
  );
}

function Ask({ project, device }: { project: string; device: string }) {
  const send = useAction('deviceCommandSend');
  const restart = useAction('deviceCommandSend');
  const params = { project, device };
  return (
    <Group gap="xs">
      <Samples project={project} device={device} />
      <Button
        size="compact-sm"
        variant="default"
        loading={send.isPending}
        onClick={() => send.mutate({ params, body: { command: 'say-hello' } })}
      >
        Report its state
      </Button>
      <Confirm
        verb="Restart"
        subject={device}
        variant="default"
        title={`Restart ${device}?`}
        run={() => restart.mutateAsync({ params, body: { command: 'reboot' } })}
      >
        It is away for as long as its boot takes. What its present window has counted is lost where the
        firmware does not keep it.
      </Confirm>
      {send.error === null ? null : <Problem error={send.error} />}
    </Group>
  );
}

function Samples({ project, device }: { project: string; device: string }) {
  const settings = useApi('sampleSettingsGet', { params: { project } });
  const send = useAction('deviceCommandSend');
  const [count, setCount] = useState(5);
  const isOff = settings.data?.enabled === false;
  return (
    <Confirm
      verb="Ask for samples"
      subject={`of ${device}`}
      variant="default"
      isHarmless
      title={`Ask ${device} for samples?`}
      run={() =>
        send.mutateAsync({ params: { project, device }, body: { command: 'send-samples', argument: count } })
      }
    >
      <NumberInput
        label="Next inputs"
        description="As many as it measures from now on; each goes into its room of bytes a day"
        min={1}
        max={1_000}
        allowDecimal={false}
        value={count}
        onChange={(value) => value !== '' && setCount(Number(value))}
        mb="sm"
      />
      {isOff ? (
        <>
          This project takes no samples: what comes is thrown away.{' '}
          <Anchor
            underline="always"
            size="sm"
            renderRoot={(p) => (
              <Link to="/p/$project/settings" params={{ project }} search={{ tab: 'retention' }} {...p} />
            )}
          >
            Let devices send them
          </Anchor>{' '}
          first.
        </>
      ) : (
        'They can be seen in the label queue and are deleted after their time. Samples can hold sound or pictures of people.'
      )}
    </Confirm>
  );
}
