/** The audit log: append-only in the database (triggers), newest first by id, which carries the time. */
import { auditOrigin } from '@tinyfleet/auth';
import type { AuditLog, AuditRecord, Page, PageRequest, ProjectScope, Resource } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { uuidv7 } from 'uuidv7';
import type { Db } from '../database.js';
import { namedQuery } from '../queries/index.js';
import { cursorId, iso, toPage } from './page.js';

/** Entries that one search looks at for its text: bounds the time of a page (some 50 ms), not of the search. */
const LOOK_AT = 20_000;
/** An id is made shortly before or after its entry's time. */
const CLOCK_SLACK_MS = 60_000;

export type AuditFilter = Resource<'AuditFilter'>;

export class PgAuditLog implements AuditLog {
  constructor(private readonly db: Db) {}

  async append(scope: ProjectScope | null, record: AuditRecord): Promise<void> {
    const origin = auditOrigin();
    await this.db.query(
      `insert into audit (id, at, project_id, project_name, actor, action, target, detail, before, after,
         request_id, address, user_agent, token)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
      [
        uuidv7(),
        new Date(),
        scope?.id ?? null,
        scope?.name ?? null,
        record.actor,
        record.action,
        record.target,
        JSON.stringify(record.detail ?? {}),
        record.before === undefined ? null : JSON.stringify(record.before),
        record.after === undefined ? null : JSON.stringify(record.after),
        origin?.requestId ?? null,
        origin?.address ?? null,
        origin?.userAgent ?? null,
        origin?.token ?? null,
      ],
    );
    if (origin) origin.entries += 1;
  }

  /**
   * Newest first; `scope` null: of the instance and every project. With a text a page may hold fewer than asked before
   * the end, because the search for it stops after `lookAt` entries and goes on with the next page.
   */
  async list(
    scope: ProjectScope | null,
    query: PageRequest & AuditFilter,
    lookAt = LOOK_AT,
  ): Promise<Page<Resource<'AuditEntry'>>> {
    const { action, from, to, limit } = query;
    const isPrefix = action?.endsWith('.*') ?? false;
    const before = cursorId(query);
    const newest = to === undefined ? undefined : idAt(Date.parse(to) + CLOCK_SLACK_MS);
    const looked = query.text === undefined ? limit + 1 : lookAt;
    const rows = await this.db.query<AuditRow>(namedQuery('access/audit'), [
      scope?.id ?? null,
      query.actor ?? null,
      action === undefined || isPrefix ? null : action,
      action !== undefined && isPrefix ? action.slice(0, -1) : null,
      query.subject ?? null,
      from ?? null,
      to ?? null,
      before === undefined || (newest !== undefined && newest < before) ? (newest ?? null) : before,
      looked,
      limit + 1,
      query.text ?? null,
      from === undefined ? null : idAt(Date.parse(from) - CLOCK_SLACK_MS),
    ]);
    const found = rows.filter((row): row is AuditRow & { id: string } => row.id !== null);
    const page = toPage(found, limit, (row) => [row.id], toEntry);
    const [first] = rows;
    if (page.nextCursor !== null || !first || first.last_id === null || first.looked < looked) return page;
    return {
      items: page.items,
      nextCursor: Buffer.from(JSON.stringify([first.last_id])).toString('base64url'),
    };
  }
}

/** Since the device was registered. @throws registry.device-not-found */
export async function attributeChanges(
  db: Db,
  scope: ProjectScope,
  device: string,
  page: PageRequest,
): Promise<Page<Resource<'AttributeChange'>>> {
  const [row] = await db.query<{ created_at: Date }>(
    'select created_at from device where project_id = $1 and name = $2',
    [scope.id, device],
  );
  if (!row) throw new FleetError('registry.device-not-found', { device });
  const of = { subject: device, action: 'device.attributes-set', from: iso(row.created_at) };
  const { items, nextCursor } = await new PgAuditLog(db).list(scope, { ...page, ...of });
  return { items: items.map(toAttributeChange), nextCursor };
}

type Values = Readonly<Record<string, Resource<'AttributeValue'> | null>>;

function toAttributeChange(entry: Resource<'AuditEntry'>): Resource<'AttributeChange'> {
  const [before, after] = [entry.before, entry.after].map((values) => (values ?? {}) as Values);
  return {
    at: entry.at,
    by: entry.actor,
    changes: Object.keys(after!)
      .sort()
      .map((attribute) => ({
        attribute,
        before: before![attribute] ?? null,
        after: after![attribute] ?? null,
      })),
  };
}

/** The least UUID of version 7 of a millisecond. */
function idAt(ms: number): string {
  const hex = Math.max(0, Math.min(ms, 0xffff_ffff_ffff)).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

interface AuditRow {
  id: string | null;
  at: Date;
  project_name: string | null;
  actor: string;
  action: string;
  target: string;
  detail: Record<string, unknown>;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
  request_id: string | null;
  address: string | null;
  user_agent: string | null;
  token: string | null;
  looked: number;
  last_id: string | null;
}
const toEntry = (row: AuditRow & { id: string }): Resource<'AuditEntry'> => ({
  id: row.id,
  at: iso(row.at),
  project: row.project_name,
  actor: row.actor,
  action: row.action,
  subject: row.target,
  data: row.detail,
  before: row.before,
  after: row.after,
  address: row.address,
  userAgent: row.user_agent,
  requestId: row.request_id,
  token: row.token,
});
