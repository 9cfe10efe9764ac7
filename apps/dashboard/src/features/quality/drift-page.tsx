/** Where, when and which features moved away from what builds were validated with: a matrix, and the histograms behind each cell. */
import { Alert, Anchor, Group, SegmentedControl, Select, Text } from '@mantine/core';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { DriftGrouping, plural, type Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useApi } from '../../app/api';
import { formatBucket, formatInteger } from '../../app/format';
import { Empty, Loaded, Section } from '../../components/page';
import { DriftMatrix, type Place } from './drift-matrix';
import { groupName } from './drift-words';
import { QualityFrame, RangeControl, useRange } from './frame';
import { Overlay } from './overlay';
import { remedyFor } from './abstain-words';
import './quality.css';

type Map = Resource<'DriftMap'>;

interface Search {
  readonly release?: string;
  readonly by?: string;
  readonly group?: string;
  readonly feature?: string;
  /** `shift`: colours say which way. */
  readonly show?: string;
}
const BY: Readonly<Record<Resource<'DriftGrouping'>, string>> = {
  version: 'Versions',
  type: 'Device types',
  site: 'Sites',
};
/** Columns; a day is drawn hour by hour. */
const COLUMNS = 60;

export function DriftPage() {
  const { project } = useParams({ from: '/p/$project/quality/drift' });
  const search: Search = useSearch({ from: '/p/$project/quality/drift' });
  const navigate = useNavigate();
  const { hours, range } = useRange();
  const totals = useApi('accuracyEstimate', { params: { project }, query: range });
  const go = (part: Search) =>
    void navigate({
      to: '.',
      search: (before: object) => ({ ...before, ...part }),
      replace: true,
      resetScroll: false,
    });
  return (
    <QualityFrame
      project={project}
      about="What devices measure and predict, held against the validation data of their build."
      actions={<RangeControl />}
    >
      <Loaded query={totals} height={480}>
        {(data) => {
          const releases = data.totals.map(({ release }) => release);
          const [usual] = [...data.totals].sort((a, b) => b.n - a.n);
          const release = releases.find((one) => one === search.release) ?? usual?.release;
          if (release === undefined) return <Nothing project={project} />;
          const by = DriftGrouping.options.find((one) => one === search.by) ?? 'site';
          return (
            <>
              <Group gap="sm">
                <Select
                  aria-label="Version"
                  size="xs"
                  w={190}
                  data={releases}
                  allowDeselect={false}
                  value={release}
                  onChange={(next) => go({ release: next ?? release })}
                />
                <SegmentedControl
                  aria-label="Groups"
                  size="xs"
                  data={DriftGrouping.options.map((value) => ({ value, label: BY[value] }))}
                  value={by}
                  onChange={(next) => go({ by: next, group: '' })}
                />
                <SegmentedControl
                  aria-label="Colours show"
                  size="xs"
                  data={[
                    { value: 'distance', label: 'How far' },
                    { value: 'shift', label: 'Which way' },
                  ]}
                  value={search.show === 'shift' ? 'shift' : 'distance'}
                  onChange={(show) => go({ show: show === 'shift' ? show : '' })}
                />
              </Group>
              <Drift
                key={`${release}${by}${hours}`}
                project={project}
                request={{ release, by, ...range, bucketSeconds: Math.max(3_600, (hours * 3_600) / COLUMNS) }}
                search={search}
                onSearch={go}
              />
            </>
          );
        }}
      </Loaded>
    </QualityFrame>
  );
}

interface Request {
  readonly release: string;
  readonly by: Resource<'DriftGrouping'>;
  readonly from: string;
  readonly bucketSeconds: number;
}

