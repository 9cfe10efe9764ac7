/** What the sender of alerts reads and writes, for all projects. */
import type { Resource } from '@tinyfleet/contracts';
import type { AlertEvent, AlertEvidence } from '@tinyfleet/quality';
import type { Database } from '../database.js';

/** What a message says. */
export interface AlertMessage extends Pick<
  Resource<'Alert'>,
  'number' | 'kind' | 'severity' | 'verdict' | 'scope' | 'subject' | 'title' | 'model' | 'owner' | 'reopened'
> {
  readonly project: string;
  readonly event: AlertEvent | 'test';
  readonly openedAt: string;
  readonly statements: readonly string[];
  /** Null: nobody wrote it down. */
  readonly formula: NonNullable<AlertEvidence['formula']> | null;
}
/** A route that has something to tell. */
export interface DueRoute {
  readonly projectId: string;
  readonly id: string;
  readonly sealed: Buffer;
}
export interface DueAlert {
  readonly id: string;
  readonly attempts: number;
  readonly message: AlertMessage;
}

/** Of those of an alert that wait for one route only the first is due: nobody hears of an end before the beginning. */
const DUE = `d.state = 'waiting' and d.next_attempt_at <= now() and a.state <> 'muted' and not exists (
  select from alert_delivery e where e.project_id = d.project_id and e.route_id = d.route_id and e.alert = d.alert
    and e.state = 'waiting' and e.id < d.id)`;

export class PgAlertOutbox {
  constructor(private readonly database: Database) {}

  /** Other than `busy`; the one that waits longest first. */
  async routes(busy: readonly string[], limit: number): Promise<DueRoute[]> {
    return await this.database.query<DueRoute>(
      `select r.project_id as "projectId", r.id, r.sealed
       from (
         select d.project_id, d.route_id, min(d.next_attempt_at) as since from alert_delivery d
         join alert a on a.project_id = d.project_id and a.number = d.alert
         where ${DUE} and d.route_id <> all ($1::uuid[])
         group by 1, 2 order by 3 limit $2) as due
       join alert_route r on r.project_id = due.project_id and r.id = due.route_id
       order by due.since`,
      [busy, limit],
    );
  }

  /** In the order of their time. */
  async due({ projectId, id }: DueRoute, limit: number): Promise<DueAlert[]> {
    return await this.database.query<DueAlert & object>(
      `select d.id, d.attempts, jsonb_build_object(
         'project', p.name, 'event', d.event, 'number', a.number, 'kind', a.kind, 'severity', a.severity, 'verdict', a.verdict,
         'scope', a.scope, 'subject', a.subject, 'title', a.title, 'model', a.model, 'owner', a.owner, 'reopened', a.reopened,
         'openedAt', to_char(a.opened_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
         'statements', a.evidence -> 'statements', 'formula', a.evidence -> 'formula') as message
       from alert_delivery d
       join alert a on a.project_id = d.project_id and a.number = d.alert
       join project p on p.id = d.project_id
       where ${DUE} and d.project_id = $1 and d.route_id = $2 order by d.next_attempt_at, d.id limit $3`,
      [projectId, id, limit],
    );
  }

  async settle(
    { projectId, id: routeId }: DueRoute,
    id: string,
    outcome: {
      readonly state: 'waiting' | 'delivered' | 'failed';
      readonly error: string | null;
      readonly retryInMs: number;
    },
  ): Promise<void> {
    const { state, error, retryInMs } = outcome;
    await this.database.execute(
      `update alert_delivery set state = $3, attempts = attempts + 1, error = $4,
         next_attempt_at = now() + $5 * interval '1 millisecond' where project_id = $1 and id = $2`,
      [projectId, id, state, error, retryInMs],
    );
    await this.database.execute(
      'update alert_route set last_error = $3 where project_id = $1 and id = $2 and last_error <> $3',
      [projectId, routeId, error ?? ''],
    );
  }
}
