/** Webhooks as people see and change them. */
import type { Page, PageRequest, ProjectScope, Resource } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { NewWebhook, WebhookChange, WebhookStore } from '@tinyfleet/registry';
import { isDuplicate, type Db } from '../database.js';
import { namedQuery } from '../queries/index.js';
import { cursorKey, iso, isoOrNull, toPage } from '../stores/page.js';

type Delivery = Resource<'WebhookDelivery'>;

interface WebhookRow {
  name: string;
  url: string;
  events: string[];
  enabled: boolean;
  disabled_reason: string;
  failing_since: Date | null;
  previous_until: Date | null;
  created_by: string;
  created_at: Date;
  revision: number;
}
interface DeliveryRow {
  id: string;
  number: number | null;
  type: string;
  state: Delivery['state'];
  attempts: number;
  next_attempt_at: Date;
  status: number | null;
  latency_ms: number | null;
  error: string | null;
  response: string | null;
  created_at: Date;
  created: string;
  last_attempt_at: Date | null;
}
const COLUMNS = `name, url, events, enabled, disabled_reason, failing_since,
  case when previous_until > now() then previous_until end as previous_until, created_by, created_at, revision::integer as revision`;
const DELIVERY = `id, number::float8 as number, type, state, attempts, next_attempt_at, status, latency_ms, error, response,
  created_at, created_at::text as created, last_attempt_at`;

export class PgWebhookStore implements WebhookStore {
  constructor(private readonly db: Db) {}

  async list(scope: ProjectScope, page: PageRequest): Promise<Page<Resource<'Webhook'>>> {
    const rows = await this.db.query<WebhookRow>(
      `select ${COLUMNS} from webhook where project_id = $1 and ($2::text is null or name > $2) order by name limit $3`,
      [scope.id, cursorKey(page)?.[0] ?? null, page.limit + 1],
    );
    return toPage(rows, page.limit, (row) => [row.name], toWebhook);
  }

  async get(scope: ProjectScope, name: string): Promise<Resource<'Webhook'>> {
    const [row] = await this.db.query<WebhookRow>(
      `select ${COLUMNS} from webhook where project_id = $1 and name = $2`,
      [scope.id, name],
    );
    if (!row) throw notFound(name);
    return toWebhook(row);
  }

  async idOf(scope: ProjectScope, name: string): Promise<string> {
    const [row] = await this.db.query<{ id: string }>(
      'select id from webhook where project_id = $1 and name = $2',
      [scope.id, name],
    );
    if (!row) throw notFound(name);
    return row.id;
  }

  async add(scope: ProjectScope, webhook: NewWebhook, most: number): Promise<void> {
    const { id, name, url, events, sealedSecret, createdBy } = webhook;
    await this.db.query('select from project where id = $1 for update', [scope.id]);
    const [row] = await this.db.query<{ count: number }>(
      'select count(*)::integer as count from webhook where project_id = $1',
      [scope.id],
    );
    if ((row?.count ?? 0) >= most) throw new FleetError('registry.webhooks-too-many', { limit: most });
    try {
      await this.db.query(
        `insert into webhook (project_id, id, name, url, events, secret, created_by) values ($1, $2, $3, $4, $5, $6, $7)`,
        [scope.id, id, name, url, events, sealedSecret, createdBy],
      );
    } catch (error) {
      throw isDuplicate(error) ? new FleetError('registry.webhook-exists', { webhook: name }) : error;
    }
    await this.db.query(
      `insert into event_cursor (consumer, project_id, number) values ('webhook:' || $2::text, $1,
         coalesce((select value from project_counter where project_id = $1 and kind = 'event'), 0))`,
      [scope.id, id],
    );
  }

  async update(scope: ProjectScope, name: string, { url, events, enabled }: WebhookChange): Promise<void> {
    await this.db.execute(
      `update webhook set url = coalesce($3, url), events = coalesce($4::text[], events), enabled = coalesce($5, enabled),
         disabled_reason = case when $5 then '' when not $5 then 'stopped by hand' else disabled_reason end,
         failing_since = case when $5 then null else failing_since end, revision = revision + 1
       where project_id = $1 and name = $2`,
      [scope.id, name, url ?? null, events ? [...new Set(events)] : null, enabled ?? null],
    );
  }

