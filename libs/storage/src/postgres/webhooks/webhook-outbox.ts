/** What the sender of webhooks reads and writes, for all projects: endpoints, what is due, what came of it. */
import { projectScope } from '@tinyfleet/contracts';
import type { Database } from '../database.js';
import { namedQuery } from '../queries/index.js';
import { PgEventSink } from '../stores/events.js';

export interface WebhookEndpoint {
  readonly projectId: string;
  readonly project: string;
  readonly id: string;
  readonly name: string;
  readonly url: string;
  /** Sealed; the newest first. */
  readonly secrets: readonly Buffer[];
}
export interface DueDelivery {
  readonly id: string;
  readonly type: string;
  readonly body: string;
  /** Attempts before this one. */
  readonly attempts: number;
}
export interface DeliveryOutcome {
  readonly state: 'waiting' | 'delivered' | 'failed';
  readonly nextAttemptInMs: number;
  readonly status: number | null;
  readonly latencyMs: number;
  readonly error: string | null;
  readonly response: string | null;
}

export class PgWebhookOutbox {
  constructor(private readonly database: Database) {}

  async endpoints(): Promise<WebhookEndpoint[]> {
    return await this.database.query<WebhookEndpoint>(
      `select w.project_id as "projectId", p.name as project, w.id, w.name, w.url,
         case when w.previous_until > now() then array[w.secret, w.previous_secret] else array[w.secret] end as secrets
       from webhook w join project p on p.id = w.project_id where w.enabled`,
    );
  }

  /** @returns events looked at; fewer than `look` when there are no more, or no room */
  async enqueue({ projectId, id }: WebhookEndpoint, look: number, window: number): Promise<number> {
    const [row] = await this.database.query<{ count: number }>(namedQuery('webhooks/enqueue'), [
      projectId,
      id,
      look,
      window,
    ]);
    return row?.count ?? 0;
  }

  async due({ projectId, id }: WebhookEndpoint, limit: number): Promise<DueDelivery[]> {
    return await this.database.query<DueDelivery>(
      `select id, type, body, attempts from webhook_delivery
       where project_id = $1 and webhook_id = $2 and state = 'waiting' and next_attempt_at <= now()
       order by next_attempt_at, number limit $3`,
      [projectId, id, limit],
    );
  }

  async settle(endpoint: WebhookEndpoint, delivery: string, outcome: DeliveryOutcome): Promise<void> {
    const { state, nextAttemptInMs, status, latencyMs, error, response } = outcome;
    await this.database.execute(
      `update webhook_delivery set state = $4, attempts = attempts + 1, last_attempt_at = now(), status = $5,
         next_attempt_at = now() + $6 * interval '1 millisecond', latency_ms = $7, error = $8, response = $9
       where project_id = $1 and webhook_id = $2 and id = $3`,
      [
        endpoint.projectId,
        endpoint.id,
        delivery,
        state,
        status,
        nextAttemptInMs,
        Math.round(latencyMs),
        error,
        response,
      ],
    );
    await this.database.execute(
      state === 'delivered'
        ? 'update webhook set failing_since = null where project_id = $1 and id = $2 and failing_since is not null'
        : 'update webhook set failing_since = now() where project_id = $1 and id = $2 and failing_since is null',
      [endpoint.projectId, endpoint.id],
    );
  }

  /** Disables an endpoint that has failed for so long, or at once; says so with an event. */
  async disable(endpoint: WebhookEndpoint, failingForSeconds: number, reason: string): Promise<boolean> {
    return await this.database.transaction(async (tx) => {
      const changed = await tx.execute(
        `update webhook set enabled = false, disabled_reason = $4, revision = revision + 1
         where project_id = $1 and id = $2 and enabled and ($3 = 0 or failing_since < now() - make_interval(secs => $3))`,
        [endpoint.projectId, endpoint.id, failingForSeconds, reason],
      );
      if (changed === 0) return false;
      const scope = projectScope(endpoint.projectId, endpoint.project);
      await new PgEventSink(tx).emit(scope, 'webhook.disabled', { webhook: endpoint.name, reason });
      return true;
    });
  }

  /** Forgets what was settled long ago. */
  async sweep(keepDays: number): Promise<number> {
    return await this.database.execute(
      `delete from webhook_delivery where state <> 'waiting' and last_attempt_at < now() - make_interval(days => $1)`,
      [keepDays],
    );
  }
}
