/** Clocks that jump, and times in which devices could not reach us: no soak ends and nobody is late for it. */
import { describe, expect, it } from '@jest/globals';
import { eventually } from '@tinyfleet/testing';
import type { FleetHarness } from '../../test/fleet-harness.js';
import { patience, rolloutSuite } from '../../test/rollout-suite.js';
import type { Behaviour } from '../../test/scripted-device.js';

const hour = 3_600;
const year = 365 * 24 * hour;
const presence = { gatherMs: 20, pulseMs: 100 };

describe('clocks of rollouts', () => {
  let fleet: FleetHarness;
  const { devices, newTag, connect, start, get } = rolloutSuite((started) => (fleet = started), {
    withClock: true,
    edge: { presence },
  });

  /** One rollout of which one device is active and soaks, and one whose only device is mute. */
  async function begin() {
    const again: (() => Promise<void>)[] = [];
    const roll = async (behaviours: readonly Behaviour[], policy: object): Promise<number> => {
      const { ref } = await fleet.release(1_000);
      const tag = newTag();
      const names = behaviours.map((_, i) => `${tag}-${i}`);
      const tokens = await fleet.register(names, [tag]);
      const come = async (): Promise<void> => {
        for (const [i, behaviour] of behaviours.entries()) {
          const device = await connect({ name: names[i]!, token: tokens.get(names[i]!)!, behaviour });
          await device.hello();
        }
      };
      await come();
      again.push(come);
      return await start({ release: ref, filter: `tag = "${tag}"`, ...policy });
    };
    const soaking = await roll(['good', 'good'], { steps: [{ percent: 50, soakSeconds: 600 }, 100] });
    const stuck = await roll(['mute'], { timeouts: { offered: 600 }, retries: { stuck: { max: 0 } } });
    const before = [
      { state: 'running', step: 0, counts: { active: 1, waiting: 1 } },
      { state: 'running', step: 0, counts: { offered: 1 } },
    ];
    const now = async () => [await get(soaking), await get(stuck)];
    await eventually(async () => {
      expect(await now()).toMatchObject(before);
      expect((await get(soaking)).stepEndedAt).not.toBeNull();
    }, patience);
    const isAsBefore = async () => expect(await now()).toMatchObject(before);
    const goesOn = async (): Promise<void> => {
      fleet.clockSkewS = 500;
      await someTurns();
      await isAsBefore();
      fleet.clockSkewS = 700;
      const after = [{ state: 'succeeded' }, { state: 'paused', counts: { failed: 1 } }];
      await eventually(async () => expect(await now()).toMatchObject(after), patience);
    };
    const comeAgain = async () => {
      for (const come of again) await come();
    };
    return { isAsBefore, goesOn, comeAgain };
  }
  /** Several pulses of the edge and turns of the engine. */
  const someTurns = () => new Promise((resolve) => setTimeout(resolve, 350));

  it('should end no soak and give nobody up when the clock jumps, forward or back, and the engine starts anew', async () => {
    const { isAsBefore, goesOn } = await begin();
    for (const seconds of [hour, -hour, year, -year, -year, year]) {
      await fleet.stopConducting();
      await fleet.clock!.jump(seconds);
      fleet.startConducting();
      await someTurns();
      await isAsBefore();
    }
    // Nor is what had passed before lost.
    await goesOn();
  });

  it('should stop all clocks while devices cannot reach us, also before anybody has written that down', async () => {
    const { isAsBefore, goesOn, comeAgain } = await begin();
    for (const device of devices.splice(0)) device.end();
    await fleet.stopEdge();
    await fleet.clock!.jump(hour);
    await someTurns();
    await isAsBefore();
    await fleet.startEdge({ presence });
    await comeAgain();
    await someTurns();
    await isAsBefore();
    await goesOn();
  });
});
