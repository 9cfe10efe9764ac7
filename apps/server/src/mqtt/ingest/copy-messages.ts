/** What ingest and its thread of batches say to each other. */
import { FleetError, isFleetError, type ErrorCode } from '@tinyfleet/errors';

export interface CopyMessage {
  readonly id: number;
  readonly sql: string;
  /** Given away, and given back with the answer. */
  readonly bytes: Uint8Array;
}
export interface CopyAnswer {
  readonly id: number;
  readonly bytes: Uint8Array;
  readonly failure?: CopyFailure;
}

/** An error with what ingest asks of it: a registered one, or what Postgres says. */
export type CopyFailure =
  | { readonly registered: ErrorCode; readonly data: Readonly<Record<string, unknown>> }
  | { readonly message: string; readonly says: Readonly<Record<string, unknown>> };

export function failureOf(error: unknown): CopyFailure {
  if (isFleetError(error)) return { registered: error.code, data: error.data };
  const { message, code, detail, table, constraint } = error as Error & Record<string, unknown>;
  return { message, says: { code, detail, table, constraint } };
}

export function errorOf(failure: CopyFailure): Error {
  if ('registered' in failure) return new FleetError(failure.registered, failure.data);
  return Object.assign(new Error(failure.message), failure.says);
}
