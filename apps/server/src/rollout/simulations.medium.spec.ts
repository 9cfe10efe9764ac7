/** Plans that are played before they begin, on what a project has recorded. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { projectScope, type ProjectScope } from '@tinyfleet/contracts';
import { RolloutSimulations, simulationDefaults, type PlayJob } from '@tinyfleet/rollouts';
import { PgFleetRecords } from '@tinyfleet/storage';
import { uuidv7 } from 'uuidv7';
import { FleetHarness } from '../../test/fleet-harness.js';
import { SimulationThread } from './simulation-thread.js';

const me = 'person:me@example.org';

describe('simulations of rollouts', () => {
  let fleet: FleetHarness;
  let simulations: RolloutSimulations;
  let ref: string;
  const filter = 'tag = "played"';
  const policy = {
    filter,
    steps: [
      { percent: 20, soakSeconds: 3_600, maxSoakSeconds: 48 * 3_600 },
      { percent: 100, maxSoakSeconds: 24 * 3_600 },
    ],
    holdBackPercent: 10,
    // With so few devices nothing has to pass by default.
    gates: { gates: [{ kind: 'confidence' as const, passFromDevices: 5 }] },
    devicesPerMinute: 1,
    seed: 'plan',
  };

  beforeAll(async () => {
    fleet = await FleetHarness.start();
    ref = (await fleet.release(1_000)).ref;
    const names = Array.from({ length: 40 }, (_, i) => `played-${String(i).padStart(2, '0')}`);
    await fleet.register(names, ['played']);
    await fleet.database.query(
      `update device set site = case when name < 'played-20' then 'north' else 'south' end`,
    );
    const simulated = new SimulationThread();
    simulations = new RolloutSimulations(fleet.rollouts, new PgFleetRecords(fleet.database), simulated, {
      ...simulationDefaults,
      maxMembers: 39,
    });
  });
  afterAll(async () => await fleet?.stop());

  /** Three days of each device: confidences in the bins of 87.5 to 100 % and below, by device and day. */
  const record = () =>
    fleet.database.query(
      `insert into rollup_device_day (project_id, device_id, day, model_version_id, type_id, site, schema_crc, confidence_bins,
         windows, n, classes, counters)
       select d.project_id, d.id, (now() at time zone 'UTC')::date - k, v.id, d.type_id, d.site, 0, 8, 280, 28000,
         array[0, 0, 0, 0, 0, 0, 2000 + 20 * (hashtext(d.name) % 50) + 5 * (hashtext(d.name || k) % 20), 26000,
               0, 0, 0, 0, 0, 0, 0, 0], array[0, 0, 0, 0, 0, 0]
       from device d, generate_series(0, 2) as k, (select id from model_version limit 1) as v where d.tags @> '{played}'`,
    );
  const plan = async (simulate: object) =>
    (
      await simulations.plan(me, fleet.scope, {
        release: ref,
        ...policy,
        simulate: { rollouts: 10, ...simulate },
      })
    ).simulation!;

  it('should assume a fleet and say so where nothing is recorded, and read the records where there are some', async () => {
    const assumed = await plan({ worseBy: [0] });
    expect(assumed.source).toBe('simulated');
    expect(assumed.assumptions[0]).toContain('because 0 devices');
    await record();
    const recorded = await plan({ worseBy: [0] });
    expect(recorded.source).toBe('recorded');
    expect(recorded.assumptions[0]).toMatch(
      /40 devices, 120 device days: mean confidence 92\.\d %.* 1167 inferences/,
    );
    expect(await plan({ worseBy: [0], source: 'simulated' })).toMatchObject({ source: 'simulated' });
  });

  it('should tell who gets it when and how likely a worse version is stopped, and the same again', async () => {
    const simulate = { worseBy: [0, 20], members: true };
    const told = await plan(simulate);
    expect(await plan(simulate)).toEqual(told);
    expect(told.timeline.map(({ devices }) => devices)).toEqual([8, 28]);
    expect(told.timeline[0]!.strata).toEqual([
      { type: 'wasm', site: 'north', devices: 4 },
      { type: 'wasm', site: 'south', devices: 4 },
    ]);
    const [first, last] = told.timeline;
    expect(first!.beginsHours).toBe(0);
    // 8 devices at one a minute, and the soak.
    expect(first!.endsHours).toBeGreaterThanOrEqual(8 / 60 + 1);
    expect(last!.beginsHours).toBeCloseTo(first!.endsHours!, 5);
    const [good, bad] = told.chances;
    expect(bad).toMatchObject({ worseBy: 20, rollouts: 10, stopped: 1, fullHours: null });
    expect(bad!.exposedPercent).toBeLessThan(25);
    expect(good!.stopped).toBeLessThan(bad!.stopped);
    expect(told.members).toHaveLength(39);
    expect(told.moreMembers).toBe(1);
    const steps = told.members.map(({ step }) => step);
    expect(steps.filter((step) => step === 0)).toHaveLength(8);
    expect(steps.filter((step) => step === null)).toHaveLength(3);
  });

  it('should start nothing, and refuse shadows and empty targets', async () => {
    const call = (changes: object) =>
      simulations.plan(me, fleet.scope, { release: ref, ...policy, ...changes, simulate: {} });
    await expect(call({ filter: 'tag = "nobody"' })).rejects.toMatchObject({ code: 'rollouts.empty-target' });
    const shadow = { gates: undefined, steps: [100], holdBackPercent: 0, shadow: { every: 10 } };
    await expect(call(shadow)).rejects.toMatchObject({ code: 'rollouts.simulation-kind' });
    expect((await fleet.stores.rollouts.list(fleet.scope, { limit: 10 })).items).toEqual([]);
  });

  it('should keep the event loop free, and let so many wait and no more', async () => {
    const captured: PlayJob[] = [];
    const player = {
      play: async (_scope: ProjectScope, job: PlayJob) => {
        captured.push(job);
        return [];
      },
    };
    const asking = new RolloutSimulations(fleet.rollouts, new PgFleetRecords(fleet.database), player);
    await asking
      .plan(me, fleet.scope, { release: ref, ...policy, simulate: { worseBy: [1], rollouts: 200 } })
      .catch(() => {});
    const thread = new SimulationThread({ maxWaiting: 1, maxPerProject: 2, maxHeapMib: 256 });
    // More than any machine plays in the time.
    const job = { ...captured[0]!, budgetMs: 1_500, rollouts: 100_000 };
    let [last, longest] = [performance.now(), 0];
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 5);
    const { scope } = fleet;
    const stranger = projectScope(uuidv7(), 'stranger');
    const running = [thread.play(scope, job), thread.play(scope, { ...job, budgetMs: 100 })];
    await expect(thread.play(scope, job)).rejects.toMatchObject({
      code: 'rollouts.simulations-of-project',
      data: { limit: 2 },
    });
    await expect(thread.play(stranger, job)).rejects.toMatchObject({ code: 'rollouts.simulation-busy' });
    const cut = (await Promise.all(running))[0]?.[0];
    clearInterval(timer);
    expect(longest).toBeLessThan(700);
    expect(cut!.rollouts).toBeLessThan(job.rollouts);
    await thread.play(scope, { ...job, budgetMs: 100 });
  });

  it('should let another project go before the second simulation of one', async () => {
    const captured: PlayJob[] = [];
    const asking = new RolloutSimulations(fleet.rollouts, new PgFleetRecords(fleet.database), {
      play: async (_scope, job) => {
        captured.push(job);
        return [];
      },
    });
    await asking
      .plan(me, fleet.scope, { release: ref, ...policy, simulate: { worseBy: [1], rollouts: 10 } })
      .catch(() => {});
    const thread = new SimulationThread({ maxWaiting: 3, maxPerProject: 3, maxHeapMib: 256 });
    const ended: string[] = [];
    const asked = [fleet.scope, fleet.scope, fleet.scope, projectScope(uuidv7(), 'stranger')].map(
      async (scope) => {
        await thread.play(scope, { ...captured[0]!, budgetMs: 100 });
        ended.push(scope.name);
      },
    );
    await Promise.all(asked);
    expect(ended).toEqual(['demo', 'stranger', 'demo', 'demo']);
  });
});
