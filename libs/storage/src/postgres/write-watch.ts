/**
 * Tells whether a transaction of a request changed rows without an entry in the audit log, by what its statements
 * report. Row locks and statements that match nothing are no changes; COPY is one. Outside of requests it does nothing.
 */
import { auditOrigin } from '@tinyfleet/auth';
import type pg from 'pg';

export interface WriteWatch {
  /** Before the commit. */
  note(): void;
  /** Gives the connection back as it was. */
  end(): void;
}

const WRITES = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE', 'COPY']);
/** A statement that reports the rows it selects from what it changed. */
const CHANGES_FIRST = /^\s*with\b[^]*\b(insert\s+into|update|delete\s+from)\s/i;

type AnyQuery = (...given: unknown[]) => unknown;

export function watchWrites(client: pg.PoolClient): WriteWatch | undefined {
  const origin = auditOrigin();
  if (!origin) return undefined;
  let wrote = false;
  const holder = client as unknown as { query: AnyQuery };
  const query = holder.query.bind(client);
  const hadOwn = Object.hasOwn(holder, 'query');
  const own = holder.query;
  holder.query = (...given) => {
    const running = query(...given);
    if (!(running instanceof Promise)) {
      wrote = true;
      return running;
    }
    return running.then((result: pg.QueryResult) => {
      if (isChange(result, textOf(given[0]))) wrote = true;
      return result;
    });
  };
  return {
    note() {
      if (wrote && origin.entries === 0) origin.hasUnauditedWrite = true;
    },
    end() {
      if (hadOwn) holder.query = own;
      else delete (holder as { query?: AnyQuery }).query;
    },
  };
}

/** The same for a statement outside of a transaction. */
export function noteStatement(result: pg.QueryResult, text: string): void {
  const origin = auditOrigin();
  if (origin && origin.entries === 0 && isChange(result, text)) origin.hasUnauditedWrite = true;
}

const isChange = (result: pg.QueryResult, text: string): boolean =>
  (result.rowCount ?? 0) > 0 && (WRITES.has(result.command) || CHANGES_FIRST.test(text));

const textOf = (given: unknown): string =>
  typeof given === 'string' ? given : String((given as { text?: unknown } | undefined)?.text ?? '');
