/** How often to be woken for nothing, in words, with what that costs; what is watched, and against which healthy period. */
import {
  Alert,
  Anchor,
  Button,
  Group,
  NumberInput,
  Radio,
  Select,
  Stack,
  Table,
  Text,
  TextInput,
} from '@mantine/core';
import { Link, useParams } from '@tanstack/react-router';
import { plural, type Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useAction, useApi, useApiList } from '../../app/api';
import { formatActor, formatDuration, formatInteger } from '../../app/format';
import { useMay } from '../../app/role';
import { StateBadge } from '../../components/badges';
import { DataTable } from '../../components/data-table';
import { Command, Loaded, Problem, Section } from '../../components/page';
import { Moment } from '../../components/time';
import { BudgetDelays } from './budget-delays';
import { QualityFrame } from './frame';
import './quality.css';

type Cost = Resource<'BudgetCost'>;
const PER = ['hour', 'day', 'week', 'month', 'year'] as const;
/** From the loosest to the tightest. */
const USUAL = ['one page a day', 'one page a week', 'one page a month', 'one page a year'] as const;

export function BudgetPage() {
  const { project } = useParams({ from: '/p/$project/quality/budget' });
  return (
    <QualityFrame
      project={project}
      about="How often you are woken for nothing, and what waiting longer would cost."
    >
      <Budget project={project} />
      <Watches project={project} />
      <Baselines project={project} />
    </QualityFrame>
  );
}

function Budget({ project }: { project: string }) {
  const params = { project };
  const may = useMay(project);
  const now = useApi('qualityBudget', { params, query: {} });
  const settings = useApi('qualitySettingsGet', { params });
  const [chosen, setChosen] = useState<string | null>(null);
  const [own, setOwn] = useState<{ pages: number | string; per: string }>({ pages: 2, per: 'week' });
  const wanted = chosen === 'own' ? `${own.pages || 1} pages a ${own.per}` : chosen;
  const next = useApi(
    'qualityBudget',
    { params, query: { budget: wanted ?? '' } },
    { enabled: wanted !== null },
  );
  const save = useAction('qualitySettingsPut', () => setChosen(null));
  const costs = [
    useApi('qualityBudget', { params, query: { budget: USUAL[0] } }),
    useApi('qualityBudget', { params, query: { budget: USUAL[1] } }),
    useApi('qualityBudget', { params, query: { budget: USUAL[2] } }),
    useApi('qualityBudget', { params, query: { budget: USUAL[3] } }),
  ].flatMap(({ data }) => (data === undefined ? [] : [data]));
  return (
    <Section
      title="The budget"
      about="It bounds the expected number of false pages of the whole project. It is not the chance that a page is false"
    >
      <Loaded query={now} height={300}>
        {(cost) => (
          <Stack gap="md">
            <Text size="lg" fw={600}>
              {sentence(cost.budget)}.
            </Text>
            <Text size="sm">{costWords(cost)}</Text>
            {cost.streams === 0 ? null : (
              <BudgetDelays
                costs={cost.falsePagesPerWeek > 0 ? merged(costs, cost) : costs}
                inForce={cost.budget}
              />
            )}
            {may('operator') ? (
              <Radio.Group label="Change it to" value={chosen ?? ''} onChange={setChosen}>
                <Group gap="md" mt={8}>
                  {USUAL.map((words) => (
                    <Radio key={words} value={words} label={words} />
                  ))}
                  <Radio value="own" label="another" />
                </Group>
              </Radio.Group>
            ) : null}
            {chosen === 'own' ? (
              <Group gap="xs" align="flex-end">
                <NumberInput
                  label="Pages"
                  w={110}
                  min={0.01}
                  max={1_000}
                  decimalScale={2}
                  value={own.pages}
                  onChange={(pages) => setOwn({ ...own, pages })}
                />
                <Select
                  label="Per"
                  w={120}
                  data={[...PER]}
                  allowDeselect={false}
                  value={own.per}
                  onChange={(per) => setOwn({ ...own, per: per ?? 'week' })}
                />
              </Group>
            ) : null}
            {next.error === null || chosen === null ? null : <Problem error={next.error} />}
            {chosen !== null && next.data !== undefined && settings.data !== undefined ? (
              <Alert variant="light" color="harbour" title={`${sentence(next.data.budget)}?`}>
                <Text size="sm">{changeWords(cost, next.data)}</Text>
                <Group mt="sm" gap="xs">
                  <Button
                    size="xs"
                    disabled={next.data.inForce}
                    loading={save.isPending}
                    onClick={() =>
                      save.mutate({ params, body: { ...settings.data, budget: next.data.budget } })
                    }
                  >
                    Use it
                  </Button>
                  <Button size="xs" variant="default" onClick={() => setChosen(null)}>
                    Leave it
                  </Button>
                </Group>
              </Alert>
            ) : null}
            {save.error === null ? null : <Problem error={save.error} />}
          </Stack>
        )}
      </Loaded>
    </Section>
  );
}

