/** The fleet at a glance: what it is, which versions it runs, and every device in a live table. */
import { Button, Card, SimpleGrid, Text } from '@mantine/core';
import { Link, useParams } from '@tanstack/react-router';
import { plural, type Resource } from '@tinyfleet/contracts';
import { useApi } from '../../app/api';
import { formatCount, formatInteger } from '../../app/format';
import { useMay } from '../../app/role';
import { dataColor } from '../../app/theme';
import { Empty, Loaded, Page, Section } from '../../components/page';
import { StackedBar } from '../../components/stacked-bar';
import { VersionsOverTime } from '../quality/charts';
import { Devices } from './devices';
import { NeedsYou } from './needs-you';
import { RegisterDevice } from './register-device';

export function FleetPage() {
  const { project } = useParams({ from: '/p/$project' });
  const may = useMay(project);
  const summary = useApi('fleetSummary', { params: { project } });
  return (
    <Page
      title="Fleet"
      about="Devices, the versions they run, and what needs you now."
      actions={
        may('operator') ? (
          <>
            <Button size="xs" variant="default" component={Link} to={`/p/${project}/import`}>
              Import a file
            </Button>
            <RegisterDevice project={project} />
          </>
        ) : null
      }
    >
      {summary.data?.devices === 0 ? (
        <FirstDevice project={project} />
      ) : (
        <>
          <Loaded query={summary} height={104}>
            {(data) => <Tiles summary={data} />}
          </Loaded>
          <NeedsYou project={project} />
          <SimpleGrid cols={{ base: 1, md: 2 }}>
            <Section title="Versions over time" about="Devices that reported, by the version they ran">
              <VersionsOverTime project={project} height={180} />
            </Section>
            <Section title="Right now">
              <Loaded query={summary} height={180}>
                {(data) => <Now summary={data} />}
              </Loaded>
            </Section>
          </SimpleGrid>
          <Devices project={project} />
        </>
      )}
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
      about="Register one device and copy its token into the firmware, or let simulated devices speak first. This page turns into the fleet as soon as one is there."
    />
  );
}
