/** Releases: model versions made deployable, with the digests that devices will verify. */
import { Anchor, Button, Table, Text } from '@mantine/core';
import { Link, useParams } from '@tanstack/react-router';
import { useAction, useApiList } from '../../app/api';
import { formatActor, formatBytes, shortDigest } from '../../app/format';
import { StateBadge } from '../../components/badges';
import { Empty, More, Page, Problem, Section } from '../../components/page';
import { Moment } from '../../components/time';

export function ReleasesPage() {
  const { project } = useParams({ from: '/p/$project' });
  const releases = useApiList('releaseList', { params: { project }, query: {} });
  const sign = useAction('releaseSign');
  const rows = releases.data?.pages.flatMap((page) => page.items) ?? [];
  if (releases.data !== undefined && rows.length === 0) {
    return (
      <Page title="Releases">
        <Empty
          title="No release yet"
          commands={['npx tinyfleet build my-model', 'npx tinyfleet release create my-model@1.1.0 --sign']}
        >
          <Text size="sm">
            A release is a model version with its builds and signed manifests. Only releases reach devices.
          </Text>
        </Empty>
      </Page>
    );
  }
  return (
    <Page title="Releases" about="What devices may install: builds with signed manifests.">
      {releases.error === null ? null : <Problem error={releases.error} />}
      {sign.error === null ? null : <Problem error={sign.error} />}
      {rows.map((release) => (
        <Section
          key={release.ref}
          title={release.ref}
          about={
            <>
              sequence {release.sequence} · by {formatActor(release.createdBy)} ·{' '}
              <Moment at={release.createdAt} />
            </>
          }
          actions={
            <>
              <StateBadge state={release.state} />
              {release.signedAt === null ? (
                <Button
                  size="compact-sm"
                  loading={sign.isPending}
                  onClick={() => sign.mutate({ params: { project, release: release.ref } })}
                >
                  Sign
                </Button>
              ) : (
                <Anchor
                  component={Link}
                  to={`/p/${project}/rollouts`}
                  search={{ release: release.ref } as never}
                  size="sm"
                >
                  Roll out
                </Anchor>
              )}
            </>
          }
        >
          {release.notes === '' ? null : <Text size="sm">{release.notes}</Text>}
          <Table verticalSpacing={4}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Device type</Table.Th>
                <Table.Th>Bundle</Table.Th>
                <Table.Th ta="right">Size</Table.Th>
                <Table.Th ta="right">Manifest</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {release.builds.map((build) => (
                <Table.Tr key={build.deviceType}>
                  <Table.Td>{build.deviceType}</Table.Td>
                  <Table.Td className="mono" title={build.bundleDigest}>
                    {shortDigest(build.bundleDigest)}
                  </Table.Td>
                  <Table.Td ta="right">{formatBytes(build.bundleBytes)}</Table.Td>
                  <Table.Td ta="right">
                    {build.manifestBytes === null ? 'not signed' : formatBytes(build.manifestBytes)}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Section>
      ))}
      <More
        hasNextPage={releases.hasNextPage}
        isFetching={releases.isFetchingNextPage}
        onMore={() => void releases.fetchNextPage()}
      />
    </Page>
  );
}
