/** The card of what needs somebody now: a line each, most urgent first, live. */
import { Anchor, Skeleton, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { useApi } from '../../app/api';
import { formatInteger } from '../../app/format';
import { StateBadge } from '../../components/badges';
import { Problem, Section } from '../../components/page';
import { Moment } from '../../components/time';
import { needsOf } from './needs';

/** Lines before the rest is asked for. */
const FIRST = 7;
/** Of the card when it says that there is nothing, pixels. */
const LEAST_PX = 66;

export function NeedsYou({ project }: { project: string }) {
  const params = { project };
  const alerts = useApi('alertList', { params, query: { state: 'open', limit: 100 } });
  const rollouts = useApi('rolloutList', { params, query: { limit: 100 } });
  const enrolments = useApi('enrolmentList', { params, query: { limit: 100, state: 'pending' } });
  const releases = useApi('releaseList', { params, query: { limit: 100 } });
  const refusals = useApi('telemetryRefusalList', { params, query: { limit: 100 } });
  const queue = useApi('labelQueue', { params });
  const [isWhole, setIsWhole] = useState(false);
  const failed = [alerts, rollouts, enrolments, releases, refusals, queue].find(
    ({ error }) => error !== null,
  );
  if (failed !== undefined) return <Problem error={failed.error} onRetry={() => void failed.refetch()} />;
  const isHere =
    alerts.data && rollouts.data && enrolments.data && releases.data && refusals.data && queue.data;
  if (!isHere) return <Skeleton height={lastHeightPx(project)} radius="md" aria-label="Loading" />;
  const needs = needsOf(project, {
    alerts: alerts.data.items,
    rollouts: rollouts.data.items,
    enrolments: enrolments.data.items,
    releases: releases.data.items,
    refusals: refusals.data.items,
    openLabelTasks: queue.data.open,
  });
  if (needs.length === 0)
    return (
      <Remembered project={project}>
        <Section
          title="Nothing needs you now"
          about="Open alerts, rollouts that wait, devices and releases to let through, refused messages and labels that are asked for appear here by themselves."
        />
      </Remembered>
    );
  const shown = isWhole ? needs : needs.slice(0, FIRST);
  const rest = needs.length - shown.length;
  return (
    <Remembered project={project}>
      <Section title="Needs you now" about="Most urgent first; each line leads to where it is done">
        <ol className="needs">
          {shown.map(({ key, state, title, about, since, link }) => (
            <li key={key}>
              <StateBadge state={state} />
              <div className="needs-words">
                <Link className="row-link" {...link}>
                  {title}
                </Link>
                <Text size="xs" c="dimmed" lineClamp={2}>
                  {about}
                </Text>
              </div>
              {since === null ? null : (
                <Text size="xs" c="dimmed" component="span">
                  <Moment at={since} />
                </Text>
              )}
            </li>
          ))}
        </ol>
        {rest === 0 ? null : (
          <Anchor component="button" type="button" size="sm" mt={8} onClick={() => setIsWhole(true)}>
            Show {formatInteger(rest)} more
          </Anchor>
        )}
      </Section>
    </Remembered>
  );
}

const heightKey = (project: string): string => `tinyfleet.needs-you.${project}.px`;

/** So that nothing below moves while the card is read: as high as it was here last time. */
function lastHeightPx(project: string): number {
  try {
    return Math.max(LEAST_PX, Number(localStorage.getItem(heightKey(project))) || 0);
  } catch {
    return LEAST_PX;
  }
}

function Remembered({ project, children }: { project: string; children: ReactNode }) {
  const card = useRef<HTMLDivElement>(null);
  useEffect(() => {
    try {
      localStorage.setItem(heightKey(project), String(card.current?.offsetHeight ?? LEAST_PX));
    } catch {
      // A browser that keeps nothing: the card grows as it comes.
    }
  });
  return <div ref={card}>{children}</div>;
}
