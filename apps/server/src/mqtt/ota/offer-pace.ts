/**
 * The rate of a rollout on the wire. The engine offers ahead of it (libs/rollouts/src/rates.ts), and what it offers waits for
 * commits, timers and lookups: each offer is given a moment of its own, as far from the next as the rate says, and goes out
 * then. A process that was busy does not make up for moments it missed; with the slack of a minute, which is how late an offer
 * may go out at its moment, no minute, wherever it begins, has more than the rate.
 */
const minuteMs = 60_000;
const slackMs = 150;

/** Of an offer. */
export interface Turn {
  readonly deployment: number;
  readonly atMs: number;
}

interface Lane {
  readonly gapMs: number;
  nextMs: number;
}

export class OfferPace {
  private readonly lanes = new Map<string, Lane>();

  /**
   * @param turn that this offer was given before; it stands unless it is over
   * @returns when it may go out; it may at once when that is not in the future
   */
  turn(
    { rollout, perMinute, deployment }: { rollout: string; perMinute: number; deployment: number },
    turn: Turn | undefined,
    nowMs: number,
  ): Turn {
    if (turn?.deployment === deployment && nowMs - turn.atMs < slackMs) return turn;
    const gapMs = (minuteMs + slackMs) / perMinute;
    let lane = this.lanes.get(rollout);
    if (lane?.gapMs !== gapMs) {
      this.forget(nowMs);
      // With another rate: not before the next moment of the old one.
      lane = { gapMs, nextMs: lane?.nextMs ?? nowMs };
      this.lanes.set(rollout, lane);
    }
    const atMs = Math.max(nowMs, lane.nextMs);
    lane.nextMs = atMs + gapMs;
    return { deployment, atMs };
  }

  /** Rollouts that may offer at once again. */
  private forget(nowMs: number): void {
    for (const [rollout, { nextMs }] of this.lanes) if (nextMs <= nowMs) this.lanes.delete(rollout);
  }
}
