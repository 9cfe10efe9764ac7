/** The label queue: one prediction at a time, by keyboard, pointer or thumb. What is taken is kept for who took it. */
import {
  Anchor,
  Button,
  Card,
  Group,
  Kbd,
  Modal,
  SimpleGrid,
  Skeleton,
  Stack,
  Switch,
  Table,
  Text,
} from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Link, useParams } from '@tanstack/react-router';
import { plural, type Resource } from '@tinyfleet/contracts';
import { useEffect, useState } from 'react';
import { useApi } from '../../app/api';
import { formatInteger, formatPercent } from '../../app/format';
import { useMay } from '../../app/role';
import { Empty, Problem, Section } from '../../components/page';
import { Moment } from '../../components/time';
import { QualityFrame } from './frame';
import { digitOf, labelKey } from './label-keys';
import { LabelSample } from './label-sample';
import { useLabelQueue, type Done, type Queue } from './label-queue';
import './quality.css';

type Item = Resource<'LabelItem'>;

export function LabelsPage() {
  const { project } = useParams({ from: '/p/$project/quality/labels' });
  const may = useMay(project);
  return (
    <QualityFrame
      project={project}
      about="Say what it really was. Twenty labels of a version already correct what is estimated without them."
    >
      <Counts project={project} />
      {may('operator') ? (
        <Labelling project={project} />
      ) : (
        <Empty
          title="Labels are given by operators"
          about="Your role may look at them; ask an administrator for more."
        />
      )}
    </QualityFrame>
  );
}

function Counts({ project }: { project: string }) {
  const { data } = useApi('labelQueue', { params: { project } });
  const tiles = [
    { label: 'Wait for a label', value: data?.unlabelled, most: 10_000 },
    { label: 'Asked for', value: data?.open },
    { label: 'Taken by somebody', value: data?.claimed },
    { label: 'Labelled', value: data?.labelled },
  ];
  return (
    <SimpleGrid cols={{ base: 2, md: 4 }}>
      {tiles.map(({ label, value, most }) => (
        <Card key={label} withBorder padding="sm">
          <Text size="sm" c="dimmed">
            {label}
          </Text>
          {value === undefined ? (
            <Skeleton height={28} width={70} aria-label="Loading" />
          ) : (
            <Text className="tile-value">
              {value === most ? `${formatInteger(value)}+` : formatInteger(value)}
            </Text>
          )}
        </Card>
      ))}
    </SimpleGrid>
  );
}

