/**
 * Slows down whoever fails to authenticate, by source address and by client id from there. Only failures are held up: a right
 * token or a known certificate is let in whatever its neighbours behind the same address do, and whatever this process has
 * forgotten by a restart. That costs little: SHA-256 and a cached record, or one row of a query that many share. Tokens have 256
 * bits, so this saves work and logs, not secrets.
 */
import { sourceOf } from '@tinyfleet/auth';
import { RateLimit } from './rate-limit.js';

export interface ThrottleOptions {
  /** Failures of one address before further ones are held up, and how many a minute it may go on with. 0: not by address, for proxies that hide it. */
  readonly addressFailures: number;
  readonly addressFailuresPerMinute: number;
  /** The same by address and client id: a client id alone is known to strangers. */
  readonly clientFailures: number;
  readonly clientFailuresPerMinute: number;
  /** Addresses and client ids remembered, of each; beyond it the oldest go. About 200 bytes each. */
  readonly maxTracked: number;
  /** A failure that is held up is answered after this time. */
  readonly answerAfterMs: number;
  /** So many answers wait at a time; further ones are given at once. Each is a connection that has not authenticated. */
  readonly maxWaiting: number;
}
export const throttleDefaults: ThrottleOptions = {
  addressFailures: 60,
  addressFailuresPerMinute: 30,
  clientFailures: 10,
  clientFailuresPerMinute: 6,
  maxTracked: 50_000,
  answerAfterMs: 1_000,
  maxWaiting: 500,
};

export class AuthThrottle {
  private readonly addresses = new Map<string, RateLimit>();
  /** By address and client id. */
  private readonly clients = new Map<string, RateLimit>();
  private waiting = 0;

  constructor(
    private readonly options: ThrottleOptions = throttleDefaults,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Whether a failure now is one too many. */
  isHeld(address: string, clientId: string): boolean {
    const now = this.now();
    const source = sourceOf(address);
    return (
      this.addresses.get(source)?.isEmpty(now) === true ||
      this.clients.get(`${source} ${clientId}`)?.isEmpty(now) === true
    );
  }

  /** `clientId` undefined: it was none. */
  failed(address: string, clientId: string | undefined): void {
    const { addressFailures, addressFailuresPerMinute, clientFailures, clientFailuresPerMinute } =
      this.options;
    const source = sourceOf(address);
    this.count(this.addresses, source, addressFailures, addressFailuresPerMinute);
    if (clientId !== undefined)
      this.count(this.clients, `${source} ${clientId}`, clientFailures, clientFailuresPerMinute);
  }

  /** Answers a failure that is held up. */
  answer(work: () => void): void {
    if (this.waiting >= this.options.maxWaiting) return work();
    this.waiting++;
    setTimeout(() => {
      this.waiting--;
      work();
    }, this.options.answerAfterMs).unref();
  }

  /** Entries of the larger of the tables, for tests of their bound. */
  get tracked(): number {
    return Math.max(this.addresses.size, this.clients.size);
  }

  private count(table: Map<string, RateLimit>, key: string, burst: number, perMinute: number): void {
    if (burst === 0) return;
    const now = this.now();
    const limit = table.get(key) ?? new RateLimit(perMinute / 60, burst, now);
    table.delete(key);
    table.set(key, limit);
    if (table.size > this.options.maxTracked) table.delete(table.keys().next().value!);
    limit.take(now);
  }
}
