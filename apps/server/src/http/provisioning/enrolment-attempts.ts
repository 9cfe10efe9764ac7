/**
 * How much strangers may ask for identities, by source: guesses are slowed down as logins are, and a fleet behind one address waits
 * in a line of bounded length. In memory: a restart forgets both.
 */
import { LoginLimiter, loginLimits } from '@tinyfleet/auth';
import { FleetError } from '@tinyfleet/errors';

export interface EnrolmentLimits {
  /** Failures of one source before each further attempt has to wait twice as long. */
  readonly freeAttempts: number;
  /** Requests of one source that are answered or wait for it at a time. */
  readonly atOnce: number;
}

/** Answered at a time, of all sources: each holds a connection to the database, and most wait for the row of one key. */
const workers = 8;
/**
 * Who has to come again is told a time from 1 to as many seconds as the crowd may take, so that a fleet does not come again at once:
 * those that are refused must not crowd out those that are answered.
 */
const leastSpreadS = 5;
const mostSpreadS = 60;
const answeredPerSecond = 10;
/** Refusals are counted for so long. */
const crowdMs = 10_000;
const maxCrowds = 10_000;

export class EnrolmentAttempts {
  private readonly guesses: LoginLimiter;
  private readonly bySource = new Map<string, number>();
  /** Refusals by source, since when. */
  private readonly crowds = new Map<string, { readonly since: number; count: number }>();
  private readonly line: (() => void)[] = [];
  private atWork = 0;

  constructor(
    private readonly limits: EnrolmentLimits,
    private readonly now: () => number = Date.now,
    private readonly random: () => number = Math.random,
  ) {
    this.guesses = new LoginLimiter({ ...loginLimits, freeAttemptsPerSource: limits.freeAttempts }, now);
  }

  /**
   * Runs `work` when it is its turn. `isGuess` tells which of its failures somebody gets who guesses.
   * @throws provisioning.too-many-attempts, provisioning.too-many-at-once
   */
  async run<T>(source: string, work: () => Promise<T>, isGuess: (error: unknown) => boolean): Promise<T> {
    const present = this.bySource.get(source) ?? 0;
    if (present >= this.limits.atOnce) {
      const seconds = this.againSeconds(source);
      throw new FleetError('provisioning.too-many-at-once', { limit: this.limits.atOnce, seconds });
    }
    this.bySource.set(source, present + 1);
    try {
      await this.turn();
      try {
        this.requireFree(source);
        return await work();
      } catch (error) {
        if (isGuess(error)) this.guesses.fail(source);
        throw error;
      } finally {
        const next = this.line.shift();
        if (next) next();
        else this.atWork--;
      }
    } finally {
      const left = (this.bySource.get(source) ?? 1) - 1;
      if (left > 0) this.bySource.set(source, left);
      else this.bySource.delete(source);
    }
  }

  private againSeconds(source: string): number {
    const known = this.crowds.get(source);
    const isRecent = known !== undefined && this.now() - known.since < crowdMs;
    const crowd = isRecent ? known : { since: this.now(), count: 0 };
    crowd.count++;
    this.crowds.delete(source);
    this.crowds.set(source, crowd);
    if (this.crowds.size > maxCrowds) this.crowds.delete(this.crowds.keys().next().value!);
    const spread = Math.min(mostSpreadS, Math.max(leastSpreadS, crowd.count / answeredPerSecond));
    return 1 + Math.floor(this.random() * spread);
  }

  private requireFree(source: string): void {
    const waitMs = this.guesses.waitMs(source);
    if (waitMs > 0)
      throw new FleetError('provisioning.too-many-attempts', { seconds: Math.ceil(waitMs / 1_000) });
  }

  private async turn(): Promise<void> {
    if (this.atWork < workers) this.atWork++;
    // Whoever is done gives his place on.
    else await new Promise<void>((resolve) => this.line.push(resolve));
  }
}
