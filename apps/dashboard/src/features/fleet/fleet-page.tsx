/** The fleet at a glance: what it is, which versions it runs, and every device in a live table. */
import { Card, SimpleGrid, Skeleton, Table, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import type { Resource } from '@tinyfleet/contracts';
import { useEffect, useState } from 'react';
import { useApi, useApiList } from '../../app/api';
import { formatCount, formatInteger, shortDigest } from '../../app/format';
import { plural } from '@tinyfleet/contracts';
import { dataColor } from '../../app/theme';
import { StateBadge } from '../../components/badges';
import { Empty, Loaded, More, Page, Problem, Section } from '../../components/page';
import { StackedBar } from '../../components/stacked-bar';
import { Moment } from '../../components/time';
import { VersionsOverTime } from '../quality/charts';
import { RegisterDevice } from './register-device';

export function FleetPage() {
  const { project } = useParams({ from: '/p/$project' });
  const summary = useApi('fleetSummary', { params: { project } });
  return (
    <Page
      title="Fleet"
      about="Devices, the versions they run, and what needs you now."
      actions={<RegisterDevice project={project} />}
    >
      <Loaded query={summary} height={120}>
        {(data) =>
          data.devices === 0 ? (
            <FirstDevice project={project} />
          ) : (
            <>
              <Tiles summary={data} />
              <SimpleGrid cols={{ base: 1, md: 2 }}>
                <Section title="Versions over time" about="Devices that reported, by the version they ran">
                  <VersionsOverTime project={project} height={180} />
                </Section>
                <Section title="Right now">
                  <Now summary={data} />
                </Section>
              </SimpleGrid>
              <DeviceTable project={project} />
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

function Tiles({ summary }: { summary: Resource<'FleetSummary'> }) {
  const connected = summary.byPresence.connected ?? 0;
  const silent = summary.byPresence.silent ?? 0;
  const tiles = [
    {
      label: 'Devices',
      value: formatInteger(summary.devices),
      about: Object.keys(summary.byType).join(', '),
    },
    {
      label: 'Connected',
      value: formatInteger(connected),
      about: silent === 0 ? 'none silent' : `${formatInteger(silent)} silent`,
    },
    {
      label: 'Inferences, last hour',
      value: formatCount(summary.inferencesLastHour),
      about: `${plural(summary.windowsLastHour, 'window')} received`,
    },
    {
      label: 'Rollouts running',
      value: formatInteger(summary.runningRollouts),
      about: plural(Object.keys(summary.byRelease).length, 'version'),
    },
  ];
  return (
    <SimpleGrid cols={{ base: 2, md: 4 }}>
      {tiles.map((tile) => (
        <Card key={tile.label} withBorder padding="md">
          <Text size="sm" c="dimmed">
            {tile.label}
          </Text>
          <Text className="tile-value">{tile.value}</Text>
          <Text size="xs" c="dimmed">
            {tile.about}
          </Text>
        </Card>
      ))}
    </SimpleGrid>
  );
}

function Now({ summary }: { summary: Resource<'FleetSummary'> }) {
  const presence = summary.byPresence;
  return (
    <>
      <Text size="sm" c="dimmed" mb={6}>
        Presence
      </Text>
      <StackedBar
        label="Presence"
        shares={[
          { label: 'connected', value: presence.connected ?? 0, color: dataColor(2) },
          { label: 'sleeping', value: presence.sleeping ?? 0, color: dataColor(0) },
          { label: 'pending', value: presence.pending ?? 0, color: dataColor(4) },
          { label: 'silent', value: presence.silent ?? 0, color: dataColor(5) },
          { label: 'lost', value: presence.lost ?? 0, color: dataColor(3) },
          { label: 'never seen', value: presence.never ?? 0, color: dataColor(7) },
        ]}
      />
      <Text size="sm" c="dimmed" mt="lg" mb={6}>
        Versions
      </Text>
      <StackedBar
        label="Versions"
        shares={Object.entries(summary.byRelease).map(([label, value], index) => ({
          label,
          value,
          color: dataColor(index),
        }))}
      />
    </>
  );
}

function DeviceTable({ project }: { project: string }) {
  const search = useSearch({ from: '/p/$project/' });
  const navigate = useNavigate({ from: '/p/$project/' });
  const [text, setText] = useState(search.filter ?? '');
  const [filter] = useDebouncedValue(text.trim(), 300);
  useEffect(() => {
    void navigate({ search: filter === '' ? {} : { filter }, replace: true });
  }, [filter, navigate]);
  const devices = useApiList('deviceList', {
    params: { project },
    query: { limit: 50, ...(filter === '' ? {} : { filter }) },
  });
  const rows = devices.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Section title="Devices">
      <TextInput
        aria-label="Filter"
        placeholder='tag = "demo" and type = "wasm"'
        className="mono"
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        mb="sm"
        maxLength={2_000}
      />
      {devices.error === null ? null : <Problem error={devices.error} />}
      <div className="scroll-x" tabIndex={0} role="region" aria-label="Device table">
        <Table striped highlightOnHover verticalSpacing={6} miw={760}>
          <Table.Thead>
            <Table.Tr>
              {['Name', 'Presence', 'Runs', 'Update', 'Type', 'Tags', 'Last contact'].map((head) => (
                <Table.Th key={head}>{head}</Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {devices.data === undefined && devices.error === null
              ? Array.from({ length: 8 }, (_, index) => (
                  <Table.Tr key={index}>
                    <Table.Td colSpan={7}>
                      <Skeleton height={20} />
                    </Table.Td>
                  </Table.Tr>
                ))
              : rows.map((device) => <DeviceRow key={device.name} device={device} project={project} />)}
          </Table.Tbody>
        </Table>
      </div>
      {devices.data !== undefined && rows.length === 0 ? (
        <Text c="dimmed" size="sm" ta="center" py="md">
          No device matches this filter.
        </Text>
      ) : null}
      <More
        hasNextPage={devices.hasNextPage}
        isFetching={devices.isFetchingNextPage}
        onMore={() => void devices.fetchNextPage()}
      />
    </Section>
  );
}

function DeviceRow({ device, project }: { device: Resource<'Device'>; project: string }) {
  return (
    <Table.Tr>
      <Table.Td>
        <Link className="row-link" to="/p/$project/devices/$device" params={{ project, device: device.name }}>
          {device.name}
        </Link>
      </Table.Td>
      <Table.Td>
        <StateBadge
          state={device.state === 'suspended' || device.state === 'retired' ? device.state : device.presence}
        />
      </Table.Td>
      <Table.Td>
        {device.activeRelease ??
          (device.activeDigest === null ? (
            '–'
          ) : (
            <span className="mono">{shortDigest(device.activeDigest)}</span>
          ))}
      </Table.Td>
      <Table.Td>{device.updateState === null ? '–' : <StateBadge state={device.updateState} />}</Table.Td>
      <Table.Td>{device.type}</Table.Td>
      <Table.Td>{device.tags.join(', ')}</Table.Td>
      <Table.Td>
        <Moment at={device.lastContactAt} />
      </Table.Td>
    </Table.Tr>
  );
}

/** Shown until the first device speaks; turns into the fleet by itself when it does. */
function FirstDevice({ project }: { project: string }) {
  return (
    <Empty
      title="Connect the first device"
      commands={[
        `npx tinyfleet device add pump-1 --type wasm --tag pilot --project ${project}`,
        `npx tinyfleet simulate --devices 10 --project ${project}`,
        `npx tinyfleet model import my-model.tflite --name my-model --project ${project}`,
      ]}
    >
      <Text size="sm">
        Register one device and copy its token into the firmware, or let simulated devices speak first. This
        page turns into the fleet as soon as one is there.
      </Text>
    </Empty>
  );
}
