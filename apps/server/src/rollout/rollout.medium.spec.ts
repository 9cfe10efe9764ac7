import { describe, expect, it } from '@jest/globals';
import { PgTelemetryReader } from '@tinyfleet/storage';
import { eventually } from '@tinyfleet/testing';
import type { FleetHarness } from '../../test/fleet-harness.js';
import { all, patience, rolloutSuite } from '../../test/rollout-suite.js';

const defaults = { filter: 'tag = "demo"', steps: [100], maxFailurePercent: 5, deviceTimeoutSeconds: 600 };

describe('rollouts with scripted devices', () => {
  let fleet: FleetHarness;
  const { devices, makeFleet, start, get, counts: states } = rolloutSuite((started) => (fleet = started));

  /** Who is away now is expected no more. */
  const goSilent = async (): Promise<void> => {
    await eventually(async () => {
      const changed = await fleet.database.execute(
        `update presence set next_contact_by = now() - interval '1 minute'
         where not connected and next_contact_by > now()`,
      );
      expect(changed).toBeGreaterThan(0);
    }, patience);
  };

  it('should bring a release to every device of the target and call it verified active', async () => {
    const release = await fleet.release(20_000);
    const { filter } = await makeFleet(all(20, 'good'));
    const number = await start({
      ...defaults,
      filter,
      release: release.ref,
    });
    await eventually(async () => expect((await get(number)).state).toBe('succeeded'), patience);
    expect(await states(number)).toEqual({ active: 20 });
    expect((await get(number)).reason).toBe('20 of 20 devices verified active');
    const { points } = await fleet.stores.rollouts.history(fleet.scope, number, 2);
    expect(points.at(-1)).toMatchObject({ state: 'succeeded', step: 0, counts: { active: 20 } });
    expect(points.length).toBeLessThanOrEqual(2);
    const [one] = (await fleet.stores.rollouts.deployments(fleet.scope, number, { limit: 1 })).items;
    const passed = [one!.offeredAt, one!.heardAt, one!.finishedAt].map((at) => Date.parse(at ?? ''));
    expect(passed).toEqual(passed.toSorted((a, b) => a - b));
    for (const device of devices) expect(device.active?.equals(release.bytes)).toBe(true);
    const events = await fleet.stores.eventReader.after(fleet.scope, 0, 10_000);
    const names = new Set(events.map(({ name }) => name));
    expect([...names]).toEqual(
      expect.arrayContaining(['rollout.changed', 'deployment.changed', 'device.reported']),
    );
    expect(events.map(({ number: n }) => n)).toEqual(events.map((_, i) => i + 1));
  });

  it('should go on only after each step is active, with exactly the asked shares', async () => {
    const release = await fleet.release(4_000);
    const { filter } = await makeFleet(all(20, 'good'));
    const seen: number[] = [];
    const number = await start({
      ...defaults,
      filter,
      release: release.ref,
      steps: [10, 50, 100],
    });
    await eventually(
      async () => {
        const { state, step, counts } = await get(number);
        const admitted = 20 - (counts.waiting ?? 0);
        if (seen[step] === undefined || admitted > seen[step]) seen[step] = admitted;
        expect(state).toBe('succeeded');
      },
      { ...patience, intervalMs: 20 },
    );
    const steps = await fleet.stores.rollouts.deployments(fleet.scope, number, { limit: 100 });
    expect([0, 1, 2].map((step) => steps.items.filter((one) => one.step === step).length)).toEqual([
      2, 8, 10,
    ]);
    expect(seen[0] ?? 2).toBeLessThanOrEqual(2);
    expect(seen[1] ?? 10).toBeLessThanOrEqual(10);
  });

  it('should pause at the first step when it fails, and offer nothing to the rest', async () => {
    const release = await fleet.release(4_000);
    const { filter } = await makeFleet(all(10, 'revert'));
    const number = await start({
      ...defaults,
      filter,
      release: release.ref,
      steps: [20, 100],
    });
    await eventually(async () => expect((await get(number)).state).toBe('paused'), patience);
    const { counts, reason } = await get(number);
    expect(counts.waiting).toBe(8);
    expect(reason).toMatch(/devices failed: (50|100)\.0 % is above 5 %/);
    const failed = await fleet.stores.rollouts.deployments(fleet.scope, number, {
      limit: 10,
      state: 'reverted',
    });
    expect(failed.items[0]).toMatchObject({ errorCode: 502, errorTitle: expect.stringMatching(/golden/i) });
    await fleet.operator.abort('person:t', fleet.scope, number);
    expect((await get(number)).state).toBe('aborted');
  });

  it('should count a device that takes the offer and never answers as silent and pause for it', async () => {
    const release = await fleet.release(4_000);
    const { filter } = await makeFleet(['good', 'good', 'mute']);
    const number = await start({
      ...defaults,
      filter,
      release: release.ref,
    });
    await eventually(async () => expect(await states(number)).toEqual({ active: 2, offered: 1 }), patience);
    devices[2]!.end();
    await goSilent();
    fleet.clockSkewS = 700;
    await eventually(async () => expect((await get(number)).state).toBe('paused'), patience);
    expect(await states(number)).toEqual({ active: 2, silent: 1 });
    const resumed = await fleet.operator.resume('person:t', fleet.scope, number);
    expect(resumed.state).toBe('running');
    await eventually(async () => expect((await get(number)).state).toBe('succeeded'), patience);
  });

  it('should offer three times to a device that talks but does not move, then call it failed', async () => {
    const release = await fleet.release(4_000);
    const { filter } = await makeFleet(['mute']);
    const number = await start({
      ...defaults,
      filter,
      release: release.ref,
      deviceTimeoutSeconds: 1,
    });
    await eventually(async () => expect(await states(number)).toEqual({ failed: 1 }), patience);
    expect(devices[0]!.desired.filter(({ deployment }) => deployment > 0).length).toBe(3);
    const [row] = (await fleet.stores.rollouts.deployments(fleet.scope, number, { limit: 1 })).items;
    expect(row).toMatchObject({ errorCode: 703, errorTitle: 'no progress in 1 s, 3 times' });
  });

  it('should give devices back what was desired before when it is aborted', async () => {
    const [first, second] = [await fleet.release(4_000), await fleet.release(4_000)];
    const { filter } = await makeFleet(['good', 'good']);
    const one = await start({
      ...defaults,
      filter,
      release: first.ref,
    });
    await eventually(async () => expect((await get(one)).state).toBe('succeeded'), patience);
    for (const device of devices)
      (device as unknown as { options: { behaviour: string } }).options.behaviour = 'mute';
    const two = await start({
      ...defaults,
      filter,
      release: second.ref,
    });
    await eventually(async () => expect(await states(two)).toEqual({ offered: 2 }), patience);
    const digest = second.digest;
    const offers = await Promise.all(
      devices.map((device) =>
        device.nextDesired(({ transfer }) => Buffer.from(transfer?.payloadDigest ?? []).equals(digest)),
      ),
    );
    await fleet.operator.abort('person:t', fleet.scope, two);
    expect(await states(two)).toEqual({ aborted: 2 });
    const back = await Promise.all(
      devices.map((device, i) => device.nextDesired(({ revision }) => revision > offers[i]!.revision)),
    );
    for (const desired of back) {
      expect(desired.deployment).toBe(0);
      expect(Buffer.from(desired.transfer!.payloadDigest).equals(first.digest)).toBe(true);
    }
    await expect(fleet.operator.abort('person:t', fleet.scope, two)).rejects.toThrow(/aborted/);
  });

  it('should tell why a device cannot take a bundle, and not offer it', async () => {
    const release = await fleet.release(4_000, { arenaBytes: 64_000 });
    const { filter } = await makeFleet(['good'], { arenaBytes: 1_000 });
    const number = await start({
      ...defaults,
      filter,
      release: release.ref,
    });
    await eventually(async () => expect((await get(number)).state).toBe('failed'), patience);
    const [row] = (await fleet.stores.rollouts.deployments(fleet.scope, number, { limit: 1 })).items;
    expect(row).toMatchObject({
      state: 'incompatible',
      errorCode: 217,
      errorTitle: 'The bundle needs 64000 bytes of arena; the device has 1000.',
    });
    expect(devices[0]!.desired.every(({ deployment }) => deployment === 0)).toBe(true);
  });

  it('should judge a device again that can something else by now, before it is offered anything', async () => {
    const release = await fleet.release(4_000, { arenaBytes: 20_000 });
    const { filter } = await makeFleet(['mute', 'good']);
    const check = async (of: object = { filter }) => await fleet.rollouts.check(fleet.scope, release.ref, of);
    const nobody = { cannot: [], doubts: [], warnings: [] };
    await eventually(
      async () => expect(await check()).toMatchObject({ devices: 2, can: 2, ...nobody }),
      patience,
    );
    const number = await start({
      ...defaults,
      filter,
      release: release.ref,
      approval: true,
    });
    // Smaller than it was when it was judged.
    const [, device] = devices;
    await device!.hello({ arenaBytes: 1_000 });
    await eventually(async () => expect(await check()).toMatchObject({ can: 1, unknown: 0 }), patience);
    const { items } = await fleet.stores.rollouts.deployments(fleet.scope, number, { limit: 2 });
    const name = items[1]!.device;
    expect((await check()).cannot).toEqual([
      {
        reason: 'The bundle needs 20000 bytes of arena; the device has 1000.',
        ...{ errorCode: 217, devices: 1, sample: [name] },
      },
    ]);
    expect(await check({ device: name })).toMatchObject({ devices: 1, can: 0, filter: `name = "${name}"` });
    await expect(check({ device: 'nobody' })).rejects.toMatchObject({ code: 'registry.device-not-found' });
    await fleet.operator.approve('person:other', fleet.scope, number);
    await eventually(
      async () => expect(await states(number)).toEqual({ offered: 1, incompatible: 1 }),
      patience,
    );
    expect(device!.desired.every(({ deployment }) => deployment === 0)).toBe(true);
    // And back: it is offered the release after all.
    await device!.hello({ arenaBytes: 32_768 });
    await eventually(async () => expect(await states(number)).toEqual({ offered: 1, active: 1 }), patience);
    await fleet.operator.abort('person:t', fleet.scope, number);
  });

  it('should hold back whom it held back, also one that can take the release by now', async () => {
    const release = await fleet.release(4_000, { arenaBytes: 20_000 });
    const { filter } = await makeFleet(['good', 'good'], { arenaBytes: 1_000 });
    const number = await start({
      ...{ ...defaults, filter, release: release.ref },
      ...{ approval: true, holdBackPercent: 50 },
    });
    expect(await states(number)).toEqual({ incompatible: 2 });
    for (const device of devices) await device.hello({ arenaBytes: 32_768 });
    await fleet.operator.approve('person:other', fleet.scope, number);
    await eventually(async () => expect((await get(number)).state).toBe('succeeded'), patience);
    expect(await states(number)).toEqual({ active: 1, control: 1 });
  });

  it('should warn of a deprecated release in check, plan, rollout, deployment and decisions', async () => {
    const release = await fleet.release(4_000);
    const { filter } = await makeFleet(['good']);
    await fleet.database.execute(
      `update release set state = 'deprecated', state_reason = 'drifts' where project_id = $1 and sequence =
         (select max(sequence) from release where project_id = $1)`,
      [fleet.projectId],
    );
    const warnings = [`${release.ref} is deprecated: drifts`];
    const request = { ...defaults, filter, release: release.ref };
    expect(await fleet.rollouts.check(fleet.scope, release.ref, { filter })).toMatchObject({ warnings });
    expect(await fleet.rollouts.plan('person:t', fleet.scope, request)).toMatchObject({ warnings, can: 1 });
    const started = await fleet.rollouts.start('person:t', fleet.scope, request);
    expect(started).toMatchObject({ warnings });
    const { items } = await fleet.stores.rollouts.decisions(fleet.scope, started.number, { limit: 9 });
    expect(items.find(({ kind }) => kind === 'warning')?.text).toBe(warnings[0]);
    const of = { limit: 1, rollout: started.number };
    expect((await fleet.stores.rollouts.allDeployments(fleet.scope, of)).items[0]).toMatchObject({
      warnings,
    });
    await eventually(async () => expect((await get(started.number)).state).toBe('succeeded'), patience);
  });

  it('should believe the hello of a device whose last report was lost', async () => {
    const release = await fleet.release(4_000);
    const { filter } = await makeFleet(['mute']);
    const number = await start({
      ...defaults,
      filter,
      release: release.ref,
    });
    await eventually(async () => expect(await states(number)).toEqual({ offered: 1 }), patience);
    const slots = [{ digest: release.digest, state: 'active' as const, releaseSequence: 2, bytes: 4_000 }];
    await devices[0]!.hello({ slots });
    await eventually(async () => expect((await get(number)).state).toBe('succeeded'), patience);
  });

  it('should keep in the log of a device why its installation failed, when it was taken back since', async () => {
    const release = await fleet.release(4_000);
    const { filter, names } = await makeFleet(['fail']);
    const number = await start({ ...defaults, filter, release: release.ref });
    await eventually(async () => expect(await states(number)).toEqual({ failed: 1 }), patience);
    const reader = new PgTelemetryReader(fleet.database);
    const logOf = async () => (await reader.log(fleet.scope, names[0]!, { limit: 10 })).items;
    const entry = {
      by: 'device',
      number: 205,
      count: 1,
      deployment: { rollout: number, release: release.ref },
    };
    expect(await logOf()).toMatchObject([entry]);
    await fleet.operator.abort('person:t', fleet.scope, number);
    // As a way back does.
    await fleet.database.query('update deployment set number = number + 1000000 where error_code = 205');
    expect(await logOf()).toMatchObject([entry]);
  });

  it('should say why together with the failure when a hello is the first to tell of it', async () => {
    const release = await fleet.release(4_000);
    const { filter } = await makeFleet(['mute']);
    const number = await start({
      ...defaults,
      filter,
      release: release.ref,
    });
    await eventually(async () => expect(await states(number)).toEqual({ offered: 1 }), patience);
    const slot = { digest: release.digest, releaseSequence: 2, bytes: 4_000, error: 502 };
    await devices[0]!.hello({ slots: [{ ...slot, state: 'rejected' as const }] });
    await eventually(async () => expect(await states(number)).toEqual({ reverted: 1 }), patience);
    const [row] = (await fleet.stores.rollouts.deployments(fleet.scope, number, { limit: 1 })).items;
    expect(row).toMatchObject({ errorCode: 502 });
    await fleet.operator.abort('person:t', fleet.scope, number);
  });

  it('should refuse an unsigned release, an empty target and a target that is busy', async () => {
    const release = await fleet.release(4_000);
    const start = (changes: object) =>
      fleet.rollouts.start('person:t', fleet.scope, { ...defaults, release: release.ref, ...changes });
    await expect(start({ filter: 'tag = "nobody"' })).rejects.toThrow(/No device matches/);
    await expect(start({ release: 'kws@9.9.9' })).rejects.toThrow(/kws@9.9.9/);
    const { filter } = await makeFleet(['mute']);
    const { number } = await start({ filter });
    await expect(start({ filter })).rejects.toThrow(new RegExp(`rollout ${number}`));
    await fleet.database.query(
      `update release set state = 'draft' where sequence = (select max(sequence) from release)`,
    );
    await expect(start({ filter })).rejects.toMatchObject({ code: 'releases.not-approved' });
    await fleet.operator.abort('person:t', fleet.scope, number);
  });
});
