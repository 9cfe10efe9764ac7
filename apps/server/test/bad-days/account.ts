/** What became of a fleet, device by device: what each runs is read from its own flash and held against what the server counts. */
import { expect } from '@jest/globals';
import { activeBytes, activeDigest, type SimulatedDevice } from '@tinyfleet/simulator';
import type { SeededRelease } from '../fleet-harness.js';
import type { BadDay, Group } from './world.js';

export interface Expected {
  readonly state: string;
  readonly reason?: RegExp;
  readonly counts: Readonly<Record<string, number>>;
  /** Who is active runs this, anybody else the other. */
  readonly to: SeededRelease;
  readonly from?: SeededRelease;
  /** At most so many devices were ever offered the release. */
  readonly exposed: number;
  /** Kinds and words, oldest first; soaks and what gates said in between left out. */
  readonly decisions: readonly (readonly [kind: string, words: RegExp])[];
  /** Devices that run the new version although they are not counted as active: those that were told later. */
  readonly ahead?: readonly string[];
}

/** The bundle that runs, and that every byte of it is right. */
export function runs(device: SimulatedDevice, { digest, bytes }: SeededRelease): boolean {
  if (activeDigest(device) !== digest.toString('hex')) return false;
  const held = activeBytes(device, bytes.length);
  return held !== null && bytes.equals(held);
}

export const me = 'person:me@example.org';

/** @returns its number */
export async function rollOut(
  { harness }: BadDay,
  filter: string,
  policy: object,
  { ref }: SeededRelease,
): Promise<number> {
  return (await harness.rollouts.start(me, harness.scope, { ...policy, filter, release: ref })).number;
}

export async function countsOf({ harness }: BadDay, number: number) {
  return (await harness.stores.rollouts.get(harness.scope, number)).counts;
}

/** Asked after every move of the world: nothing but the state. */
export async function stateOf({ harness }: BadDay, number: number): Promise<string> {
  const [row] = await harness.database.query<{ state: string }>(
    'select state from rollout where project_id = $1 and number = $2',
    [harness.projectId, number],
  );
  return row!.state;
}

export async function reaches(day: BadDay, number: number, state: string, withinMs: number): Promise<void> {
  try {
    await day.until(async () => (await stateOf(day, number)) === state, withinMs);
  } catch (cause) {
    const { stores, scope } = day.harness;
    const { state: now, reason, counts } = await stores.rollouts.get(scope, number);
    const told = [now, reason, counts, ...(await decisions(day, number))];
    throw new Error(JSON.stringify(told, undefined, 1), { cause });
  }
}

export async function account(day: BadDay, number: number, group: Group, expected: Expected): Promise<void> {
  const { harness } = day;
  const { stores, scope } = harness;
  const from = expected.from ?? day.base;
  const rollout = await stores.rollouts.get(scope, number);
  expect({ state: rollout.state, counts: rollout.counts }).toEqual({
    state: expected.state,
    counts: expected.counts,
  });
  if (expected.reason) expect(rollout.reason).toMatch(expected.reason);
  const { items } = await stores.rollouts.deployments(scope, number, { limit: 500 });
  const reported = await harness.database.query<{ name: string; digest: string | null }>(
    `select d.name, encode(r.active_digest, 'hex') as digest from device d
     left join device_report r on r.project_id = d.project_id and r.device_id = d.id where d.name = any ($1)`,
    [group.names],
  );
  const says = new Map(reported.map(({ name, digest }) => [name, digest]));
  const wrong: object[] = [];
  for (const { device: name, state } of items) {
    const device = group.device(name);
    const truth = activeDigest(device);
    const mustRun = state === 'active' || expected.ahead?.includes(name) === true ? expected.to : from;
    const row = {
      name,
      state,
      runs: truth,
      serverSays: says.get(name),
      breaches: device.flash.stats.breaches,
    };
    if (!runs(device, mustRun) || says.get(name) !== truth || row.breaches > 0) wrong.push(row);
  }
  expect(wrong).toEqual([]);
  expect(items).toHaveLength(group.names.length);
  expect(items.filter(({ attempts }) => attempts > 0).length).toBeLessThanOrEqual(expected.exposed);
  const told = (await decisions(day, number)).filter(([kind]) => kind !== 'gate' && kind !== 'soak');
  expect(told.map(([kind]) => kind)).toEqual(expected.decisions.map(([kind]) => kind));
  for (const [i, [, text]] of told.entries()) expect(text).toMatch(expected.decisions[i]![1]);
}

/** Oldest first. */
export async function decisions({ harness }: BadDay, number: number): Promise<(readonly [string, string])[]> {
  const { items } = await harness.stores.rollouts.decisions(harness.scope, number, { limit: 100 });
  return items.map(({ kind, text }) => [kind, text] as const).reverse();
}
