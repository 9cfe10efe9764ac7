/** What a device measured and how sure it was, over the validation data of the build that it ran. */
import { Anchor, Button, Group, Select, SimpleGrid, Text, Title } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { plural, type Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useApi } from '../../app/api';
import { formatInteger } from '../../app/format';
import { Loaded, Section } from '../../components/page';
import { verdictOf } from '../quality/drift-words';
import { Overlay } from '../quality/overlay';
import '../quality/quality.css';
import { RangeChoice, useDays } from './range-choice';

type Found = Resource<'DeviceHistograms'>;

const HEIGHT = 170;
/** Drawn until somebody asks for more. */
const FEW = 6;

export function Histograms({ project, device }: { project: string; device: string }) {
  const days = useDays();
  const [chosen, setChosen] = useState<string>();
  const query = useApi('deviceHistograms', {
    params: { project, device },
    query: { days, ...(chosen === undefined ? {} : { release: chosen }) },
  });
  const releases = query.data?.releases ?? [];
  return (
    <Section
      id="histograms"
      title="Histograms over validation data"
      about="Shares of observations by bin: bars are this device, the line is what its build was validated with"
      actions={
        <Group gap="xs">
          {releases.length < 2 ? null : (
            <Select
              aria-label="Release of the histograms"
              size="xs"
              w={190}
              allowDeselect={false}
              data={releases.map(({ release }) => release)}
              value={query.data?.release ?? null}
              onChange={(next) => setChosen(next ?? undefined)}
            />
          )}
          <RangeChoice label="Days of the histograms" />
        </Group>
      }
    >
      <Loaded query={query} height={420}>
        {(data) => (
          <>
            <Text size="sm" c="dimmed">
              {wordsOf(data)}
            </Text>
            {data.features.length > 0 ? (
              <Grid device={device} features={data.features} />
            ) : data.without > 0 ? (
              <Anchor
                size="sm"
                renderRoot={(p) => <Link to="/p/$project/quality" params={{ project }} {...p} />}
              >
                What brings validation data to a version
              </Anchor>
            ) : null}
          </>
        )}
      </Loaded>
    </Section>
  );
}

function wordsOf({ release, days, n, without }: Found): string {
  const time = days === 1 ? 'today (UTC)' : `on the last ${plural(days, 'day')}`;
  if (release === null) return `It predicted nothing ${time}.`;
  if (n === 0 && without === 0) return `It predicted nothing with ${release} ${time}.`;
  const rest =
    without === 0
      ? ''
      : ` ${plural(without, 'prediction')} are held against nothing: no validation data with the same monitors.`;
  return `${plural(n, 'prediction')} of ${release} ${time}.${rest}`;
}

/** What the model says of it first, then inputs, the farthest first. */
function Grid({ device, features }: { device: string; features: Found['features'] }) {
  const [all, setAll] = useState(false);
  const isOutput = ({ kind }: Found['features'][number]) => kind === 'confidence' || kind === 'classes';
  const sent = [
    ...features.filter((one) => isOutput(one) && one.n > 0),
    ...features.filter((one) => !isOutput(one) && one.n > 0).sort((a, b) => b.distance - a.distance),
  ];
  const shown = all ? sent : sent.slice(0, FEW);
  return (
    <>
      <SimpleGrid cols={{ base: 1, lg: 2 }} mt="sm" verticalSpacing="lg">
        {shown.map((one) => (
          <div key={one.feature}>
            <Title order={3} size="h6" mb={6}>
              {one.feature}{' '}
              <Text span size="xs" c="dimmed" fw={400}>
                {formatInteger(one.n)} observations
              </Text>
            </Title>
            <Overlay
              feature={one}
              group={device}
              height={HEIGHT}
              words={{ now: 'this device', then: 'validation data', verdict: verdictOf(one) }}
            />
          </div>
        ))}
      </SimpleGrid>
      {shown.length === sent.length ? null : (
        <Group justify="center" mt="md">
          <Button size="xs" variant="default" onClick={() => setAll(true)}>
            Show all {sent.length}
          </Button>
        </Group>
      )}
    </>
  );
}
