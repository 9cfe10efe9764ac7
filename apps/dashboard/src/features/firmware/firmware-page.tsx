/** One firmware: its versions, and the image of each for the types it was brought in for. */
import { Anchor, Button, Group, Table, Text } from '@mantine/core';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import type { Resource } from '@tinyfleet/contracts';
import { client, queryClient, useAction, useApiList } from '../../app/api';
import { formatActor, formatBytes, shortDigest } from '../../app/format';
import { Confirm } from '../../components/confirm';
import { DataTable } from '../../components/data-table';
import { More, Page, Problem, Section } from '../../components/page';
import { Moment } from '../../components/time';
import { ImportFirmware } from './import-firmware';

type Image = Resource<'FirmwareImage'>;

export function FirmwarePage() {
  const { project, firmware } = useParams({ from: '/p/$project/firmware/$firmware' });
  const list = useApiList('firmwareImageList', { params: { project, firmware }, query: {} });
  const versions = new Map<string, Image[]>();
  for (const image of list.data?.pages.flatMap((page) => page.items) ?? [])
    versions.set(image.version, [...(versions.get(image.version) ?? []), image]);
  return (
    <Page
      title={firmware}
      about={
        <Anchor component={Link} to={`/p/${project}/firmware`} size="sm">
          ← Firmware
        </Anchor>
      }
    >
      {list.error === null ? null : <Problem error={list.error} />}
      {[...versions].map(([version, images]) => (
        <Version key={version} project={project} firmware={firmware} version={version} images={images} />
      ))}
      <More
        hasNextPage={list.hasNextPage}
        isFetching={list.isFetchingNextPage}
        onMore={() => void list.fetchNextPage()}
      />
      <Section title="Import an image" about="A new version, or a version for another device type">
        <ImportFirmware project={project} firmware={firmware} onImported={() => void list.refetch()} />
      </Section>
    </Page>
  );
}

function Version(props: { project: string; firmware: string; version: string; images: readonly Image[] }) {
  const { project, firmware, version, images } = props;
  const navigate = useNavigate();
  const release = useAction('releaseCreate', ({ ref }) => {
    void navigate({ to: '/p/$project/releases/$release', params: { project, release: ref } });
  });
  const remove = async () => {
    await client.call('firmwareRemove', { params: { project, firmware, firmwareVersion: version } });
    await queryClient.invalidateQueries({ queryKey: [project] });
  };
  return (
    <Section
      title={version}
      actions={
        <Group gap="xs">
          <Confirm verb="Remove" subject={version} title={`Remove ${firmware} ${version}?`} run={remove}>
            Its images are deleted. A version that a release names stays.
          </Confirm>
          <Button
            size="compact-sm"
            loading={release.isPending}
            onClick={() =>
              release.mutate({ params: { project }, body: { model: firmware, version, sign: true } })
            }
          >
            Release and sign
          </Button>
        </Group>
      }
    >
      {release.error === null ? null : <Problem error={release.error} />}
      <DataTable
        label={`Images of ${version}`}
        minWidth={760}
        heads={[
          'Device type',
          'Image, SHA-256',
          { text: 'Size', align: 'right' },
          'What models find on it',
          'From',
          'Brought in',
        ]}
      >
        {images.map((image) => (
          <Table.Tr key={image.deviceType}>
            <Table.Td fw={500}>{image.deviceType}</Table.Td>
            <Table.Td className="mono" title={image.digest}>
              {shortDigest(image.digest)}…
            </Table.Td>
            <Table.Td ta="right" style={{ whiteSpace: 'nowrap' }}>
              {formatBytes(image.bytes)}
            </Table.Td>
            <Table.Td>
              <Provides image={image} />
            </Table.Td>
            <Table.Td>{image.from ?? 'any'}</Table.Td>
            <Table.Td>
              <Moment at={image.createdAt} />
              <Text size="xs" c="dimmed">
                {formatActor(image.createdBy)}, {image.fileName}
              </Text>
            </Table.Td>
          </Table.Tr>
        ))}
      </DataTable>
    </Section>
  );
}

function Provides({ image: { provides } }: { image: Image }) {
  const { abi, ops, arenaBytes, stateBytes, sensors } = provides;
  return (
    <Text size="xs">
      ABI {abi}, {ops.length} operators, {formatBytes(arenaBytes)} arena, {formatBytes(stateBytes)} state
      {sensors === null ? '' : `, ${sensors.length === 0 ? 'no sensors' : sensors.join(', ')}`}
    </Text>
  );
}
