/**
 * From where a change comes, for the audit log, and whether a change was written without an entry. Carried beside the
 * call (AsyncLocalStorage), so that no service has to hand it on and none can forget it.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

export interface AuditOrigin {
  readonly requestId: string;
  readonly address: string | null;
  readonly userAgent: string | null;
  /** Name of the API token, when one was used. */
  readonly token: string | null;
  /** Entries appended so far. */
  entries: number;
  /** A transaction without an entry before it changed rows. */
  hasUnauditedWrite: boolean;
}

/** Longest user agent that is kept: it is whatever a stranger sends. */
const USER_AGENT_CHARACTERS = 200;
const origins = new AsyncLocalStorage<AuditOrigin>();

export function newAuditOrigin(request: {
  id: string;
  address: string;
  userAgent: string | undefined;
  token?: string | null;
}): AuditOrigin {
  return {
    requestId: request.id,
    address: request.address,
    userAgent: request.userAgent?.slice(0, USER_AGENT_CHARACTERS) ?? null,
    token: request.token ?? null,
    entries: 0,
    hasUnauditedWrite: false,
  };
}

/** Everything that `work` does, also later and in other files, comes from there. */
export const withAuditOrigin = <T>(origin: AuditOrigin, work: () => T): T => origins.run(origin, work);
/** Undefined: not a request (a role, a job, a device). */
export const auditOrigin = (): AuditOrigin | undefined => origins.getStore();
