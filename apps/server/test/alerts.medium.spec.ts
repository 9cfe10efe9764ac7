/**
 * Drift, end to end: scripted devices send three days of hourly windows, one of them shifts and comes back. The alert names it, is told once by
 * webhook, Slack and e-mail to real servers, and ends by itself; engines that die and a server that restarts in the middle change nothing.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  AlertClock,
  Random,
  WatchKeeper,
  alertLinks,
  keeperDefaults,
  openAlert,
  resolveAlert,
  type NewAlert,
} from '@tinyfleet/quality';
import {
  Leader,
  PgAlertActions,
  PgAlertClocks,
  PgAlertOutbox,
  PgStores,
  PgWatchReader,
  transactAsLeader,
} from '@tinyfleet/storage';
import { AlertFormula, AlertKind } from '@tinyfleet/contracts';
import { eventually } from '@tinyfleet/testing';
import { encode, packHistogram, type Telemetry } from '@tinyfleet/wire';
import { SMTPServer } from 'smtp-server';
import { uuidv7 } from 'uuidv7';
import { AlertActions } from '../src/alert/actions.js';
import { AlertSender } from '../src/alert/sender.js';
import { MessageTransport, transportOptions } from '../src/alert/transport.js';
import { makeVersion } from './route-fixtures.js';
import { ScriptedDevice } from './scripted-device.js';
import { folded, startTestServer, type TestServer } from './test-server.js';

const hour = 3_600_000;
const params = { project: 'demo' };
const devices = ['d1', 'd2', 'd3', 'd4', 'd5', 'd6', 'd7', 'd8'];
const healthyHours = 48;
const hours = 82;
/** Of device d3. */
const shifted = { from: 56, to: 70 };
const env = { TINYFLEET_WEBHOOK_PRIVATE: 'true', TINYFLEET_WEBHOOK_RETRY_MS: '20' };
const withoutQuality = { TINYFLEET_ROLES: 'api,broker,ingest,ota,rollout,compiler' };

