import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { OfferPace, type Turn } from './offer-pace.js';

const minuteMs = 60_000;

describe('OfferPace', () => {
  it('should give each offer a moment of its own, evenly, and keep it', () => {
    const pace = new OfferPace();
    const of = (deployment: number) => ({ rollout: 'r', perMinute: 100, deployment });
    const first = pace.turn(of(1), undefined, 1_000);
    const second = pace.turn(of(2), undefined, 1_000);
    expect([first.atMs, second.atMs]).toEqual([1_000, 1_601.5]);
    expect(pace.turn(of(2), second, 1_700)).toBe(second);
    expect(pace.turn(of(3), second, 1_700).atMs).toBe(2_203);
  });

  it('should give a new moment to an offer that is late by the slack, and not before', () => {
    const pace = new OfferPace();
    const of = { rollout: 'r', perMinute: 100, deployment: 1 };
    const turn = pace.turn(of, undefined, 0);
    expect(pace.turn(of, turn, 149)).toBe(turn);
    expect(pace.turn(of, turn, 150).atMs).toBe(601.5);
  });

  it('should count each rollout for itself, and go on evenly with another rate', () => {
    const pace = new OfferPace();
    const of = { rollout: 'r', perMinute: 1, deployment: 1 };
    expect(pace.turn(of, undefined, 0).atMs).toBe(0);
    expect(pace.turn({ ...of, rollout: 's' }, undefined, 0).atMs).toBe(0);
    expect(pace.turn({ ...of, perMinute: 2, deployment: 2 }, undefined, 0).atMs).toBe(60_150);
  });

  it('should never pass the rate in any minute, however late timers are, and reach it when they are not', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.array(fc.integer({ min: 0, max: 2_000 }), { minLength: 1, maxLength: 50 }),
        fc.boolean(),
        (rate, delays, isPunctual) => {
          const pace = new OfferPace();
          const sent: number[] = [];
          const queue: { of: { rollout: string; perMinute: number; deployment: number }; turn: Turn }[] = [];
          let offered = 0;
          const offer = (nowMs: number) => {
            const of = { rollout: 'r', perMinute: rate, deployment: ++offered };
            queue.push({ of, turn: pace.turn(of, undefined, nowMs) });
          };
          for (let nowMs = 0, turns = 0; nowMs < 3 * minuteMs;) {
            while (queue.length < 10) offer(nowMs);
            const due = Math.max(nowMs, Math.min(...queue.map(({ turn }) => turn.atMs)));
            nowMs = due + (isPunctual ? 0 : delays[turns++ % delays.length]!);
            for (const one of queue.filter(({ turn }) => turn.atMs <= nowMs)) {
              one.turn = pace.turn(one.of, one.turn, nowMs);
              if (one.turn.atMs > nowMs) continue;
              sent.push(nowMs);
              queue.splice(queue.indexOf(one), 1);
            }
          }
          const apart = sent.slice(rate).map((at, i) => at - sent[i]!);
          expect(Math.min(minuteMs, ...apart)).toBe(minuteMs);
          if (isPunctual) expect(sent.length).toBeGreaterThanOrEqual(Math.floor(2.99 * rate));
        },
      ),
      { numRuns: 50 },
    );
  });
});
