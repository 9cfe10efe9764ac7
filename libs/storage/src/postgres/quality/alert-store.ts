/** Alerts with their logs, deliveries and actions. */
import type { Page, PageRequest, ProjectScope, Resource } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import {
  alertLinks,
  type Alert,
  type AlertActionName,
  type AlertChange,
  type AlertEvent,
  type AlertIncident,
  type AlertStore,
  type HeldAlert,
  type KnownSilence,
  type NewAlert,
} from '@tinyfleet/quality';
import { uuidv7 } from 'uuidv7';
import type { Db } from '../database.js';
import { cursorNumber, iso, isoOrNull, toPage } from '../stores/page.js';

type Detail = Resource<'AlertDetail'>;
type Times = 'openedAt' | 'lastSeenAt';
type NullTimes = 'acknowledgedAt' | 'escalatedAt' | 'mutedUntil' | 'resolvedAt';
type Row = Omit<Alert, Times | NullTimes> & Record<Times, Date> & Record<NullTimes, Date | null>;

const ALERT = `number, kind, state, severity, verdict, scope, subject, title, model, opened_at as "openedAt",
  last_seen_at as "lastSeenAt", times, reopened, owner, acknowledged_at as "acknowledgedAt", acknowledged_by as "acknowledgedBy",
  escalated_at as "escalatedAt", muted_until as "mutedUntil", resolved_at as "resolvedAt", resolved_by as "resolvedBy"`;

/** Space of the locks by project under which silences are told. */
const SILENCE_LOCK = 7463;

export class PgAlertStore implements AlertStore {
  constructor(private readonly db: Db) {}

  async list(scope: ProjectScope, query: PageRequest & Resource<'AlertQuery'>): Promise<Page<Alert>> {
    const { state, kind, severity, model, limit } = query;
    const rows = await this.db.query<Row>(
      `select ${ALERT} from alert where project_id = $1 and ($2::text is null or state = $2) and ($3::text is null or kind = $3)
         and ($4::text is null or severity = $4) and ($5::text is null or model = $5) and ($6::bigint is null or number < $6)
       order by number desc limit $7`,
      [
        scope.id,
        state ?? null,
        kind ?? null,
        severity ?? null,
        model ?? null,
        cursorNumber(query) ?? null,
        limit + 1,
      ],
    );
    return toPage(rows, limit, (row) => [String(row.number)], toAlert);
  }

  async get(scope: ProjectScope, number: number): Promise<Detail> {
    const [row] = await this.db.query<Row & Pick<Detail, 'evidence'>>(
      `select ${ALERT}, evidence from alert where project_id = $1 and number = $2`,
      [scope.id, number],
    );
    if (!row) throw notFound(number);
    const key = [scope.id, number];
    const log = await this.db.query<{ at: Date; by: string; what: string; text: string }>(
      'select at, actor as by, what, text from alert_entry where project_id = $1 and alert = $2 order by id',
      key,
    );
    const deliveries = await this.db.query<Omit<Detail['deliveries'][number], 'at'> & { at: Date }>(
      `select r.name as route, d.event, d.state, d.attempts, d.error, d.created_at as at from alert_delivery d
       join alert_route r on r.project_id = d.project_id and r.id = d.route_id
       where d.project_id = $1 and d.alert = $2 order by d.id`,
      key,
    );
    const actions = await this.db.query<Detail['actions'][number]>(
      'select action, state, text from alert_action where project_id = $1 and alert = $2 order by action',
      key,
    );
    const { evidence, ...rest } = row;
    return {
      ...toAlert(rest),
      evidence,
      links: alertLinks(scope.name, { ...row, formula: evidence.formula }),
      log: log.map(({ at, ...entry }) => ({ ...entry, at: iso(at) })),
      deliveries: deliveries.map(({ at, ...delivery }) => ({ ...delivery, at: iso(at) })),
      actions,
    };
  }

  async lock(scope: ProjectScope, number: number): Promise<Alert> {
    const [row] = await this.db.query<Row>(
      `select ${ALERT} from alert where project_id = $1 and number = $2 for update`,
      [scope.id, number],
    );
    if (!row) throw notFound(number);
    return toAlert(row);
  }

