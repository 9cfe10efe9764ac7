/**
 * Slows down whoever fails to authenticate, by source address and by client id from there, before anything is looked up.
 * Tokens have 256 bits, so this saves work and logs, not secrets. A device that has proven itself from an address is never held up there:
 * a thousand good devices behind one gateway do not pay for one bad one, and a stranger elsewhere locks nobody out.
 */
import { sourceOf } from '@tinyfleet/auth';
import { RateLimit } from './rate-limit.js';

export interface ThrottleOptions {
  /** Failures of one address before it is held up, and how many a minute it may go on with. 0: not by address, for proxies that hide it. */
  readonly addressFailures: number;
  readonly addressFailuresPerMinute: number;
  /** The same by address and client id: a client id alone is known to strangers, who would lock its device out. */
  readonly clientFailures: number;
  readonly clientFailuresPerMinute: number;
  /** Addresses, client ids and proven pairs remembered, of each; beyond it the oldest go. About 200 bytes each. */
  readonly maxTracked: number;
  /** A device that has proven itself is exempt for this long. */
  readonly provenMs: number;
}
export const throttleDefaults: ThrottleOptions = {
  addressFailures: 60,
  addressFailuresPerMinute: 30,
  clientFailures: 10,
  clientFailuresPerMinute: 6,
  maxTracked: 50_000,
  provenMs: 86_400_000,
};

export class AuthThrottle {
  private readonly addresses = new Map<string, RateLimit>();
  /** By address and client id. */
  private readonly clients = new Map<string, RateLimit>();
  /** Address and client id -> until when. */
  private readonly proven = new Map<string, number>();

  constructor(
    private readonly options: ThrottleOptions = throttleDefaults,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Whether an attempt is refused unseen. */
  isHeld(address: string, clientId: string): boolean {
    const now = this.now();
    const source = sourceOf(address);
    const key = `${source} ${clientId}`;
    if ((this.proven.get(key) ?? 0) > now) return false;
    return this.addresses.get(source)?.isEmpty(now) === true || this.clients.get(key)?.isEmpty(now) === true;
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

  succeeded(address: string, clientId: string): void {
    const key = `${sourceOf(address)} ${clientId}`;
    this.proven.delete(key);
    this.keep(this.proven, key, this.now() + this.options.provenMs);
  }

  /** Entries of the largest of the tables, for tests of their bound. */
  get tracked(): number {
    return Math.max(this.addresses.size, this.clients.size, this.proven.size);
  }

  private count(table: Map<string, RateLimit>, key: string, burst: number, perMinute: number): void {
    if (burst === 0) return;
    const now = this.now();
    const limit = table.get(key) ?? new RateLimit(perMinute / 60, burst, now);
    table.delete(key);
    this.keep(table, key, limit);
    limit.take(now);
  }

  private keep<V>(table: Map<string, V>, key: string, value: V): void {
    table.set(key, value);
    if (table.size > this.options.maxTracked) table.delete(table.keys().next().value!);
  }
}
