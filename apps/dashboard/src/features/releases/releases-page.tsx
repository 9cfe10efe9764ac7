/** Releases of the project, newest first: what may go to devices, and what is still missing. */
import { Anchor, Table, Text } from '@mantine/core';
import { Link, useParams } from '@tanstack/react-router';
import type { Resource } from '@tinyfleet/contracts';
import { useApiList } from '../../app/api';
import { formatActor, formatBytes } from '../../app/format';
import { useMay } from '../../app/role';
import { StateBadge } from '../../components/badges';
import { ACTIONS, DataTable, SkeletonRows } from '../../components/data-table';
import { Empty, More, Page, Problem, Section } from '../../components/page';
import { Moment } from '../../components/time';
import { isOfferable } from './release-words';

const HEADS = [
  'Release',
  'State',
  'Signed',
  'For',
  { text: 'Bundle', align: 'right' as const },
  'Made',
  ACTIONS,
];

export function ReleasesPage() {
  const { project } = useParams({ from: '/p/$project' });
  const may = useMay(project);
  const releases = useApiList('releaseList', { params: { project }, query: { limit: 50 } });
  const rows = releases.data?.pages.flatMap((page) => page.items) ?? [];
  if (releases.data !== undefined && rows.length === 0) {
    return (
      <Page title="Releases">
        <Empty
          title="No release yet"
          commands={['npx tinyfleet build my-model', 'npx tinyfleet release create my-model@1.1.0 --sign']}
          about={
            <>
              A release is a model version with its builds and signed manifests. Only releases reach devices.{' '}
              <Anchor component={Link} to={`/p/${project}/models`} inherit underline="always">
                Import a model to begin with
              </Anchor>
              .
            </>
          }
        />
      </Page>
    );
  }
  return (
    <Page title="Releases" about="What devices may install: builds with signed manifests">
      {releases.error === null ? null : <Problem error={releases.error} />}
      <Section title="All releases">
        <DataTable label="Releases" minWidth={820} heads={HEADS}>
          {releases.data === undefined ? <SkeletonRows rows={4} columns={HEADS.length} /> : null}
          {rows.map((release) => (
            <Row key={release.ref} project={project} release={release} mayStart={may('operator')} />
          ))}
        </DataTable>
        <More
          hasNextPage={releases.hasNextPage}
          isFetching={releases.isFetchingNextPage}
          onMore={() => void releases.fetchNextPage()}
        />
      </Section>
    </Page>
  );
}

function Row(props: { project: string; release: Resource<'Release'>; mayStart: boolean }) {
  const { project, release } = props;
  const sizes = release.builds.map(({ bundleBytes }) => bundleBytes);
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  return (
    <Table.Tr>
      <Table.Td>
        <Link
          className="row-link"
          to="/p/$project/releases/$release"
          params={{ project, release: release.ref }}
        >
          {release.ref}
        </Link>
        {release.notes === '' ? null : (
          <Text size="xs" c="dimmed" lineClamp={1} maw={260}>
            {release.notes}
          </Text>
        )}
      </Table.Td>
      <Table.Td>
        <StateBadge state={release.state} />
      </Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        <Moment at={release.signedAt} none="not yet" />
      </Table.Td>
      <Table.Td>{release.builds.map(({ deviceType }) => deviceType).join(', ')}</Table.Td>
      <Table.Td ta="right" style={{ whiteSpace: 'nowrap' }}>
        {sizes.length === 0 ? '–' : formatBytes(most)}
        {least < most ? (
          <Text size="xs" c="dimmed">
            from {formatBytes(least)}
          </Text>
        ) : null}
      </Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        <Moment at={release.createdAt} />
        <Text size="xs" c="dimmed">
          by {formatActor(release.createdBy)}
        </Text>
      </Table.Td>
      <Table.Td ta="right">
        {props.mayStart && isOfferable(release) ? (
          <Anchor
            component={Link}
            to={`/p/${project}/rollouts/new?release=${encodeURIComponent(release.ref)}`}
            size="sm"
            aria-label={`Roll out ${release.ref}`}
          >
            Roll out
          </Anchor>
        ) : null}
      </Table.Td>
    </Table.Tr>
  );
}
