/**
 * A fleet that nobody declared healthy: it is judged from the first window of a model on, against what validation data said of the build.
 * Scripted devices send hourly windows; two of them change, other settings come, and most get a version with other monitors that breaks
 * the pre-processing.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ProjectScope, Resource } from '@tinyfleet/contracts';
import { Random, WatchKeeper, keeperDefaults } from '@tinyfleet/quality';
import { Leader, PgWatchReader, transactAsLeader } from '@tinyfleet/storage';
import { encode, packHistogram, type Telemetry } from '@tinyfleet/wire';
import { uuidv7 } from 'uuidv7';
import { makeVersion } from './route-fixtures.js';
import { ScriptedDevice } from './scripted-device.js';
import { folded, startTestServer, type TestServer } from './test-server.js';

const hour = 3_600_000;
const params = { project: 'demo' };
const devices = ['d1', 'd2', 'd3', 'd4', 'd5', 'd6', 'd7', 'd8'];
const learned = 24;
const changed = 30;
const updated = 38;
const hours = 46;
const withoutQuality = { TINYFLEET_ROLES: 'api,broker,ingest,ota,rollout,compiler' };

let dataDir: string;
let server: TestServer;
let scope: ProjectScope;
let start: number;
const at = (round: number): number => start + round * hour;

/** One inference: "yes" is 15 above the mean of the first feature, "no" below; the second has nothing to do with them. */
function inference(random: Random, yes: number): { isYes: boolean; bin: number; values: [number, number] } {
  const isYes = random.uniform() < yes;
  const bin = Math.max(0, Math.min(7, Math.round(5 + random.normal())));
  const first = (isYes ? 15 : -15) + 20 * random.normal();
  return { isYes, bin, values: [first, 25 * random.normal()] };
}

function validation(): Resource<'Baseline'> {
  const random = new Random(7);
  const all = Array.from({ length: 2_000 }, () => inference(random, 0.6));
  const histogram = [0, 1].map((c) =>
    Array.from(
      { length: 8 },
      (_, bin) => all.filter((one) => Number(!one.isYes) === c && one.bin === bin).length,
    ),
  );
  const none = new Array<number>(15).fill(0);
  return {
    ...{ samples: all.length, accuracy: 1, histogram, correct: histogram, confusion: [], ood: null },
    features: ['mean of x', 'greatest'].map((name, f) => {
      const values = all.map(({ values: own }) => Math.round(own[f]!));
      const sumOf = (of: (value: number, i: number) => number) =>
        values.reduce((sum, value, i) => sum + of(value, i), 0);
      return {
        ...{ name, edges: [], counts: [...none, all.length], correct: [...none, all.length], n: all.length },
        ...{ centre: 0, sum: sumOf((v) => v), sumSquares: sumOf((v) => v * v), min: -200, max: 200 },
        ...{ scale: 1, zeroPoint: 0 },
        classes: [true, false].map((isYes) => ({
          n: all.filter((one) => one.isYes === isYes).length,
          sum: sumOf((v, i) => (all[i]!.isYes === isYes ? v : 0)),
        })),
      };
    }),
  };
}

/** What device j says of an hour: its own mean, the time of day, and what happened to it. */
function windowOf(random: Random, j: number, round: number): Partial<Telemetry> {
  const n = 100;
  const name = devices[j]!;
  const isUpdated = j >= 2 && round >= updated;
  // d2 sees other classes; the first feature of d1 is elsewhere.
  const all = Array.from({ length: n }, () =>
    inference(random, name === 'd2' && round >= changed ? 0.1 : 0.6),
  );
  const offset = 3 * (j - 3.5) + 4 * Math.sin((2 * Math.PI * round) / 24) + (isUpdated ? 400 : 0);
  const bins = new Array<number>(16).fill(0);
  for (const { isYes, bin } of all) bins[(isYes ? 0 : 8) + bin]!++;
  return {
    ...{ n, schema: isUpdated ? 10 : 9, lengthMs: hour, startUnixMs: at(round) + 60_000 + j },
    classes: packHistogram(bins),
    features: [0, 1].map((f) => {
      const moved = f === 0 && name === 'd1' && round >= changed ? 40 : 0;
      const values = all.map(({ values: own }) => Math.round(own[f]! + offset + moved));
      const sum = values.reduce((a, b) => a + b, 0);
      const sumSquares = values.reduce((a, b) => a + b * b, 0);
      const histogram = packHistogram([...new Array<number>(15).fill(0), n]);
      return { histogram, n, sum, sumSquares, min: Math.min(...values), max: Math.max(...values) };
    }),
    ...{ saturated: 0, stuck: 0, droppedFrames: 0, invalid: 0, firstIndex: 0 },
  };
}