let dataDir: string;
let server: TestServer;
let start: number;
const http: { path: string; body: string; signature: string | undefined }[] = [];
/** Requests that are refused, by path, before one is taken. */
const refusals = new Map<string, number>();
/** Ends of requests to `/dead`, which answers when it is told to. */
const hanging: (() => void)[] = [];
let receiver: Server;
const mails: { from: string; to: string[]; text: string; isSecure: boolean; user: string | undefined }[] = [];
let smtp: SMTPServer;
const at = (round: number): number => start + round * hour;
const origin = (): string => `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;

/** Two features, two classes, ten bins of nothing: what a window of a hundred inferences of device j says. */
function windowOf(random: Random, j: number, round: number): Partial<Telemetry> {
  const n = 100;
  const isShifted = devices[j] === 'd3' && round >= shifted.from && round < shifted.to;
  const first = Array.from({ length: n }, () => random.uniform()).filter((u) => u < 0.6).length;
  const bins = new Array<number>(16).fill(0);
  for (let i = 0; i < n; i++) {
    const bin = Math.max(0, Math.min(7, Math.round(5 + random.normal())));
    bins[(i < first ? 0 : 8) + bin]!++;
  }
  const cycle = 10 * Math.sin((2 * Math.PI * round) / 24);
  return {
    n,
    schema: 9,
    lengthMs: hour,
    startUnixMs: at(round) + 60_000 + j,
    classes: packHistogram(bins),
    features: [isShifted ? 22 : 0, 0].map((shift) => {
      const values = Array.from({ length: n }, () =>
        Math.round(6 * j + cycle + shift + 20 * random.normal()),
      );
      return {
        histogram: packHistogram([...new Array<number>(15).fill(0), n]),
        n,
        sum: values.reduce((a, b) => a + b, 0),
        sumSquares: values.reduce((a, b) => a + b * b, 0),
        min: Math.min(...values),
        max: Math.max(...values),
      };
    }),
    ...{ saturated: 0, stuck: 0, droppedFrames: 0, invalid: 0, firstIndex: 0 },
  };
}

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tinyfleet-alerts-'));
  await chmod(dataDir, 0o755);
  receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
    request.on('end', () => {
      const path = request.url ?? '';
      const left = refusals.get(path) ?? 0;
      if (path === '/dead') {
        hanging.push(() => response.end());
        return;
      }
      if (left > 0) {
        refusals.set(path, left - 1);
        response.statusCode = 503;
      } else http.push({ path, body, signature: request.headers['webhook-signature'] as string | undefined });
      response.end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, session, done) {
      let text = '';
      stream.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({
          from: mailFrom ? mailFrom.address : '',
          to: rcptTo.map(({ address }) => address),
          text,
          isSecure: session.secure,
          user: session.user,
        });
        done();
      });
    },
  });
  await new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', resolve));
  server = await startTestServer({ ...env, ...withoutQuality, TINYFLEET_DATA_DIR: join(dataDir, 'data') });
  start = Math.floor(Date.now() / hour) * hour - hours * hour;
});
afterAll(async () => {
  await server?.stop();
  receiver?.closeAllConnections();
  await new Promise((resolve) => receiver?.close(resolve));
  await new Promise<void>((resolve) => smtp?.close(resolve));
  await rm(dataDir, { recursive: true, force: true });
});

/** A new engine, as another process would be, that believes it is so late. */
async function judgeUntil(round: number): Promise<void> {
  const { database } = server.running.services;
  const leader = new Leader(database, 'quality');
  const keeper = new WatchKeeper(
    new PgWatchReader(database),
    transactAsLeader(database, leader),
    uuidv7,
    () => at(round),
    // Rounds of two chunks.
    { ...keeperDefaults, chunk: 7 },
  );
  expect(await leader.tryLead()).toBe(true);
  try {
    while (await keeper.turn());
  } finally {
    await leader.resign();
  }
}
async function tell(waiting = 0): Promise<void> {
  const {
    database,
    alertRoutes,
    rolloutOperator,
    commands,
    labelQueue,
    server: own,
  } = server.running.services;
  const leader = new Leader(database, 'alert');
  const failures: unknown[] = [];
  const onError = (error: unknown) => failures.push(error);
  await leader.tryLead();
  await new AlertClock(new PgAlertClocks(database), transactAsLeader(database, leader)).turn();
  const actions = new PgAlertActions(database);
  await new AlertActions(actions, rolloutOperator, commands, labelQueue, onError).turn();
  const sender = new AlertSender(
    () => leader.tryLead(),
    new PgAlertOutbox(database),
    alertRoutes,
    new MessageTransport(transportOptions(own.config)),
    {
      ...{ maxAttempts: 5, firstRetryMs: 1, maxRetryMs: 5, concurrency: 4 },
      ...{ lanes: 2, pollMs: 20, onError },
    },
  );
  sender.start();
  await eventually(async () => {
    const [row] = await database.query<{ waiting: number }>(
      `select count(*)::int as waiting from alert_delivery where state = 'waiting'`,
    );
    expect(row!.waiting).toBe(waiting);
  });
  for (const end of hanging.splice(0)) end();
  await sender.stop();
  await leader.resign();
  expect(failures).toEqual([]);
}
const alerts = async () => (await server.client.call('alertList', { params })).items;

describe('drift on the server', () => {
  it('should be watched by a healthy period that a person declared', async () => {
    const { client } = server;
    await client.call('projectCreate', { body: { name: 'demo', windowSeconds: 3_600 } });
    const { services } = server.running;
    const scope = await services.projects.scopeOf('demo');
    await makeVersion(server, scope, { model: 'kws', version: '1.0.0', type: 'wasm' });
    const [bundle] = await services.database.query<{ digest: Buffer }>(
      'select digest from bundle_name where project_id = $1',
      [scope.id],
    );
    const port = Number(new URL(server.running.mqttUrl!).port);
    await Promise.all(
      devices.map(async (name, j) => {
        const { token } = await client.call('deviceRegister', {
          params,
          body: { name, type: 'wasm', site: j < 4 ? 'hall' : 'yard' },
        });
        const device = await ScriptedDevice.connect({ port, name, token });
        const random = new Random(100 + j);
        await device.hello();
        const messages = Array.from({ length: hours }, (_, round) =>
          device.windowMessage(bundle!.digest, windowOf(random, j, round)),
        );
        // Out of order, and some twice.
        messages.sort((a, b) => ((a.sequence * 7) % 11) - ((b.sequence * 7) % 11));
        await Promise.all(
          [...messages, ...messages.slice(0, 5)].map((one) =>
            device.publish('telemetry', encode('telemetry', one)),
          ),
        );
        device.end();
      }),
    );
    await folded(services.database);
    const given = { from: new Date(at(0)).toISOString(), to: new Date(at(healthyHours)).toISOString() };
    await expect(
      client.call('qualityBaselineDeclare', {
        params,
        body: { ...given, to: new Date(at(23)).toISOString() },
      }),
    ).rejects.toMatchObject({ code: 'quality.baseline-invalid' });
    await client.call('qualitySettingsPut', {
      params,
      body: {
        ...{ budget: 'one page weekly', calmRounds: 3, settleSeconds: 0, owner: 'sam' },
        rules: [{ verdict: 'sensor', actions: ['request-samples', 'hold-rollout', 'labelling-task'] }],
      },
    });
    expect(await client.call('qualitySettingsGet', { params })).toMatchObject({
      budget: 'at most one false page a week',
    });
    await client.call('qualityBaselineDeclare', { params, body: { ...given, note: 'checked by hand' } });
    await judgeUntil(54);
    const { items } = await client.call('qualityWatchList', { params });
    expect(items).toMatchObject([
      {
        ...{ model: 'kws', schema: 9, state: 'watching', devices: 8, baseline: 1, tooLate: 0 },
        judgedUntil: new Date(at(54)).toISOString(),
      },
    ]);
    // One page a week, half of it in reserve: streams x rounds / ARL0.
    const [watch] = items;
    expect(watch!.arl0).toBeCloseTo(watch!.streamCount * 168 * 2, 6);
    expect(watch!.streams).toContain('mean of feature 1');
    expect(await alerts()).toEqual([]);
  });

  it('should open one alert that names the device and what moved, and tell each route of it once', async () => {
    const { client } = server;
    const add = async (body: object) =>
      await client.call('alertRouteCreate', { params, body: body as never });
    const { secret } = await add({ kind: 'webhook', name: 'hook', url: `${origin()}/hook` });
    expect(secret).toMatch(/^whsec_/);
    await add({ kind: 'slack', name: 'chat', url: `${origin()}/services/T1/B1/secret` });
    const { port } = smtp.server.address() as AddressInfo;
    await add({
      ...{ kind: 'email', name: 'mail', server: `smtp://127.0.0.1:${port}` },
      ...{ from: 'fleet@example.org', to: ['ops@example.org', 'sam@example.org'] },
    });
    await add({
      kind: 'webhook',
      name: 'critical-only',
      url: `${origin()}/critical`,
      minSeverity: 'critical',
    });
    refusals.set('/hook', 2);
    // An engine for every three rounds: each begins with what the one before has left.
    for (let round = 57; round <= 66; round += 3) await judgeUntil(round);
    expect(await alerts()).toMatchObject([
      {
        ...{
          number: 1,
          kind: 'drift',
          state: 'open',
          severity: 'warning',
          verdict: 'sensor',
          scope: 'device',
        },
        ...{ subject: 'device=d3', title: 'Sensor: d3', model: 'kws', owner: 'sam' },
      },
    ]);
    await tell();
    await tell();
    expect(http.map(({ path }) => path).sort()).toEqual(['/hook', '/services/T1/B1/secret']);
    const hook = http.find(({ path }) => path === '/hook')!;
    expect(hook.signature).toMatch(/^v1,/);
    expect(JSON.parse(hook.body)).toMatchObject({
      type: 'alert.opened',
      project: 'demo',
      data: { alert: 1 },
    });
    const slack = JSON.parse(http.find(({ path }) => path !== '/hook')!.body) as {
      text: string;
      blocks: unknown[];
    };
    expect(slack.text).toBe('[demo] New: Sensor: d3 (warning)');
    expect(slack.blocks).toHaveLength(3);
    expect(mails).toHaveLength(1);
    expect(mails[0]).toMatchObject({ from: 'fleet@example.org', to: ['ops@example.org', 'sam@example.org'] });
    expect(mails[0]!.text).toMatch(/Subject: \[demo\] New: Sensor: d3 \(warning\)/);
  });

  it('should show what it was judged against, how far it moved, and what was done about it', async () => {
    const detail = await server.client.call('alertGet', { params: { ...params, alert: 1 } });
    const { evidence } = detail;
    expect(evidence).toMatchObject({
      ...{ devices: ['d3'], deviceCount: 1, roundSeconds: 3_600, baseline: { number: 1 } },
    });
    expect(evidence.shifts[0]!.stream).toBe('mean of feature 1');
    expect(evidence.shifts[0]!.shift).toBeGreaterThan(0.7);
    expect(Math.abs(Date.parse(evidence.changedAt!) - at(shifted.from))).toBeLessThanOrEqual(2 * hour);
    expect(evidence.falseDiscoveryRate).toBeLessThan(0.01);
    expect(evidence.statements).toContainEqual(expect.stringMatching(/^feature 1: mean \+/));
    expect(detail.links).toEqual({
      evidence: '/p/demo/alerts/1',
      formula: '/docs/formulas#cusum-of-a-mean',
    });
    expect(detail.deliveries.map(({ route, state }) => [route, state]).sort()).toEqual([
      ['chat', 'delivered'],
      ['hook', 'delivered'],
      ['mail', 'delivered'],
    ]);
    expect(detail.deliveries.find(({ route }) => route === 'hook')!.attempts).toBe(3);
    expect(detail.actions).toEqual([
      {
        action: 'hold-rollout',
        state: 'done',
        text: 'no open rollout of kws brought what these devices run',
      },
      { action: 'labelling-task', state: 'done', text: '0 predictions wait for a label' },
      expect.objectContaining({ action: 'request-samples' }),
    ]);
  });

  it('should be acknowledged, commented on and muted by people, and escalate when it is not', async () => {
    const { client } = server;
    const of = { params: { ...params, alert: 1 } };
    const { database } = server.running.services;
    await database.query(`update alert set waiting_since = now() - interval '2 hours'`);
    await tell();
    expect((await alerts())[0]).toMatchObject({ severity: 'critical', state: 'open' });
    expect(
      http
        .filter(({ path }) => path === '/critical')
        .map(({ body }) => (JSON.parse(body) as { type: string }).type),
    ).toEqual(['alert.escalated']);
    await tell();
    expect(http.filter(({ path }) => path === '/critical')).toHaveLength(1);
    await client.call('alertMute', { ...of, body: { seconds: 60 } });
    await database.query(`update alert set muted_until = now()`);
    await tell();
    const acknowledged = await client.call('alertAcknowledge', {
      ...of,
      body: { owner: 'kim', note: 'on it' },
    });
    expect(acknowledged).toMatchObject({ state: 'acknowledged', owner: 'kim' });
    const { log } = await client.call('alertComment', { ...of, body: { text: 'the mount was loose' } });
    expect(log.map(({ what }) => what)).toEqual([
      ...['opened', 'action', 'action', 'action', 'escalated', 'muted', 'unmuted', 'acknowledged', 'comment'],
    ]);
  });

  it('should end by itself when the device is as it was, with a server that restarted in between', async () => {
    await judgeUntil(68);
    const before = http.length;
    await server.running.stop();
    server = await startTestServer({ ...env, TINYFLEET_DATA_DIR: join(dataDir, 'data') });
    const alert = await eventually(
      async () => {
        const [one] = await alerts();
        expect(one!.state).toBe('resolved');
        return one!;
      },
      { timeoutMs: 20_000 },
    );
    expect(alert).toMatchObject({ number: 1, resolvedBy: 'engine' });
    expect(await alerts()).toHaveLength(1);
    await eventually(() => expect(mails).toHaveLength(3));
    await eventually(() =>
      expect(
        http
          .slice(before)
          .map(({ path }) => path)
          .sort(),
      ).toContain('/hook'),
    );
    expect(mails.map(({ text }) => /Subject: \[demo\] (\w+)/.exec(text)![1])).toEqual([
      'New',
      'Nobody',
      'Over',
    ]);
    await eventually(async () => {
      const [watch] = (await server.client.call('qualityWatchList', { params })).items;
      expect(Date.parse(watch!.judgedUntil)).toBeGreaterThanOrEqual(at(hours));
    });
    await expect(
      server.client.call('alertAcknowledge', { params: { ...params, alert: 1 }, body: {} }),
    ).rejects.toMatchObject({ code: 'quality.alert-resolved' });
  });

  it('should test a route, and say what is wrong with one', async () => {
    const { client } = server;
    const test = async (route: string) =>
      await client.call('alertRouteTest', { params: { ...params, route } });
    expect(await test('mail')).toMatchObject({ event: 'test', state: 'delivered', error: null });
    expect(mails.at(-1)!.text).toMatch(/a test of this route/);
    refusals.set('/hook', 1);
    expect(await test('hook')).toMatchObject({ state: 'failed', error: 'status 503' });
    await client.call('alertRouteDelete', { params: { ...params, route: 'chat' } });
    expect((await client.call('alertRouteList', { params })).items.map(({ name }) => name)).toEqual([
      ...['critical-only', 'hook', 'mail'],
    ]);
    const [row] = await server.running.services.database.query<{ sealed: Buffer }>(
      'select sealed from alert_route',
    );
    expect(row!.sealed.toString('latin1')).not.toMatch(/127\.0\.0\.1|whsec/);
  });
});

