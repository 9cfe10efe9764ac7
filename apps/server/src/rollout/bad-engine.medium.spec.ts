/** Bad days of the platform itself: releases revoked, keys rotated, the engine killed, clocks that jump, the database gone. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Conductor, conductorDefaults, type RolloutStores } from '@tinyfleet/rollouts';
import { ReleaseLifecycleService } from '@tinyfleet/releases';
import { Leader, PgOpenRollouts, PgStores, transactOn, type Database, type Tx } from '@tinyfleet/storage';
import type { SeededRelease } from '../../test/fleet-harness.js';
import { account, countsOf, decisions, me, reaches, rollOut } from '../../test/bad-days/account.js';
import { BadDay, type Group } from '../../test/bad-days/world.js';

const minute = 60_000;
const hour = 60 * minute;
const calm = 'inference: { period: 5m }';

describe('a rollout by a platform', () => {
  let day: BadDay;
  let v2: SeededRelease;
  let isExpected: (error: string) => boolean = () => false;

  beforeAll(async () => {
    day = await BadDay.begin({ pollMs: 10 * minute });
    v2 = await day.release('v2');
  });
  afterEach(async () => {
    await day.clear();
    expect(day.harness.errors.filter((error) => !isExpected(error))).toEqual([]);
    day.harness.errors.length = 0;
    isExpected = () => false;
  });
  afterAll(async () => {
    await day?.end();
  });
  const start = async (group: Group, policy: object, release = v2): Promise<number> =>
    await rollOut(day, group.filter, policy, release);
  const counts = async (number: number) => await countsOf(day, number);
  const halves = [
    ['started', /4 devices in 2 steps/],
    ['next-step', /2 of 2/],
    ['end', /4 of 4/],
  ] as const;
  const all = (to = v2) => ({
    ...{
      state: 'succeeded',
      reason: /4 of 4 devices verified active/,
      counts: { active: 4 },
      to,
      exposed: 4,
    },
    decisions: halves,
  });

  it('that revokes the release half way should go back, and offer it to nobody else', async () => {
    const release = await day.release('v2');
    const group = await day.fleet({ devices: 4, scenario: calm });
    const number = await start(group, { steps: [{ percent: 50, soakSeconds: 3_600 }, 100] }, release);
    await day.until(async () => (await counts(number)).active === 2, 20 * minute);
    const { stores, database, scope } = day.harness;
    await new ReleaseLifecycleService(stores, transactOn(database)).revoke(me, scope, release.ref, 'leaks');
    await reaches(day, number, 'rolled-back', hour);
    await day.pass(2 * hour);
    await account(day, number, group, {
      state: 'rolled-back',
      reason: /2 devices are back/,
      counts: { aborted: 2, returned: 2 },
      to: release,
      exposed: 2,
      decisions: [
        ['started', /2 steps/],
        ['roll-back', /was revoked/],
        ['end', /2 devices are back/],
      ],
    });
  });

  it('that rotates its key half way should go on, by the new key where devices have it', async () => {
    const group = await day.fleet({ devices: 4, scenario: calm });
    const number = await start(group, { steps: [{ percent: 50, soakSeconds: 3_600 }, 100] });
    await day.until(async () => (await counts(number)).active === 2, 20 * minute);
    const { rotation, scope, stores } = day.harness;
    const key = await rotation.rotate(me, scope);
    await day.pass(2 * minute);
    await day.until(async () => {
      await rotation.activate(me, scope, { keyId: key.keyId, force: false });
    }, 20 * minute);
    await reaches(day, number, 'succeeded', 4 * hour);
    await account(day, number, group, all());
    expect(await stores.keys.spread(scope, key.keyId)).toEqual({ devices: 4, missing: 0 });
  });

  it('whose engine is killed between any two writes should decide the same as one that lives', async () => {
    const { harness } = day;
    await day.pump(harness.stopConducting());
    const group = await day.fleet({ devices: 4, scenario: calm });
    const number = await start(group, { steps: [{ percent: 50, soakSeconds: 600 }, 100] });
    let kills = 0;
    const swept = new Set<string>();
    for (const end = day.clock.elapsedMs + 3 * hour; day.clock.elapsedMs < end;) {
      // What this turn would write, by a life that ends before it commits. Turns that decide nothing new are met once.
      const plan = await live(harness.database, Infinity, false);
      expect(plan.isKilled).toBe(plan.statements.length > 0);
      const kind = plan.statements.join(';');
      // Each life is one turn long, and ends a statement later than the one before, until one gets through.
      const from = swept.has(kind) ? Infinity : 0;
      swept.add(kind);
      for (let statements = from; ; statements++) {
        if (!(await live(harness.database, statements)).isKilled) break;
        kills++;
      }
      if ((await harness.stores.rollouts.get(harness.scope, number)).state === 'succeeded') break;
      await day.pass(20_000);
    }
    day.startEngine();
    expect(kills).toBeGreaterThan(50);
    await account(day, number, group, all());
    const { items } = await harness.stores.rollouts.deployments(harness.scope, number, { limit: 9 });
    expect(items.map(({ attempts }) => attempts)).toEqual([1, 1, 1, 1]);
  });

  it.each([
    ['forward by a day', 24 * hour],
    ['back by a day', -24 * hour],
  ])(
    'whose clock jumps %s should call nobody silent, end no soak early and decide the same',
    async (_, jumpMs) => {
      const group = await day.fleet({ devices: 4, scenario: calm });
      const number = await start(group, { steps: [{ percent: 50, soakSeconds: 3_600 }, 100] });
      await day.until(async () => (await counts(number)).active === 2, 20 * minute);
      const activeAt = day.clock.elapsedMs;
      day.clock.wallJumpMs += jumpMs;
      await day.until(async () => (await counts(number)).waiting === undefined, 4 * hour);
      expect(day.clock.elapsedMs - activeAt).toBeGreaterThan(0.95 * hour);
      await reaches(day, number, 'succeeded', 4 * hour);
      await account(day, number, group, all());
    },
  );

  it('whose database is gone for a minute in the middle of transfers should lose nothing and count nobody twice', async () => {
    isExpected = (error) =>
      /does not answer|terminat|connect|ECONN|EPIPE|recovery|starting up|shutting down/i.test(error);
    const { harness } = day;
    const group = await day.fleet({ devices: 4, scenario: calm });
    const number = await start(group, { steps: [{ percent: 50, soakSeconds: 600 }, 100] });
    await day.until(async () => (await counts(number)).fetching !== undefined, 20 * minute).catch(() => {});
    await day.pump(harness.postgres.stop());
    await day.pass(minute);
    await day.pump(harness.bouncePostgres(0));
    await reaches(day, number, 'succeeded', 4 * hour);
    await account(day, number, group, all());
    expect((await decisions(day, number)).filter(([kind]) => kind === 'end')).toHaveLength(1);
  });
});

/**
 * One turn of an engine whose process ends before that statement of it, or just after the last one has committed; with
 * `commits` off, in place of the commit.
 */
