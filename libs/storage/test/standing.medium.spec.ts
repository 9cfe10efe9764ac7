/** Alerts about what is so: opened once, while it is so, by times that the tests set in a real database. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { QualitySettings, versionOrder, type ProjectScope } from '@tinyfleet/contracts';
import { StandingAlerts, openSilence, standingDefaults, type NewAlert } from '@tinyfleet/quality';
import { CATALOGUE } from '@tinyfleet/registry';
import { PgStandingReader, PgStores, transactOn, type Database } from '@tinyfleet/storage';
import { uuidv7 } from 'uuidv7';
import { startTestDatabase, type TestDatabase } from './test-database.js';

let test: TestDatabase;
let database: Database;
let stores: PgStores;
let nowMs = Date.now();
let standing: StandingAlerts;

beforeAll(async () => {
  test = await startTestDatabase();
  database = test.database;
  stores = new PgStores(database);
  standing = new StandingAlerts(new PgStandingReader(database), transactOn(database), () => nowMs, {
    ...standingDefaults,
    calmLooks: 2,
  });
});
afterAll(async () => {
  await test.stop();
});

let counter = 0;
/** Devices of a new project that are connected; those of even places stand in the hall. */
async function newFleet(count: number): Promise<{ scope: ProjectScope; names: string[] }> {
  const project = { title: '', simulated: false, windowSeconds: 60, pickEvery: 0, name: `p${++counter}` };
  const scope = await stores.projects.add(project, null);
  await stores.types.refreshBuiltIn(scope, CATALOGUE);
  const names = Array.from({ length: count }, (_, i) => `d${String(i).padStart(2, '0')}`);
  await database.query(
    `with made as (
       insert into device (project_id, id, name, type_id, site, state)
       select $1, id, name, (select id from device_type where project_id = $1 and name = 'wasm'),
         case when i % 2 = 1 then 'hall' else 'yard' end, 'active'
       from unnest($2::uuid[], $3::text[]) with ordinality as t (id, name, i) returning id)
     insert into presence (project_id, device_id, connected, last_seen_at, next_contact_by)
     select $1, id, true, now(), null from made`,
    [scope.id, names.map(() => uuidv7()), names],
  );
  return { scope, names };
}
/** Away since an hour; due in so many minutes. */
const setDue = async (scope: ProjectScope, names: readonly string[], minutes: number): Promise<void> => {
  await database.query(
    `update presence set connected = false, last_seen_at = now() - interval '1 hour', next_contact_by = now() + make_interval(mins => $3)
     where project_id = $1 and device_id in (select id from device where project_id = $1 and name = any ($2::text[]))`,
    [scope.id, names, minutes],
  );
};
const alerts = async (scope: ProjectScope) => (await stores.alerts.list(scope, { limit: 20 })).items;

/** A revoked release whose bytes the devices run. */
async function newRevoked(scope: ProjectScope, names: readonly string[], version: string): Promise<void> {
  const digest = createHash('sha256').update(`${scope.name}${version}`).digest();
  await stores.models.lock(scope, 'kws');
  await stores.models.addVersion(scope, {
    ...{ model: 'kws', version, versionOrder: versionOrder(version), format: 'tflite' },
    ...{ fileName: 'kws.tflite', source: { digest: digest.toString('hex'), bytes: 10 } },
    contract: { inputs: [], outputs: [], operators: {}, macs: 1 },
    ...{ inspection: {}, labels: ['yes', 'no'], createdBy: 'test' },
  });
  await database.transaction(async (tx) => {
    // Of a release only what is looked at: no bundle, no build, no hello.
    await tx.query('set local session_replication_role = replica');
    await tx.query(
      `with made as (
         insert into release (project_id, id, model_version_id, sequence, state, state_at, state_by, state_reason, created_by)
         select $1, $2, v.id, $3, 'revoked', now() - interval '24 hours', 'person:ann', 'it leaks', 'test'
         from model_version v where v.project_id = $1 and v.version = $4 returning id)
       insert into release_artifact (project_id, release_id, type_id, build_id, bundle_digest, bundle_bytes)
       select $1, id, $2, $2, $5, 1 from made`,
      [scope.id, uuidv7(), counter * 2, version, digest],
    );
    await tx.query(
      `insert into device_report (project_id, device_id, name, boot_id, hello_at, firmware_version, abi, reset_cause, slots, fetch_slot,
         active_digest, hello)
       select $1, id, name, 1, now(), '1.0.0', 1, 0, '[]', 0, $3, '{}' from device
       where project_id = $1 and name = any ($2::text[])`,
      [scope.id, names, digest],
    );
  });
}

