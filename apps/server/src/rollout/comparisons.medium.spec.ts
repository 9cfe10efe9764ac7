import { describe, expect, it } from '@jest/globals';
import { eventually } from '@tinyfleet/testing';
import { capability, packHistogram } from '@tinyfleet/wire';
import type { FleetHarness, SeededRelease } from '../../test/fleet-harness.js';
import { me, patience, rolloutSuite } from '../../test/rollout-suite.js';
import type { ScriptedDevice } from '../../test/scripted-device.js';

const able = { capabilities: capability.shadow | capability['retained-slot'], shadowStateBytes: 1_024 };

describe('shadows and comparisons', () => {
  let fleet: FleetHarness;
  const { devices, newTag, connect, start, get, reaches, settles, decisions } = rolloutSuite(
    (started) => (fleet = started),
  );

  /** Devices that run a first release already, as their hello says. */
  async function makeFleet(
    n: number,
    { runs = true, tag = newTag(), hello = able }: { runs?: boolean; tag?: string; hello?: object } = {},
  ) {
    const first = fleet0 ?? (fleet0 = await fleet.release(2_000));
    const names = Array.from({ length: n }, (_, i) => `${tag}-${devices.length + i}`);
    const tokens = await fleet.register(names, [tag]);
    const made: ScriptedDevice[] = [];
    for (const name of names) {
      const device = await connect({ name, token: tokens.get(name)!, hello });
      if (runs) device.active = first.bytes;
      made.push(device);
      await device.hello();
      await device.nextDesired();
    }
    return { tag, names, made, first, filter: `tag = "${tag}"` };
  }
  let fleet0: SeededRelease | undefined;
  const report = (number: number) => fleet.rollouts.report(fleet.scope, number);
  const matrix = (...cells: number[]): Uint8Array => new Uint8Array(Uint16Array.from(cells).buffer);

  it('should say who has no room for a shadow and why, and offer it to nobody else', async () => {
    const { filter, tag, first } = await makeFleet(2);
    await makeFleet(1, { tag, hello: { capabilities: 0 } });
    await makeFleet(1, { tag, runs: false });
    await makeFleet(1, { tag, hello: { ...able, shadowStateBytes: 63 } });
    const release = await fleet.release(1_000, { stateBytes: 64, inputBytes: 100 });
    const tight = await fleet.release(1_000, { arenaBytes: 32_700, inputBytes: 100 });
    const plan = await fleet.rollouts.plan(me, fleet.scope, { release: release.ref, filter, shadow: {} });
    expect(plan.can).toBe(2);
    expect(plan.cannot.map(({ reason, errorCode, devices: n }) => [reason, errorCode, n]).sort()).toEqual([
      [`no shadow run: a shadow's state needs 64 bytes and it has 63`, 713, 1],
      ['no shadow run: it runs no model to compare with', 713, 1],
      ['no shadow run: its firmware has no memory for a shadow, or one slot only', 713, 1],
    ]);
    const full = await fleet.rollouts.plan(me, fleet.scope, { release: tight.ref, filter, shadow: {} });
    expect(full.can).toBe(0);
    expect(full.cannot[0]!.reason).toContain('need an arena of 32804 bytes and it has 32768');
    const same = await fleet.rollouts.plan(me, fleet.scope, { release: first.ref, filter, shadow: {} });
    expect(same.cannot.map(({ reason }) => reason)).toContain(
      'no shadow run: it runs this very bundle already',
    );
    const number = await start({ release: release.ref, filter, shadow: { seconds: 600 } });
    await settles(number, { shadow: 2, incompatible: 3 });
    await fleet.operator.abort(me, fleet.scope, number);
    await settles(number, { compared: 2, incompatible: 3 });
  });

  it('should gather counters, also of a device that starts anew, report them, act on nothing, and end', async () => {
    const { filter, made, first } = await makeFleet(3);
    const release = await fleet.release(1_000);
    const number = await start({ release: release.ref, filter, shadow: { every: 4, seconds: 600 } });
    await settles(number, { shadow: 3 });
    expect(made.map(({ desired }) => desired.at(-1)?.shadowEvery)).toEqual([4, 4, 4]);
    for (const device of made) {
      await device.tellShadow({ runs: 50, agreed: 40, disagreed: matrix(0, 7, 3, 0), skipped: 5 });
      await device.tellShadow({ runs: 100, agreed: 80, disagreed: matrix(0, 14, 6, 0), skipped: 6 });
    }
    // It starts anew: what it had told counts on. A matrix that found no room takes none away.
    await made[0]!.tellShadow({ runs: 10, agreed: 9, disagreed: matrix(0, 1, 0, 0) });
    await made[0]!.tellShadow({ runs: 20, agreed: 18 });
    await eventually(async () => expect((await report(number)).shadow?.runs).toBe(320), patience);
    const { items: shown } = await fleet.stores.rollouts.deployments(fleet.scope, number, { limit: 3 });
    expect(shown.map(({ offset, bytes }) => [offset, bytes])).toEqual(made.map(() => [1_000, 1_000]));
    const { words, shadow, kind } = await report(number);
    expect(kind).toBe('shadow');
    expect(shadow).toMatchObject({ agreed: 258, skipped: 18, devices: 3, running: 3, unspecified: 1 });
    expect(shadow!.disagreements).toEqual([
      { active: 'a', shadow: 'b', count: 43, share: 1 },
      { active: 'b', shadow: 'a', count: 18, share: 1 },
    ]);
    expect(words[0]).toMatch(/agrees with the active model in 8\d\.\d % of its runs/);
    for (const device of made) expect(device.active!.equals(first.bytes)).toBe(true);
    await eventually(async () => expect((await get(number)).stepEndedAt).not.toBeNull(), patience);
    await expect(fleet.operator.rollBack(me, fleet.scope, number)).rejects.toThrow(/is a shadow/);

    fleet.clockSkewS = 700;
    await reaches(number, 'succeeded');
    await settles(number, { compared: 3 });
    expect((await get(number)).reason).toBe('3 of 3 devices ran it as shadow');
    const items = await decisions(number);
    expect(items.map(({ kind }) => kind)).toEqual(['end', 'shadow', 'soak', 'started']);
    expect(items[1]).toMatchObject({ evidence: { devices: 3, runs: 320, agreed: 258 } });
    expect(items[1]!.text).toContain('where the active model says a it says b: 43 times');
    for (const device of made)
      await device.nextDesired(({ deployment, revision }) => deployment === 0 && revision > 0);
    // What was a shadow is installed from its slot.
    fleet.clockSkewS = 0;
    const chunks = made.map(({ chunksReceived }) => chunksReceived);
    await reaches(await start({ release: release.ref, filter }), 'succeeded');
    expect(made.map(({ chunksReceived }) => chunksReceived)).toEqual(chunks);
    for (const device of made) expect(device.active!.equals(release.bytes)).toBe(true);
  });

  it('should count a shadow that silences its device, once the device is not expected any more, and stop for it', async () => {
    const { filter, names, made } = await makeFleet(4);
    const release = await fleet.release(1_000);
    const number = await start({ release: release.ref, filter, shadow: { seconds: 6_000 } });
    await settles(number, { shadow: 4 });
    made[0]!.end();
    const expected = async (interval: string): Promise<void> =>
      await eventually(async () => {
        const set = await fleet.database.execute(
          `update presence p set last_seen_at = now() - interval '15 minutes', next_contact_by = now() + $2::interval
           from deployment dp join rollout ro on ro.id = dp.rollout_id join device d on d.id = dp.device_id
           where dp.device_id = p.device_id and ro.number = $1 and d.name = $3 and not p.connected`,
          [number, interval, names[0]],
        );
        expect(set).toBe(1);
      }, patience);
    await expected('1 hour');
    fleet.clockSkewS = 700;
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect((await get(number)).counts).toEqual({ shadow: 4 });
    await expected('-1 minute');
    await settles(number, { shadow: 3, silent: 1 });
    await reaches(number, 'paused');
    expect((await get(number)).reason).toContain('1 of 4 devices failed, 1 of them silent');
    await fleet.operator.abort(me, fleet.scope, number);
    await settles(number, { compared: 3, failed: 1 });
  });

  it('should begin no shadow while another rollout has the device, and make way for one that comes', async () => {
    const { filter } = await makeFleet(2);
    const [update, shadow, next] = [
      await fleet.release(1_000),
      await fleet.release(1_000),
      await fleet.release(1_000),
    ];
    const steps = [{ percent: 100, soakSeconds: 600 }];
    const one = await start({ release: update.ref, filter, steps });
    await settles(one, { active: 2 });
    const two = await start({ release: shadow.ref, filter, shadow: { seconds: 6_000 } });
    const waits = await fleet.rollouts.plan(me, fleet.scope, { release: shadow.ref, filter, shadow: {} });
    expect(waits.kept.map(({ reason }) => reason)).toEqual([`in shadow ${two}`]);
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect((await get(two)).counts).toEqual({ waiting: 2 });
    fleet.clockSkewS = 700;
    await reaches(one, 'succeeded');
    await settles(two, { shadow: 2 });
    await expect(start({ release: next.ref, filter, shadow: {} })).rejects.toMatchObject({
      code: 'rollouts.devices-busy',
    });
    await reaches(await start({ release: next.ref, filter }), 'succeeded');
    await settles(two, { compared: 2 });
    const { items } = await fleet.stores.rollouts.deployments(fleet.scope, two, { limit: 1 });
    expect(items[0]!.errorTitle).toBe('another rollout has the device');
  });

  it('should run no firmware as shadow', async () => {
    const release = await fleet.release(1_000);
    await fleet.database.query(
      `update release set firmware_version_id = model_version_id where id = (
         select r.id from release r join model_version v on v.id = r.model_version_id where v.version = $1)`,
      [release.ref.split('@')[1]],
    );
    const refused = fleet.rollouts.plan(me, fleet.scope, {
      release: release.ref,
      filter: 'type = wasm',
      shadow: {},
    });
    await expect(refused).rejects.toMatchObject({ code: 'rollouts.firmware-shadow' });
  });

  it('should not count a device against a shadow that it cannot run, and end a shadow that was revoked', async () => {
    const { filter, made } = await makeFleet(2);
    const release = await fleet.release(1_000);
    const number = await start({ release: release.ref, filter, shadow: {}, maxFailurePercent: 0 });
    await settles(number, { shadow: 2 });
    await made[0]!.state(made[0]!.desired.at(-1)!, 'failed', { error: 713, detail: 40_000 });
    await settles(number, { shadow: 1, incompatible: 1 });
    await fleet.database.query(
      `update release set state = 'revoked' where id = (select release_id from rollout where number = $1)`,
      [number],
    );
    await reaches(number, 'aborted');
    await settles(number, { compared: 1, incompatible: 1 });
  });

  const mostlyA = packHistogram([0, 0, 0, 0, 0, 0, 0, 95, 0, 0, 0, 0, 0, 0, 0, 5]);
  const mostlyB = packHistogram([0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 95]);
  async function sendWindows(made: readonly ScriptedDevice[], of: (bytes: Buffer) => [Buffer, Uint8Array]) {
    // Scripted devices place windows a second early: those of a new version are to begin after it was active.
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    for (const device of made) {
      const [digest, classes] = of(device.active!);
      for (let i = 0; i < 3; i++) await device.window(digest, { n: 100, classes });
    }
  }

  it('should compare two releases, stop as soon as it is clear, and leave every device where it was put', async () => {
    const { filter, tag, made } = await makeFleet(12);
    const [a, b] = [await fleet.release(1_000), await fleet.release(1_000)];
    const ab = {
      against: a.ref,
      metric: 'class-mix' as const,
      margin: 20,
      minSeconds: 1,
      maxSeconds: 6_000,
      windowSeconds: 60,
    };
    await expect(start({ release: a.ref, filter, ab })).rejects.toMatchObject({
      code: 'rollouts.same-release',
    });
    const number = await start({ release: b.ref, filter, ab, dynamic: true, joinersPerMinute: 10_000 });
    await settles(number, { active: 12 });
    expect(made.filter(({ active }) => active!.equals(b.bytes))).toHaveLength(6);
    expect(made.filter(({ active }) => active!.equals(a.bytes))).toHaveLength(6);
    for (const device of made) expect(device.desired.at(-1)?.windowS).toBe(60);
    await eventually(
      async () => expect((await report(number)).ab).toMatchObject({ outcome: 'open' }),
      patience,
    );
    await eventually(async () => expect((await get(number)).stepEndedAt).not.toBeNull(), patience);
    const { stepEndedAt } = await get(number);
    // Each of them comes to a side by its name: all to the same once in eight million runs.
    const late = await makeFleet(24, { tag });
    await settles(number, { active: 36 });
    // Who joins sets no clock back.
    expect((await get(number)).stepEndedAt).toBe(stepEndedAt);
    const sides = late.made.map(({ active }) => active!.equals(b.bytes));
    expect(new Set(sides).size).toBe(2);
    await sendWindows(made, (bytes) => (bytes.equals(b.bytes) ? [b.digest, mostlyB] : [a.digest, mostlyA]));
    await reaches(number, 'succeeded');
    const { ab: shown, words } = await report(number);
    expect(shown).toMatchObject({ outcome: 'differs', release: b.ref, against: a.ref, percent: 50 });
    const first = shown!.effects.find(({ metric }) => metric === 'class-mix:0')!;
    expect(first.effect).toBeCloseTo(-90, 0);
    expect(first.high).toBeLessThan(0);
    expect(words[0]).toContain('B and A differ');
    const { reason } = await get(number);
    expect(reason).toContain('B and A differ');
    const items = await decisions(number);
    expect(items.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['started', 'gate', 'soak', 'joined', 'end']),
    );
    expect(made.filter(({ active }) => active!.equals(a.bytes))).toHaveLength(6);
    // The winner for all of them.
    await reaches(await start({ release: b.ref, filter }), 'succeeded');
    for (const device of made) expect(device.active!.equals(b.bytes)).toBe(true);
  });

  it('should compare a release with what devices run, and end where nothing differs that matters', async () => {
    const { filter, made, first } = await makeFleet(24);
    const b = await fleet.release(1_000);
    const ab = {
      metric: 'class-mix' as const,
      margin: 40,
      minSeconds: 1,
      maxSeconds: 6_000,
      windowSeconds: 60,
      percent: 50,
    };
    const number = await start({ release: b.ref, filter, ab });
    await settles(number, { active: 12, control: 12 });
    await sendWindows(made, (bytes) => [bytes.equals(b.bytes) ? b.digest : first.digest, mostlyA]);
    await reaches(number, 'succeeded');
    expect((await report(number)).ab).toMatchObject({ outcome: 'same', against: null });
    // The winner is what they ran: those of the other side go back by a message.
    await fleet.operator.rollBack(me, fleet.scope, number);
    await reaches(number, 'rolled-back');
    for (const device of made) expect(device.active!.equals(first.bytes)).toBe(true);
  });

  it('should end a comparison at its longest time, and say that it was not clear', async () => {
    const { filter } = await makeFleet(4);
    const b = await fleet.release(1_000);
    const number = await start({ release: b.ref, filter, ab: { minSeconds: 10, maxSeconds: 60 } });
    await settles(number, { active: 2, control: 2 });
    await eventually(async () => expect((await get(number)).stepEndedAt).not.toBeNull(), patience);
    fleet.clockSkewS = 100;
    await reaches(number, 'succeeded');
    expect((await report(number)).ab!.outcome).toBe('none');
    expect((await get(number)).reason).toMatch(/not clear: nobody reports confidence yet/);
  });
});
