/** The counts that are kept of a fleet against counting its rows, whatever happens at the same time. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ProjectScope } from '@tinyfleet/contracts';
import { CATALOGUE } from '@tinyfleet/registry';
import { PgFleetCounts, PgStores, type Database } from '@tinyfleet/storage';
import { startTestDatabase, type TestDatabase } from './test-database.js';

const NAMES = Array.from({ length: 40 }, (_, i) => `d${i}`);
const TYPES = ['wasm', 'posix'];
const STATES = ['registered', 'active', 'suspended'];
/** Two releases; one bundle is in both, one in none. */
const DIGESTS = ['\\x0a', '\\x0b', '\\x0c'];

/** Devices that were removed, or removed and made anew, meanwhile, and deadlocks of these changes among themselves: rolled back too. */
const EXPECTED =
  /rolled back|administrator command|deadlock|foreign key|device_report_name_key|Connection terminated/;

let test: TestDatabase;
let database: Database;
let stores: PgStores;
let counts: PgFleetCounts;

beforeAll(async () => {
  test = await startTestDatabase();
  database = test.database;
  stores = new PgStores(database);
  counts = new PgFleetCounts(database);
});
afterAll(async () => await test.stop());

async function project(name: string): Promise<ProjectScope> {
  const made = await stores.projects.add(
    { name, title: '', simulated: false, windowSeconds: 60, pickEvery: 0 },
    null,
  );
  await stores.types.refreshBuiltIn(made, CATALOGUE);
  return made;
}

/** The same numbers from the rows themselves. */
async function counted(scope: ProjectScope): Promise<Record<string, number>> {
  const rows = await database.query<{ key: string; count: number }>(
    `select 'type ' || t.name as key, count(*)::int as count from device d
       join device_type t on t.project_id = d.project_id and t.id = d.type_id where d.project_id = $1 group by 1
     union all select 'state ' || state, count(*)::int from device where project_id = $1 group by 1
     union all select 'bundle ' || encode(active_digest, 'hex') || '@' || release_sequence, count(*)::int
       from device_report where project_id = $1 and active_digest is not null group by 1
     union all select 'presence ' || case when p.connected then 'connected'
         when p.next_contact_by > now() then case when p.duty_cycle_s is null then 'pending' else 'sleeping' end
         when p.lost_at <= now() then 'lost' else 'silent' end, count(*)::int
       from presence p where project_id = $1 group by 1`,
    [scope.id],
  );
  return Object.fromEntries(rows.map(({ key, count }) => [key, count]));
}

async function kept(scope: ProjectScope): Promise<Record<string, number>> {
  const { byType, byState, byPresence, devices } = await stores.projects.summary(scope);
  const bundles = await database.query<{ key: string; count: number }>(
    `select key, sum(n)::int as count from (
       select key, count as n from fleet_count where project_id = $1 and kind = 'bundle'
       union all select key, delta from fleet_count_delta where project_id = $1 and kind = 'bundle') as counts
     group by 1 having sum(n) <> 0`,
    [scope.id],
  );
  const never = byPresence.never ?? 0;
  const seen = Object.entries(byPresence).filter(([presence]) => presence !== 'never');
  expect(never + seen.reduce((sum, [, count]) => sum + count, 0)).toBe(devices);
  expect((await stores.projects.get(scope)).deviceCount).toBe(devices);
  return Object.fromEntries([
    ...Object.entries(byType).map(([key, count]) => [`type ${key}`, count]),
    ...Object.entries(byState).map(([key, count]) => [`state ${key}`, count]),
    ...seen.map(([key, count]) => [`presence ${key}`, count]),
    ...bundles.map(({ key, count }) => [`bundle ${key}`, count]),
  ]);
}