describe('an alert and those who are told of it', () => {
  const t0 = Date.UTC(2026, 0, 1);
  const minute = 60_000;
  const scopeOf = async () => await server.running.services.projects.scopeOf('demo');
  const stores = () => new PgStores(server.running.services.database);
  const open = async (subject: string, atMs: number, reopenMinutes: number | null = 60) => {
    const alert: NewAlert = {
      ...{ kind: 'drift', severity: 'critical', verdict: 'sensor', scope: 'device', subject },
      ...{ title: `Sensor: ${subject}`, model: 'kws', watch: uuidv7(), atMs, owner: null },
      evidence: {
        ...{ statements: ['one device'], shifts: [], changedAt: null, roundSeconds: 3_600, devices: [] },
        ...{ deviceCount: 1, baseline: null, arl0: null, falseDiscoveryRate: null, judgedAgainst: '' },
      },
      incident: { stream: 0, shift: 1, devices: [], openedRound: 0, calm: 0 },
    };
    return await openAlert(stores(), await scopeOf(), alert, { rules: [], reopenMinutes });
  };
  const end = async (number: number, how: { by: string; text: string; calm?: boolean }) => {
    const scope = await scopeOf();
    await resolveAlert(stores(), scope, await stores().alerts.lock(scope, number), how);
  };
  const calm = { by: 'engine', text: 'calm', calm: true };
  const get = async (alert: number) => await server.client.call('alertGet', { params: { ...params, alert } });
  const told = (path: string, alert: number): string[] =>
    http
      .filter((one) => one.path === path && (JSON.parse(one.body) as Message).data.alert === alert)
      .map(({ body }) => (JSON.parse(body) as Message).type);
  interface Message {
    readonly type: string;
    readonly data: { readonly alert: number; readonly links: { evidence: string; formula: string } };
  }

  beforeAll(async () => {
    // Only this suite tells.
    await server.running.stop();
    server = await startTestServer({ ...env, ...withoutQuality, TINYFLEET_DATA_DIR: join(dataDir, 'data') });
    for (const name of ['critical-only', 'mail'])
      await server.client.call('alertRouteDelete', { params: { ...params, route: name } });
  });

  it('should be the one it was when it comes back soon, and another one when it does not, or a person ended it', async () => {
    const first = (await open('device=x', t0))!;
    expect(first.reopened).toBe(0);
    // Known: seen again, and nothing more.
    expect(await open('device=x', t0 + minute)).toBeUndefined();
    await server.client.call('alertAcknowledge', { params: { ...params, alert: first.number }, body: {} });
    await end(first.number, calm);
    expect(await open('device=x', t0 + 61 * minute)).toEqual({ number: first.number, reopened: 1 });
    const again = await get(first.number);
    expect(again).toMatchObject({ state: 'open', reopened: 1, times: 3, resolvedAt: null, resolvedBy: null });
    // Somebody has to look at it once more.
    expect(again).toMatchObject({ acknowledgedAt: null, acknowledgedBy: null });
    await tell();
    await end(first.number, calm);
    await tell();
    expect(told('/hook', first.number)).toEqual([
      ...['alert.opened', 'alert.resolved', 'alert.reopened', 'alert.resolved'],
    ]);
    // A moment longer than the hour.
    const second = (await open('device=x', t0 + 121 * minute + 1))!;
    expect(second).toEqual({ number: first.number + 1, reopened: 0 });
    await end(second.number, { by: 'person:a', text: 'it is over' });
    const third = (await open('device=x', t0 + 122 * minute))!;
    expect(third.number).toBe(second.number + 1);
    await end(third.number, calm);
    expect((await open('device=x', t0 + 123 * minute, null))!.number).toBe(third.number + 1);
    await tell();
  });

  it('should be told in order, and of another route while one is dead', async () => {
    await server.client.call('alertRouteCreate', {
      params,
      body: { kind: 'webhook', name: 'dead', url: `${origin()}/dead` },
    });
    refusals.set('/hook', 2);
    const { number } = (await open('device=y', t0))!;
    await end(number, calm);
    await tell(2);
    expect(told('/hook', number)).toEqual(['alert.opened', 'alert.resolved']);
    const waiting = (await get(number)).deliveries.filter(({ route }) => route === 'dead');
    expect(waiting).toHaveLength(2);
    await server.client.call('alertRouteDelete', { params: { ...params, route: 'dead' } });
  });

  it('should not be told of while it is muted, nor that nobody looks at it when somebody does', async () => {
    const muted = (await open('device=z', t0))!.number;
    await server.client.call('alertMute', { params: { ...params, alert: muted }, body: { seconds: 600 } });
    const scope = await scopeOf();
    await tell(1);
    await end(muted, calm);
    await tell();
    expect(told('/hook', muted)).toEqual([]);
    expect((await get(muted)).deliveries).toMatchObject([
      { event: 'opened', state: 'failed', error: 'it was over while it was muted' },
    ]);
    const seen = (await open('device=w', t0))!.number;
    await stores().alerts.queue(scope, seen, 'escalated', 'critical');
    await server.client.call('alertAcknowledge', { params: { ...params, alert: seen }, body: {} });
    await tell();
    expect(told('/hook', seen)).toEqual(['alert.opened']);
  });

  it('should link to its evidence and to its formula wherever it is told', async () => {
    const { number } = (await open('device=v', t0))!;
    await tell();
    const { links } = await get(number);
    const message = http
      .map(({ path, body }) => ({ path, ...(JSON.parse(body) as Message) }))
      .find(({ path, data }) => path === '/hook' && data.alert === number)!;
    expect(message.data.links).toEqual(links);
    expect(links.evidence).toBe(`/p/demo/alerts/${number}`);
    const kinds = AlertKind.options.map((kind) => ({ number, kind }));
    const formulas = AlertFormula.options.map((formula) => ({ number, kind: 'drift' as const, formula }));
    for (const alert of [...kinds, ...formulas]) {
      const [file, anchor] = alertLinks('demo', alert).formula.split('#');
      const text = await readFile(new URL(`../../..${file}.md`, import.meta.url), 'utf8');
      const headings = [...text.matchAll(/^#+ (.*)$/gmu)].map(([, heading]) =>
        heading!
          .toLowerCase()
          .replaceAll(/[^\w\- ]/gu, '')
          .replaceAll(' ', '-'),
      );
      expect(headings).toContain(anchor);
    }
  });
});

describe('a transport of messages', () => {
  const message = {
    ...{ project: 'p', event: 'opened', number: 1, kind: 'drift', severity: 'warning' },
  } as never;
  it('should reach no address that is not public, by SMTP neither', async () => {
    const transport = new MessageTransport({
      ...{ timeoutMs: 500, allowPrivate: false, snippetBytes: 10, publicUrl: undefined },
    });
    for (const host of ['127.0.0.1', '2130706433', 'localhost', '[::1]'])
      expect(
        await transport.send(
          { kind: 'email', server: `smtp://${host}:25`, from: 'a@b.c', to: ['a@b.c'] },
          message,
          'x',
        ),
      ).toMatch(/not a public address/);
    expect(
      await transport.send(
        { kind: 'slack', url: 'https://127.0.0.1/x' },
        {
          ...(message as object),
          ...{ statements: [], title: '' },
        } as never,
        'x',
      ),
    ).toMatch(/not a public address/);
  });
});
