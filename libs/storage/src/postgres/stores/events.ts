/** The outbox and the audit log. */
import type {
  AuditLog,
  AuditRecord,
  EventData,
  EventName,
  EventSink,
  Page,
  PageRequest,
  ProjectEvent,
  ProjectScope,
  Resource,
} from '@tinyfleet/contracts';
import { uuidv7 } from 'uuidv7';
import type { Db } from '../database.js';
import { cursorId, iso, toPage } from './page.js';

export class PgEventSink implements EventSink {
  constructor(private readonly db: Db) {}

  async emit<N extends EventName>(scope: ProjectScope, name: N, data: EventData<N>): Promise<void> {
    await this.db.query('select emit_event($1, $2, $3)', [scope.id, name, JSON.stringify(data)]);
  }
}

/** Reads of the outbox, for server-sent events and other followers. */
export class PgEventReader {
  constructor(private readonly db: Db) {}

  async lastNumber(scope: ProjectScope): Promise<number> {
    const [row] = await this.db.query<{ value: string }>(
      `select value from project_counter where project_id = $1 and kind = 'event'`,
      [scope.id],
    );
    return Number(row?.value ?? 0);
  }

  async after(scope: ProjectScope, number: number, limit: number): Promise<ProjectEvent[]> {
    const rows = await this.db.query<{ number: string; type: EventName; data: unknown; at: Date }>(
      'select number, type, data, at from event where project_id = $1 and number > $2 order by number limit $3',
      [scope.id, number, limit],
    );
    return rows.map(
      (row) =>
        ({ number: Number(row.number), name: row.type, at: iso(row.at), data: row.data }) as ProjectEvent,
    );
  }
}

export class PgAuditLog implements AuditLog {
  constructor(private readonly db: Db) {}

  async append(scope: ProjectScope | null, record: AuditRecord): Promise<void> {
    await this.db.query(
      `insert into audit (id, project_id, project_name, actor, action, target, detail, request_id)
       values ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [
        uuidv7(),
        scope?.id ?? null,
        scope?.name ?? null,
        record.actor,
        record.action,
        record.target,
        JSON.stringify(record.detail ?? {}),
        record.requestId ?? null,
      ],
    );
  }

  /** Newest first. */
  async list(scope: ProjectScope, page: PageRequest): Promise<Page<Resource<'AuditEntry'>>> {
    const after = cursorId(page);
    const rows = await this.db.query<{
      id: string;
      at: Date;
      actor: string;
      action: string;
      target: string;
      detail: Record<string, unknown>;
    }>(
      `select id, at, actor, action, target, detail from audit
       where project_id = $1 and ($2::uuid is null or id < $2::uuid) order by id desc limit $3`,
      [scope.id, after ?? null, page.limit + 1],
    );
    return toPage(
      rows,
      page.limit,
      (row) => [row.id],
      (row) => ({
        at: iso(row.at),
        actor: row.actor,
        action: row.action,
        subject: row.target,
        data: row.detail,
      }),
    );
  }
}
