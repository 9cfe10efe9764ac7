/** Two sets of devices beside each other: what they are stands in the address, what follows is said in words first. */
import { Button, Group, NumberInput, Select, SimpleGrid, Stack, Text } from '@mantine/core';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { plural, type CallOutput, type Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useApi } from '../../app/api';
import { formatInteger, formatPercent } from '../../app/format';
import { dataColor } from '../../app/theme';
import { Exportable } from '../../components/exportable';
import { FilterBox } from '../../components/filter/filter-box';
import { useFilter, type TypedFilter } from '../../components/filter/use-filter';
import { Command, Empty, Loaded, Section } from '../../components/page';
import { QualityFrame } from './frame';
import { IntervalRows } from './interval-rows';
import { Overlay } from './overlay';
import './quality.css';

type Cohort = Resource<'Cohort'>;
type Comparison = CallOutput<'cohortCompare'>;

/** From the address, which may say anything. */
interface Asked {
  readonly release: string;
  readonly filter: string;
  readonly againstRelease: string;
  readonly againstFilter: string;
  readonly days: number;
}
const USUAL_DAYS = 7;

export function ComparePage() {
  const { project } = useParams({ from: '/p/$project/quality/compare' });
  const search = useSearch({ from: '/p/$project/quality/compare' });
  const releases = useApi('releaseList', { params: { project }, query: { limit: 100 } });
  return (
    <QualityFrame
      project={project}
      about="Two sets of devices beside each other: by site, type, version or whatever a filter can say."
    >
      <Loaded query={releases} height={180}>
        {({ items }) => {
          const refs = items.filter(({ component }) => component === 'model').map(({ ref }) => ref);
          const [newest] = refs;
          if (newest === undefined)
            return (
              <Empty
                title="No release yet"
                about="Devices are compared by what they did with a release of a model. Make one, and bring it to them."
                commands={[`npx tinyfleet release create my-model@1.0.0 --sign --project ${project}`]}
              />
            );
          const release = search.release ?? newest;
          const asked: Asked = {
            release,
            filter: search.filter ?? '',
            againstRelease: search.againstRelease ?? release,
            againstFilter: search.againstFilter ?? '',
            days: daysOf(search.days),
          };
          return <Compare key={JSON.stringify(asked)} project={project} releases={refs} asked={asked} />;
        }}
      </Loaded>
    </QualityFrame>
  );
}

function daysOf(text: string | undefined): number {
  const days = Number(text);
  return Number.isInteger(days) && days >= 1 && days <= 90 ? days : USUAL_DAYS;
}

function Compare(props: { project: string; releases: readonly string[]; asked: Asked }) {
  const { project, asked } = props;
  const filter = useFilter(asked.filter);
  const againstFilter = useFilter(asked.againstFilter);
  const [release, setRelease] = useState(asked.release);
  const [againstRelease, setAgainstRelease] = useState(asked.againstRelease);
  const [days, setDays] = useState(asked.days);
  const navigate = useNavigate();
  const isRight = filter.problem === undefined && againstFilter.problem === undefined;
  const go = () =>
    void navigate({
      to: '.',
      search: {
        release,
        ...(filter.text.trim() === '' ? {} : { filter: filter.text.trim() }),
        ...(againstRelease === release ? {} : { againstRelease }),
        ...(againstFilter.text.trim() === '' ? {} : { againstFilter: againstFilter.text.trim() }),
        ...(days === USUAL_DAYS ? {} : { days: String(days) }),
      },
      resetScroll: false,
    });
  const isSame = asked.release === asked.againstRelease && asked.filter === asked.againstFilter;
  return (
    <>
      <Section title="What is compared" about="Devices as they are now; an empty filter is every device">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (isRight) go();
          }}
        >
          <SimpleGrid cols={{ base: 1, md: 2 }}>
            <Side {...props} name="First" release={release} onRelease={setRelease} filter={filter} />
            <Side
              {...props}
              name="Second"
              release={againstRelease}
              onRelease={setAgainstRelease}
              filter={againstFilter}
            />
          </SimpleGrid>
          <Group align="flex-end" gap="sm" mt="xs">
            <NumberInput
              label="Last days, UTC"
              size="xs"
              w={120}
              min={1}
              max={90}
              suffix=" d"
              allowDecimal={false}
              value={days}
              onChange={(next) => next !== '' && setDays(daysOf(String(next)))}
            />
            <Button size="xs" type="submit" disabled={!isRight}>
              Compare
            </Button>
          </Group>
        </form>
      </Section>
      {isSame ? (
        <Empty
          title="Say what to compare"
          about="Give one side another filter or another release: two sites, a batch against the rest, a version against the one before. The address then leads to the same comparison."
        >
          <Command text={'site = "hall 1"'} />
          <Command text={'not site = "hall 1"'} />
        </Empty>
      ) : (
        <Answer project={project} asked={asked} />
      )}
    </>
  );
}

