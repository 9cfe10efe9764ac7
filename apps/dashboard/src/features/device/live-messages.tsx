/** What the device says and is told from now on, decoded: the tap that `tinyfleet device listen` shows in a terminal. */
import { Badge, Button, Code, Group, Switch, Table, Text } from '@mantine/core';
import { routes, routeUrl, type ApiError, type Resource } from '@tinyfleet/contracts';
import { Fragment, useEffect, useState } from 'react';
import { client } from '../../app/api';
import { formatBytes } from '../../app/format';
import { useMay } from '../../app/role';
import { DataTable } from '../../components/data-table';
import { Command, Problem, Section } from '../../components/page';
import { describeEvent } from './live-event';

type Event = Resource<'DeviceListenEvent'>;
interface Line {
  readonly number: number;
  readonly event: Event;
}
interface Tap {
  readonly lines: readonly Line[];
  readonly error: ApiError | null;
}

/** Lines that are kept; older ones are gone. */
const MAX_LINES = 200;
const SILENT: Tap = { lines: [], error: null };
const KINDS = [
  'listening',
  'interrupted',
  'connected',
  'disconnected',
  'subscribed',
  'refused',
  'message',
  'dropped',
] as const satisfies readonly Event['kind'][];

export function LiveMessages({ project, device }: { project: string; device: string }) {
  const may = useMay(project);
  const [isOn, setIsOn] = useState(false);
  const [raw, setRaw] = useState(false);
  if (!may('operator')) return null;
  return (
    <Section
      title="Live messages"
      about="What it says and is told from now on, decoded"
      actions={
        <Group gap="sm">
          <Switch
            size="xs"
            label="with bytes"
            checked={raw}
            onChange={(e) => setRaw(e.currentTarget.checked)}
          />
          <Button size="compact-sm" variant="default" aria-pressed={isOn} onClick={() => setIsOn(!isOn)}>
            {isOn ? 'Stop' : 'Listen'}
          </Button>
        </Group>
      }
    >
      {isOn ? (
        <Listening key={String(raw)} project={project} device={device} raw={raw} />
      ) : (
        <Command text={`npx tinyfleet device listen ${device}${raw ? ' --raw' : ''} --project ${project}`} />
      )}
    </Section>
  );
}

function useTap(project: string, device: string, raw: boolean): Tap {
  const [tap, setTap] = useState<Tap>(SILENT);
  useEffect(() => {
    const stop = new AbortController();
    const params = { project, device };
    const source = new EventSource(routeUrl(routes.deviceListen, params, raw ? { raw } : {}));
    let number = 0;
    const take = ({ data }: MessageEvent<string>) => {
      const line = { number: number++, event: JSON.parse(data) as Event };
      setTap(({ lines }) => ({ lines: [line, ...lines].slice(0, MAX_LINES), error: null }));
    };
    for (const kind of KINDS) source.addEventListener(kind, take);
    source.onerror = () => {
      // It connects again by itself unless it was refused, and does not say why.
      if (source.readyState !== EventSource.CLOSED) return;
      client
        .call('deviceListen', { params, signal: stop.signal })
        .then((stream) => stream.cancel())
        .catch((error: unknown) => {
          if (!stop.signal.aborted) setTap(({ lines }) => ({ lines, error: error as ApiError }));
        });
    };
    return () => {
      stop.abort();
      source.close();
    };
  }, [project, device, raw]);
  return tap;
}

function Listening(props: { project: string; device: string; raw: boolean }) {
  const { lines, error } = useTap(props.project, props.device, props.raw);
  const [open, setOpen] = useState<number>();
  if (error !== null) return <Problem error={error} />;
  return (
    <div className="live-lines">
      <DataTable
        label="Live messages"
        minWidth={560}
        heads={[
          { text: 'At', width: 110 },
          { text: 'What', width: 180 },
          { text: 'Size', align: 'right', width: 80 },
          'Content',
        ]}
      >
        {lines.length === 0 ? (
          <Table.Tr>
            <Table.Td colSpan={4}>
              <Text size="sm" c="dimmed">
                Beginning to listen…
              </Text>
            </Table.Td>
          </Table.Tr>
        ) : null}
        {lines.map(({ number, event }) => (
          <Fragment key={number}>
            <Row
              event={event}
              isOpen={open === number}
              onOpen={() => setOpen(open === number ? undefined : number)}
            />
          </Fragment>
        ))}
      </DataTable>
    </div>
  );
}

function Row(props: { event: Event; isOpen: boolean; onOpen: () => void }) {
  const { event } = props;
  const { what, tone, text } = describeEvent(event);
  const isMessage = event.kind === 'message';
  return (
    <>
      <Table.Tr>
        <Table.Td className="mono" style={{ whiteSpace: 'nowrap' }}>
          {new Date(event.at).toLocaleTimeString()}
        </Table.Td>
        <Table.Td>
          <Badge variant="light" tt="none" fw={500} color={tone}>
            {what}
          </Badge>
        </Table.Td>
        <Table.Td ta="right">{isMessage ? formatBytes(event.bytes) : ''}</Table.Td>
        <Table.Td>
          <Group gap="xs" wrap="nowrap" justify="space-between">
            <Text size="xs" className="mono" truncate maw={520}>
              {text}
            </Text>
            {isMessage ? (
              <Button size="compact-xs" variant="subtle" aria-expanded={props.isOpen} onClick={props.onOpen}>
                {props.isOpen ? 'Less' : 'All'}
              </Button>
            ) : null}
          </Group>
        </Table.Td>
      </Table.Tr>
      {isMessage && props.isOpen ? (
        <Table.Tr>
          <Table.Td colSpan={4}>
            <Code block>{JSON.stringify(event.message ?? event.error, undefined, 2)}</Code>
            {event.hex === null ? null : (
              <Code block mt={6} style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
                {event.hex}
              </Code>
            )}
          </Table.Td>
        </Table.Tr>
      ) : null}
    </>
  );
}