  async change(scope: ProjectScope, number: number, change: AlertChange): Promise<void> {
    const { state, by, owner, mutedUntilMs, accepted, released, calm = false } = change;
    await this.db.execute(
      `update alert set state = $3, owner = coalesce($5, owner), accepted = coalesce($7, accepted), released = coalesce($8, released),
         acknowledged_at = case when $3 = 'acknowledged' then now() else acknowledged_at end,
         acknowledged_by = case when $3 = 'acknowledged' then $4 else acknowledged_by end,
         muted_until = case when $3 = 'muted' then $6::timestamptz end,
         resolved_at = case when $3 = 'resolved' then coalesce(resolved_at, now()) end,
         resolved_by = case when $3 = 'resolved' then coalesce(resolved_by, $4) end,
         was_calm = was_calm or $9, waiting_since = case when $3 = 'open' then waiting_since end
       where project_id = $1 and number = $2`,
      [
        ...[scope.id, number, state, by, owner ?? null],
        mutedUntilMs === undefined ? null : new Date(mutedUntilMs),
        ...[accepted ?? null, released ?? null, calm],
      ],
    );
  }

  async note(
    scope: ProjectScope,
    number: number,
    { by, what, text }: { by: string; what: string; text: string },
  ): Promise<void> {
    await this.db.execute(
      'insert into alert_entry (project_id, alert, id, actor, what, text) values ($1, $2, $3, $4, $5, $6)',
      [scope.id, number, uuidv7(), by, what, text],
    );
  }

  async open(
    scope: ProjectScope,
    alert: NewAlert,
    reopenMinutes: number | null,
  ): Promise<{ number: number; reopened: number } | undefined> {
    const { kind, severity, verdict, subject, title, model, evidence, watch, incident, atMs, owner } = alert;
    const [known] = await this.db.query<{ number: number }>(
      `select number from alert where project_id = $1 and kind = $2 and subject = $3 and state <> 'resolved' for update`,
      [scope.id, kind, subject],
    );
    if (known) {
      await this.seen(scope, known.number, atMs);
      return undefined;
    }
    const told = [severity, verdict, title, JSON.stringify(evidence), watch, JSON.stringify(incident)];
    const [again] = await this.db.query<{ number: number; reopened: number }>(
      `update alert set state = 'open', severity = $5, verdict = $6, title = $7, evidence = $8, watch_id = $9, incident = $10,
         last_seen_at = greatest(last_seen_at, $4), times = times + 1, reopened = reopened + 1, waiting_since = now(),
         was_calm = false, released = false, accepted = false, acknowledged_at = null, acknowledged_by = null, escalated_at = null,
         resolved_at = null, resolved_by = null
       where project_id = $1 and number = (
         select max(number) from alert where project_id = $1 and kind = $2 and subject = $3 and was_calm
           and model is not distinct from $11 and last_seen_at >= $4::timestamptz - make_interval(mins => $12))
       returning number, reopened`,
      [scope.id, kind, subject, new Date(atMs), ...told, model, reopenMinutes],
    );
    if (again) return again;
    const [row] = await this.db.query<{ number: number; reopened: number }>(
      `insert into alert (project_id, number, kind, state, severity, verdict, scope, subject, title, model, evidence, watch_id, incident,
         opened_at, last_seen_at, owner, waiting_since)
       values ($1, next_number($1, 'alert'), $2, 'open', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13, now())
       returning number, reopened`,
      [
        ...[scope.id, kind, severity, verdict, alert.scope, subject, title, model, JSON.stringify(evidence)],
        ...[watch, JSON.stringify(incident), new Date(atMs), owner],
      ],
    );
    return row!;
  }

  async seen(scope: ProjectScope, number: number, atMs: number, incident?: AlertIncident): Promise<void> {
    await this.db.execute(
      `update alert set times = times + 1, last_seen_at = greatest(last_seen_at, $3), incident = coalesce($4, incident)
       where project_id = $1 and number = $2`,
      [scope.id, number, new Date(atMs), incident ? JSON.stringify(incident) : null],
    );
  }

  async setCalm(scope: ProjectScope, number: number, calm: number): Promise<void> {
    await this.db.execute(
      `update alert set incident = jsonb_set(incident, '{calm}', to_jsonb($3::integer)) where project_id = $1 and number = $2`,
      [scope.id, number, calm],
    );
  }