function Side(props: {
  project: string;
  name: string;
  releases: readonly string[];
  release: string;
  onRelease: (release: string) => void;
  filter: TypedFilter;
}) {
  const { name, release, onRelease } = props;
  return (
    <Stack gap="xs" role="group" aria-label={name}>
      <Select
        label={`${name}: release`}
        data={[...new Set([release, ...props.releases])]}
        allowDeselect={false}
        searchable
        value={release}
        onChange={(next) => onRelease(next ?? release)}
      />
      <div className="filter-room">
        <FilterBox
          project={props.project}
          filter={props.filter}
          label={`${name}: devices that match`}
          isLabelShown
        />
      </div>
    </Stack>
  );
}

function Answer({ project, asked }: { project: string; asked: Asked }) {
  const query = useApi('cohortCompare', { params: { project }, query: asked });
  return (
    <Loaded query={query} height={520}>
      {(data) => (
        <>
          <Section title="What follows" about={`The last ${plural(data.days, 'day')}`}>
            <ul className="compare-words">
              {data.words.map((words) => (
                <li key={words}>{words}</li>
              ))}
            </ul>
          </Section>
          <Section
            title="Accuracy"
            about="Thick: mean of devices that predicted lately, without labels; thin: what labels show. 90 % intervals: few devices say little, however much they predict"
          >
            <Accuracies data={data} />
          </Section>
          <Histograms data={data} />
        </>
      )}
    </Loaded>
  );
}

const nameOf = ({ filter, release }: Cohort): string =>
  `${filter === '' ? 'all devices' : filter} · ${release}`;

function Accuracies({ data }: { data: Comparison }) {
  const rows = data.cohorts.map((one, i) => ({
    name: i === 0 ? 'First' : 'Second',
    color: dataColor(i === 0 ? 0 : 5),
    interval: one.value === null ? null : { value: one.value, low: one.low ?? 0, high: one.high ?? 1 },
    words:
      one.value === null
        ? 'no answer'
        : `${formatPercent(one.value)} (${formatPercent(one.low ?? 0)} – ${formatPercent(one.high ?? 1)})`,
    second: one.labelled,
    about: `${plural(one.devices, 'device')}, ${formatInteger(one.n)} predictions`,
  }));
  return (
    <>
      <Exportable
        name="cohorts"
        title="Accuracy of two sets of devices"
        about="Thick: estimated without labels; thin: from labels; 90 % intervals"
        table={() => ({
          heads: [
            'set',
            'filter',
            'release',
            'devices',
            'predictions',
            'accuracy',
            'low',
            'high',
            'between',
            'labels',
            'labelled accuracy',
          ],
          rows: data.cohorts.map((one, i) => [
            ...[i === 0 ? 'first' : 'second', one.filter, one.release, one.devices, one.n],
            ...[one.value, one.low, one.high, one.between],
            ...[one.labelled?.n ?? 0, one.labelled?.value],
          ]),
        })}
      >
        <IntervalRows label="Accuracy" rows={rows} />
      </Exportable>
      {data.cohorts.map((one, i) => (
        <Text key={i} size="sm" c="dimmed" mt={4}>
          {i === 0 ? 'First' : 'Second'}: <span className="mono">{nameOf(one)}</span>
          {one.between === null
            ? ''
            : `; devices differ by ${(one.between * 100).toFixed(1)} points (standard deviation)`}
          {one.abstains === null ? '' : `; no answer: ${one.abstains.words}`}
        </Text>
      ))}
    </>
  );
}

function Histograms({ data }: { data: Comparison }) {
  const [chosen, setChosen] = useState<string>();
  const features = [...data.features].sort((a, b) => b.distance - a.distance);
  const shown = features.find(({ feature }) => feature === chosen) ?? features[0];
  if (shown === undefined) return null;
  return (
    <Section
      title="Where they differ"
      about="Shares of observations by bin, the first over the second; the most different is shown first"
      actions={
        <Select
          aria-label="Histogram"
          size="xs"
          w={240}
          allowDeselect={false}
          searchable
          data={features.map(({ feature, share }) => ({
            value: feature,
            label: `${feature}: ${formatPercent(share, 0)} elsewhere`,
          }))}
          value={shown.feature}
          onChange={(next) => setChosen(next ?? undefined)}
        />
      }
    >
      <div className="compare-histogram">
        <Overlay
          feature={shown}
          group="first"
          words={{
            now: 'first',
            then: 'second',
            verdict: `${formatPercent(shown.share, 0)} lie in other bins than in the second: ${shown.isFar ? 'far beyond chance' : 'within chance or a little beyond it'}.`,
          }}
        />
      </div>
    </Section>
  );
}