async function live(
  database: Database,
  statements: number,
  commits = true,
): Promise<{ isKilled: boolean; statements: readonly string[] }> {
  const leader = new Leader(database);
  await leader.tryLead();
  const run: string[] = [];
  const step = async <Result>(text: string, act: () => Promise<Result>): Promise<Result> => {
    if (run.length === statements) throw new Error('killed');
    run.push(text);
    return await act();
  };
  const conductor = new Conductor(
    new PgOpenRollouts(database),
    async <T>(work: (stores: RolloutStores) => Promise<T>) => {
      const done = await database.transaction(async (tx) => {
        const dying: Tx = {
          client: tx.client,
          manager: tx.manager,
          query: async (...values) => await step(values[0], async () => await tx.query(...values)),
          execute: async (...values) => await step(values[0], async () => await tx.execute(...values)),
        };
        await leader.hold(dying);
        const result = await work(new PgStores(dying));
        if (!commits) throw new Error('killed');
        return result;
      });
      return await step('commit', () => Promise.resolve(done));
    },
    conductorDefaults,
  );
  try {
    await conductor.turn();
    return { isKilled: false, statements: run };
  } catch (error) {
    expect((error as Error).message).toBe('killed');
    return { isKilled: true, statements: run };
  } finally {
    await leader.resign();
  }
}
