/** Failed attempts to get an identity, by source: the limiter of logins with limits of its own. */
import { LoginLimiter, loginLimits } from '@tinyfleet/auth';

export class EnrolmentAttempts extends LoginLimiter {
  /** `freeAttempts`: failures of one source before each further attempt has to wait twice as long. */
  constructor(freeAttempts: number) {
    super({ ...loginLimits, freeAttemptsPerSource: freeAttempts });
  }
}
