/** How long to wait before the next attempt. */
export interface RetryOptions {
  /** Attempts in all. */
  readonly maxAttempts: number;
  /** Before the second attempt; doubled for each further one, a quarter of it at random. */
  readonly firstRetryMs: number;
  readonly maxRetryMs: number;
}

/** @param attempts before the one that failed */
export const retryDelayMs = ({ firstRetryMs, maxRetryMs }: RetryOptions, attempts: number): number =>
  Math.min(maxRetryMs, firstRetryMs * 2 ** attempts) * (0.75 + Math.random() / 2);

/** @param attempts before this one */
export const outcomeOf = (
  { maxAttempts }: RetryOptions,
  attempts: number,
  error: string | null,
): 'waiting' | 'delivered' | 'failed' =>
  error === null ? 'delivered' : attempts + 1 >= maxAttempts ? 'failed' : 'waiting';
