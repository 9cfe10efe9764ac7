/**
 * Ports that every domain shares: the scope of one project, the outbox, the audit log and a transaction over
 * stores. Implemented by @tinyfleet/storage. Types and two constructors only, so it is browser-safe.
 */
import type { EventData, EventName } from './events.js';

declare const scoped: unique symbol;
/**
 * The right to touch one project's rows: first argument of every store method. Made only by the storage library
 * after it has found the project, and by tests.
 */
export interface ProjectScope {
  readonly id: string;
  readonly name: string;
  readonly [scoped]: true;
}
export function projectScope(id: string, name: string): ProjectScope {
  return { id, name } as ProjectScope;
}

/** Bytes whose last name was removed. Who puts the same bytes later than `namedAt` means to name them again. */
export interface UnnamedBlob {
  readonly digest: string;
  readonly namedAt: Date;
}

/** The outbox: the event becomes visible with the transaction of its cause. Call it last in a transaction. */
export interface EventSink {
  emit<N extends EventName>(scope: ProjectScope, name: N, data: EventData<N>): Promise<void>;
}

export interface AuditRecord {
  /** `person:<e-mail>`, `token:<name>`, `device:<name>` or `system`. */
  readonly actor: string;
  /** `noun.verb` */
  readonly action: string;
  readonly target: string;
  readonly detail?: Readonly<Record<string, unknown>>;
  /** What a change replaced; never secrets. Both for an update, one for a removal or a creation. */
  readonly before?: Readonly<Record<string, unknown>> | undefined;
  readonly after?: Readonly<Record<string, unknown>> | undefined;
}
export interface AuditLog {
  /**
   * Call it in the transaction of the change. From where a request came is added by the store. `scope` null: of the
   * instance, not of a project.
   */
  append(scope: ProjectScope | null, record: AuditRecord): Promise<void>;
}

/** Runs `work` with stores bound to one transaction; a throw rolls everything back. */
export type Transact<Stores> = <T>(work: (stores: Stores) => Promise<T>) => Promise<T>;

/** A page of a list, in key order. `nextCursor` is null at the end. */
export interface Page<T> {
  readonly items: T[];
  readonly nextCursor: string | null;
}
export interface PageRequest {
  readonly cursor?: string | undefined;
  readonly limit: number;
}
