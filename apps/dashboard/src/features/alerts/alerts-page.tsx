/** The inbox: what moved, who is concerned, and who looks after it; newest first, live. */
import { Anchor, Badge, Card, Chip, Group, Select, Skeleton, Stack, Text } from '@mantine/core';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { AlertSeverity, AlertState, plural, type Resource } from '@tinyfleet/contracts';
import { useApi, useApiList } from '../../app/api';
import { formatActor } from '../../app/format';
import { StateBadge } from '../../components/badges';
import { Empty, More, Page, Problem } from '../../components/page';
import { Moment } from '../../components/time';
import { AlertActions } from './alert-actions';
import { stateColor, verdictWords } from './alert-words';
import './alerts.css';

type Alert = Resource<'Alert'>;

/** From the address, which may say anything. */
export interface AlertSearch {
  readonly state?: string;
  readonly severity?: string;
}

export function AlertsPage() {
  const { project } = useParams({ from: '/p/$project/alerts' });
  const search: AlertSearch = useSearch({ from: '/p/$project/alerts' });
  const navigate = useNavigate();
  const state =
    search.state === 'all' ? undefined : (AlertState.options.find((one) => one === search.state) ?? 'open');
  const severity = AlertSeverity.options.find((one) => one === search.severity);
  const query = {
    ...(state === undefined ? {} : { state }),
    ...(severity === undefined ? {} : { severity }),
    limit: 25,
  };
  const list = useApiList('alertList', { params: { project }, query });
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  const go = (part: AlertSearch) =>
    void navigate({ to: '.', search: { ...search, ...part }, replace: true, resetScroll: false });
  return (
    <Page title="Alerts" about="What moved, who is concerned, and who looks after it.">
      <Group justify="space-between" gap="sm">
        <Chip.Group value={state ?? 'all'} onChange={(next) => go({ state: next })}>
          <Group gap={6} role="group" aria-label="State">
            {[...AlertState.options, 'all' as const].map((one) => (
              <Chip key={one} value={one} size="xs">
                {one}
              </Chip>
            ))}
          </Group>
        </Chip.Group>
        <Select
          aria-label="Severity"
          size="xs"
          w={150}
          data={[{ value: '', label: 'any severity' }, ...AlertSeverity.options]}
          allowDeselect={false}
          value={severity ?? ''}
          onChange={(next) => go({ severity: next ?? '' })}
        />
      </Group>
      {list.error === null ? null : <Problem error={list.error} onRetry={() => void list.refetch()} />}
      <Stack gap="sm" component="ul" className="plain" aria-label="Alerts">
        {list.data === undefined && list.error === null
          ? Array.from({ length: 3 }, (_, i) => (
              <li key={i}>
                <Skeleton height={104} radius="md" aria-label="Loading" />
              </li>
            ))
          : rows.map((alert) => (
              <li key={alert.number}>
                <AlertCard project={project} alert={alert} />
              </li>
            ))}
      </Stack>
      <More
        hasNextPage={list.hasNextPage}
        isFetching={list.isFetchingNextPage}
        onMore={() => void list.fetchNextPage()}
      />
      {list.data !== undefined && rows.length === 0 ? (
        <NoAlerts project={project} state={state} isNarrowed={severity !== undefined} />
      ) : null}
    </Page>
  );
}

function AlertCard({ project, alert }: { project: string; alert: Alert }) {
  const { title, lookAt } = verdictWords(alert);
  return (
    <Card
      withBorder
      padding="md"
      className="alert-card"
      component="article"
      aria-label={`Alert ${alert.number}`}
      style={{ '--stripe': stateColor(alert) }}
    >
      <Group justify="space-between" align="flex-start" gap="sm">
        <div className="alert-words">
          <Group gap={8} mb={2}>
            <Link
              className="row-link"
              to="/p/$project/alerts/$number"
              params={{ project, number: String(alert.number) }}
            >
              #{alert.number} {alert.title}
            </Link>
          </Group>
          <Text size="sm">
            <b>{title}</b> · look at {lookAt}
          </Text>
          <Group gap={8} mt={6}>
            <StateBadge state={alert.state} />
            <StateBadge state={alert.severity} />
            <Badge variant="default" tt="none" fw={500}>
              {alert.subject}
            </Badge>
            <Text size="xs" c="dimmed" component="span">
              opened <Moment at={alert.openedAt} />
              {alert.times > 1 ? (
                <>
                  {' '}
                  · seen {alert.times} times, last <Moment at={alert.lastSeenAt} />
                </>
              ) : null}
              {alert.reopened > 0 ? <> · came back {plural(alert.reopened, 'time')}</> : null}
              {alert.state === 'muted' && alert.mutedUntil !== null ? (
                <>
                  {' '}
                  · comes back <Moment at={alert.mutedUntil} />
                </>
              ) : null}
              {alert.owner === null ? null : <> · {formatActor(alert.owner)}</>}
            </Text>
          </Group>
        </div>
        <AlertActions project={project} alert={alert} />
      </Group>
    </Card>
  );
}

/** Nothing here: because nothing moved, or because nothing is watched yet? */
function NoAlerts(props: {
  project: string;
  state: Resource<'AlertState'> | undefined;
  isNarrowed: boolean;
}) {
  const { project, state, isNarrowed } = props;
  const watches = useApi('qualityWatchList', { params: { project } });
  if (watches.data === undefined) return null;
  const watching = watches.data.items.filter((one) => one.state !== 'unable');
  const unable = watches.data.items.filter((one) => one.state === 'unable');
  if (watching.length === 0)
    return (
      <Empty
        title="Nothing is watched yet"
        about="Drift is judged against a period that you declare healthy: four days or more that you have looked at yourself. From then on every device, group and version is held against it."
        commands={[
          `npx tinyfleet quality baseline declare --from 5d --to 1h --project ${project}`,
          `npx tinyfleet alert route add ops --slack https://hooks.slack.com/services/T0/B0/example --project ${project}`,
        ]}
      >
        {unable.map(({ model, schema, part, reason }) => (
          <Text key={`${model}${schema}${part}`} size="sm">
            {model}: {reason}.
          </Text>
        ))}
        <Text size="sm">
          Or do it by hand at{' '}
          <Anchor
            underline="always"
            renderRoot={(p) => <Link to="/p/$project/quality/budget" params={{ project }} {...p} />}
          >
            Quality, false alarms
          </Anchor>
          .
        </Text>
      </Empty>
    );
  const isStarting = watching.some((one) => one.state === 'starting');
  const devices = watching.reduce((sum, one) => sum + one.devices, 0);
  const until = watching.map((one) => one.judgedUntil).sort()[0]!;
  return (
    <Empty
      title={
        state === undefined || isNarrowed
          ? 'No such alert'
          : state === 'open'
            ? 'All is calm'
            : `None is ${state}`
      }
      about={
        <>
          {devices} devices are watched and have been judged until <Moment at={until} />. An alert appears
          here by itself when something moves.
          {isStarting
            ? ' Until their first rounds are over devices are held against validation data as a fleet; a declared healthy period judges each of them at once.'
            : ''}
        </>
      }
    />
  );
}