function Drift(props: {
  project: string;
  request: Request;
  search: Search;
  onSearch: (part: Search) => void;
}) {
  const { project, request, search, onSearch } = props;
  const query = useApi('driftMap', { params: { project }, query: request });
  // A moment is not in the address: it is gone with the next range.
  const [at, setAt] = useState<string | null>(null);
  return (
    <Loaded query={query} height={520}>
      {(map) => {
        const group = map.groups.find((one) => one.group === search.group) ?? map.groups[0];
        if (group === undefined) return <NoBaseline project={project} release={request.release} map={map} />;
        const farthest = [...group.features].sort((a, b) => b.distance - a.distance)[0];
        const feature = group.features.find((one) => one.feature === search.feature) ?? farthest;
        const place: Place = { group: group.group, feature: feature?.feature ?? '', at };
        return (
          <>
            <Section
              title="Drift matrix"
              about={`Features by ${BY[map.by].toLowerCase()}, ${formatBucket(map.bucketSeconds)} a column; a dot marks what is too far for an estimate of accuracy`}
            >
              <DriftMatrix
                map={map}
                shows={search.show === 'shift' ? 'shift' : 'distance'}
                place={place}
                release={request.release}
                onPlace={(next) => {
                  setAt(next.at);
                  onSearch({ group: next.group, feature: next.feature });
                }}
              />
              {map.without === 0 ? null : (
                <Text size="xs" c="dimmed" mt={4}>
                  {plural(map.without, 'prediction')} of builds without validation data are held against
                  nothing.
                </Text>
              )}
            </Section>
            <Section
              title={`${feature?.feature ?? ''}, ${groupName(group.group)}`}
              about={
                at === null ? (
                  `The whole range, ${formatInteger(group.n)} predictions of ${group.release}`
                ) : (
                  <>
                    From {new Date(at).toLocaleString()}, {formatBucket(map.bucketSeconds)}.{' '}
                    <Anchor component="button" type="button" size="xs" onClick={() => setAt(null)}>
                      Show the whole range
                    </Anchor>
                  </>
                )
              }
            >
              <Behind project={project} request={request} map={map} place={place} />
            </Section>
          </>
        );
      }}
    </Loaded>
  );
}

/** The histograms of a cell; those of a moment are asked for by themselves. */
function Behind(props: { project: string; request: Request; map: Map; place: Place }) {
  const { project, request, map, place } = props;
  const start = place.at ?? request.from;
  const end = new Date(Date.parse(start) + map.bucketSeconds * 1_000).toISOString();
  const moment = useApi(
    'driftMap',
    {
      params: { project },
      query: {
        release: request.release,
        by: request.by,
        from: start,
        to: end,
        bucketSeconds: map.bucketSeconds,
      },
    },
    { enabled: place.at !== null },
  );
  const shown = place.at === null ? map : moment.data;
  const feature = shown?.groups
    .find(({ group }) => group === place.group)
    ?.features.find((one) => one.feature === place.feature);
  if (shown === undefined) return <Loaded query={moment} height={300} children={() => null} />;
  if (feature === undefined)
    return (
      <Text size="sm" c="dimmed">
        Nothing of it was sent then.
      </Text>
    );
  return <Overlay feature={feature} group={place.group} />;
}

function NoBaseline({ project, release, map }: { project: string; release: string; map: Map }) {
  const { fix, command } = remedyFor('no-validation-data', project, release);
  return map.without === 0 ? (
    <Nothing project={project} />
  ) : (
    <Empty
      title={`${release} has nothing to be held against`}
      about={fix}
      commands={command === undefined ? [] : [command]}
    >
      <Alert variant="light" color="gray" p="sm">
        {formatInteger(map.without)} predictions came in this range. Drift of devices is watched against the
        period you declared healthy all the same:{' '}
        <Anchor
          underline="always"
          renderRoot={(p) => <Link to="/p/$project/alerts" params={{ project }} {...p} />}
        >
          alerts
        </Anchor>
        .
      </Alert>
    </Empty>
  );
}

function Nothing({ project }: { project: string }) {
  return (
    <Empty
      title="No window in this range"
      about="Up to five features of the input are counted on the device in sixteen bins each. With the first windows this page shows how far they are from validation data, by site, type or version."
      commands={[`npx tinyfleet simulate --devices 10 --project ${project}`]}
    />
  );
}