/** Park and Miller: the same run every time. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

/** One random change as one transaction, as the product's statements make them. */
async function change(scope: ProjectScope, random: (below: number) => number): Promise<void> {
  const one = <T>(values: readonly T[]): T => values[random(values.length)]!;
  const some = NAMES.filter(() => random(4) === 0);
  const ends = random(10);
  const type = one(TYPES);
  const [digest, sequence, state] = [one([...DIGESTS, null]), random(3), one(STATES)];
  const [connected, duty, dueIn, lostIn] = [random(2) === 0, one([null, 60]), random(3) - 1, random(3) - 1];
  const kind = random(7);
  await database.transaction(async (tx) => {
    if (kind === 0) {
      await tx.query(
        `insert into device (project_id, id, name, type_id)
         select $1, gen_random_uuid(), made.name, t.id from unnest($2::text[]) as made (name)
         join device_type t on t.project_id = $1 and t.name = $3 on conflict do nothing`,
        [scope.id, some, type],
      );
    } else if (kind === 1) {
      await tx.query('delete from device where project_id = $1 and name = any($2::text[])', [
        scope.id,
        some.slice(0, 3),
      ]);
    } else if (kind === 2) {
      await tx.query('update device set state = $3 where project_id = $1 and name = any($2::text[])', [
        ...[scope.id, some, state],
      ]);
    } else if (kind < 5) {
      await tx.query(
        `insert into device_report (project_id, device_id, boot_id, hello_at, firmware_version, abi, reset_cause, slots,
           fetch_slot, hello, name, active_digest, release_sequence)
         select $1, d.id, 1, now(), '1', 1, 1, '[]', 1, '{}', d.name, $3, $4 from device d
         where d.project_id = $1 and d.name = any($2::text[]) order by d.id
         on conflict (project_id, device_id) do update set active_digest = excluded.active_digest,
           release_sequence = excluded.release_sequence`,
        [scope.id, some, digest, sequence],
      );
    } else {
      await tx.query(
        `insert into presence (project_id, device_id, connected, last_seen_at, next_contact_by, duty_cycle_s, lost_at)
         select $1, d.id, $3, now(), now() + make_interval(hours => $5), $4, now() + make_interval(hours => $5 + $6)
         from device d where d.project_id = $1 and d.name = any($2::text[]) order by d.id
         on conflict (project_id, device_id) do update set connected = excluded.connected,
           next_contact_by = excluded.next_contact_by, duty_cycle_s = excluded.duty_cycle_s, lost_at = excluded.lost_at`,
        [scope.id, some, connected, duty, dueIn, lostIn],
      );
    }
    // Rolled back, or killed as by a crash of the server's process.
    if (ends === 0) throw new Error('rolled back');
    if (ends === 1) await tx.query('select pg_terminate_backend(pg_backend_pid())');
  });
}

describe('counts of the fleet', () => {
  it('should be what counting says after any changes at the same time, folded or not', async () => {
    const [scope, other] = [await project('one'), await project('two')];
    let failed = 0;
    const worker = async (of: ProjectScope, seed: number): Promise<void> => {
      const random = randomOf(seed);
      for (let i = 0; i < 60; i++)
        await change(of, random).catch((error: unknown) => {
          if (!EXPECTED.test((error as Error).message)) throw error;
          failed++;
        });
    };
    let isOver = false;
    const folding = async (): Promise<void> => {
      while (!isOver) await counts.fold();
    };
    const folders = [folding(), folding()];
    await Promise.all([worker(scope, 1), worker(scope, 2), worker(scope, 3), worker(other, 4)]);
    isOver = true;
    await Promise.all(folders);
    expect(failed).toBeGreaterThan(10);
    for (const each of [scope, other]) {
      const real = await counted(each);
      expect(Object.keys(real).length).toBeGreaterThan(4);
      expect(await kept(each)).toEqual(real);
      await counts.fold();
      expect(await kept(each)).toEqual(real);
    }
    const [{ left } = { left: -1 }] = await database.query<{ left: number }>(
      'select count(*)::int as left from fleet_count_delta',
    );
    expect(left).toBe(0);

    await database.transaction(async (tx) => await new PgStores(tx).projects.remove(other));
    await counts.fold();
    const rest = await database.query('select from fleet_count where project_id = $1 or count = 0', [
      other.id,
    ]);
    expect(rest).toHaveLength(0);
  });

  it('should note few rows for a change of many devices', async () => {
    const scope = await project('many');
    await database.query(
      `insert into device (project_id, id, name, type_id) select $1, gen_random_uuid(), 'm' || i, t.id
       from generate_series(1, 5000) as i join device_type t on t.project_id = $1 and t.name = 'wasm'`,
      [scope.id],
    );
    await database.query(`update device set state = 'active' where project_id = $1`, [scope.id]);
    await database.query(`update device set notes = 'x' where project_id = $1`, [scope.id]);
    const notes = await database.query<{ kind: string; delta: string }>(
      'select kind, delta from fleet_count_delta where project_id = $1 order by kind, delta::bigint',
      [scope.id],
    );
    expect(notes.map(({ kind, delta }) => `${kind} ${delta}`)).toEqual([
      ...['state -5000', 'state 5000', 'state 5000', 'type 5000'],
    ]);
  });
});
