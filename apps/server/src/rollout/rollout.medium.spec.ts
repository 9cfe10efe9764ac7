import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@tinyfleet/testing';
import { FleetHarness } from '../../test/fleet-harness.js';
import { ScriptedDevice, type Behaviour, type ScriptedOptions } from '../../test/scripted-device.js';

const defaults = { filter: 'tag = "demo"', steps: [100], maxFailurePercent: 5, deviceTimeoutSeconds: 600 };
const patience = { timeoutMs: 20_000 };

describe('rollouts with scripted devices', () => {
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

  /** A group of its own for each test: names, the filter that finds it, and how each device behaves. */
  async function makeFleet(
    behaviours: readonly (Behaviour | 'absent')[],
    hello: ScriptedOptions['hello'] = {},
  ): Promise<{ names: string[]; filter: string }> {
    const tag = `group-${++group}`;
    const names = behaviours.map((_, i) => `${tag}-${String(i).padStart(3, '0')}`);
    const tokens = await fleet.register(names, [tag]);
    for (const [i, behaviour] of behaviours.entries()) {
      if (behaviour === 'absent') continue;
      const name = names[i]!;
      const device = await ScriptedDevice.connect({
        port: fleet.port,
        name,
        token: tokens.get(name)!,
        behaviour,
        hello,
      });
      devices.push(device);
      await device.hello();
    }
    return { names, filter: `tag = "${tag}"` };
  }
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
  const get = (number: number) => fleet.stores.rollouts.get(fleet.scope, number);
  const states = async (number: number) => (await get(number)).counts;
  const all = <T>(n: number, value: T): T[] => Array.from({ length: n }, () => value);

  it('should bring a release to every device of the target and call it verified active', async () => {
    const release = await fleet.release(20_000);
    const { filter } = await makeFleet(all(20, 'good'));
    const { number } = await fleet.rollouts.start('person:t', fleet.scope, {
      ...defaults,
      filter,
      release: release.ref,
    });
    await eventually(async () => expect((await get(number)).state).toBe('succeeded'), patience);
    expect(await states(number)).toEqual({ active: 20 });
    expect((await get(number)).reason).toBe('20 of 20 devices verified active');
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
    const { number } = await fleet.rollouts.start('person:t', fleet.scope, {
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
    const { number } = await fleet.rollouts.start('person:t', fleet.scope, {
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
    const { number } = await fleet.rollouts.start('person:t', fleet.scope, {
      ...defaults,
      filter,
      release: release.ref,
    });
    await eventually(async () => expect((await states(number)).offered).toBe(1), patience);
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
    const { number } = await fleet.rollouts.start('person:t', fleet.scope, {
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
    const one = await fleet.rollouts.start('person:t', fleet.scope, {
      ...defaults,
      filter,
      release: first.ref,
    });
    await eventually(async () => expect((await get(one.number)).state).toBe('succeeded'), patience);
    for (const device of devices)
      (device as unknown as { options: { behaviour: string } }).options.behaviour = 'mute';
    const two = await fleet.rollouts.start('person:t', fleet.scope, {
      ...defaults,
      filter,
      release: second.ref,
    });
    await eventually(async () => expect(await states(two.number)).toEqual({ offered: 2 }), patience);
    const digest = second.digest;
    const offers = await Promise.all(
      devices.map((device) =>
        device.nextDesired(({ transfer }) => Buffer.from(transfer?.payloadDigest ?? []).equals(digest)),
      ),
    );
    await fleet.operator.abort('person:t', fleet.scope, two.number);
    expect(await states(two.number)).toEqual({ aborted: 2 });
    const back = await Promise.all(
      devices.map((device, i) => device.nextDesired(({ revision }) => revision > offers[i]!.revision)),
    );
    for (const desired of back) {
      expect(desired.deployment).toBe(0);
      expect(Buffer.from(desired.transfer!.payloadDigest).equals(first.digest)).toBe(true);
    }
    await expect(fleet.operator.abort('person:t', fleet.scope, two.number)).rejects.toThrow(/aborted/);
  });

  it('should tell why a device cannot take a bundle, and not offer it', async () => {
    const release = await fleet.release(4_000, { arenaBytes: 64_000 });
    const { filter } = await makeFleet(['good'], { arenaBytes: 1_000 });
    const { number } = await fleet.rollouts.start('person:t', fleet.scope, {
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

  it('should believe the hello of a device whose last report was lost', async () => {
    const release = await fleet.release(4_000);
    const { filter } = await makeFleet(['mute']);
    const { number } = await fleet.rollouts.start('person:t', fleet.scope, {
      ...defaults,
      filter,
      release: release.ref,
    });
    await eventually(async () => expect(await states(number)).toEqual({ offered: 1 }), patience);
    const slots = [{ digest: release.digest, state: 'active' as const, releaseSequence: 2, bytes: 4_000 }];
    await devices[0]!.hello({ slots });
    await eventually(async () => expect((await get(number)).state).toBe('succeeded'), patience);
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
