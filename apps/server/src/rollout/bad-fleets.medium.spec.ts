/** Bad days by the fleet: away, flapping, lying, wanted by two rollouts, or gone. Real firmware, a week in seconds. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { packHistogram } from '@tinyfleet/wire';
import type { SeededRelease } from '../../test/fleet-harness.js';
import {
  account,
  countsOf,
  decisions,
  me,
  reaches,
  rollOut,
  runs,
  stateOf,
} from '../../test/bad-days/account.js';
import { BadDay } from '../../test/bad-days/world.js';
import { ScriptedDevice } from '../../test/scripted-device.js';

const minute = 60_000;
const hour = 60 * minute;
const day_ = 24 * hour;

describe('a rollout to a fleet', () => {
  let day: BadDay;
  let v2: SeededRelease;

  beforeAll(async () => {
    day = await BadDay.begin({ pollMs: 6 * hour, windowS: 43_200 });
    v2 = await day.release('v2');
  });
  afterEach(() => day.clear());
  afterAll(async () => {
    await day?.end();
    expect(day.harness.errors).toEqual([]);
  });
  const start = async (filter: string, policy: object, release = v2): Promise<number> =>
    await rollOut(day, filter, policy, release);
  const counts = async (number: number) => await countsOf(day, number);

  it('should not wait for 30 % that are offline for a week, count them for nothing, and serve them when they come', async () => {
    const group = await day.fleet({
      devices: 10,
      scenario: 'inference: { period: 1h }\nevents: [{ at: 1m, devices: 30%, outage: { for: 7d } }]',
    });
    await day.pass(2 * minute);
    const number = await start(group.filter, { steps: [{ percent: 50, soakSeconds: 86_400 }, 100] });
    await reaches(day, number, 'succeeded', 5 * day_);
    const here = group.devices.filter((device) => runs(device, v2)).map(({ name }) => name);
    expect(here).toHaveLength(7);
    expect(await counts(number)).toEqual({ active: 7, unreached: 3 });
    await day.pass(7 * day_ - day.clock.elapsedMs);
    await day.until(async () => (await counts(number)).active === 10, day_);
    await account(day, number, group, {
      state: 'succeeded',
      reason: /7 of 7 devices verified active, 3 more were not reached/,
      counts: { active: 10 },
      to: v2,
      exposed: 10,
      decisions: [
        ['started', /10 devices in 2 steps/],
        ['next-step', /devices verified active/],
        ['end', /7 of 7 devices verified active, 3 more/],
      ],
    });
  });

  it('should bring a release to devices that come and go all the time, each counted once', async () => {
    const group = await day.fleet({
      devices: 6,
      scenario: [
        'inference: { period: 30s }',
        'events:',
        '  - { at: 5s, every: 40s, devices: 50%, outage: { for: 25s } }',
        '  - { at: 20s, every: 40s, devices: 60%, outage: { for: 10s } }',
        '  - { at: 50s, every: 100s, devices: 2%, reboot: { cause: brownOut } }',
      ].join('\n'),
    });
    const number = await start(group.filter, { steps: [{ percent: 50, soakSeconds: 120 }, 100] });
    await reaches(day, number, 'succeeded', hour);
    await account(day, number, group, {
      state: 'succeeded',
      reason: /6 of 6 devices verified active/,
      counts: { active: 6 },
      to: v2,
      exposed: 6,
      decisions: [
        ['started', /6 devices in 2 steps/],
        ['next-step', /3 of 3/],
        ['end', /6 of 6/],
      ],
    });
  });

  describe('with a device that lies', () => {
    /** It never switches, whatever it says. */
    async function liar(tag: string): Promise<ScriptedDevice> {
      const name = `liar.${tag}`;
      const token = (await day.harness.register([name], [tag])).get(name)!;
      const device = await day.pump(
        ScriptedDevice.connect({
          ...{ port: day.harness.port, name, token, client: { keepalive: 0 } },
          behaviour: 'lie',
        }),
      );
      device.active = day.base.bytes;
      await day.pump(device.hello());
      return device;
    }
    const betray: Record<string, (device: ScriptedDevice) => Promise<void>> = {
      'the windows of its telemetry': async (device) => {
        await day.pass(2 * minute);
        const classes = packHistogram(Array.from({ length: 32 }, (_, i) => (i === 7 ? 10 : 0)));
        await day.pump(device.window(day.base.digest, { lengthMs: 30_000, classes }));
      },
      'its next hello': async (device) => {
        await day.pump(device.hello());
      },
    };
    it.each(Object.keys(betray))('should believe %s and not its report', async (by) => {
      const group = await day.fleet({ devices: 3, scenario: 'inference: { period: 1m }' });
      const device = await liar(group.tag);
      const number = await start(group.filter, { steps: [{ percent: 100, soakSeconds: 6 * 3_600 }] });
      await day.until(async () => (await counts(number)).active === 4, hour);
      await betray[by]!(device);
      await reaches(day, number, 'paused', 4 * hour);
      device.end();
      expect(await counts(number)).toEqual({ active: 3, reverted: 1 });
      const { items } = await day.harness.stores.rollouts.deployments(day.harness.scope, number, {
        limit: 9,
      });
      expect(items.filter(({ state }) => state === 'reverted').map((one) => one.device)).toEqual([
        `liar.${group.tag}`,
      ]);
      for (const one of group.devices) expect(runs(one, v2)).toBe(true);
      expect((await decisions(day, number)).at(-1)).toEqual([
        'pause',
        expect.stringMatching(/1 of 4 devices failed/),
      ]);
    });
  });

  it('should move a device by one of two rollouts at a time, by that of the higher priority, and end on its release', async () => {
    const urgent = await day.release('v2');
    const group = await day.fleet({ devices: 6, scenario: 'inference: { period: 1m }' });
    const low = await start(group.filter, { steps: [{ percent: 50, soakSeconds: 600 }, 100], priority: 10 });
    await day.pass(4_000);
    const high = await start(group.filter, { steps: [34, 100], priority: 90 }, urgent);
    const moving = `('offered', 'fetching', 'verified', 'staged', 'trial', 'soak')`;
    let together = 0;
    await day.until(async () => {
      const rows = await day.harness.database.query(
        `select device_id from deployment where project_id = $1 and state in ${moving} group by device_id having count(*) > 1`,
        [day.harness.projectId],
      );
      together += rows.length;
      return (await stateOf(day, high)) === 'succeeded';
    }, 2 * hour);
    expect(together).toBe(0);
    // Who waits for the other does not keep the engine busy.
    const [told] = await day.harness.database.query<{ count: number }>(
      `select count(*)::int as count from event where project_id = $1 and type = 'rollout.changed' and (data ->> 'number')::int = any ($2)`,
      [day.harness.projectId, [low, high]],
    );
    expect(told!.count).toBeLessThan(100);
    await account(day, high, group, {
      state: 'succeeded',
      reason: /6 of 6/,
      counts: { active: 6 },
      to: urgent,
      exposed: 6,
      decisions: [
        ['started', /6 devices in 2 steps/],
        ['next-step', /of/],
        ['end', /6 of 6/],
      ],
    });
    // What the other had not brought before is brought by nobody: a newer release of the model is there.
    await day.until(async () => (await stateOf(day, low)) !== 'running', 2 * hour);
  });

  it.each(['retired', 'excluded', 'suspended'])(
    'should not succeed when its fleet shrinks to nobody: all %s',
    async (how) => {
      const group = await day.fleet({ devices: 4, scenario: 'inference: { period: 1m }' });
      const number = await start(group.filter, {
        steps: [{ percent: 50, soakSeconds: 0 }, 100],
        windows: nightOf(day),
      });
      await day.until(async () => (await counts(number)).waiting === 4, minute);
      const { harness } = day;
      if (how === 'excluded') {
        for (const name of group.names)
          await harness.updateRules.set(me, harness.scope, name, {
            kind: 'exclude',
            release: null,
            until: null,
            reason: 'gone',
          });
      } else
        await harness.database.query('update device set state = $1 where name = any ($2)', [
          how,
          group.names,
        ]);
      await reaches(day, number, 'failed', 12 * hour);
      await day.pass(20 * minute);
      await account(day, number, group, {
        state: 'failed',
        reason: /no device can take the release/,
        counts: { aborted: 4 },
        to: v2,
        exposed: 0,
        decisions: [
          ['started', /4 devices in 2 steps/],
          ['end', /failed: no device can take the release/],
        ],
      });
    },
  );
});

/** Opens in an hour. */
function nightOf({ clock }: BadDay): { from: string; to: string }[] {
  const at = (hours: number): string =>
    `${String(new Date(clock.worldMs + hours * 3_600_000).getUTCHours()).padStart(2, '0')}:00`;
  return [{ from: at(2), to: at(4) }];
}