describe('alerts about what is so', () => {
  it('should tell of devices that stay on a revoked release after their time, once, until none is there', async () => {
    const { scope, names } = await newFleet(4);
    await newRevoked(scope, names.slice(0, 3), '1.0.0');
    await setDue(scope, names.slice(2, 3), 600);
    await database.query(
      `update presence set last_seen_at = now() - interval '2 days' where project_id = $1 and not connected`,
      [scope.id],
    );
    const settings = (revokedAfterMinutes: number | null) =>
      stores.qualitySettings.put(scope, QualitySettings.parse({ revokedAfterMinutes, owner: 'sam' }));
    await settings(25 * 60);
    await standing.turn();
    await settings(null);
    await standing.turn();
    expect(await alerts(scope)).toEqual([]);
    await settings(24 * 60);
    nowMs = Date.now() + 1_000;
    await standing.turn();
    await standing.turn();
    const [alert, ...others] = await alerts(scope);
    expect(others).toEqual([]);
    expect(alert).toMatchObject({
      ...{ kind: 'revoked', state: 'open', severity: 'critical', model: 'kws', times: 1, owner: 'sam' },
      ...{ subject: 'version=kws@1.0.0', title: 'Revoked: devices stay on kws@1.0.0' },
    });
    const { evidence, links } = await stores.alerts.get(scope, alert!.number);
    expect(evidence.devices).toEqual(names.slice(0, 2));
    expect(evidence.statements).toEqual([
      expect.stringMatching(/^kws@1\.0\.0 was revoked at .* by person:ann: it leaks$/),
      '2 devices run it and were heard after the 1440 minutes they had',
      '1 more were not heard since',
    ]);
    expect(links.formula).toBe('/docs/formulas#revoked-release');
    // What cannot be looked at is not over.
    let calls = 0;
    const failing = new StandingAlerts(
      new PgStandingReader(database),
      async (work) => {
        if (calls++ === 0) throw new Error('out of reach');
        return await transactOn(database)(work);
      },
      () => nowMs,
    );
    await expect(failing.turn()).rejects.toThrow('out of reach');
    expect((await alerts(scope))[0]!.state).toBe('open');
    // Another release with the same bytes makes them good, which ends it.
    await database.query(`update release set state = 'approved' where project_id = $1`, [scope.id]);
    await standing.turn();
    expect((await alerts(scope))[0]).toMatchObject({ state: 'resolved', resolvedBy: 'engine' });
  });

  it('should leave alone for a day what a person resolved', async () => {
    const { scope, names } = await newFleet(2);
    await newRevoked(scope, names, '2.0.0');
    nowMs = Date.now() + 1_000;
    await standing.turn();
    const [alert] = await alerts(scope);
    await stores.alerts.change(scope, alert!.number, { state: 'resolved', by: 'person:ann', released: true });
    await standing.turn();
    expect(await alerts(scope)).toHaveLength(1);
    await database.query(`update alert set resolved_at = now() - interval '25 hours' where project_id = $1`, [
      scope.id,
    ]);
    await standing.turn();
    expect(await alerts(scope)).toHaveLength(2);
  });

  it('should tell of a site that is silent by the time of its devices, and of nothing that may still come', async () => {
    const { scope, names } = await newFleet(16);
    const hall = names.filter((_, i) => i % 2 === 0);
    await setDue(scope, hall, 1);
    await standing.turn();
    expect(await alerts(scope)).toEqual([]);
    await setDue(scope, hall.slice(0, 1), -1);
    await standing.turn();
    expect(await alerts(scope)).toEqual([]);
    await setDue(scope, hall, -1);
    await standing.turn();
    await standing.turn();
    expect(await alerts(scope)).toMatchObject([
      { kind: 'silence', subject: 'site=hall', title: 'Silent: site=hall', times: 1, state: 'open' },
    ]);
    // Most are there again, at two looks in a row.
    await setDue(scope, hall.slice(0, 5), 10);
    await standing.turn();
    expect((await alerts(scope))[0]!.state).toBe('open');
    await standing.turn();
    expect((await alerts(scope))[0]).toMatchObject({ state: 'resolved', resolvedBy: 'engine' });
    // It comes back, and is the same.
    await setDue(scope, hall, -1);
    await standing.turn();
    expect(await alerts(scope)).toMatchObject([{ state: 'open', reopened: 1 }]);
    // Who was due more than a day ago is not expected any more.
    const { scope: old, names: gone } = await newFleet(6);
    await setDue(old, gone, -24 * 60 - 1);
    await standing.turn();
    expect(await alerts(old)).toEqual([]);
  });

  it('should tell of a silent device once, whether its contacts or a watch found out', async () => {
    const { scope, names } = await newFleet(16);
    const rows = await database.query<{ id: string }>(
      'select id from device where project_id = $1 order by name',
      [scope.id],
    );
    const ids = rows.map(({ id }) => id);
    const inHall = (_: string, i: number) => i % 2 === 0;
    const settings = QualitySettings.parse({});
    const byWatch = async (subject: string, devices: readonly string[], sinceMs = Date.now()) => {
      const alert: NewAlert = {
        ...{ kind: 'silence', severity: 'critical', verdict: null, scope: 'attribute', subject },
        ...{ title: subject, model: 'kws', watch: uuidv7(), atMs: Date.now(), owner: null },
        evidence: {
          ...{ statements: [], shifts: [], changedAt: null, roundSeconds: 60, devices: [], deviceCount: 0 },
          ...{ baseline: null, arl0: null, falseDiscoveryRate: null, judgedAgainst: '' },
        },
        incident: { stream: 0, shift: 0, devices, openedRound: 0, calm: 0 },
      };
      return await database.transaction(async (tx) =>
        openSilence(new PgStores(tx), scope, alert, { sinceMs, settings }),
      );
    };
    const open = async () => (await alerts(scope)).filter(({ state }) => state !== 'resolved');
    // Two watches at once, of the same devices by another name: one tells.
    const both = await Promise.all(['type=wasm', 'everyone'].map(async (one) => byWatch(one, ids)));
    expect(both.filter((one) => one !== undefined)).toHaveLength(1);
    await setDue(scope, names.filter(inHall), -1);
    await standing.turn();
    expect(await open()).toHaveLength(1);
    const [first] = await open();
    await stores.alerts.change(scope, first!.number, { state: 'resolved', by: 'person:ann', released: true });
    await standing.turn();
    expect(await byWatch('site=hall', ids.filter(inHall), Date.now() - 60_000)).toBeUndefined();
    expect(await open()).toEqual([]);
    await database.query(`update alert set resolved_at = now() - interval '25 hours' where project_id = $1`, [
      scope.id,
    ]);
    await standing.turn();
    expect(await open()).toMatchObject([{ subject: 'site=hall', model: null }]);
    expect(await byWatch('site=hall type=wasm', ids.filter(inHall).slice(2))).toBeUndefined();
    const [narrow] = await open();
    const wide = await byWatch('type=wasm', ids.slice(2));
    expect(wide).toMatchObject({ parts: [narrow!.number] });
    expect(wide!.devices.toSorted()).toEqual(ids.toSorted().filter((id) => id !== ids[1]));
    expect(await open()).toMatchObject([{ subject: 'type=wasm' }]);
  });

  it('should tell that no edge is there when it has been so for a while, and of no device meanwhile', async () => {
    const { scope, names } = await newFleet(6);
    await setDue(scope, names, -1);
    await database.query(
      `insert into edge_pulse (alive_at, announced_to) values (now() - interval '1 hour', now())`,
    );
    nowMs = Date.now();
    await standing.turn();
    nowMs += standingDefaults.awayMs - 1;
    await standing.turn();
    expect(await alerts(scope)).toEqual([]);
    nowMs += 1;
    await standing.turn();
    await standing.turn();
    expect(await alerts(scope)).toMatchObject([
      { kind: 'away', scope: 'everyone', title: 'Away: no device can reach the server', times: 1 },
    ]);
    await database.query(`update edge_pulse set alive_at = now() + interval '1 hour'`);
    await standing.turn();
    const [silence, away] = await alerts(scope);
    expect(away).toMatchObject({ kind: 'away', state: 'resolved', resolvedBy: 'engine' });
    expect(silence).toMatchObject({ kind: 'silence', subject: 'everyone', title: 'Silent: the whole fleet' });
  });
});
