/** What waits for a person, as one list, most urgent first. It decides nothing: every line leads to the page that does. */
import type { LinkProps } from '@tanstack/react-router';
import { plural, type Resource } from '@tinyfleet/contracts';

export interface Need {
  readonly key: string;
  /** Why it waits: a word that badges know. */
  readonly state: string;
  readonly title: string;
  readonly about: string;
  /** Since when it waits; null: nobody knows. */
  readonly since: string | null;
  readonly link: LinkProps;
}

/** Each as its list gives it: the newest first, devices by when they asked. */
export interface Waiting {
  readonly alerts: readonly Resource<'Alert'>[];
  readonly rollouts: readonly Resource<'Rollout'>[];
  readonly enrolments: readonly Pick<Resource<'Enrolment'>, 'device' | 'askedAt'>[];
  readonly releases: readonly Resource<'Release'>[];
  readonly refusals: readonly Resource<'TelemetryRefusal'>[];
  readonly openLabelTasks: number;
}

const DAY_MS = 86_400_000;
/** Alerts of one severity that have a line of their own: many must not hide what else waits. */
const ALERTS = 3;

export function needsOf(project: string, waiting: Waiting, nowMs = Date.now()): Need[] {
  const rollouts = waiting.rollouts.map((one) => rolloutNeed(project, one)).filter((one) => one !== null);
  const rolloutsThat = (state: string) => rollouts.filter((one) => one.state === state);
  return [
    ...alertNeeds(project, waiting.alerts, 'critical'),
    ...rolloutsThat('paused'),
    ...alertNeeds(project, waiting.alerts, 'warning'),
    ...rolloutsThat('awaiting-approval'),
    ...admission(project, waiting.enrolments),
    ...waiting.releases.flatMap((one) => signature(project, one)),
    ...refused(project, waiting.refusals, nowMs),
    ...labels(project, waiting.openLabelTasks),
  ];
}

function alertNeeds(project: string, alerts: Waiting['alerts'], severity: Resource<'AlertSeverity'>): Need[] {
  const own = alerts.filter((one) => one.severity === severity);
  const needs = own.slice(0, ALERTS).map((one) => alertNeed(project, one));
  const rest = own.length - needs.length;
  if (rest === 0) return needs;
  return [
    ...needs,
    {
      key: `more ${severity}`,
      state: severity,
      title: `${plural(rest, 'more alert')} of this severity`,
      about: 'older ones, in the inbox',
      since: null,
      link: { to: '/p/$project/alerts', params: { project }, search: { severity } },
    },
  ];
}

function alertNeed(project: string, alert: Resource<'Alert'>): Need {
  return {
    key: `alert ${alert.number}`,
    state: alert.severity,
    title: `Alert #${alert.number}: ${alert.title}`,
    about: alert.subject,
    since: alert.openedAt,
    link: { to: '/p/$project/alerts/$number', params: { project, number: String(alert.number) } },
  };
}

function rolloutNeed(project: string, rollout: Resource<'Rollout'>): Need | null {
  const { number, release, state, reason, createdAt, stepEndedAt } = rollout;
  if (state !== 'paused' && state !== 'awaiting-approval') return null;
  return {
    key: `rollout ${number}`,
    state,
    title: `Rollout #${number} of ${release} ${state === 'paused' ? 'is paused' : 'waits for approval'}`,
    about: reason,
    since: state === 'paused' ? null : (stepEndedAt ?? createdAt),
    link: { to: '/p/$project/rollouts/$number', params: { project, number: String(number) } },
  };
}

function admission(project: string, enrolments: Waiting['enrolments']): Need[] {
  const [first] = enrolments;
  if (first === undefined) return [];
  const names = enrolments.slice(0, 3).map(({ device }) => device);
  const isOne = enrolments.length === 1;
  return [
    {
      key: 'admission',
      state: 'waiting',
      title: `${plural(enrolments.length, 'device')} ${isOne ? 'waits' : 'wait'} to be let in`,
      about: enrolments.length > names.length ? `${names.join(', ')} …` : names.join(', '),
      since: first.askedAt,
      link: { to: '/p/$project/provisioning', params: { project } },
    },
  ];
}

function signature(project: string, release: Resource<'Release'>): Need[] {
  const { ref, signedAt, state, createdAt, createdBy } = release;
  if (signedAt !== null || state === 'revoked' || state === 'deprecated') return [];
  return [
    {
      key: `release ${ref}`,
      state: 'waiting',
      title: `Release ${ref} waits for a signature`,
      about: `made by ${createdBy.replace(/^person:/, '')}; ${state}`,
      since: createdAt,
      link: { to: '/p/$project/releases/$release', params: { project, release: ref } },
    },
  ];
}

/** Of the last 24 hours, a line for each device; what it sent counts nowhere. */
function refused(project: string, refusals: Waiting['refusals'], nowMs: number): Need[] {
  const devices = new Map<string, { count: number; codes: Set<string>; lastAt: string }>();
  for (const { device, code, count, lastAt } of refusals) {
    if (device === null || Date.parse(lastAt) < nowMs - DAY_MS) continue;
    const known = devices.get(device) ?? { count: 0, codes: new Set(), lastAt };
    known.codes.add(code);
    known.count += count;
    if (lastAt > known.lastAt) known.lastAt = lastAt;
    devices.set(device, known);
  }
  return [...devices]
    .sort(([, a], [, b]) => b.count - a.count)
    .map(([device, { count, codes, lastAt }]) => ({
      key: `refused ${device}`,
      state: 'refused',
      title: `${plural(count, 'message')} of ${device} refused within 24 h`,
      about: [...codes].join(', '),
      since: lastAt,
      link: { to: '/p/$project/devices/$device', params: { project, device }, hash: 'refusals' },
    }));
}

function labels(project: string, open: number): Need[] {
  if (open === 0) return [];
  return [
    {
      key: 'labels',
      state: 'waiting',
      title: `${plural(open, 'prediction')} to label, asked for`,
      about: 'an alert or a person put them at the front of the queue',
      since: null,
      link: { to: '/p/$project/quality/labels', params: { project } },
    },
  ];
}