const sentence = (words: string): string => `${words.slice(0, 1).toUpperCase()}${words.slice(1)}`;
const merged = (costs: readonly Cost[], now: Cost): Cost[] =>
  [...costs.filter(({ budget }) => budget !== now.budget), now].sort(
    (a, b) => b.falsePagesPerWeek - a.falsePagesPerWeek,
  );
const span = ({ roundSeconds }: Cost, rounds: number): string =>
  formatDuration(rounds * roundSeconds * 1_000);
const roundsOf = (rounds: number): string =>
  rounds < 9.95 ? rounds.toFixed(1) : formatInteger(Math.round(rounds));

function costWords(cost: Cost): string {
  const { streams, arl0, delays } = cost;
  const [one] = delays;
  if (arl0 === null || one === undefined)
    return 'Nothing is watched yet, so it costs nothing yet: declare a healthy period below.';
  return `${formatInteger(streams)} streams share it, so each of them alone may alarm falsely once in ${formatInteger(Math.round(arl0))} rounds (its ARL0), half of the budget being kept in reserve. A stream that moves for good by one of its own standard deviations is seen after ${roundsOf(one.rounds)} rounds on average, which is ${span(cost, one.rounds)}.`;
}

function changeWords(now: Cost, next: Cost): string {
  const perYear = (cost: Cost) => cost.falsePagesPerWeek * (8_766 / 168);
  const pages = `Expected false pages a year: at most ${amount(perYear(next))} instead of ${amount(perYear(now))}.`;
  const [before, after] = [now.delays[0], next.delays[0]];
  if (before === undefined || after === undefined) return pages;
  const later = after.rounds - before.rounds;
  if (Math.abs(later) < 0.05) return `${pages} Nothing is seen later or sooner.`;
  return `${pages} A shift of one standard deviation is seen ${roundsOf(Math.abs(later))} rounds ${later > 0 ? 'later' : 'sooner'} (${span(next, after.rounds)} instead of ${span(now, before.rounds)}); larger ones by less.`;
}
const amount = (value: number): string =>
  value < 10 ? String(Number(value.toFixed(1))) : formatInteger(Math.round(value));

function Watches({ project }: { project: string }) {
  const query = useApi('qualityWatchList', { params: { project } });
  return (
    <Section title="What is watched" about="All devices that run one model with the same monitors">
      <Loaded query={query} height={90}>
        {({ items }) =>
          items.length === 0 ? (
            <Text size="sm" c="dimmed">
              Nothing yet. It begins with the first windows of devices.
            </Text>
          ) : (
            <DataTable
              label="Watches"
              minWidth={720}
              heads={[
                'Model',
                'State',
                { text: 'Devices', align: 'right' },
                { text: 'Streams', align: 'right' },
                { text: 'ARL0, rounds', align: 'right' },
                'Judged until',
                { text: 'Too late', align: 'right' },
              ]}
            >
              {items.map((one) => (
                <Table.Tr key={`${one.model}${one.schema}${one.part}`}>
                  <Table.Td>
                    {one.model}
                    {one.part === '' ? '' : ` · ${one.part}`}
                    <Text size="xs" c="dimmed">
                      {one.judgedAgainst}
                    </Text>
                    {one.reason === '' ? null : (
                      <Text size="xs" c="dimmed">
                        {one.reason}
                      </Text>
                    )}
                  </Table.Td>
                  <Table.Td>
                    <StateBadge state={one.state} />
                  </Table.Td>
                  <Table.Td ta="right">{formatInteger(one.devices)}</Table.Td>
                  <Table.Td ta="right" title={one.streams.join(', ')}>
                    {formatInteger(one.streamCount)}
                  </Table.Td>
                  <Table.Td ta="right">{formatInteger(Math.round(one.arl0))}</Table.Td>
                  <Table.Td>
                    <Moment at={one.judgedUntil} />
                  </Table.Td>
                  <Table.Td ta="right">{formatInteger(one.tooLate)}</Table.Td>
                </Table.Tr>
              ))}
            </DataTable>
          )
        }
      </Loaded>
    </Section>
  );
}

