/** Devices from a CSV file: all of them or none, with every wrong row named. */
import {
  Anchor,
  Button,
  Checkbox,
  Code,
  FileButton,
  Group,
  Progress,
  SegmentedControl,
  Stack,
  Text,
} from '@mantine/core';
import { Link, useParams } from '@tanstack/react-router';
import { DeviceImport, type ApiError, type Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { queryClient, useAction, useApi, useApiList } from '../../app/api';
import { formatBytes } from '../../app/format';
import { More, Page, Problem, Section } from '../../components/page';
import { ImportReport, Imports } from './import-report';
import { newUuid } from './new-uuid';

type Conflict = Resource<'DeviceImport'>['onConflict'];

export function ImportPage() {
  const { project } = useParams({ from: '/p/$project' });
  const earlier = useApiList('deviceImportList', { params: { project }, query: { limit: 20 } });
  const rows = earlier.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Page
      title="Import devices"
      about={
        <Anchor component={Link} to={`/p/${project}`} size="sm">
          ← Fleet
        </Anchor>
      }
    >
      <Section
        title="File"
        about="CSV with a header. It is checked as a whole first: one wrong row, and nothing is written"
      >
        <Upload project={project} />
      </Section>
      <Section title="Imports so far">
        {earlier.error === null ? null : <Problem error={earlier.error} />}
        <Imports project={project} rows={rows} isLoading={earlier.data === undefined} />
        <More
          hasNextPage={earlier.hasNextPage}
          isFetching={earlier.isFetchingNextPage}
          onMore={() => void earlier.fetchNextPage()}
        />
      </Section>
    </Page>
  );
}

function Upload({ project }: { project: string }) {
  const [file, setFile] = useState<File | null>(null);
  const [onConflict, setOnConflict] = useState<Conflict>('fail');
  const [tokens, setTokens] = useState(false);
  const [over, setOver] = useState(false);
  const [id, setId] = useState<string>();
  const run = useAction('deviceImport');
  const take = (chosen: File | null) => {
    run.reset();
    setFile(chosen);
  };
  const start = (dryRun: boolean) => {
    if (file === null) return;
    const next = newUuid();
    setId(next);
    run.mutate(
      {
        params: { project },
        // The query is text.
        query: { id: next, onConflict, dryRun: String(dryRun), tokens: String(tokens) },
        body: file,
      },
      // A refused one is an import too, and the server tells of those that were written only.
      { onError: () => void queryClient.invalidateQueries({ queryKey: [project, 'deviceImportList'] }) },
    );
  };
  return (
    <Stack gap="sm">
      <Text size="sm">
        Columns <Code>name</Code> and <Code>type</Code>, and as you like <Code>tags</Code> (separated by
        blanks), <Code>site</Code>, <Code>hardwareRevision</Code>, <Code>notes</Code> and{' '}
        <Code>attr.KEY</Code>. An export of the fleet has the same ones.
      </Text>
      <div
        className="drop-area"
        data-over={over}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          take(event.dataTransfer.files[0] ?? null);
        }}
      >
        <Group justify="center" gap="sm">
          <Text size="sm">
            {file === null ? 'Drop a CSV file here or' : `${file.name}, ${formatBytes(file.size)}`}
          </Text>
          <FileButton onChange={take} accept=".csv,text/csv" inputProps={{ 'aria-label': 'CSV file' }}>
            {(button) => (
              <Button {...button} variant="default" size="xs">
                {file === null ? 'choose one' : 'another'}
              </Button>
            )}
          </FileButton>
        </Group>
      </div>
      <Group gap="xl" align="flex-end">
        <div>
          <Text size="sm" fw={500} id="on-conflict" mb={4}>
            A device of that name exists
          </Text>
          <SegmentedControl
            aria-labelledby="on-conflict"
            size="xs"
            data={[
              { value: 'fail', label: 'it is an error' },
              { value: 'skip', label: 'leave it' },
              { value: 'update', label: 'update it' },
            ]}
            value={onConflict}
            onChange={(value) => setOnConflict(DeviceImport.shape.onConflict.parse(value))}
          />
        </div>
        <Checkbox
          label="Make a token for each new device"
          description="To fetch once; otherwise they claim, or get one later"
          checked={tokens}
          onChange={(e) => setTokens(e.currentTarget.checked)}
        />
      </Group>
      <Group>
        <Button variant="default" disabled={file === null || run.isPending} onClick={() => start(true)}>
          Check only
        </Button>
        <Button disabled={file === null || run.isPending} onClick={() => start(false)}>
          Import
        </Button>
      </Group>
      {run.isPending && id !== undefined ? <Running project={project} id={id} /> : null}
      {run.error === null ? null : <Refused project={project} error={run.error} id={id} />}
      {run.data === undefined ? null : <ImportReport project={project} run={run.data} />}
    </Stack>
  );
}

const LOOK_MS = 700;
const STATES: Readonly<Record<Resource<'DeviceImportState'>, string>> = {
  reading: 'Reading',
  checking: 'Checking',
  writing: 'Writing',
  checked: 'Checked',
  applied: 'Written',
  refused: 'Refused',
  failed: 'Failed',
};

/** The one reading that is repeated by the clock: an import has no events until it ends. */
function Running({ project, id }: { project: string; id: string }) {
  const latest = useApi(
    'deviceImportList',
    { params: { project }, query: { limit: 5 } },
    { refetchInterval: LOOK_MS },
  );
  const now = latest.data?.items.find((one) => one.id === id);
  const done = now === undefined ? 0 : now.added + now.updated + now.skipped;
  const share = now === undefined || now.state !== 'writing' || now.rows === 0 ? undefined : done / now.rows;
  const text =
    now === undefined
      ? 'Sending the file'
      : `${STATES[now.state]}: ${(now.state === 'writing' ? done : now.rows).toLocaleString('en-GB')} rows`;
  return (
    <div role="status">
      <Text size="sm" mb={4}>
        {text}
      </Text>
      <Progress
        value={share === undefined ? 100 : share * 100}
        animated
        aria-label="Progress of the import"
      />
    </div>
  );
}

/** A refused file has its rows in the import; other failures speak for themselves. */
function Refused(props: { project: string; error: ApiError; id: string | undefined }) {
  const isReported = props.error.code === 'registry.import-refused' && props.id !== undefined;
  const report = useApi(
    'deviceImportGet',
    { params: { project: props.project, import: props.id ?? '' } },
    { enabled: isReported },
  );
  if (!isReported || report.data === undefined) return <Problem error={props.error} />;
  return <ImportReport project={props.project} run={report.data} />;
}
