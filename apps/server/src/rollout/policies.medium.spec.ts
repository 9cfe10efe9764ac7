import { describe, expect, it } from '@jest/globals';
import { LabelQueueService } from '@tinyfleet/quality';
import type { ReleaseFacts } from '@tinyfleet/rollouts';
import { Conductor, StepGates, conductorDefaults, rateWindowMs } from '@tinyfleet/rollouts';
import {
  Leader,
  PgAlertActions,
  PgAuditLog,
  PgCohortMetrics,
  PgLabelQueueStore,
  PgOpenRollouts,
  PgStores,
  transactAsLeader,
} from '@tinyfleet/storage';
import { eventually } from '@tinyfleet/testing';
import { packHistogram } from '@tinyfleet/wire';
import { uuidv7 } from 'uuidv7';
import type { FleetHarness } from '../../test/fleet-harness.js';
import { all, me, patience, rolloutSuite } from '../../test/rollout-suite.js';
import { AlertActions, actionDefaults } from '../alert/actions.js';
import { GateThread } from './gate-thread.js';

const other = 'person:other@example.org';

describe('policies of rollouts', () => {
  let fleet: FleetHarness;
  const { devices, makeFleet, start, get, counts, reaches, settles, decisions } = rolloutSuite(
    (started) => (fleet = started),
  );

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

  it('should hold what failed at a site that went back against nobody else', async () => {
    const [first, second] = [await fleet.release(3_000), await fleet.release(3_000)];
    const { filter, names } = await makeFleet(['good', 'fail', 'fail', 'good', 'good', 'good']);
    await fleet.database.query(`update device set site = 'hall-1' where name = any($1::text[])`, [
      names.slice(0, 3),
    ]);
    const running = names.filter((_, i) => i === 0 || i > 2);
    const able = running.map((name) => `name = "${name}"`).join(' or ');
    await reaches(await start({ release: first.ref, filter: able }), 'succeeded');
    const steps = [{ percent: 100, soakSeconds: 600 }];
    // 2 of 6 are no more than that; 2 of 5 would be.
    const number = await start({ release: second.ref, filter, steps, maxFailurePercent: 35 });
    await settles(number, { active: 4, failed: 2 });
    await fleet.operator.rollBack(me, fleet.scope, number, { site: 'hall-1' });
    await settles(number, { active: 3, returned: 1, failed: 2 });
    fleet.clockSkewS = 700;
    await reaches(number, 'succeeded');
    expect((await get(number)).reason).toBe('3 of 3 devices verified active');
  });

  it('should give nobody of a site that went back the release, whoever joins it or is tried again', async () => {
    const [first, second] = [await fleet.release(3_000), await fleet.release(3_000)];
    const { filter, names, tag } = await makeFleet(['good', 'good', 'fail']);
    const move = async (moved: readonly string[], site: string) =>
      await fleet.database.query('update device set site = $1, tags = $2 where name = any($3::text[])', [
        site,
        [tag],
        moved,
      ]);
    await move(names.slice(1), 'hall-1');
    const good = names
      .slice(0, 2)
      .map((name) => `name = "${name}"`)
      .join(' or ');
    await reaches(await start({ release: first.ref, filter: good }), 'succeeded');
    const steps = [{ percent: 100, soakSeconds: 600 }];
    const dynamic = { dynamic: true, joinersPerMinute: 100_000, maxFailurePercent: 100 };
    const number = await start({ release: second.ref, filter, steps, ...dynamic });
    await settles(number, { active: 2, failed: 1 });
    await fleet.operator.rollBack(me, fleet.scope, number, { site: 'hall-1' });
    await settles(number, { active: 1, returned: 1, failed: 1 });
    const late = await makeFleet(['good', 'good']);
    await move([late.names[0]!], 'hall-1');
    await move([late.names[1]!], 'hall-2');
    await settles(number, { active: 2, returned: 1, failed: 1, aborted: 1 });
    await fleet.operator.retry(me, fleet.scope, number);
    await settles(number, { active: 2, returned: 1, aborted: 2 });
    const aborted = (
      await fleet.stores.rollouts.deployments(fleet.scope, number, { limit: 9, state: 'aborted' })
    ).items.at(-1);
    expect(aborted).toMatchObject({ attempts: 0, errorTitle: 'its type or site was rolled back' });
    expect(devices.at(-2)!.desired.every(({ deployment }) => deployment === 0)).toBe(true);
    await fleet.operator.abort(me, fleet.scope, number);
  });

  it('should start one of several rollouts of the same devices that are started at once', async () => {
    const release = await fleet.release(1_000);
    const { filter } = await makeFleet(all(2, 'absent'));
    const starts = await Promise.allSettled(
      Array.from({ length: 6 }, () => start({ release: release.ref, filter })),
    );
    const started = starts.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(started).toHaveLength(1);
    for (const one of starts)
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'rollouts.devices-busy' });
    await fleet.operator.abort(me, fleet.scope, started[0]!);
  });

  it('should judge gates while people act, and not believe a verdict that their action overtook', async () => {
    await fleet.stopConducting();
    const release = await fleet.release(1_000);
    const { filter } = await makeFleet(all(2, 'absent'));
    const number = await start({ release: release.ref, filter, gates: { gates: [{ kind: 'confidence' }] } });
    const leader = new Leader(fleet.database);
    await leader.tryLead();
    let [judging, judged] = [() => {}, () => {}];
    const begun = new Promise<void>((resolve) => (judging = resolve));
    const done = new Promise<void>((resolve) => (judged = resolve));
    const verdict = { outcome: 'fail' as const, reason: 'seen before somebody resumed' };
    const judge = async () => {
      judging();
      await done;
      return { verdict, reports: [] };
    };
    const conductor = new Conductor(
      new PgOpenRollouts(fleet.database),
      transactAsLeader(fleet.database, leader),
      conductorDefaults,
      { judge },
    );
    const turn = conductor.turn();
    await begun;
    await fleet.operator.pause(me, fleet.scope, number);
    await fleet.operator.resume(me, fleet.scope, number);
    judged();
    await turn;
    expect((await get(number)).state).toBe('running');
    await conductor.turn();
    expect(await get(number)).toMatchObject({ state: 'paused', reason: verdict.reason });
    await leader.resign();
    await fleet.operator.abort(me, fleet.scope, number);
    fleet.startConducting();
  });

  it('should move the others on while the gates of one are judged for ever, and while one is held by somebody', async () => {
    await fleet.stopConducting();
    const { filter: slow } = await makeFleet(all(2, 'good'));
    const number = await start({
      release: (await fleet.release(1_000)).ref,
      filter: slow,
      steps: [{ percent: 50, soakSeconds: 600 }, 100],
      gates: { gates: [{ kind: 'silence' }] },
      lastControlPercent: 0,
    });
    const { filter: quick } = await makeFleet(all(4, 'good'));
    const other = await start({ release: (await fleet.release(1_000)).ref, filter: quick, steps: [50, 100] });
    const leader = new Leader(fleet.database);
    await leader.tryLead();
    let asked = 0;
    const judge = async () => {
      asked++;
      await new Promise<never>(() => {});
    };
    const conductor = new Conductor(
      new PgOpenRollouts(fleet.database),
      transactAsLeader(fleet.database, leader),
      conductorDefaults,
      { judge: judge as never },
    );
    await eventually(async () => {
      await conductor.turn(100);
      expect((await get(other)).state).toBe('succeeded');
      expect(await counts(number)).toEqual({ active: 1, waiting: 1 });
    }, patience);
    // One judgement under way is enough.
    expect(asked).toBe(1);
    await leader.resign();
    await fleet.operator.abort(me, fleet.scope, number);
    fleet.startConducting();
  });

  it('should judge in a thread as it does here, and say so when the thread has ended', async () => {
    const { filter } = await makeFleet(all(4, 'good'));
    const number = await start({
      release: (await fleet.release(1_000)).ref,
      filter,
      steps: [{ percent: 50, soakSeconds: 600 }, 100],
      gates: { gates: [{ kind: 'silence' }, { kind: 'confidence' }] },
    });
    await settles(number, { active: 2, waiting: 2 });
    const open = new PgOpenRollouts(fleet.database);
    const rollout = await open.look(fleet.scope, number);
    const thread = new GateThread(fleet.database.target);
    const judged = await thread.judge(fleet.scope, rollout);
    expect(judged?.verdict.outcome).toBe('undecided');
    expect(judged).toEqual(
      await new StepGates(open, new PgCohortMetrics(fleet.database)).judge(fleet.scope, rollout),
    );
    const asked = thread.judge(fleet.scope, { ...rollout, id: uuidv7() });
    await thread.stop();
    await expect(asked).rejects.toMatchObject({ code: 'rollouts.gates-died' });
    await fleet.operator.abort(me, fleet.scope, number);
  });

  it('should do for an alert what its rule says to the rollouts that brought what its devices run, and to no other', async () => {
    const steps = [{ percent: 100, soakSeconds: 600 }];
    const [here, there] = [await makeFleet(all(2, 'good')), await makeFleet(all(2, 'good'))];
    const [first, second] = [await fleet.release(1_000), await fleet.release(1_000)];
    const numbers = [
      await start({ release: first.ref, filter: here.filter, steps }),
      await start({ release: second.ref, filter: there.filter, steps }),
    ] as const;
    for (const number of numbers) await settles(number, { active: 2 });
    const states = async () => Promise.all(numbers.map(async (one) => (await get(one)).state));
    const failures: unknown[] = [];
    const queue = new LabelQueueService(new PgLabelQueueStore(fleet.database), async (work) =>
      fleet.database.transaction(async (tx) =>
        work({ queue: new PgLabelQueueStore(tx), audit: new PgAuditLog(tx) }),
      ),
    );
    const actions = new AlertActions(
      new PgAlertActions(fleet.database),
      fleet.operator,
      fleet.commands,
      queue,
      (error) => failures.push(error),
      { ...actionDefaults, maxAttempts: 2, firstRetryMs: 1, maxRetryMs: 1 },
    );
    /** Devices: those that are set aside, by name; names: of the evidence. */
    const open = async (
      given: { subject: string; devices?: string[]; names?: string[]; kind?: 'silence' },
      asked: 'hold-rollout' | 'roll-back' | 'labelling-task',
    ): Promise<number> => {
      const { subject, devices: aside = [], names = [], kind = 'drift' } = given;
      const ids = await fleet.database.query<{ id: string }>(
        'select id from device where name = any ($1::text[])',
        [aside],
      );
      const { alerts } = fleet.stores;
      const opened = await alerts.open(
        fleet.scope,
        {
          ...{ kind, severity: 'critical', verdict: 'pre-processing', subject, title: 'test' },
          scope: aside.length > 0 ? 'attribute' : 'everyone',
          // A silence by the time of the next contact knows no model.
          model: kind === 'silence' ? null : first.ref.split('@')[0]!,
          ...{ watch: uuidv7(), atMs: Date.now(), owner: null },
          evidence: {
            ...{ statements: [], shifts: [], changedAt: null, roundSeconds: 60, devices: names },
            ...{ deviceCount: names.length, baseline: null, arl0: null, falseDiscoveryRate: null },
            judgedAgainst: '',
          },
          incident: { stream: 0, shift: 1, devices: ids.map(({ id }) => id), openedRound: 0, calm: 0 },
        },
        null,
      );
      await alerts.addActions(fleet.scope, opened!.number, [asked]);
      return opened!.number;
    };
    const outcome = async (alert: number) => (await fleet.stores.alerts.get(fleet.scope, alert)).actions[0];

    // What nobody knows to handle comes first, and is tried again; what comes behind it is done.
    await fleet.database.query(`create function refuse_task() returns trigger language plpgsql as
      $$ begin raise exception 'nobody knows'; end $$;
      create trigger refuse before insert on label_task execute function refuse_task()`);
    const labels = await open({ subject: 'site=x', devices: [here.names[0]!] }, 'labelling-task');
    const named = await open({ subject: `version=${second.ref}`, devices: [here.names[0]!] }, 'hold-rollout');
    const hold = await open({ subject: 'batch=b', devices: [here.names[0]!] }, 'hold-rollout');
    await actions.turn();
    expect(await states()).toEqual(['paused', 'running']);
    expect(await outcome(hold)).toMatchObject({ state: 'done', text: `rollout ${numbers[0]} paused` });
    // Its device runs another version than the alert names.
    expect(await outcome(named)).toMatchObject({ state: 'done', text: expect.stringMatching(/^no open/) });
    expect(await outcome(labels)).toMatchObject({ state: 'due', text: expect.stringMatching(/attempt 1/) });
    expect(failures).toHaveLength(1);
    await eventually(async () => {
      await actions.turn();
      expect(await outcome(labels)).toMatchObject({ state: 'failed' });
    });
    expect(failures).toHaveLength(2);
    await fleet.database.query('drop trigger refuse on label_task; drop function refuse_task()');

    const silent = await open({ subject: 'site=y', devices: there.names, kind: 'silence' }, 'hold-rollout');
    const held = await open({ subject: 'batch=c', devices: [here.names[0]!] }, 'hold-rollout');
    await actions.turn();
    expect(await outcome(silent)).toMatchObject({ state: 'done', text: `rollout ${numbers[1]} paused` });
    expect(await outcome(held)).toMatchObject({ state: 'done', text: `rollout ${numbers[0]} held already` });
    expect(await states()).toEqual(['paused', 'paused']);

    // An alert of everyone sets no device aside: its evidence names them.
    const back = await open({ subject: 'everyone', names: there.names }, 'roll-back');
    const again = await open({ subject: 'tag=t', names: there.names }, 'labelling-task');
    await actions.turn();
    expect(await outcome(again)).toMatchObject({ state: 'done' });
    expect(await outcome(back)).toMatchObject({ state: 'done', text: `rollout ${numbers[1]} rolled back` });
    expect((await states())[0]).toBe('paused');
    await reaches(numbers[1], 'rolled-back');
    await fleet.operator.abort(me, fleet.scope, numbers[0]);
  });

  it('should go on in a project while somebody holds up another one', async () => {
    await fleet.stopConducting();
    const { filter } = await makeFleet(all(2, 'good'));
    const number = await start({ release: (await fleet.release(1_000)).ref, filter });
    const second = uuidv7();
    await fleet.database.query(
      `insert into project (id, name, window_s, pick_every) values ($1, 'second', 10, 50)`,
      [second],
    );
    const [model, version, release] = [uuidv7(), uuidv7(), uuidv7()];
    await fleet.database.query(`insert into model (project_id, id, name) values ($1, $2, 'kws')`, [
      second,
      model,
    ]);
    await fleet.database.query(
      `insert into blob (project_id, digest, kind, bytes)
       select $1, digest, kind, bytes from blob where project_id = $2 on conflict do nothing`,
      [second, fleet.projectId],
    );
    await fleet.database.query(
      `insert into model_version (project_id, id, model_id, version, version_order, format, file_name, source_digest, source_bytes, contract,
         inspection, labels, created_by)
       select $1, $2, $3, version, version_order, format, file_name, source_digest, source_bytes, contract, inspection, labels, created_by
       from model_version limit 1`,
      [second, version, model],
    );
    await fleet.database.query(
      `insert into release (project_id, id, model_version_id, sequence, state, signed_at, created_by)
       values ($1, $2, $3, 1, 'approved', now(), 'test')`,
      [second, release, version],
    );
    await fleet.database.query(
      `insert into rollout (project_id, id, number, release_id, filter, strategy, plan, seed, priority, state, reason, approved_step, step,
         step_started_at, created_by, kind)
       select $1, gen_random_uuid(), 1, $3, filter, strategy, plan, seed, 99, state, reason, 0, 0, now(), created_by, kind
       from rollout where number = $2`,
      [second, number, release],
    );
    const leader = new Leader(fleet.database);
    await leader.tryLead();
    const conductor = new Conductor(
      new PgOpenRollouts(fleet.database),
      transactAsLeader(fleet.database, leader),
    );
    await fleet.database.transaction(async (tx) => {
      await tx.query('select from rollout where project_id = $1 for update', [second]);
      await eventually(async () => {
        await conductor.turn(100);
        expect((await get(number)).state).toBe('succeeded');
      }, patience);
    });
    await conductor.rest();
    await leader.resign();
    await fleet.database.query('delete from rollout where project_id = $1', [second]);
    fleet.startConducting();
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

  it('should go back also while it is paused or waits for a yes, and not from a release that is good', async () => {
    const [first, second] = [await fleet.release(3_000), await fleet.release(3_000)];
    const { filter } = await makeFleet(['good', 'good']);
    await reaches(await start({ release: first.ref, filter }), 'succeeded');
    const steps = [{ percent: 100, soakSeconds: 600 }];
    const number = await start({ release: second.ref, filter, steps });
    await settles(number, { active: 2 });
    await fleet.operator.pause(me, fleet.scope, number);
    const { filter: others } = await makeFleet(['good']);
    const [waits, stays] = [
      await start({ release: second.ref, filter: others, approval: true }),
      await start({ release: first.ref, filter: others, approval: true, priority: 60 }),
    ];
    const { id }: ReleaseFacts = await fleet.stores.rollouts.release(fleet.scope, second.ref);
    await fleet.database.query(`update release set state = 'revoked' where id = $1`, [id]);
    for (const one of [number, waits]) await reaches(one, 'rolled-back');
    expect(await counts(number)).toEqual({ returned: 2 });
    expect(await counts(waits)).toEqual({ aborted: 1 });
    expect((await get(stays)).state).toBe('awaiting-approval');
    await fleet.operator.abort(me, fleet.scope, stays);
  });

  it('should wait for the yes of another person, before its start and before a step', async () => {
    const release = await fleet.release(3_000);
    const { filter } = await makeFleet(['good', 'good']);
    const steps = [50, { percent: 100, approval: true }];
    const number = await start({ release: release.ref, filter, steps, approval: true });
    expect((await get(number)).state).toBe('awaiting-approval');
    for (const eyes of [me, 'token:me@example.org/ci'])
      await expect(fleet.operator.approve(eyes, fleet.scope, number)).rejects.toThrow(/somebody else/);
    for (const nobody of ['token:local', 'engine', 'system'])
      await expect(fleet.operator.approve(nobody, fleet.scope, number)).rejects.toMatchObject({
        code: 'rollouts.approver-no-person',
      });
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
      new PgOpenRollouts(fleet.database),
      transactAsLeader(fleet.database, leader),
    );
    await conductor.turn();
    await leader.resign();
    expect(await counts(number)).toEqual({ active: 1, waiting: 5 });
    fleet.clockSkewS = 65;
    await settles(number, { active: 1, offered: 1, waiting: 4 });
    await fleet.operator.abort(me, fleet.scope, number);
  });

  it('should tell no more devices than the rate, whatever was offered', async () => {
    const release = await fleet.release(1_000);
    const { filter } = await makeFleet(all(5, 'good'));
    const number = await start({ release: release.ref, filter, devicesPerMinute: 1 });
    await eventually(async () => {
      // The engine forgets what it has offered.
      await fleet.database.query('delete from rollout_offer');
      expect(await counts(number)).toEqual({ active: 1, offered: 4 });
    }, patience);
    await fleet.operator.abort(me, fleet.scope, number);
  });

  it('should tell a device of the second rollout when the first ended while it waited for its turn', async () => {
    const [first, second] = [await fleet.release(1_000), await fleet.release(1_000)];
    const { filter } = await makeFleet(all(4, 'good'));
    const one = await start({ release: first.ref, filter, devicesPerMinute: 60 });
    await eventually(async () => expect((await counts(one)).active).toBeGreaterThanOrEqual(1), patience);
    await fleet.operator.abort(me, fleet.scope, one);
    const two = await start({ release: second.ref, filter, devicesPerMinute: 60 });
    await settles(two, { active: 4 });
    await reaches(two, 'succeeded');
  });

  it('should keep the limits of the project over all of its rollouts', async () => {
    const limits = {
      approval: false,
      bytesPerSecond: null,
      devicesPerMinute: null,
      concurrentTransfers: null,
    };
    const set = async (more: object) =>
      await fleet.updateRules.setSettings(me, fleet.scope, { ...limits, ...more });
    await set({ devicesPerMinute: 1 });
    // Later than all that other tests have offered.
    fleet.clockSkewS = 1_000;
    const numbers: number[] = [];
    for (let i = 0; i < 2; i++) {
      const { filter } = await makeFleet(['mute', 'mute']);
      const { ref } = await fleet.release(1_000);
      numbers.push(await start({ release: ref, filter, deviceTimeoutSeconds: 100_000 }));
    }
    const offered = async () =>
      (await Promise.all(numbers.map(counts))).reduce((n, { offered: own = 0 }) => n + own, 0);
    await eventually(async () => expect(await offered()).toBe(1), patience);
    fleet.clockSkewS = 1_065;
    await eventually(async () => expect(await offered()).toBe(2), patience);
    await set({ concurrentTransfers: 3 });
    await eventually(async () => expect(await offered()).toBe(3), patience);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await offered()).toBe(3);
    await set({ concurrentTransfers: 4 });
    await eventually(async () => expect(await offered()).toBe(4), patience);
    await set({});
    for (const number of numbers) await fleet.operator.abort(me, fleet.scope, number);
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
      const later = new Date(now.getTime() + rateWindowMs);
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
    // One that cannot have it does not begin the soak anew.
    const { stepEndedAt } = await get(number);
    const bare = await makeFleet(['good']);
    await devices.at(-1)!.hello({ slotBytes: 10 });
    await fleet.database.query('update device set tags = $1 where name = any($2::text[])', [
      [tag],
      bare.names,
    ]);
    await settles(number, { active: 3, incompatible: 1 });
    expect((await get(number)).stepEndedAt).toBe(stepEndedAt);
    const joined = (await decisions(number)).filter(({ kind }) => kind === 'joined');
    expect(joined.map(({ text }) => text)).toEqual(['2 devices joined step 1']);
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

  it('should not count a device as done that says it runs as shadow what it is to install', async () => {
    const release = await fleet.release(1_000);
    const { filter } = await makeFleet(['mute']);
    const number = await start({ release: release.ref, filter });
    const desired = await devices[0]!.nextDesired(({ deployment }) => deployment > 0);
    await devices[0]!.state(desired, 'shadow', { shadow: { runs: 9, agreed: 9 } });
    await devices[0]!.state(desired, 'fetching', { offset: 10 });
    await settles(number, { fetching: 1 });
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
      // Later releases of the very same bundles, whose windows these are not.
      for (const { bytes } of [first, second]) await fleet.release(bytes);
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

    it('should ask for short windows while it runs, and not before its approval or while it is paused', async () => {
      const release = await fleet.release(3_000);
      const { filter } = await makeFleet(['mute', 'mute']);
      const windows = async (seconds: number): Promise<void> =>
        await eventually(() => {
          for (const device of devices) expect(device.desired.at(-1)?.windowS).toBe(seconds);
        }, patience);
      const policy = { filter, gates, approval: true, steps: [{ percent: 100, soakSeconds: 600 }] };
      const number = await start({ release: release.ref, ...policy });
      await windows(10);
      await fleet.operator.approve(other, fleet.scope, number);
      await windows(60);
      await fleet.operator.pause(me, fleet.scope, number);
      await windows(10);
      await fleet.operator.resume(me, fleet.scope, number);
      await windows(60);
      await fleet.operator.abort(me, fleet.scope, number);
      await windows(10);
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
      new PgOpenRollouts(fleet.database),
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
