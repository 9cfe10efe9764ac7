/** What people do with an alert. Each dialog says what will happen, and takes a note for the log. */
import { Button, Checkbox, Group, Modal, SegmentedControl, Stack, Text, Textarea } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { ApiError, Resource } from '@tinyfleet/contracts';
import { useState, type ReactNode } from 'react';
import { useAction } from '../../app/api';
import { useMay } from '../../app/role';
import { Problem } from '../../components/page';

type Alert = Resource<'Alert'>;
interface Props {
  readonly project: string;
  readonly alert: Alert;
}

/** Seconds, as the API takes them. */
const MUTES = [
  { value: '3600', label: '1 h' },
  { value: '28800', label: '8 h' },
  { value: '86400', label: '1 d' },
  { value: '604800', label: '7 d' },
];

export function AlertActions({ project, alert }: Props) {
  const may = useMay(project);
  if (!may('operator') || alert.state === 'resolved') return null;
  return (
    <Group gap={6}>
      {alert.state === 'acknowledged' ? null : <Acknowledge project={project} alert={alert} />}
      <Mute project={project} alert={alert} />
      <Resolve project={project} alert={alert} />
    </Group>
  );
}

function Acknowledge({ project, alert }: Props) {
  const run = useAction('alertAcknowledge');
  const params = { project, alert: alert.number };
  return (
    <Ask
      verb="Acknowledge"
      alert={alert}
      variant="filled"
      title={`Look after alert ${alert.number}?`}
      isRunning={run.isPending}
      error={run.error}
      run={(note) => run.mutateAsync({ params, body: { note } })}
    >
      <Text size="sm">You are its owner from now on, and it escalates no more.</Text>
    </Ask>
  );
}

function Mute({ project, alert }: Props) {
  const run = useAction('alertMute');
  const [seconds, setSeconds] = useState('86400');
  const params = { project, alert: alert.number };
  return (
    <Ask
      verb="Mute"
      alert={alert}
      title={`Tell nobody of alert ${alert.number} for a while?`}
      isRunning={run.isPending}
      error={run.error}
      run={(note) => run.mutateAsync({ params, body: { seconds: Number(seconds), note } })}
    >
      <Text size="sm">It is judged as before and comes back by itself. Other alerts are told as ever.</Text>
      <SegmentedControl aria-label="For how long" data={MUTES} value={seconds} onChange={setSeconds} />
    </Ask>
  );
}

function Resolve({ project, alert }: Props) {
  const run = useAction('alertResolve');
  const [accept, setAccept] = useState(false);
  const params = { project, alert: alert.number };
  return (
    <Ask
      verb="Resolve"
      alert={alert}
      title={`Is alert ${alert.number} over?`}
      isRunning={run.isPending}
      error={run.error}
      run={(note) => run.mutateAsync({ params, body: { accept, note } })}
    >
      <Text size="sm">
        {alert.kind !== 'drift'
          ? 'If it goes on, it is told again in a day at the latest.'
          : accept
            ? 'What it moved to is healthy from now on: it is no longer held against what it was before.'
            : 'What moved stays judged against what it was before. Nobody is told again of the same for a day.'}
      </Text>
      {alert.kind !== 'drift' ? null : (
        <Checkbox
          label="What it moved to is healthy"
          checked={accept}
          onChange={(event) => setAccept(event.currentTarget.checked)}
        />
      )}
    </Ask>
  );
}

function Ask(props: {
  verb: string;
  alert: Alert;
  title: string;
  variant?: 'filled' | 'default';
  isRunning: boolean;
  error: ApiError | null;
  run: (note: string) => Promise<unknown>;
  children: ReactNode;
}) {
  const { verb, alert, run } = props;
  const [opened, { open, close }] = useDisclosure();
  const [note, setNote] = useState('');
  const go = () =>
    run(note.trim()).then(
      () => {
        setNote('');
        close();
      },
      // Shown below the note.
      () => undefined,
    );
  return (
    <>
      <Button
        size="compact-sm"
        variant={props.variant ?? 'default'}
        aria-label={`${verb} alert ${alert.number}`}
        onClick={open}
      >
        {verb}
      </Button>
      <Modal opened={opened} onClose={close} title={props.title} centered>
        <Stack>
          {props.children}
          <Textarea
            label="Note"
            description="For its log; may be left empty"
            autosize
            minRows={2}
            maxLength={2_000}
            value={note}
            onChange={(event) => setNote(event.currentTarget.value)}
          />
          {props.error === null ? null : <Problem error={props.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button loading={props.isRunning} onClick={() => void go()}>
              {verb}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
