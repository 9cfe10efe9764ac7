/**
 * Idempotency keys: who holds a key, and what was answered. Answers are opaque bytes here (the server seals them).
 * Not a domain's store: it belongs to the HTTP layer, and a key is of a caller, in a project or outside of all.
 */
import type { Db } from '../database.js';

export interface KeyLimits {
  /** How long an answer is kept. */
  readonly keepSeconds: number;
  /** After that an attempt without an answer counts as dead. */
  readonly lockSeconds: number;
  /** Of one caller; older ones are forgotten first. */
  readonly maxPerCaller: number;
}

export interface KeyRequest {
  readonly id: Buffer;
  readonly projectId: string | null;
  readonly actor: string;
  readonly fingerprint: Buffer;
  readonly holder: string;
}

export interface KeptAnswer {
  readonly status: number;
  readonly answer: Buffer;
}

/** `held`: go on, the key is yours. `lost`: it was carried out, the answer is not kept. */
export type KeyOutcome =
  | { readonly kind: 'held' }
  | { readonly kind: 'running' }
  | { readonly kind: 'other-request' }
  | { readonly kind: 'lost' }
  | ({ readonly kind: 'kept' } & KeptAnswer);

interface KeyRow {
  state: 'running' | 'committed' | 'done';
  fingerprint: Buffer;
  held: boolean;
  locked: boolean;
  status: number | null;
  answer: Buffer | null;
}

export class PgIdempotencyStore {
  constructor(
    private readonly db: Db,
    private readonly limits: KeyLimits,
  ) {}

  /** Takes the key when it is free, expired, or held by an attempt that is dead and has changed nothing. */
  async take(request: KeyRequest): Promise<KeyOutcome> {
    const { keepSeconds, lockSeconds } = this.limits;
    const { id, projectId, actor, fingerprint, holder } = request;
    await this.db.query(
      `insert into idempotency as i (id, project_id, actor, fingerprint, state, holder, locked_until, expires_at)
       values ($1, $2, $3, $4, 'running', $5, now() + make_interval(secs => $6), now() + make_interval(secs => $7))
       on conflict (id) do update set fingerprint = excluded.fingerprint, state = 'running', holder = excluded.holder,
         status = null, answer = null, created_at = now(), locked_until = excluded.locked_until, expires_at = excluded.expires_at
       where i.expires_at <= now()
          or (i.state = 'running' and i.locked_until <= now() and i.fingerprint = excluded.fingerprint)`,
      [id, projectId, actor, fingerprint, holder, lockSeconds, keepSeconds],
    );
    const [row] = await this.db.query<KeyRow>(
      `select state, fingerprint, status, answer, holder = $2 as held, locked_until > now() as locked
       from idempotency where id = $1`,
      [id, holder],
    );
    if (row?.held) return { kind: 'held' };
    if (!row || row.state === 'running') {
      return row && !row.fingerprint.equals(fingerprint) ? { kind: 'other-request' } : { kind: 'running' };
    }
    if (!row.fingerprint.equals(fingerprint)) return { kind: 'other-request' };
    if (row.state === 'committed') return { kind: row.locked ? 'running' : 'lost' };
    return row.answer === null || row.status === null
      ? { kind: 'lost' }
      : { kind: 'kept', status: row.status, answer: row.answer };
  }

  /** `answer` null: it is not kept (too large). */
  async finish(id: Buffer, holder: string, status: number, answer: Buffer | null): Promise<void> {
    await this.db.query(
      `update idempotency set state = 'done', status = $3, answer = $4 where id = $1 and holder = $2`,
      [id, holder, status, answer],
    );
  }

  /** The attempt failed: the same key may be tried again. */
  async release(id: Buffer, holder: string): Promise<void> {
    await this.db.query('delete from idempotency where id = $1 and holder = $2', [id, holder]);
  }

  /** Forgets what has expired, and of each caller all but the newest. @returns how many */
  async sweep(): Promise<number> {
    return await this.db.execute(
      `delete from idempotency where expires_at <= now() or id in (
         select id from (select id, row_number() over (partition by actor order by created_at desc) as place
                         from idempotency) ranked where place > $1)`,
      [this.limits.maxPerCaller],
    );
  }
}
