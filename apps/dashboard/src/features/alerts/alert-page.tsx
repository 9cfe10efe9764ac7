/** One alert: the verdict in words, its evidence, the formula, what was done and who was told. */
import { Alert as Notice, Anchor, Button, Group, Stack, Table, Text, Textarea } from '@mantine/core';
import { Link, useParams } from '@tanstack/react-router';
import type { Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useAction, useApi } from '../../app/api';
import { formatActor } from '../../app/format';
import { useMay } from '../../app/role';
import { StateBadge } from '../../components/badges';
import { DataTable } from '../../components/data-table';
import { Loaded, Page, Problem, Section } from '../../components/page';
import { Moment } from '../../components/time';
import { AlertActions } from './alert-actions';
import { Concerned, Formula, Shifts } from './alert-evidence';
import { ACTION_WORDS, subjectOf, verdictWords } from './alert-words';
import '../rollouts/rollouts.css';
import './alerts.css';

type Detail = Resource<'AlertDetail'>;

export function AlertPage() {
  const { project, number } = useParams({ from: '/p/$project/alerts/$number' });
  const query = useApi('alertGet', { params: { project, alert: Number(number) } });
  return (
    <Page
      title={`Alert ${number}`}
      about={
        <Anchor size="sm" renderRoot={(p) => <Link to="/p/$project/alerts" params={{ project }} {...p} />}>
          ← Alerts
        </Anchor>
      }
      actions={query.data === undefined ? null : <AlertActions project={project} alert={query.data} />}
    >
      <Loaded query={query} height={320}>
        {(alert) => (
          <>
            <Verdict project={project} alert={alert} />
            <Shifts alert={alert} />
            <Formula alert={alert} />
            <Done alert={alert} />
            <Log project={project} alert={alert} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Verdict({ project, alert }: { project: string; alert: Detail }) {
  const { title, means, lookAt } = verdictWords(alert);
  const subject = subjectOf(alert.subject);
  const { statements } = alert.evidence;
  return (
    <Section
      title={title}
      about={
        <Group gap={8} mt={4}>
          <StateBadge state={alert.state} />
          <StateBadge state={alert.severity} />
          <span>
            opened <Moment at={alert.openedAt} />
            {alert.state === 'muted' && alert.mutedUntil !== null ? (
              <>
                , comes back <Moment at={alert.mutedUntil} />
              </>
            ) : null}
            {alert.resolvedAt === null ? null : (
              <>
                , resolved <Moment at={alert.resolvedAt} /> by {byWhom(alert.resolvedBy ?? '')}
              </>
            )}
            {alert.owner === null ? null : `, ${formatActor(alert.owner)} looks after it`}
          </span>
        </Group>
      }
    >
      <Stack gap="sm">
        <Text fw={600} size="lg" style={{ overflowWrap: 'anywhere' }}>
          {alert.title}
        </Text>
        <Text size="sm">{means}</Text>
        {statements.length === 0 ? null : (
          <ul className="statements">
            {statements.map((one) => (
              <li key={one}>
                <Text size="sm">{one}</Text>
              </li>
            ))}
          </ul>
        )}
        <Notice variant="light" color="harbour" title={`Look at ${lookAt}`} p="sm">
          <Group gap="md">
            {subject === null ? null : 'device' in subject ? (
              <Anchor
                size="sm"
                renderRoot={(p) => (
                  <Link
                    to="/p/$project/devices/$device"
                    params={{ project, device: subject.device }}
                    {...p}
                  />
                )}
              >
                The device
              </Anchor>
            ) : (
              <Anchor
                size="sm"
                renderRoot={(p) => (
                  <Link to="/p/$project" params={{ project }} search={{ filter: subject.filter }} {...p} />
                )}
              >
                Its devices
              </Anchor>
            )}
            {alert.kind !== 'drift' ? null : (
              <Anchor
                size="sm"
                renderRoot={(p) => <Link to="/p/$project/quality/drift" params={{ project }} {...p} />}
              >
                Drift of all features
              </Anchor>
            )}
            {alert.verdict === 'pre-processing' ? (
              <Anchor
                size="sm"
                renderRoot={(p) => <Link to="/p/$project/rollouts" params={{ project }} {...p} />}
              >
                Rollouts
              </Anchor>
            ) : null}
          </Group>
        </Notice>
        <Concerned project={project} alert={alert} />
      </Stack>
    </Section>
  );
}

function Done({ alert: { actions, deliveries } }: { alert: Detail }) {
  if (actions.length === 0 && deliveries.length === 0) return null;
  return (
    <Section title="Done and told" about="What rules did when it opened, and who was told">
      {actions.length === 0 ? null : (
        <DataTable label="Actions" minWidth={460} heads={['Action', 'State', 'What came of it']}>
          {actions.map(({ action, state, text }) => (
            <Table.Tr key={action}>
              <Table.Td>{ACTION_WORDS[action]}</Table.Td>
              <Table.Td>
                <StateBadge state={state} />
              </Table.Td>
              <Table.Td>{text === '' ? '–' : text}</Table.Td>
            </Table.Tr>
          ))}
        </DataTable>
      )}
      {deliveries.length === 0 ? null : (
        <DataTable
          label="Told"
          minWidth={460}
          heads={['Route', 'Of what', 'State', 'Tries', 'When', 'Error']}
        >
          {deliveries.map(({ route, event, state, attempts, at, error }, i) => (
            // One that comes back is told again: a route may have the same twice.
            <Table.Tr key={i}>
              <Table.Td>{route}</Table.Td>
              <Table.Td>{event}</Table.Td>
              <Table.Td>
                <StateBadge state={state} />
              </Table.Td>
              <Table.Td>{attempts}</Table.Td>
              <Table.Td>
                <Moment at={at} />
              </Table.Td>
              <Table.Td>{error ?? '–'}</Table.Td>
            </Table.Tr>
          ))}
        </DataTable>
      )}
    </Section>
  );
}

const LOG_COLORS: Readonly<Record<string, string>> = {
  opened: '#d55e00',
  reopened: '#d55e00',
  escalated: '#d55e00',
  acknowledged: '#1f87c9',
  action: '#1f87c9',
  muted: '#858585',
  resolved: '#009e73',
};
const byWhom = (by: string): string => (by === 'engine' ? 'the engine' : formatActor(by));

function Log({ project, alert }: { project: string; alert: Detail }) {
  const may = useMay(project);
  const [text, setText] = useState('');
  const comment = useAction('alertComment', () => setText(''));
  return (
    <Section title="Log">
      <ol className="log">
        {alert.log.map((entry, i) => (
          <li key={i} style={{ '--log-color': LOG_COLORS[entry.what] ?? '#858585' } as React.CSSProperties}>
            <Text size="xs" c="dimmed" pt={2}>
              <Moment at={entry.at} />
            </Text>
            <div>
              <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
                <b>{entry.what}</b>
                {entry.text === '' ? '' : ` · ${entry.text}`}
              </Text>
              <Text size="xs" c="dimmed">
                by {byWhom(entry.by)}
              </Text>
            </div>
          </li>
        ))}
      </ol>
      {may('operator') ? (
        <Stack gap="xs" mt="sm">
          <Textarea
            aria-label="Comment"
            placeholder="What you found out"
            autosize
            minRows={2}
            maxLength={2_000}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
          {comment.error === null ? null : <Problem error={comment.error} />}
          <Group justify="flex-end">
            <Button
              size="xs"
              variant="default"
              disabled={text.trim() === ''}
              loading={comment.isPending}
              onClick={() =>
                comment.mutate({ params: { project, alert: alert.number }, body: { text: text.trim() } })
              }
            >
              Comment
            </Button>
          </Group>
        </Stack>
      ) : null}
    </Section>
  );
}