  async setIncident(scope: ProjectScope, number: number, incident: AlertIncident): Promise<void> {
    await this.db.execute('update alert set incident = $3 where project_id = $1 and number = $2', [
      ...[scope.id, number, JSON.stringify(incident)],
    ]);
  }

  async lockSilences(scope: ProjectScope, sinceMs: number): Promise<KnownSilence[]> {
    await this.lockSilence(scope);
    return await this.db.query<KnownSilence & object>(
      `select number, subject, incident, state <> 'resolved' as "isOpen" from alert
       where project_id = $1 and kind = 'silence'
         and (state <> 'resolved' or not was_calm and resolved_at >= $2) order by number for update`,
      [scope.id, new Date(sinceMs)],
    );
  }

  private async lockSilence(scope: ProjectScope): Promise<void> {
    await this.db.query('select pg_advisory_xact_lock($1, hashtext($2))', [SILENCE_LOCK, scope.id]);
  }

  async held(scope: ProjectScope, watch: string): Promise<HeldAlert[]> {
    // Before its rows, as who tells of silence does: in the other order each would wait for the other.
    await this.lockSilence(scope);
    return await this.db.query<HeldAlert & object>(
      `select number, kind, state, scope, subject, incident, accepted, reopened from alert
       where project_id = $1 and watch_id = $2 and not released order by number for update`,
      [scope.id, watch],
    );
  }

  async queue(
    scope: ProjectScope,
    number: number,
    event: AlertEvent,
    severity: Alert['severity'],
  ): Promise<void> {
    const routes = await this.db.query<{ id: string }>(
      `select id from alert_route where project_id = $1 and enabled and (min_severity = 'warning' or $2 = 'critical')
       order by name`,
      [scope.id, severity],
    );
    for (const { id } of routes)
      await this.db.execute(
        `insert into alert_delivery (project_id, route_id, id, alert, event, occurrence)
         select $1, $2, $3, $4, $5, reopened from alert where project_id = $1 and number = $4 on conflict do nothing`,
        [scope.id, id, uuidv7(), number, event],
      );
  }

  async dropQueued(
    scope: ProjectScope,
    number: number,
    { reason, event }: { readonly reason: string; readonly event?: AlertEvent },
  ): Promise<void> {
    await this.db.execute(
      `update alert_delivery set state = 'failed', error = $3
       where project_id = $1 and alert = $2 and state = 'waiting' and ($4::text is null or event = $4)`,
      [scope.id, number, reason, event ?? null],
    );
  }

  async addActions(scope: ProjectScope, number: number, actions: readonly AlertActionName[]): Promise<void> {
    for (const action of actions)
      await this.db.execute(
        `insert into alert_action (project_id, alert, action) values ($1, $2, $3)
         on conflict (project_id, alert, action) do update set state = 'due', text = '', attempts = 0, next_attempt_at = now()`,
        [scope.id, number, action],
      );
  }

  async escalate(scope: ProjectScope, afterMinutes: number): Promise<Alert[]> {
    const rows = await this.db.query<Row>(
      `with late as (
         update alert set severity = 'critical', escalated_at = now(), waiting_since = null
         where project_id = $1 and number in (
           select number from alert where project_id = $1 and waiting_since < now() - make_interval(mins => $2)
           order by waiting_since limit 100 for update)
         returning *)
       select ${ALERT} from late order by number`,
      [scope.id, afterMinutes],
    );
    return rows.map(toAlert);
  }

  async unmute(scope: ProjectScope): Promise<number[]> {
    const rows = await this.db.query<{ number: number }>(
      `with over as (update alert set state = 'open', muted_until = null, waiting_since = case when escalated_at is null then now() end
         where project_id = $1 and state = 'muted' and muted_until <= now() returning number)
       select number from over order by number`,
      [scope.id],
    );
    return rows.map(({ number }) => number);
  }
}

const notFound = (alert: number) => new FleetError('quality.alert-not-found', { alert });

const toAlert = (row: Row): Alert => ({
  ...row,
  openedAt: iso(row.openedAt),
  lastSeenAt: iso(row.lastSeenAt),
  acknowledgedAt: isoOrNull(row.acknowledgedAt),
  escalatedAt: isoOrNull(row.escalatedAt),
  mutedUntil: isoOrNull(row.mutedUntil),
  resolvedAt: isoOrNull(row.resolvedAt),
});