function Labelling({ project }: { project: string }) {
  const queue = useLabelQueue(project);
  const [showsPrediction, setShowsPrediction] = useState(false);
  const [helps, help] = useDisclosure();
  const { current } = queue;
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const on = event.target as HTMLElement | null;
      // What is typed into a field is no command, and a dialog has its own keys.
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      if (on?.closest('input, textarea, select, [role="dialog"], [contenteditable]')) return;
      const key = labelKey(event.key, current?.classes.length ?? 0);
      if (key === undefined) return;
      event.preventDefault();
      if (key.does === 'label') queue.label(key.index);
      else if (key.does === 'skip') queue.skip();
      else if (key.does === 'undo') queue.undo();
      else help.toggle();
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  });
  return (
    <>
      {queue.error === null ? null : <Problem error={queue.error} onRetry={queue.retry} />}
      {current === undefined ? (
        queue.isLoading ? (
          <Skeleton height={380} radius="md" aria-label="Loading" />
        ) : queue.error === null ? (
          <QueueEmpty project={project} queue={queue} />
        ) : null
      ) : (
        <Section
          title={`${current.device}, prediction ${formatInteger(current.inferenceIndex)}`}
          about={
            <>
              <Moment at={current.at} /> · {new Date(current.at).toLocaleString()} ·{' '}
              {current.release ?? 'unknown version'} · {REASONS[current.reason]}
              {current.note === '' ? '' : `: ${current.note}`}
            </>
          }
          actions={
            <Switch
              size="xs"
              label="show what was predicted"
              checked={showsPrediction}
              onChange={(event) => setShowsPrediction(event.currentTarget.checked)}
            />
          }
        >
          <Item project={project} item={current} showsPrediction={showsPrediction} />
          <Classes item={current} queue={queue} />
          <Group justify="space-between" mt="md" gap="xs">
            <Group gap="xs">
              <Button variant="default" onClick={queue.skip} rightSection={<Kbd size="xs">s</Kbd>}>
                Skip
              </Button>
              <Button
                variant="default"
                onClick={queue.undo}
                disabled={queue.done.length === 0}
                rightSection={<Kbd size="xs">u</Kbd>}
              >
                Undo
              </Button>
            </Group>
            <Button variant="subtle" onClick={help.open} rightSection={<Kbd size="xs">?</Kbd>}>
              Keys
            </Button>
          </Group>
        </Section>
      )}
      <Text size="sm" c="dimmed" role="status" aria-live="polite">
        {queue.done.length === 0 ? 'Nothing labelled in this visit yet.' : lastWords(queue.done)}
      </Text>
      {current === undefined && queue.done.length > 0 ? (
        <Group>
          <Button variant="default" size="xs" onClick={queue.undo}>
            Undo the last one
          </Button>
        </Group>
      ) : null}
      <Modal opened={helps} onClose={help.close} title="Keys of the label queue" centered>
        <Table verticalSpacing={6} withRowBorders={false}>
          <Table.Tbody>
            {KEYS.map(([key, does]) => (
              <Table.Tr key={key}>
                <Table.Td w={90}>
                  <Kbd>{key}</Kbd>
                </Table.Td>
                <Table.Td>{does}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
        <Text size="sm" c="dimmed" mt="sm">
          Skip what you cannot tell, not what is hard: the queue gives half of its predictions by chance, and
          skipping hard ones makes the model look better than it is.
        </Text>
      </Modal>
    </>
  );
}

const KEYS = [
  ['1 … 9', 'it was this class, in the order of the buttons'],
  ['0', 'the tenth class'],
  ['s', 'skip: nobody is asked again'],
  ['u', 'undo the last label or skip'],
  ['?', 'these keys'],
] as const;
const REASONS: Readonly<Record<Item['reason'], string>> = {
  chance: 'drawn by chance',
  unsure: 'the model was unsure',
  asked: 'asked for',
};

function lastWords(done: readonly Done[]): string {
  const labels = done.filter(({ chosen }) => chosen !== null);
  const last = done.at(-1)!;
  const what =
    last.chosen === null
      ? `skipped ${last.item.device}`
      : `${last.item.device} was ${nameOf(last.item, last.chosen)}, predicted ${nameOf(last.item, last.item.predicted)} (${formatPercent(last.item.confidence, 0)} sure)`;
  const right = labels.filter(({ item, chosen }) => chosen === item.predicted).length;
  return `Last: ${what}. In this visit ${plural(labels.length, 'label')}, ${right} as predicted.`;
}
const nameOf = ({ classes }: Item, index: number): string => classes[index] ?? `class ${index}`;

function Item({ project, item, showsPrediction }: { project: string; item: Item; showsPrediction: boolean }) {
  return (
    <Stack gap="sm" mb="md">
      {item.sample === null ? (
        <Text size="sm">
          The device kept what it predicted, not what it measured. Look at what happened at{' '}
          <Anchor
            underline="always"
            renderRoot={(p) => (
              <Link to="/p/$project/devices/$device" params={{ project, device: item.device }} {...p} />
            )}
          >
            {item.device}
          </Anchor>{' '}
          then: a camera, a log book, somebody who was there. After{' '}
          <span className="mono">sample settings --on</span> devices may send what they measured.
        </Text>
      ) : (
        <LabelSample key={item.sample} project={project} sample={item.sample} />
      )}
      {showsPrediction ? (
        <Text size="sm">
          Predicted <b>{nameOf(item, item.predicted)}</b>, {formatPercent(item.confidence, 0)} sure.
        </Text>
      ) : null}
    </Stack>
  );
}

function Classes({ item, queue }: { item: Item; queue: Queue }) {
  const names = item.classes;
  if (names.length === 0)
    return (
      <Text size="sm" c="dimmed">
        This model names no classes: give them with model import --labels.
      </Text>
    );
  return (
    <SimpleGrid cols={{ base: 2, sm: 3, md: 4 }} spacing="xs" role="group" aria-label="It was">
      {names.map((name, index) => (
        <Button
          key={`${index}${name}`}
          size="md"
          variant="light"
          justify="space-between"
          onClick={() => queue.label(index)}
          rightSection={digitOf(index) === undefined ? <span /> : <Kbd size="xs">{digitOf(index)}</Kbd>}
        >
          {name}
        </Button>
      ))}
    </SimpleGrid>
  );
}

function QueueEmpty({ project, queue }: { project: string; queue: Queue }) {
  return (
    <Empty
      title={queue.done.length > 0 ? 'That was all' : 'Nothing waits for a label'}
      about="Devices keep every n-th prediction (pickEvery of the project) and name it in their windows; it waits here until somebody says what it was. Labels can also come as a file, by the API, or be asked for of devices that an alert names."
      commands={[
        `npx tinyfleet labels ask pump-1 pump-2 --note "alert 17" --project ${project}`,
        `npx tinyfleet labels import labels.csv --dry-run --project ${project}`,
      ]}
    >
      <Group>
        <Button variant="default" size="xs" onClick={queue.retry}>
          Look again
        </Button>
      </Group>
    </Empty>
  );
}
