import { describe, expect, it } from '@jest/globals';
import { projectScope, type Transact } from '@tinyfleet/contracts';
import { Conductor, conductorDefaults } from './conductor.js';
import type { OpenRollouts, RolloutStores } from './ports.js';

/** One open rollout, whose transactions take so many ms each by a clock that only they and the test move. */
function conducted(tookMs: number[]) {
  const clock = { ms: 0, transactions: 0 };
  const scope = projectScope('01900000-0000-7000-8000-000000000001', 'plant');
  const rollouts: Pick<OpenRollouts, 'running'> = {
    running: () => Promise.resolve([{ scope, number: 1, isGated: false }]),
  };
  const transact = (): Promise<unknown> => {
    clock.transactions++;
    clock.ms += tookMs.shift() ?? 0;
    return Promise.resolve(conductorDefaults.idleMs);
  };
  const conductor = new Conductor(
    rollouts as OpenRollouts,
    transact as Transact<RolloutStores>,
    conductorDefaults,
    undefined,
    () => clock.ms,
  );
  return { clock, conductor };
}

const patienceMs = 100;

describe('Conductor', () => {
  it.each([
    { tookMs: 500, restMs: 500 },
    { tookMs: 10_000, restMs: conductorDefaults.idleMs },
  ])('should rest for $restMs ms after turns of $tookMs ms', async ({ tookMs, restMs }) => {
    const { clock, conductor } = conducted([tookMs, tookMs]);
    await conductor.turn(patienceMs);
    await conductor.turn(patienceMs);
    clock.ms += restMs - 1;
    await conductor.turn(patienceMs);
    expect(clock.transactions).toBe(2);
    clock.ms += 1;
    await conductor.turn(patienceMs);
    expect(clock.transactions).toBe(3);
  });

  it('should take what came while it rested as soon as it has', async () => {
    const { clock, conductor } = conducted([300, 400]);
    await conductor.turn(patienceMs);
    await conductor.turn(patienceMs);
    await conductor.turn(patienceMs);
    clock.ms += 100;
    // An event wakes it: this turn is too early, and the next may be the last for long.
    expect(await conductor.turn(patienceMs)).toBe(200);
    expect(clock.transactions).toBe(2);
  });

  it.each([
    { what: 'one long turn alone', took: [10_000] },
    { what: 'turns of usual length', took: [patienceMs, patienceMs] },
  ])('should not rest after $what', async ({ took }) => {
    const { clock, conductor } = conducted([...took]);
    for (let turn = 0; turn <= took.length; turn++) await conductor.turn(patienceMs);
    expect(clock.transactions).toBe(took.length + 1);
  });
});