async function judgeUntil(round: number): Promise<void> {
  const { database } = server.running.services;
  const leader = new Leader(database, 'quality');
  const keeper = new WatchKeeper(
    new PgWatchReader(database),
    transactAsLeader(database, leader),
    uuidv7,
    () => at(round),
    // Rounds of several chunks and reads.
    { ...keeperDefaults, chunk: 7, maxWindows: 40 },
  );
  expect(await leader.tryLead()).toBe(true);
  try {
    while (await keeper.turn());
  } finally {
    await leader.resign();
  }
}
const watches = async () => (await server.client.call('qualityWatchList', { params })).items;
const alerts = async () => (await server.client.call('alertList', { params })).items;
const set = async (changes: Partial<Resource<'QualitySettings'>>) => {
  const now = await server.client.call('qualitySettingsGet', { params });
  await server.client.call('qualitySettingsPut', { params, body: { ...now, ...changes } });
};

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tinyfleet-watch-'));
  await chmod(dataDir, 0o755);
  server = await startTestServer({ ...withoutQuality, TINYFLEET_DATA_DIR: join(dataDir, 'data') });
  start = Math.floor(Date.now() / hour) * hour - hours * hour;
  const { client } = server;
  const { services } = server.running;
  await client.call('projectCreate', { body: { name: 'demo', windowSeconds: 3_600 } });
  scope = await services.projects.scopeOf('demo');
  for (const [version, schemaCrc] of [
    ['1.0.0', 9],
    ['1.1.0', 10],
  ] as const)
    await makeVersion(server, scope, {
      ...{ model: 'kws', version, type: 'wasm', schemaCrc },
      validation: validation(),
    });
  const bundles = await services.database.query<{ digest: Buffer; schema: number }>(
    'select digest, schema_crc::int as schema from bundle_name where project_id = $1',
    [scope.id],
  );
  const digestOf = (schema: number) => bundles.find((one) => one.schema === schema)!.digest;
  const port = Number(new URL(server.running.mqttUrl!).port);
  await Promise.all(
    devices.map(async (name, j) => {
      const { token } = await client.call('deviceRegister', { params, body: { name, type: 'wasm' } });
      const device = await ScriptedDevice.connect({ port, name, token });
      const random = new Random(200 + j);
      await device.hello();
      const messages = Array.from({ length: hours }, (_, round) => {
        const window = windowOf(random, j, round);
        return device.windowMessage(digestOf(window.schema!), window);
      });
      await Promise.all(messages.map((one) => device.publish('telemetry', encode('telemetry', one))));
      device.end();
    }),
  );
  await set({ settleSeconds: 0, learnRounds: learned, calmRounds: 500 });
  await folded(services.database);
});
afterAll(async () => {
  await server?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

describe('a fleet whose windows are longer than rounds', () => {
  it('should be told from one without windows, and say what to do', async () => {
    expect(await watches()).toEqual([]);
    await set({ roundSeconds: 1_800 });
    expect(await watches()).toEqual([]);
    await set({ roundSeconds: 1_799 });
    // The windows that fit may come right behind a history.
    expect(await watches()).toEqual([]);
    const received = async (ago: string) =>
      await server.running.services.database.query(
        `update telemetry_window set received_at = received_at + $1::interval`,
        [ago],
      );
    await received('-11 minutes');
    const seen = await watches();
    await received('11 minutes');
    expect(seen.map(({ schema }) => schema)).toEqual([9, 10]);
    expect(seen[0]).toMatchObject({ model: 'kws', state: 'unable', devices: 0, streams: [] });
    expect(seen[0]!.reason).toBe(
      'windows of 3600 s fit no rounds of 1799 s: make rounds at least half as long as windows (quality settings set --round), or windows shorter',
    );
    await set({ roundSeconds: null });
  });
});

describe('a fleet that nobody declared healthy', () => {
  it('should be watched from its first window on, and say against what', async () => {
    const unwatched = async () =>
      (await new PgWatchReader(server.running.services.database).mark()).unwatched.map(
        (one) => one.projectId,
      );
    expect(await unwatched()).toEqual([scope.id, scope.id]);
    await judgeUntil(10);
    // Those with other monitors come later.
    expect(await unwatched()).toEqual([scope.id]);
    const [watch, ...others] = await watches();
    expect(others).toEqual([]);
    expect(watch).toMatchObject({ model: 'kws', schema: 9, state: 'starting', devices: 8, baseline: null });
    expect(watch!.judgedAgainst).toBe(
      'the validation data of kws@1.0.0: fleet and versions; devices from round 24 on',
    );
    expect(watch!.judgedUntil).toBe(new Date(at(10)).toISOString());
    expect(watch!.streams).toContain('mean of "mean of x"');
    expect(await alerts()).toEqual([]);
  });

  it('should learn from its first rounds what its devices do', async () => {
    await judgeUntil(28);
    const [watch] = await watches();
    expect(watch).toMatchObject({ state: 'watching', tooLate: 0 });
    expect(watch!.judgedAgainst).toMatch(
      /^the validation data of kws@1\.0\.0: fleet and versions; its first 24 rounds \(.+\), which nobody declared healthy: devices and groups$/u,
    );
    // One page a week, half of it in reserve: streams x rounds / ARL0, of both kinds of streams together.
    expect(watch!.arl0).toBeCloseTo(watch!.streamCount * 168 * 2, 0);
    expect(await alerts()).toEqual([]);
  });

  it('should be learned anew by itself when settings change, and go on where it was', async () => {
    await set({ watermarkRounds: 3 });
    await judgeUntil(29);
    const [watch] = await watches();
    expect(watch).toMatchObject({ state: 'watching', judgedUntil: new Date(at(29)).toISOString() });
    expect(watch!.reason).toMatch(
      /^learned anew for a watermark of 3 rounds, not of 6, from its first 24 rounds/u,
    );
    // Half as many rounds of two hours teach too little: it goes on with those it has.
    await set({ roundSeconds: 7_200 });
    await judgeUntil(30);
    const [same] = await watches();
    expect(same).toMatchObject({ state: 'watching', judgedUntil: new Date(at(30)).toISOString() });
    expect(same!.reason).toMatch(
      /^judged as before, not by rounds of 7200 s instead of 3600 s: .* 12 rounds/u,
    );
    // Twice as many, of which half are empty.
    await set({ roundSeconds: 1_800 });
    await judgeUntil(30);
    expect((await watches())[0]!.reason).toMatch(/^learned anew for rounds of 1800 s instead of 3600 s/u);
    await set({ roundSeconds: null });
    await judgeUntil(30);
    expect((await watches())[0]!.reason).toMatch(/^learned anew for rounds of 3600 s instead of 1800 s/u);
    expect(await alerts()).toEqual([]);
  });

  it('should be learned anew when its state cannot be used', async () => {
    const { database } = server.running.services;
    await database.query(`update quality_watch set learned = substring(learned for 100)`);
    await judgeUntil(31);
    const [watch] = await watches();
    expect(watch).toMatchObject({ state: 'watching', judgedUntil: new Date(at(31)).toISOString() });
    expect(watch!.reason).toMatch(/^learned anew for itself: .* cut short/u);
  });

  it('should not tell again of what goes on after a person resolved it', async () => {
    await judgeUntil(changed + 3);
    const subject = 'device=d1';
    const { number } = (await alerts()).find((one) => one.subject === subject)!;
    await server.client.call('alertResolve', { params: { ...params, alert: number }, body: {} });
    await judgeUntil(updated);
    const ofIt = (await alerts()).filter((one) => one.subject === subject);
    expect(ofIt).toMatchObject([{ number, state: 'resolved' }]);
  });

  it('should name what moved by its name, and tell the class mix from a sensor', async () => {
    const open = await alerts();
    expect(open.map(({ subject, verdict }) => [subject, verdict]).sort()).toEqual([
      ['device=d1', 'sensor'],
      ['device=d2', 'class mix'],
    ]);
    const detail = async (subject: string) => {
      const { number } = open.find((one) => one.subject === subject)!;
      return await server.client.call('alertGet', { params: { ...params, alert: number } });
    };
    const sensor = await detail('device=d1');
    expect(sensor.evidence.shifts[0]!.stream).toBe('mean of "mean of x"');
    expect(sensor.evidence.statements).toContainEqual(expect.stringMatching(/^"mean of x": mean \+/u));
    expect(sensor.evidence.judgedAgainst).toMatch(/^its first 24 rounds/u);
    expect(sensor.evidence.baseline).toBeNull();
    const { evidence } = await detail('device=d2');
    expect(evidence.statements).toContainEqual(expect.stringMatching(/^other classes: (yes|no) /u));
    expect(evidence.statements).toContainEqual(
      expect.stringMatching(/^other classes explain \d+ % of the shift of the features$/u),
    );
  });

  it('should say in an open alert that it is judged by something learned anew', async () => {
    await set({ watermarkRounds: 4 });
    await judgeUntil(updated);
    const { number } = (await alerts()).find(({ state }) => state === 'open')!;
    const { log } = await server.client.call('alertGet', { params: { ...params, alert: number } });
    expect(log.at(-1)).toMatchObject({ by: 'engine', what: 'learned' });
    expect(log.at(-1)!.text).toMatch(/^learned anew for a watermark of 4 rounds/u);
    expect(await alerts()).toHaveLength(2);
  });

  it('should begin with the build of a version whose monitors are others, and not take who moved on for silent', async () => {
    await judgeUntil(hours - 2);
    const { number } = (await alerts()).find(({ subject }) => subject === 'everyone')!;
    await server.client.call('alertResolve', { params: { ...params, alert: number }, body: {} });
    await judgeUntil(hours);
    const [old, fresh] = await watches();
    expect(old).toMatchObject({
      schema: 9,
      state: 'watching',
      judgedUntil: new Date(at(hours)).toISOString(),
    });
    expect((await new PgWatchReader(server.running.services.database).mark()).unwatched).toEqual([]);
    expect(fresh).toMatchObject({ schema: 10, state: 'starting', devices: 6, baseline: null });
    const open = await alerts();
    expect(open.filter(({ kind }) => kind === 'silence')).toEqual([]);
    expect(open).toHaveLength(3);
    expect(open.find(({ subject }) => subject === 'everyone')).toMatchObject({
      verdict: 'pre-processing',
      scope: 'everyone',
      severity: 'critical',
    });
    const { evidence, links } = await server.client.call('alertGet', {
      params: { ...params, alert: number },
    });
    expect(links.formula).toBe('/docs/formulas#mean-against-validation-data');
    expect(evidence).toMatchObject({
      judgedAgainst: 'the validation data of kws@1.1.0',
      changedAt: new Date(at(updated)).toISOString(),
      deviceCount: 6,
    });
    expect(evidence.statements).toContain('judged against the validation data of kws@1.1.0');
  });
});
