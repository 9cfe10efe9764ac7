/** What happens to an alert whoever does it: opened, resolved. Deliveries, actions and events are written with it. */
import type { ProjectScope, Resource } from '@tinyfleet/contracts';
import type { Alert, AlertActionName, AlertStores, NewAlert } from './ports.js';

type Stores = Pick<AlertStores, 'alerts' | 'events'>;
type Rule = Resource<'QualitySettings'>['rules'][number];

/** The engine's name in logs and events. */
export const ENGINE = 'engine';

export const actionsOf = (
  rules: readonly Rule[],
  alert: Pick<NewAlert, 'kind' | 'verdict' | 'scope' | 'severity'>,
): AlertActionName[] => [
  ...new Set(
    rules
      .filter(
        (rule) =>
          (rule.kind ?? alert.kind) === alert.kind &&
          (rule.verdict ?? alert.verdict) === alert.verdict &&
          (rule.scope ?? alert.scope) === alert.scope &&
          (rule.severity === 'warning' || alert.severity === 'critical'),
      )
      .flatMap(({ actions }) => actions),
  ),
];

/** Its number; undefined when one was open for its subject, which then was seen again. What came back soon is the alert it was. */
export async function openAlert(
  { alerts, events }: Stores,
  scope: ProjectScope,
  alert: NewAlert,
  { rules, reopenMinutes }: Pick<Resource<'QualitySettings'>, 'rules' | 'reopenMinutes'>,
): Promise<{ readonly number: number; readonly reopened: number } | undefined> {
  const opened = await alerts.open(scope, alert, reopenMinutes);
  if (opened === undefined) return undefined;
  const { number } = opened;
  const { kind, severity, verdict, subject, title } = alert;
  const what = opened.reopened > 0 ? 'reopened' : 'opened';
  await alerts.note(scope, number, { by: ENGINE, what, text: title });
  await alerts.addActions(scope, number, actionsOf(rules, alert));
  await alerts.queue(scope, number, what, severity);
  await events.emit(scope, `alert.${what}`, { alert: number, kind, severity, verdict, subject, title });
  return opened;
}

/** Each time that an alert comes back, what ends it has to last twice as long, so that one that comes and goes stays open. */
export const calmNeeded = (rounds: number, reopened: number): number => rounds * 2 ** Math.min(reopened, 4);

/**
 * @param how `accepted`: what it moved to is healthy; `released`: nothing of it is set aside any more; `calm`: it ended by itself and
 *   may come back
 */
export async function resolveAlert(
  { alerts, events }: Stores,
  scope: ProjectScope,
  alert: Alert,
  how: {
    readonly by: string;
    readonly text: string;
    readonly accepted?: boolean;
    readonly released?: boolean;
    readonly calm?: boolean;
  },
): Promise<void> {
  const { number, state, severity, kind, verdict, subject, title } = alert;
  const { by, text, accepted = false, released = false, calm = false } = how;
  await alerts.change(scope, number, { state: 'resolved', by, accepted, released, calm });
  await alerts.note(scope, number, { by, what: 'resolved', text });
  if (state === 'muted') await alerts.dropQueued(scope, number, { reason: 'it was over while it was muted' });
  else await alerts.queue(scope, number, 'resolved', severity);
  await events.emit(scope, 'alert.resolved', { alert: number, kind, severity, verdict, subject, title, by });
}
