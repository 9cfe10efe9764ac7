import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeploymentState, ReleaseFacts } from '@tinyfleet/rollouts';
import { Conductor, conductorDefaults } from '@tinyfleet/rollouts';
import { Leader, PgRolloutStore, PgStores, transactAsLeader } from '@tinyfleet/storage';
import { eventually } from '@tinyfleet/testing';
import { packHistogram } from '@tinyfleet/wire';
import { FleetHarness } from '../../test/fleet-harness.js';
import { ScriptedDevice, type Behaviour } from '../../test/scripted-device.js';

const patience = { timeoutMs: 20_000, intervalMs: 50 };
const me = 'person:me@example.org';
const other = 'person:other@example.org';

describe('policies of rollouts', () => {
  let fleet: FleetHarness;
  let group = 0;
  const devices: ScriptedDevice[] = [];

  beforeAll(async () => {
    fleet = await FleetHarness.start();
    await fleet.startEdge();
    fleet.startConducting();
  });
  afterEach(() => {
    fleet.clockSkewS = 0;
    for (const device of devices.splice(0)) device.end();
  });
  afterAll(async () => {
    await fleet?.stop();
    expect(fleet.errors).toEqual([]);
  });

  async function makeFleet(behaviours: readonly (Behaviour | 'absent')[]) {
    const tag = `policy-${++group}`;
    const names = behaviours.map((_, i) => `${tag}-${i}`);
    const tokens = await fleet.register(names, [tag]);
    const connect = async (i: number, behaviour: Behaviour): Promise<ScriptedDevice> => {
      const name = names[i]!;
      const device = await ScriptedDevice.connect({
        port: fleet.port,
        name,
        token: tokens.get(name)!,
        behaviour,
      });
      devices.push(device);
      await device.hello();
      return device;
    };
    for (const [i, behaviour] of behaviours.entries())
      if (behaviour !== 'absent') await connect(i, behaviour);
    return { names, tag, filter: `tag = "${tag}"`, connect };
  }
  const start = async (
    request: Omit<Parameters<typeof fleet.rollouts.start>[2], 'release'> & { release: string },
  ) => (await fleet.rollouts.start(me, fleet.scope, request)).number;
  const get = (number: number) => fleet.stores.rollouts.get(fleet.scope, number);
  const counts = async (number: number) => (await get(number)).counts;
  const reaches = async (number: number, state: string) =>
    await eventually(async () => expect((await get(number)).state).toBe(state), patience);
  const settles = async (number: number, expected: Partial<Record<DeploymentState, number>>) =>
    await eventually(async () => expect(await counts(number)).toEqual(expected), patience);
  const all = <T>(n: number, value: T): T[] => Array.from({ length: n }, () => value);
  const decisions = async (number: number) =>
    (await fleet.stores.rollouts.decisions(fleet.scope, number, { limit: 50 })).items;

  it('should take devices back to the version before, and say so in its decisions', async () => {
    const [first, second] = [await fleet.release(3_000), await fleet.release(3_000)];
    const { filter } = await makeFleet(all(4, 'good'));
    await reaches(await start({ release: first.ref, filter }), 'succeeded');
    const number = await start({ release: second.ref, filter });
    await reaches(number, 'succeeded');
    const before = (await fleet.stores.rollouts.allDeployments(fleet.scope, { limit: 4, rollout: number }))
      .items;
    await fleet.operator.rollBack(me, fleet.scope, number, { reason: 'too slow' });
    await reaches(number, 'rolled-back');
    expect(await counts(number)).toEqual({ returned: 4 });
    for (const device of devices) expect(device.active?.equals(first.bytes)).toBe(true);
    const after = (await fleet.stores.rollouts.allDeployments(fleet.scope, { limit: 4, rollout: number }))
      .items;
    expect(Math.min(...after.map((one) => one.number))).toBeGreaterThan(
      Math.max(...before.map((one) => one.number)),
    );
    expect((await decisions(number)).map(({ kind, by }) => [kind, by])).toEqual([
      ['end', 'engine'],
      ['roll-back', me],
      ['end', 'engine'],
      ['started', me],
    ]);
  });

  it('should take back one site and go on with the others', async () => {
    const [first, second] = [await fleet.release(3_000), await fleet.release(3_000)];
    const { filter, names } = await makeFleet(all(4, 'good'));
    await fleet.database.query(`update device set site = 'hall-1' where name = any($1::text[])`, [
      names.slice(0, 2),
    ]);
    await reaches(await start({ release: first.ref, filter }), 'succeeded');
    const steps = [{ percent: 100, soakSeconds: 600 }];
    const number = await start({ release: second.ref, filter, steps });
    await settles(number, { active: 4 });
    await fleet.operator.rollBack(me, fleet.scope, number, { site: 'hall-1' });
    await settles(number, { active: 2, returned: 2 });
    fleet.clockSkewS = 700;
    await reaches(number, 'succeeded');
    expect((await get(number)).reason).toBe('2 of 2 devices verified active');
  });

  it('should go back by itself when a release was revoked', async () => {
    const [first, second] = [await fleet.release(3_000), await fleet.release(3_000)];
    const { filter } = await makeFleet(['good', 'good']);
    await reaches(await start({ release: first.ref, filter }), 'succeeded');
    const number = await start({ release: second.ref, filter, steps: [{ percent: 100, soakSeconds: 600 }] });
    await settles(number, { active: 2 });
    const { id }: ReleaseFacts = await fleet.stores.rollouts.release(fleet.scope, second.ref);
    await fleet.database.query(`update release set state = 'revoked' where id = $1`, [id]);
    await reaches(number, 'rolled-back');
    expect(await counts(number)).toEqual({ returned: 2 });
  });

  it('should wait for the yes of another person, before its start and before a step', async () => {
    const release = await fleet.release(3_000);
    const { filter } = await makeFleet(['good', 'good']);
    const steps = [50, { percent: 100, approval: true }];
    const number = await start({ release: release.ref, filter, steps, approval: true });
    expect((await get(number)).state).toBe('awaiting-approval');
    for (const eyes of [me, 'token:me@example.org/ci'])
      await expect(fleet.operator.approve(eyes, fleet.scope, number)).rejects.toThrow(/somebody else/);
    await fleet.operator.approve(other, fleet.scope, number);
    await settles(number, { active: 1, waiting: 1 });
    await reaches(number, 'awaiting-approval');
    await fleet.operator.approve(other, fleet.scope, number, 'looks good');
    await reaches(number, 'succeeded');
  });

  it('should make no more offers than the rate, and count those of the leader before', async () => {
    const release = await fleet.release(1_000);
    const { filter } = await makeFleet(all(6, 'good'));
    const number = await start({ release: release.ref, filter, devicesPerMinute: 4 });
    await settles(number, { active: 1, waiting: 5 });
    const leader = new Leader(fleet.database, 'webhook');
    await leader.tryLead();
    const conductor = new Conductor(
      new PgRolloutStore(fleet.database),
      transactAsLeader(fleet.database, leader),
    );
    await conductor.turn();
    await leader.resign();
    expect(await counts(number)).toEqual({ active: 1, waiting: 5 });
    fleet.clockSkewS = 65;
    await eventually(async () => expect((await counts(number)).active).toBe(2), patience);
    await fleet.operator.abort(me, fleet.scope, number);
  });

  it('should offer inside the windows of a device and only there', async () => {
    const release = await fleet.release(1_000);
    const { filter, names } = await makeFleet(['good', 'good']);
    await fleet.database.query(`update device set desired = '{"timeZone": "Etc/GMT-12"}' where name = $1`, [
      names[0],
    ]);
    // Now there, and twelve hours from now here.
    const at = (hours: number): string =>
      `${String((new Date().getUTCHours() + hours + 48) % 24).padStart(2, '0')}:00`;
    const windows = [{ from: at(11), to: at(14) }];
    const number = await start({ release: release.ref, filter, windows });
    await settles(number, { active: 1, waiting: 1 });
    fleet.clockSkewS = 12 * 3_600;
    await reaches(number, 'succeeded');
  });

  it('should leave devices alone that a person holds, excludes or pins', async () => {
    const [release, pinned] = [await fleet.release(1_000), await fleet.release(1_000)];
    const { filter, names } = await makeFleet(all(4, 'good'));
    const set = async (i: number, rule: object) =>
      await fleet.updateRules.set(me, fleet.scope, names[i]!, {
        ...{ kind: 'exclude', release: null, until: null, reason: 'test' },
        ...rule,
      });
    await set(0, { kind: 'hold' });
    await set(1, { kind: 'exclude' });
    await set(2, { kind: 'pin', release: pinned.ref });
    const plan = await fleet.rollouts.plan(me, fleet.scope, { release: release.ref, filter });
    expect(plan.kept.map(({ reason }) => reason).sort()).toEqual([
      'excluded: test',
      'held: test',
      'pinned to another release: test',
    ]);
    const steps = [{ percent: 100, soakSeconds: 600 }];
    const number = await start({ release: release.ref, filter, steps });
    await settles(number, { active: 1, held: 1 });
    await fleet.updateRules.remove(me, fleet.scope, names[0]!);
    await settles(number, { active: 2 });
    await fleet.operator.abort(me, fleet.scope, number);
  });

  it('should take back what was offered to a device that a person then excludes or holds', async () => {
    const release = await fleet.release(1_000);
    const { filter, names } = await makeFleet(['mute', 'mute', 'mute']);
    const number = await start({ release: release.ref, filter });
    await settles(number, { offered: 3 });
    const rule = { release: null, until: null, reason: 'test' };
    await fleet.updateRules.set(me, fleet.scope, names[0]!, { ...rule, kind: 'exclude' });
    await fleet.updateRules.set(me, fleet.scope, names[1]!, { ...rule, kind: 'hold' });
    await settles(number, { aborted: 1, held: 1, offered: 1 });
    const told = await fleet.database.query<{ name: string; told: boolean }>(
      `select d.name, ds.deployment_number > 0 as told from desired_state ds
       join device d on d.project_id = ds.project_id and d.id = ds.device_id where d.name = any ($1) order by d.name`,
      [names],
    );
    expect(told.map((one) => one.told)).toEqual([false, false, true]);
    await fleet.operator.abort(me, fleet.scope, number);
  });

  it('should pause a rollout whose group is gone, and go on with the others', async () => {
    const release = await fleet.release(1_000);
    const [poor, good] = [await makeFleet(['absent']), await makeFleet(all(2, 'good'))];
    const steps = [{ percent: 100, soakSeconds: 600 }];
    const one = await start({
      release: release.ref,
      filter: poor.filter,
      steps,
      dynamic: true,
      priority: 90,
    });
    await fleet.database.query(`update rollout set filter = 'group = "gone"' where number = $1`, [one]);
    const two = await start({ release: release.ref, filter: good.filter });
    await reaches(two, 'succeeded');
    await reaches(one, 'paused');
    expect((await get(one)).reason).toContain('gone');
    await fleet.operator.abort(me, fleet.scope, one);
  });

  it('should count offers that a clock set back leaves in the future for a minute, and no longer', async () => {
    const release = await fleet.release(1_000);
    const { filter } = await makeFleet(['absent']);
    const number = await start({ release: release.ref, filter, devicesPerMinute: 1 });
    await settles(number, { offered: 1 });
    await fleet.database.query(
      `update rollout_offer o set at = at + interval '1 hour' from rollout ro where ro.id = o.rollout_id and ro.number = $1`,
      [number],
    );
    await fleet.database.transaction(async (tx) => {
      const { moves } = new PgStores(tx);
      const { id } = await moves.lock(fleet.scope, number);
      const now = new Date();
      expect(await moves.offers(fleet.scope, id, now)).toEqual([{ atMs: now.getTime(), devices: 1 }]);
      const later = new Date(now.getTime() + 60_000);
      expect(await moves.offers(fleet.scope, id, later)).toEqual([]);
    });
    await fleet.operator.abort(me, fleet.scope, number);
  });

  it('should leave the lead to others when a term cannot begin', async () => {
    const { database } = fleet;
    await database.query(`alter table leader_term add constraint none check (name <> 'webhook') not valid`);
    await expect(new Leader(database, 'webhook').tryLead()).rejects.toThrow('none');
    await database.query('alter table leader_term drop constraint none');
    const next = new Leader(database, 'webhook');
    expect(await next.tryLead()).toBe(true);
    await next.resign();
  });

  it('should soak once more when somebody resumes what paused undecided', async () => {
    const release = await fleet.release(1_000);
    const { filter } = await makeFleet(all(2, 'good'));
    const gates = [{ kind: 'confidence' as const }];
    const steps = [
      { percent: 50, maxSoakSeconds: 5, gates },
      { percent: 100, gates: [] },
    ];
    const number = await start({ release: release.ref, filter, steps });
    await reaches(number, 'paused');
    await fleet.operator.resume(me, fleet.scope, number);
    expect((await get(number)).stepEndedAt).toBeNull();
    await fleet.operator.abort(me, fleet.scope, number);
  });

  it('should give a device to the rollout of the higher priority, and end the older release for it', async () => {
    const [low, high] = [await fleet.release(1_000), await fleet.release(1_000)];
    const { filter } = await makeFleet(['mute', 'mute']);
    const one = await start({ release: low.ref, filter });
    await settles(one, { offered: 2 });
    const two = await start({ release: high.ref, filter, priority: 90 });
    await settles(two, { offered: 2 });
    for (const device of devices)
      await device.nextDesired(({ transfer }) =>
        Buffer.from(transfer?.payloadDigest ?? []).equals(high.digest),
      );
    await settles(one, { aborted: 2 });
    expect((await get(one)).state).toBe('failed');
    const { items } = await fleet.stores.rollouts.deployments(fleet.scope, one, { limit: 1 });
    expect(items[0]?.errorTitle).toBe(`superseded by ${high.ref}`);
    await fleet.operator.abort(me, fleet.scope, two);
  });

  it('should take devices in that match later, one after the other', async () => {
    const release = await fleet.release(1_000);
    const { filter, tag } = await makeFleet(['good']);
    const steps = [{ percent: 100, soakSeconds: 600 }];
    const number = await start({ release: release.ref, filter, steps, dynamic: true, joinersPerMinute: 1 });
    await settles(number, { active: 1 });
    const late = await makeFleet(['good', 'good']);
    await fleet.database.query('update device set tags = $1 where name = any($2::text[])', [
      [tag],
      late.names,
    ]);
    await settles(number, { active: 2, waiting: 1 });
    fleet.clockSkewS = 61;
    await settles(number, { active: 3 });
    await eventually(async () => expect((await get(number)).stepEndedAt).not.toBeNull(), patience);
    fleet.clockSkewS = 700;
    await reaches(number, 'succeeded');
  });

  it('should never succeed with a fleet that has gone', async () => {
    const release = await fleet.release(1_000);
    const { filter, names } = await makeFleet(['mute', 'mute']);
    const number = await start({ release: release.ref, filter, steps: [50, 100] });
    await settles(number, { offered: 1, waiting: 1 });
    await fleet.database.query(`update device set state = 'retired' where name = any($1::text[])`, [names]);
    await settles(number, { aborted: 2 });
    await reaches(number, 'failed');
    expect((await get(number)).reason).toBe('no device can take the release');
  });

  it('should not wait for devices that were away before, nor count them, and serve them when they come', async () => {
    const release = await fleet.release(1_000);
    const { filter, connect } = await makeFleet(['good', 'good', 'absent']);
    const number = await start({ release: release.ref, filter });
    await settles(number, { active: 2, offered: 1 });
    fleet.clockSkewS = 700;
    await reaches(number, 'succeeded');
    expect((await get(number)).reason).toBe('2 of 2 devices verified active, 1 more were not reached');
    await connect(2, 'good');
    await settles(number, { active: 3 });
  });

  it('should not believe a device that says active and runs something else', async () => {
    const release = await fleet.release(1_000);
    const { filter } = await makeFleet(['good']);
    const number = await start({ release: release.ref, filter, steps: [{ percent: 100, soakSeconds: 600 }] });
    await settles(number, { active: 1 });
    const lie = { digest: Buffer.alloc(32, 7), state: 'active' as const, releaseSequence: 1, bytes: 1_000 };
    await devices[0]!.hello({ slots: [lie] });
    await settles(number, { reverted: 1 });
    await reaches(number, 'paused');
    await fleet.operator.abort(me, fleet.scope, number);
  });

  it('should try a failed transfer again after its back-off, and other failures when a person says so', async () => {
    const release = await fleet.release(1_000);
    const { filter } = await makeFleet(['fail']);
    const number = await start({ release: release.ref, filter });
    await reaches(number, 'paused');
    expect(await counts(number)).toEqual({ failed: 1 });
    (devices[0] as unknown as { options: { behaviour: string } }).options.behaviour = 'good';
    await fleet.operator.retry(me, fleet.scope, number);
    await reaches(number, 'succeeded');
  });

  describe('with gates', () => {
    const gates = {
      gates: [{ kind: 'class-mix' as const, margin: 40, passFromDevices: 2 }],
      windowSeconds: 60,
    };
    const asBefore = packHistogram([0, 0, 0, 0, 0, 0, 0, 95, 0, 0, 0, 0, 0, 0, 0, 5]);
    const otherClass = packHistogram([0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 95]);

    /** Half of them on a new version that predicts these classes; each has sent a few windows. */
    async function compare(classes: Uint8Array, policy: object): Promise<number> {
      const [first, second] = [await fleet.release(3_000), await fleet.release(3_000)];
      const { filter } = await makeFleet(all(12, 'good'));
      await reaches(await start({ release: first.ref, filter }), 'succeeded');
      const steps = [{ percent: 100, soakSeconds: 600 }];
      const number = await start({
        release: second.ref,
        filter,
        steps,
        holdBackPercent: 50,
        gates,
        ...policy,
      });
      await eventually(async () => expect((await counts(number)).active ?? 0).toBe(6), patience);
      // Scripted devices place windows a second early: those of the new version are to begin after it was active.
      await new Promise((resolve) => setTimeout(resolve, 1_200));
      for (const device of devices) {
        expect(device.desired.at(-1)?.windowS).toBe(60);
        const isNew = device.active!.equals(second.bytes);
        for (let i = 0; i < 3; i++)
          await device.window(isNew ? second.digest : first.digest, {
            n: 100,
            classes: isNew ? classes : asBefore,
          });
      }
      return number;
    }

    it('should go back by itself from a version that predicts something else, and show the evidence', async () => {
      const number = await compare(otherClass, { onFailure: 'rollback' });
      await reaches(number, 'rolled-back');
      expect(await counts(number)).toEqual({ control: 6, returned: 6 });
      const { gates: verdict } = await get(number);
      expect(verdict).toMatchObject({
        outcome: 'fail',
        findings: expect.arrayContaining([
          expect.objectContaining({ metric: 'class-mix:0', outcome: 'fail' }),
        ]),
      });
      const told = (await decisions(number)).find(({ kind }) => kind === 'roll-back');
      expect(told?.text).toMatch(/class/);
    });

    it('should go on when they pass, with the hold-back kept to the end and told its own windows again', async () => {
      const number = await compare(asBefore, {});
      await eventually(async () => expect((await get(number)).gates?.outcome).toBe('undecided'), patience);
      await eventually(
        async () => expect((await get(number)).gates?.findings[0]?.outcome).toBe('pass'),
        patience,
      );
      fleet.clockSkewS = 700;
      await reaches(number, 'succeeded');
      expect(await counts(number)).toEqual({ active: 6, control: 6 });
      await eventually(() => {
        for (const device of devices) expect(device.desired.at(-1)?.windowS).toBe(10);
      }, patience);
    });
  });

  it('should go on as before wherever the engine was killed, and let no former leader write', async () => {
    const release = await fleet.release(1_000);
    const { filter } = await makeFleet(all(4, 'good'));
    await fleet.stopConducting();
    const number = await start({ release: release.ref, filter, steps: [25, 50, 100] });
    const leader = new Leader(fleet.database);
    await leader.tryLead();
    const transact = transactAsLeader(fleet.database, leader);
    let died = 0;
    const dying = new Conductor(
      new PgRolloutStore(fleet.database),
      async (work) =>
        await transact(async (stores) => {
          const result = await work(stores);
          if (died++ % 2 === 0) throw new Error('killed');
          return result;
        }),
      conductorDefaults,
    );
    await eventually(async () => {
      await dying.turn().catch(() => {});
      expect((await get(number)).state).toBe('succeeded');
    }, patience);
    expect(died).toBeGreaterThan(6);
    const { items } = await fleet.stores.rollouts.deployments(fleet.scope, number, { limit: 10 });
    expect(items.map(({ attempts }) => attempts)).toEqual([1, 1, 1, 1]);

    await fleet.database.query(`update leader_term set term = term + 1 where name = 'rollout'`);
    await start({ release: (await fleet.release(1_000)).ref, filter });
    await expect(dying.turn()).rejects.toThrow(/leads the role/);
    expect(leader.leads).toBe(false);
    fleet.startConducting();
  });
});
