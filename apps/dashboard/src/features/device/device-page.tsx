/** One device: identity, what it runs, what it said, and its last windows. */
import { Anchor, Code, SimpleGrid, Table, Text, Tooltip } from '@mantine/core';
import { Link, useParams, useSearch } from '@tanstack/react-router';
import type { Resource } from '@tinyfleet/contracts';
import type { ReactNode } from 'react';
import { useApi } from '../../app/api';
import { formatBytes, shortDigest } from '../../app/format';
import { StateBadge } from '../../components/badges';
import { Loaded, Page, Section } from '../../components/page';
import { Moment } from '../../components/time';
import { Attributes } from './attributes';
import { Commands } from './commands';
import { Connections } from './connections';
import { Credentials } from './credentials';
import { Deployments } from './deployments';
import { DeviceActions } from './device-actions';
import { Histograms } from './histograms';
import { LiveMessages } from './live-messages';
import { DeviceLog } from './log';
import { Losses } from './losses';
import { UpdateRule } from './update-rule';
import { WindowCharts } from './window-charts';

export function DevicePage() {
  const { project, device } = useParams({ from: '/p/$project/devices/$device' });
  const { deployment } = useSearch({ from: '/p/$project/devices/$device' });
  const query = useApi('deviceGet', { params: { project, device } });
  const windows = useApi('deviceTelemetry', { params: { project, device }, query: { limit: 200 } });
  return (
    <Page
      title={device}
      about={
        <Anchor component={Link} to={`/p/${project}`} size="sm">
          ← Fleet
        </Anchor>
      }
      actions={query.data === undefined ? null : <DeviceActions project={project} device={query.data} />}
    >
      <Loaded query={query} height={200}>
        {(data) => (
          <>
            {data.lastError === null ? null : <LastError error={data.lastError} />}
            <SimpleGrid cols={{ base: 1, md: 2 }}>
              <Section title="Identity">
                <Facts device={data} />
              </Section>
              <Section title="Slots" about="Two places for a model: one runs, the other is the way back">
                <Slots slots={data.slots.map(({ release, ...slot }) => ({ ...slot, holds: release }))} />
                {data.firmwareSlots.length === 0 ? null : (
                  <>
                    <Text size="sm" fw={600} mt="md">
                      Firmware: the first runs
                    </Text>
                    <Slots slots={data.firmwareSlots.map((slot) => ({ ...slot, holds: slot.firmware }))} />
                  </>
                )}
              </Section>
            </SimpleGrid>
          </>
        )}
      </Loaded>
      {query.data === undefined ? null : <UpdateRule project={project} device={query.data} />}
      <Loaded query={query} height={120}>
        {(data) => (
          <Section title="Attributes" about="What it says it is, and what it should be">
            <Attributes project={project} device={data} />
          </Section>
        )}
      </Loaded>
      {query.data === undefined ? null : <Credentials project={project} device={query.data} />}
      <Connections project={project} device={device} />
      <Section
        title="Telemetry"
        about="One point per window, straight from the device"
        actions={query.data === undefined ? null : <CompareLink project={project} device={query.data} />}
      >
        <Loaded query={windows} height={420}>
          {(data) => <WindowCharts windows={data.items} project={project} />}
        </Loaded>
      </Section>
      <Histograms key={`histograms-${device}`} project={project} device={device} />
      <Commands project={project} device={device} />
      <DeviceLog project={project} device={device} />
      <Losses project={project} device={device} />
      <LiveMessages key={device} project={project} device={device} />
      <Deployments project={project} device={device} opened={deployment} />
    </Page>
  );
}

/** Its accuracy and the histograms of its features beside those of its site, or of its type where it has none. */
function CompareLink({ project, device }: { project: string; device: Resource<'DeviceDetail'> }) {
  const { name, site, type, activeRelease } = device;
  if (activeRelease === null) return null;
  const alike = site === null ? `type = "${type}"` : `site = ${JSON.stringify(site)}`;
  return (
    <Anchor
      size="sm"
      renderRoot={(props) => (
        <Link
          to="/p/$project/quality/compare"
          params={{ project }}
          search={{
            release: activeRelease,
            filter: `name = "${name}"`,
            againstFilter: `${alike} and not name = "${name}"`,
          }}
          {...props}
        />
      )}
    >
      Compare with the rest of its {site === null ? 'type' : 'site'}
    </Anchor>
  );
}

function LastError({ error }: { error: NonNullable<Resource<'DeviceDetail'>['lastError']> }) {
  return (
    <Section title="Last error">
      <Text size="sm">
        <Code>{error.code}</Code> {error.title} · <Moment at={error.at} />
      </Text>
    </Section>
  );
}

function Facts({ device }: { device: Resource<'DeviceDetail'> }) {
  const rows: [string, ReactNode][] = [
    ['State', <StateBadge key="s" state={device.state} />],
    ['Presence', <StateBadge key="p" state={device.presence} />],
    ['Last contact', <Moment key="l" at={device.lastContactAt} />],
    ['Runs', device.activeRelease ?? '–'],
    ['Bundle', device.activeDigest === null ? '–' : <Digest key="d" digest={device.activeDigest} />],
    ['Should run', device.desiredRelease ?? 'as it is'],
    ['Type', device.type],
    [
      'Firmware',
      device.firmwareVersion === null ? '–' : `${device.firmwareVersion} · ABI ${device.abi ?? '–'}`,
    ],
    [
      'Boot',
      device.bootId === null ? (
        '–'
      ) : (
        <span key="b">
          <span className="mono">{device.bootId}</span> · {device.resetCause}
        </span>
      ),
    ],
    ['Tags', device.tags.join(', ') || '–'],
    ['Site', device.site ?? '–'],
    ['Hardware', device.hardwareRevision ?? '–'],
  ];
  return (
    <Table verticalSpacing={4} withRowBorders={false}>
      <Table.Tbody>
        {rows.map(([name, value]) => (
          <Table.Tr key={name}>
            <Table.Th w={120} fw={400} c="dimmed">
              {name}
            </Table.Th>
            <Table.Td>{value}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function Digest({ digest }: { digest: string }) {
  return (
    <Tooltip label={<span className="mono">{digest}</span>}>
      <span className="mono" tabIndex={0}>
        {shortDigest(digest)}
      </span>
    </Tooltip>
  );
}

interface SlotShown {
  state: string;
  /** By name, where it has one. */
  holds: string | null;
  digest: string | null;
  bytes: number;
}

function Slots({ slots }: { slots: SlotShown[] }) {
  if (slots.length === 0)
    return (
      <Text size="sm" c="dimmed">
        The device has not said hello yet.
      </Text>
    );
  return (
    <Table verticalSpacing={6}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>#</Table.Th>
          <Table.Th>State</Table.Th>
          <Table.Th>Holds</Table.Th>
          <Table.Th ta="right">Size</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {slots.map((slot, index) => (
          <Table.Tr key={index}>
            <Table.Td>{index}</Table.Td>
            <Table.Td>
              <StateBadge state={slot.state} />
            </Table.Td>
            <Table.Td>
              {slot.holds} {slot.digest === null ? '–' : <Digest digest={slot.digest} />}
            </Table.Td>
            <Table.Td ta="right">{slot.bytes === 0 ? '–' : formatBytes(slot.bytes)}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
