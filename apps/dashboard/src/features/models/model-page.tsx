/** One model: its versions with their tensor contracts, and the builds of each. */
import { Anchor, Badge, Button, Group, Progress, Stack, Table, Text } from '@mantine/core';
import { Link, useParams } from '@tanstack/react-router';
import type { Resource } from '@tinyfleet/contracts';
import { useAction, useApi } from '../../app/api';
import { formatBytes, formatCount, shortDigest } from '../../app/format';
import { StateBadge } from '../../components/badges';
import { Loaded, Page, Problem, Section } from '../../components/page';
import { Moment } from '../../components/time';
import { ImportModel } from './import-model';

export function ModelPage() {
  const { project, model } = useParams({ from: '/p/$project/models/$model' });
  const versions = useApi('modelVersionList', { params: { project, model }, query: { limit: 50 } });
  const builds = useApi('buildList', { params: { project }, query: { model, limit: 200 } });
  return (
    <Page
      title={model}
      about={
        <Anchor component={Link} to={`/p/${project}/models`} size="sm">
          ← Models
        </Anchor>
      }
    >
      <Loaded query={versions}>
        {(data) => (
          <Stack>
            {data.items.map((version) => (
              <VersionCard
                key={version.version}
                project={project}
                version={version}
                builds={(builds.data?.items ?? []).filter((build) => build.version === version.version)}
              />
            ))}
          </Stack>
        )}
      </Loaded>
      <Section title="Import a new version">
        <ImportModel project={project} model={model} onImported={() => void versions.refetch()} />
      </Section>
    </Page>
  );
}

function VersionCard(props: {
  project: string;
  version: Resource<'ModelVersion'>;
  builds: readonly Resource<'Build'>[];
}) {
  const { project, version } = props;
  const start = useAction('buildStart');
  const release = useAction('releaseCreate');
  const built = props.builds.some((build) => build.state === 'succeeded');
  return (
    <Section
      title={version.version}
      about={
        <>
          {version.fileName} · {formatBytes(version.sourceBytes)} ·{' '}
          <span className="mono">{shortDigest(version.sourceDigest)}</span> ·{' '}
          <Moment at={version.createdAt} />
        </>
      }
      actions={
        <Group gap="xs">
          <Button
            size="compact-sm"
            variant="default"
            loading={start.isPending}
            onClick={() =>
              start.mutate({ params: { project }, body: { model: version.model, version: version.version } })
            }
          >
            Build for my device types
          </Button>
          <Button
            size="compact-sm"
            disabled={!built}
            loading={release.isPending}
            onClick={() =>
              release.mutate({
                params: { project },
                body: { model: version.model, version: version.version, sign: true },
              })
            }
          >
            Release and sign
          </Button>
        </Group>
      }
    >
      <Stack gap="sm">
        {start.error === null ? null : <Problem error={start.error} />}
        {release.error === null ? null : <Problem error={release.error} />}
        {release.data === undefined ? null : (
          <Text size="sm">
            Release {release.data.ref} is signed.{' '}
            <Anchor component={Link} to={`/p/${project}/rollouts`} size="sm">
              Roll it out
            </Anchor>
          </Text>
        )}
        <Contract title="In" tensors={version.inputs} />
        <Contract title="Out" tensors={version.outputs} />
        <Group gap={6}>
          <Badge variant="light" tt="none">
            {formatCount(version.macs)} MACs
          </Badge>
          {Object.entries(version.operators).map(([op, count]) => (
            <Badge key={op} variant="default" tt="none" fw={400}>
              {op} × {count}
            </Badge>
          ))}
        </Group>
        {version.labels.length === 0 ? null : (
          <Text size="sm" c="dimmed">
            Labels: {version.labels.join(', ')}
          </Text>
        )}
        <Builds project={project} builds={props.builds} />
      </Stack>
    </Section>
  );
}

function Contract({ title, tensors }: { title: string; tensors: Resource<'ModelVersion'>['inputs'] }) {
  return (
    <Text size="sm" className="mono">
      {title}:{' '}
      {tensors
        .map(
          (t) =>
            `${t.dtype}[${t.shape.join(',')}]${t.scale === null ? '' : ` × ${Number(t.scale.toPrecision(6))} (zero ${t.zeroPoint ?? 0})`}`,
        )
        .join(' ')}
    </Text>
  );
}

function Builds({ project, builds }: { project: string; builds: readonly Resource<'Build'>[] }) {
  if (builds.length === 0) return null;
  return (
    <div className="scroll-x" tabIndex={0} role="region" aria-label="Builds">
      <Table miw={560} verticalSpacing={6}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Built for</Table.Th>
            <Table.Th>State</Table.Th>
            <Table.Th ta="right">Bundle</Table.Th>
            <Table.Th ta="right">Arena</Table.Th>
            <Table.Th>When</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {builds.map((build) => (
            <Table.Tr key={build.deviceType}>
              <Table.Td>
                <Link
                  className="row-link"
                  to="/p/$project/models/$model/versions/$version/builds/$deviceType"
                  params={{
                    project,
                    model: build.model,
                    version: build.version,
                    deviceType: build.deviceType,
                  }}
                >
                  {build.deviceType}
                </Link>
              </Table.Td>
              <Table.Td>
                {build.state === 'running' ? (
                  <Progress
                    value={build.progress * 100}
                    aria-label={`${build.stage}, ${Math.round(build.progress * 100)} %`}
                  />
                ) : (
                  <StateBadge state={build.state} />
                )}
              </Table.Td>
              <Table.Td ta="right">
                {build.bundleBytes === null ? '–' : formatBytes(build.bundleBytes)}
              </Table.Td>
              <Table.Td ta="right">
                {build.arenaBytes === null ? '–' : formatBytes(build.arenaBytes)}
              </Table.Td>
              <Table.Td>
                <Moment at={build.finishedAt ?? build.createdAt} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}