const DAY_MS = 86_400_000;
/** As a field of date and time wants it, in the time of the browser. */
const localTime = (ms: number): string => {
  const date = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return date.toISOString().slice(0, 16);
};

function Baselines({ project }: { project: string }) {
  const may = useMay(project);
  const list = useApiList('qualityBaselineList', { params: { project }, query: { limit: 5 } });
  const rows = list.data?.pages.flatMap(({ items }) => items) ?? [];
  const [from, setFrom] = useState(() => localTime(Date.now() - 5 * DAY_MS));
  const [to, setTo] = useState(() => localTime(Date.now() - DAY_MS / 24));
  const [note, setNote] = useState('');
  const declare = useAction('qualityBaselineDeclare', () => setNote(''));
  const days = (Date.parse(to) - Date.parse(from)) / DAY_MS;
  return (
    <Section
      title="Healthy periods"
      about="Everything is judged against the newest: four days or more that you have looked at yourself"
    >
      {rows.length === 0 ? null : (
        <DataTable label="Healthy periods" minWidth={560} heads={['#', 'From', 'To', 'Declared', 'Note']}>
          {rows.map((one) => (
            <Table.Tr key={one.number}>
              <Table.Td>
                {one.number}
                {one.inForce ? ', in force' : ''}
              </Table.Td>
              <Table.Td>{new Date(one.from).toLocaleString()}</Table.Td>
              <Table.Td>{new Date(one.to).toLocaleString()}</Table.Td>
              <Table.Td>
                <Moment at={one.declaredAt} /> by {formatActor(one.declaredBy)}
              </Table.Td>
              <Table.Td>{one.note === '' ? '–' : one.note}</Table.Td>
            </Table.Tr>
          ))}
        </DataTable>
      )}
      {may('operator') ? (
        <Stack gap="xs" mt="md">
          <Group gap="sm" align="flex-end">
            <TextInput
              label="From"
              type="datetime-local"
              value={from}
              onChange={(e) => setFrom(e.currentTarget.value)}
            />
            <TextInput
              label="To"
              type="datetime-local"
              value={to}
              onChange={(e) => setTo(e.currentTarget.value)}
            />
            <TextInput
              label="Note"
              placeholder="why it is healthy"
              maxLength={500}
              value={note}
              onChange={(e) => setNote(e.currentTarget.value)}
              style={{ flex: '1 1 180px' }}
            />
            <Button
              loading={declare.isPending}
              disabled={!(days > 0)}
              onClick={() =>
                declare.mutate({
                  params: { project },
                  body: { from: new Date(from).toISOString(), to: new Date(to).toISOString(), note },
                })
              }
            >
              Declare it healthy
            </Button>
          </Group>
          <Text size="xs" c="dimmed">
            {days > 0 ? `${plural(Number(days.toFixed(1)), 'day')}; ` : ''}
            what happened in it is taken for how things are. Two days or more also teach the hour of the day.
          </Text>
          {declare.error === null ? null : <Problem error={declare.error} />}
          <Command text={`npx tinyfleet quality baseline declare --from 5d --to 1h --project ${project}`} />
        </Stack>
      ) : null}
      <Text size="sm" mt="md">
        What comes of it:{' '}
        <Anchor
          underline="always"
          renderRoot={(p) => <Link to="/p/$project/alerts" params={{ project }} {...p} />}
        >
          alerts
        </Anchor>
        .
      </Text>
    </Section>
  );
}
