/**
 * What suites of rollouts have in common: one fleet for all tests of a suite, scripted devices that end with their test, and the
 * questions that such tests ask.
 */
import { afterAll, afterEach, beforeAll, expect } from '@jest/globals';
import type { RolloutCreateInput } from '@tinyfleet/contracts';
import type { DeploymentState } from '@tinyfleet/rollouts';
import { eventually } from '@tinyfleet/testing';
import type { EdgeOptions } from '../src/mqtt/edge.js';
import { FleetHarness } from './fleet-harness.js';
import { ScriptedDevice, type Behaviour, type ScriptedOptions } from './scripted-device.js';

export const patience = { timeoutMs: 60_000, intervalMs: 50 };
export const me = 'person:me@example.org';
export const all = <T>(n: number, value: T): T[] => Array.from({ length: n }, () => value);

interface SuiteOptions {
  /** See `FleetHarness.start`. */
  readonly withClock?: boolean;
  readonly edge?: Partial<EdgeOptions>;
}

/**
 * To be called inside `describe`: its hooks are of that suite.
 * @param begun is handed the fleet before the first test
 */
export function rolloutSuite(
  begun: (fleet: FleetHarness) => void,
  { withClock = false, edge = {} }: SuiteOptions = {},
) {
  let fleet: FleetHarness;
  let groups = 0;
  /** Of the test that runs. */
  const devices: ScriptedDevice[] = [];

  beforeAll(async () => {
    fleet = await FleetHarness.start({ withClock });
    begun(fleet);
    await fleet.startEdge(edge);
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

  const newTag = (): string => `group-${++groups}`;
  const connect = async (options: Omit<ScriptedOptions, 'port'>): Promise<ScriptedDevice> => {
    const device = await ScriptedDevice.connect({ port: fleet.port, ...options });
    devices.push(device);
    return device;
  };

  /** A group of its own for a test: names, the filter that finds it, and how each device behaves; `connect` says hello for one. */
  async function makeFleet(
    behaviours: readonly (Behaviour | 'absent')[],
    hello: ScriptedOptions['hello'] = {},
  ) {
    const tag = newTag();
    const names = behaviours.map((_, i) => `${tag}-${String(i).padStart(3, '0')}`);
    const tokens = await fleet.register(names, [tag]);
    const connectOne = async (i: number, behaviour: Behaviour): Promise<ScriptedDevice> => {
      const name = names[i]!;
      const device = await connect({ name, token: tokens.get(name)!, behaviour, hello });
      await device.hello();
      return device;
    };
    for (const [i, behaviour] of behaviours.entries())
      if (behaviour !== 'absent') await connectOne(i, behaviour);
    return { names, tag, filter: `tag = "${tag}"`, connect: connectOne };
  }

  const get = (number: number) => fleet.stores.rollouts.get(fleet.scope, number);
  const counts = async (number: number) => (await get(number)).counts;
  return {
    ...{ devices, newTag, connect, makeFleet, get, counts },
    /** @returns its number */
    start: async (request: RolloutCreateInput): Promise<number> =>
      (await fleet.rollouts.start(me, fleet.scope, request)).number,
    reaches: async (number: number, state: string): Promise<void> =>
      await eventually(async () => expect((await get(number)).state).toBe(state), patience),
    settles: async (number: number, expected: Partial<Record<DeploymentState, number>>): Promise<void> =>
      await eventually(async () => expect(await counts(number)).toEqual(expected), patience),
    /** Newest first. */
    decisions: async (number: number) =>
      (await fleet.stores.rollouts.decisions(fleet.scope, number, { limit: 50 })).items,
  };
}
