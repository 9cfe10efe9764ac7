/** First stage: a release, the devices, and who of them can take it. */
import { Alert, Anchor, SegmentedControl, Select, Stack, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useApi } from '../../../app/api';
import { FilterBox } from '../../../components/filter/filter-box';
import type { TypedFilter } from '../../../components/filter/use-filter';
import { Empty, Loaded, Section } from '../../../components/page';
import { Compatibility } from './compatibility';
import type { Target } from './draft';

export interface Where {
  readonly by: 'filter' | 'group';
  readonly group: string;
}

export function TargetStage(props: {
  project: string;
  release: string;
  onRelease: (release: string) => void;
  where: Where;
  onWhere: (where: Where) => void;
  filter: TypedFilter;
  target: Target | undefined;
}) {
  const { project, where } = props;
  const params = { project };
  const releases = useApi('releaseList', { params, query: { limit: 100 } });
  return (
    <>
      <Section title="Release" about="Signed, and approved by somebody who may">
        <Loaded query={releases} height={64}>
          {({ items }) => {
            const may = items.filter(
              ({ signedAt, state }) => signedAt !== null && (state === 'approved' || state === 'deprecated'),
            );
            if (may.length === 0) return <NoRelease project={project} />;
            const chosen = may.find(({ ref }) => ref === props.release);
            return (
              <Stack gap="xs">
                <Select
                  aria-label="Release"
                  placeholder="Choose a release"
                  searchable
                  maw={420}
                  data={may.map(({ ref, state }) => ({
                    value: ref,
                    label: state === 'deprecated' ? `${ref} · deprecated` : ref,
                  }))}
                  value={chosen === undefined ? null : props.release}
                  onChange={(ref) => props.onRelease(ref ?? '')}
                />
                {chosen === undefined ? null : (
                  <Text size="sm" c="dimmed">
                    For {chosen.builds.map(({ deviceType }) => deviceType).join(', ')}
                    {chosen.notes === '' ? '' : ` · ${chosen.notes}`}
                  </Text>
                )}
                {chosen?.state === 'deprecated' ? (
                  <Alert color="orange" variant="light">
                    It is deprecated
                    {chosen.stateChange?.reason ? `: ${chosen.stateChange.reason}` : '.'}
                  </Alert>
                ) : null}
              </Stack>
            );
          }}
        </Loaded>
      </Section>
      <Section title="Devices" about="Who takes part; every step is a share of them">
        <Stack gap="sm">
          <SegmentedControl
            aria-label="Choose devices by"
            w="fit-content"
            data={[
              { value: 'filter', label: 'By a filter' },
              { value: 'group', label: 'A group' },
            ]}
            value={where.by}
            onChange={(by) => props.onWhere({ ...where, by: by === 'group' ? 'group' : 'filter' })}
          />
          <div className="filter-room">
            {where.by === 'filter' ? (
              <FilterBox project={project} filter={props.filter} label="Devices that match" />
            ) : (
              <GroupBox project={project} where={where} onWhere={props.onWhere} />
            )}
          </div>
        </Stack>
      </Section>
      {props.target === undefined ? null : <Compatible project={project} target={props.target} />}
    </>
  );
}

function NoRelease({ project }: { project: string }) {
  return (
    <Empty
      title="No release can be rolled out yet"
      about={
        <>
          A release has to be signed and approved first:{' '}
          <Anchor component={Link} to={`/p/${project}/releases`} inherit underline="always">
            see the releases
          </Anchor>
          .
        </>
      }
    />
  );
}

function GroupBox(props: { project: string; where: Where; onWhere: (where: Where) => void }) {
  const groups = useApi('groupList', { params: { project: props.project }, query: { limit: 500 } });
  return (
    <Select
      aria-label="Group"
      placeholder={groups.data?.items.length === 0 ? 'no group yet' : 'Choose a group'}
      searchable
      maw={420}
      data={groups.data?.items.map(({ name }) => name) ?? []}
      value={props.where.group === '' ? null : props.where.group}
      onChange={(group) => props.onWhere({ ...props.where, group: group ?? '' })}
    />
  );
}

function Compatible({ project, target }: { project: string; target: Target }) {
  const plan = useApi('rolloutPlan', { params: { project }, body: { ...target } });
  return (
    <Section
      title="Who can take it"
      about="Checked by what each device has said of itself, before a byte is sent"
    >
      <Loaded query={plan.error === null ? plan : { ...plan, data: undefined }} height={170}>
        {(data) => <Compatibility plan={data} />}
      </Loaded>
    </Section>
  );
}
