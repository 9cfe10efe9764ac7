/** One release: how far it is on its way to devices, its builds, and where they come from. */
import { Alert, Anchor, Group, List, Table, Text } from '@mantine/core';
import { Link, useParams } from '@tanstack/react-router';
import type { Resource } from '@tinyfleet/contracts';
import { useApi } from '../../app/api';
import { formatActor, formatBytes, formatPercent, shortDigest } from '../../app/format';
import { StateBadge } from '../../components/badges';
import { DataTable } from '../../components/data-table';
import { Loaded, Page, Section } from '../../components/page';
import { Moment } from '../../components/time';
import { BomSection } from './bom';
import { ProvenanceSection } from './provenance';
import { ReleaseActions } from './release-actions';
import { isOfferable, missing } from './release-words';

type Release = Resource<'Release'>;

export function ReleasePage() {
  const { project, release } = useParams({ from: '/p/$project/releases/$release' });
  const query = useApi('releaseGet', { params: { project, release } });
  return (
    <Page
      title={release}
      about={
        <Anchor component={Link} to={`/p/${project}/releases`} size="sm">
          ← Releases
        </Anchor>
      }
      actions={query.data === undefined ? null : <ReleaseActions project={project} release={query.data} />}
    >
      <Loaded query={query} height={220}>
        {(data) => (
          <>
            <State project={project} release={data} />
            {data.firmware === null ? null : <Firmware project={project} firmware={data.firmware} />}
            <Builds release={data} />
            {data.signedAt === null ? null : <ProvenanceSection project={project} release={release} />}
            <BomSection project={project} release={release} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function State({ project, release }: { project: string; release: Release }) {
  const { state, stateChange } = release;
  const lacks = missing(release);
  return (
    <Section
      title="State"
      actions={
        <Group gap={6}>
          <StateBadge state={state} />
          <StateBadge state={release.signedAt === null ? 'not signed' : 'signed'} />
        </Group>
      }
    >
      {lacks.length === 0 ? (
        <Text size="sm" component="div">
          {isOfferable(release) ? (
            state === 'deprecated' ? (
              'It may be rolled out, and whoever does it is warned.'
            ) : (
              'It may be rolled out.'
            )
          ) : (
            <Alert color="red" variant="light">
              Revoked for good: no device is offered it any more, and releases signed later forbid it.{' '}
              <Anchor
                component={Link}
                to={`/p/${project}?filter=${encodeURIComponent(`release = "${release.ref}"`)}`}
                inherit
                underline="always"
              >
                Devices that still run it
              </Anchor>
            </Alert>
          )}
        </Text>
      ) : (
        <>
          <Text size="sm">Before it may be rolled out it needs</Text>
          <List size="sm" mt={4}>
            {lacks.map((one) => (
              <List.Item key={one}>{one}</List.Item>
            ))}
          </List>
        </>
      )}
      {release.notes === '' ? null : (
        <Text size="sm" mt="sm" style={{ whiteSpace: 'pre-wrap' }}>
          {release.notes}
        </Text>
      )}
      <dl className="facts" style={{ marginTop: 12 }}>
        <Fact name={release.component === 'model' ? 'Model' : 'Firmware'}>
          {release.component === 'model' ? (
            <Anchor component={Link} to={`/p/${project}/models/${release.model}`} inherit underline="always">
              {release.model}
            </Anchor>
          ) : (
            <Anchor
              component={Link}
              to={`/p/${project}/firmware/${release.model}`}
              inherit
              underline="always"
            >
              {release.model}
            </Anchor>
          )}{' '}
          {release.version}
        </Fact>
        <Fact name="Sequence">{release.sequence}</Fact>
        <Fact name="Made">
          <Moment at={release.createdAt} /> by {formatActor(release.createdBy)}
        </Fact>
        <Fact name="Signed">
          <Moment at={release.signedAt} none="not yet" />
          {release.signedBy === null ? null : (
            <>
              {' '}
              by key <span className="mono">{release.signedBy}</span>
            </>
          )}
        </Fact>
        <Fact name="Good until">
          <Moment at={release.notAfter} none="for ever" />
        </Fact>
        {stateChange === null ? null : (
          <Fact name={state.replace(/^./, (first) => first.toUpperCase())}>
            <Moment at={stateChange.at} /> by {formatActor(stateChange.by)}
            {stateChange.reason === '' ? '' : `: ${stateChange.reason}`}
          </Fact>
        )}
      </dl>
    </Section>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Builds({ release }: { release: Release }) {
  return (
    <Section title="Builds" about="One bundle for each device type, and how it may travel for less">
      <DataTable
        label="Builds"
        minWidth={720}
        heads={[
          'Device type',
          'Bundle, SHA-256',
          { text: 'Size', align: 'right' },
          { text: 'Manifest', align: 'right' },
          'Travels as',
        ]}
      >
        {release.builds.map((build) => (
          <Table.Tr key={build.deviceType}>
            <Table.Td fw={500}>{build.deviceType}</Table.Td>
            <Table.Td className="mono" title={build.bundleDigest}>
              {shortDigest(build.bundleDigest)}…
            </Table.Td>
            <Table.Td ta="right" style={{ whiteSpace: 'nowrap' }}>
              {formatBytes(build.bundleBytes)}
            </Table.Td>
            <Table.Td ta="right" style={{ whiteSpace: 'nowrap' }}>
              {build.manifestBytes === null ? 'not signed' : formatBytes(build.manifestBytes)}
            </Table.Td>
            <Table.Td>
              <Transfers build={build} />
            </Table.Td>
          </Table.Tr>
        ))}
      </DataTable>
    </Section>
  );
}

function Transfers({ build }: { build: Release['builds'][number] }) {
  const ready = build.transfers.filter(({ state, bytes }) => state === 'ready' && bytes !== null);
  const isWorking = build.transfers.some(({ state }) => state === 'queued');
  if (ready.length === 0)
    return (
      <Text size="xs" c="dimmed">
        {isWorking ? 'itself, for now: smaller forms are being made' : 'itself'}
      </Text>
    );
  return ready.map(({ method, base, bytes, sectorBytes }) => (
    <Text key={`${method}${base}${sectorBytes}`} size="xs">
      {method === 'delta' ? `delta from ${base ?? 'an older one'}` : 'compressed'}: {formatBytes(bytes ?? 0)}{' '}
      <Text span inherit c="dimmed">
        ({formatPercent((bytes ?? 0) / build.bundleBytes, 0)})
      </Text>
    </Text>
  ));
}

function Firmware({ project, firmware }: { project: string; firmware: NonNullable<Release['firmware']> }) {
  const [name = ''] = firmware.ref.split('@');
  return (
    <Section
      title="Firmware"
      about={
        <>
          <Anchor component={Link} to={`/p/${project}/firmware/${name}`} inherit underline="always">
            {firmware.ref}
          </Anchor>
          , installed before the model where a device does not run it yet, and taken back behind it
        </>
      }
    >
      <DataTable
        label="Firmware"
        minWidth={520}
        heads={[
          'Device type',
          'Image, SHA-256',
          { text: 'Size', align: 'right' },
          { text: 'Manifest', align: 'right' },
        ]}
      >
        {firmware.images.map((image) => (
          <Table.Tr key={image.deviceType}>
            <Table.Td fw={500}>{image.deviceType}</Table.Td>
            <Table.Td className="mono" title={image.digest}>
              {shortDigest(image.digest)}…
            </Table.Td>
            <Table.Td ta="right">{formatBytes(image.bytes)}</Table.Td>
            <Table.Td ta="right">
              {image.manifestBytes === null ? 'not signed' : formatBytes(image.manifestBytes)}
            </Table.Td>
          </Table.Tr>
        ))}
      </DataTable>
    </Section>
  );
}
