/** What went wrong, whether it is worth another try, and when. */
import type { Resource } from '@tinyfleet/contracts';
import { errors, type ErrorEntry } from '@tinyfleet/errors';

export type RetryPolicy = Resource<'RetryPolicy'>;
export type FailureClass = keyof RetryPolicy;

/** `agent.transfer-timeout` */
export const noProgress = 703;
/** `agent.aborted`, `agent.reverted`: somebody wanted it so. */
const wanted: readonly number[] = [710, 711];

/** Numbers that devices report and that may pass by themselves. */
const transient = new Set(
  Object.values(errors as Record<string, ErrorEntry>).flatMap(({ number, transient: passes }) =>
    number !== undefined && passes ? [number] : [],
  ),
);

/** Undefined: never again by itself. */
export function failureClassOf(error: number | null): FailureClass | undefined {
  if (error === null) return 'rejected';
  if (wanted.includes(error)) return undefined;
  if (error === noProgress || (error >= 100 && error < 200 && transient.has(error))) return 'transfer';
  return transient.has(error) ? 'device' : 'rejected';
}

/** Classes of every number that devices report; what is not listed is `rejected`. */
export const failureClasses: ReadonlyMap<number, FailureClass | undefined> = new Map(
  [...transient, ...wanted, noProgress].map((number) => [number, failureClassOf(number)]),
);

/** Seconds before retry number `retry`, from 1. */
export function backoffSeconds(policy: RetryPolicy[FailureClass], retry: number): number {
  return Math.min(policy.backoffSeconds * 2 ** (retry - 1), policy.maxBackoffSeconds);
}
