/** Logs what the broker refuses, a bounded number of lines a second: strangers decide how often that happens. */
import { FleetError } from '@tinyfleet/errors';
import type { Logger } from 'pino';
import { RateLimit } from '../mqtt/broker/rate-limit.js';
import type { Refusal, RefusalFacts } from '../mqtt/broker/refusals.js';

const linesPerSecond = 5;
const burst = 50;

export function refusalLog(
  log: Pick<Logger, 'info'>,
  now: () => number = () => performance.now(),
): (code: Refusal, facts: RefusalFacts) => void {
  const limit = new RateLimit(linesPerSecond, burst, now());
  let dropped = 0;
  return (code, facts) => {
    if (!limit.take(now())) {
      dropped++;
      return;
    }
    // The facts of a code are given where it is raised; a text with a missing one would still name its code.
    const { message } = new FleetError(code as never, facts as never);
    log.info({ code, ...facts, ...(dropped > 0 ? { linesLeftOut: dropped } : {}) }, message);
    dropped = 0;
  };
}