  async replaceSecret(
    scope: ProjectScope,
    name: string,
    sealedSecret: Buffer,
    overlapSeconds: number,
  ): Promise<void> {
    const changed = await this.db.execute(
      `update webhook set previous_secret = secret, previous_until = now() + make_interval(secs => $4), secret = $3,
         revision = revision + 1 where project_id = $1 and name = $2`,
      [scope.id, name, sealedSecret, overlapSeconds],
    );
    if (changed === 0) throw notFound(name);
  }

  async remove(scope: ProjectScope, name: string): Promise<void> {
    const id = await this.idOf(scope, name);
    await this.db.execute('delete from webhook where project_id = $1 and id = $2', [scope.id, id]);
    await this.db.execute(
      `delete from event_cursor where project_id = $1 and consumer = 'webhook:' || $2::text`,
      [scope.id, id],
    );
  }

  async deliveries(
    scope: ProjectScope,
    name: string,
    page: PageRequest & { readonly state?: Delivery['state'] | undefined },
  ): Promise<Page<Delivery>> {
    const webhook = await this.idOf(scope, name);
    const [at, id] = cursorKey(page, 2) ?? [];
    if (at !== undefined && Number.isNaN(Date.parse(at))) throw new FleetError('registry.cursor-invalid');
    const rows = await this.db.query<DeliveryRow>(
      `select ${DELIVERY} from webhook_delivery where project_id = $1 and webhook_id = $2
         and ($3::text is null or state = $3) and ($4::timestamptz is null or (created_at, id) < ($4::timestamptz, $5::text))
       order by created_at desc, id desc limit $6`,
      [scope.id, webhook, page.state ?? null, at ?? null, id ?? null, page.limit + 1],
    );
    return toPage(rows, page.limit, (row) => [row.created, row.id], toDelivery);
  }

  async ping(
    scope: ProjectScope,
    name: string,
    { id, body }: { id: string; body: string },
  ): Promise<Delivery> {
    const webhook = await this.idOf(scope, name);
    const [row] = await this.db.query<DeliveryRow>(
      `insert into webhook_delivery (project_id, webhook_id, id, type, body, state)
       values ($1, $2, $3, 'webhook.ping', $4, 'waiting') returning ${DELIVERY}`,
      [scope.id, webhook, id, body],
    );
    if (!row) throw notFound(name);
    return toDelivery(row);
  }

  async replay(
    scope: ProjectScope,
    name: string,
    which: Resource<'WebhookReplay'>,
    most: number,
  ): Promise<number> {
    const webhook = await this.idOf(scope, name);
    if ('id' in which) {
      const found = await this.db.execute(
        `update webhook_delivery set state = 'waiting', attempts = 0, next_attempt_at = now()
         where project_id = $1 and webhook_id = $2 and id = $3`,
        [scope.id, webhook, which.id],
      );
      if (found === 0) throw new FleetError('registry.delivery-not-found', { delivery: which.id });
      return found;
    }
    return await this.db.execute(namedQuery('webhooks/replay'), [
      scope.id,
      webhook,
      which.from,
      which.to,
      most,
    ]);
  }
}

const notFound = (webhook: string) => new FleetError('registry.webhook-not-found', { webhook });

const toWebhook = (row: WebhookRow): Resource<'Webhook'> => ({
  name: row.name,
  url: row.url,
  events: row.events,
  enabled: row.enabled,
  disabledReason: row.disabled_reason,
  failingSince: isoOrNull(row.failing_since),
  previousSecretUntil: isoOrNull(row.previous_until),
  createdBy: row.created_by,
  createdAt: iso(row.created_at),
  revision: row.revision,
});

const toDelivery = (row: DeliveryRow): Delivery => ({
  id: row.id,
  number: row.number,
  type: row.type,
  state: row.state,
  attempts: row.attempts,
  nextAttemptAt: row.state === 'waiting' ? iso(row.next_attempt_at) : null,
  status: row.status,
  latencyMs: row.latency_ms,
  error: row.error,
  response: row.response,
  createdAt: iso(row.created_at),
  lastAttemptAt: isoOrNull(row.last_attempt_at),
});
