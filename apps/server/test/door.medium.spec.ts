/**
 * The broker's door on Postgres, over TCP, TLS and WebSocket: client certificates good and bad, abuse, and failed attempts. A
 * bystander stays connected and keeps publishing through all of it. With mqtt.js and, where it is installed, mosquitto_pub.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect as connectTcp, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  AdmissionService,
  AuthorityService,
  authorityDefaults,
  credentialDefaults,
} from '@tinyfleet/registry';
import { transactOn } from '@tinyfleet/storage';
import { describeWith, eventually, toolPath } from '@tinyfleet/testing';
import type { JsonName } from '@peculiar/x509';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { uuidv7 } from 'uuidv7';
import { listenMqtt, type MqttListener } from '../src/mqtt/broker/listen.js';
import { throttleDefaults } from '../src/mqtt/broker/auth-throttle.js';
import { attachWebSocket } from '../src/mqtt/broker/websocket.js';
import type { Refusal } from '../src/mqtt/broker/refusals.js';
import { NodeCertificates } from '../src/tls/certificates.js';
import { ensureServerTls, type ServerTls } from '../src/tls/authority.js';
import {
  authority,
  certificatesOnly,
  constraint,
  issue,
  nameConstraints,
  request,
  revocations,
  type Issued,
} from './certificates.js';
import { FleetHarness } from './fleet-harness.js';
import { ScriptedDevice } from './scripted-device.js';

let fleet: FleetHarness;
let authorities: AuthorityService;
let tls: ServerTls;
let secure: MqttListener;
let http: Server;
let folder: string;
let bystander: ScriptedDevice;
let factory: Issued;
let tokens: Map<string, string>;
const clients: MqttClient[] = [];
const refused: { code: Refusal; clientId: string; reason: string | undefined }[] = [];
const dayMs = 86_400_000;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tinyfleet-door-'));
  tls = await ensureServerTls(folder);
  fleet = await FleetHarness.start();
  const certificates = new NodeCertificates();
  authorities = new AuthorityService(
    fleet.stores,
    transactOn(fleet.database),
    certificates,
    fleet.sealer,
    uuidv7,
    { ...authorityDefaults, ...credentialDefaults, maxRevocations: 3 },
  );
  const transact = transactOn(fleet.database);
  const admission = new AdmissionService(fleet.stores, transact, certificates, uuidv7, credentialDefaults);
  tokens = await fleet.register(['bystander', 'a', 'b', 'held', 'good']);
  await fleet.startEdge({
    admission,
    broker: { throttle: { ...throttleDefaults, addressFailures: 0, clientFailures: 0 } },
    onRefused: (code, { clientId, reason }) =>
      refused.push({
        code,
        clientId: String(clientId),
        reason: reason === undefined ? undefined : String(reason),
      }),
  });
  secure = await listenMqtt(fleet.edge.broker, { host: '127.0.0.1', port: 0, tls });
  http = createServer();
  attachWebSocket(http, fleet.edge.broker, {
    path: '/mqtt',
    maxFrameBytes: 65_536,
    addressOf: () => '127.0.0.1',
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  bystander = await ScriptedDevice.connect({
    port: fleet.port,
    name: 'bystander',
    token: tokens.get('bystander')!,
  });
  factory = await authority('Factory');
  await prove('factory', factory, { type: 'wasm', tags: ['line-7'], quota: 3 });
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.end(true);
  // Whatever was done, it did not hurt who behaves.
  expect(bystander.client.connected).toBe(true);
  await bystander.hello();
  expect(fleet.errors).toEqual([]);
  refused.length = 0;
});
afterAll(async () => {
  bystander?.end();
  await secure?.close();
  http?.close();
  await fleet?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function prove(
  name: string,
  ca: Issued,
  settings: { type?: string | null; tags?: string[]; quota?: number } = {},
): Promise<void> {
  const { challenge } = await authorities.add('test', fleet.scope, {
    name,
    certificate: ca.cert,
    type: null,
    tags: [],
    site: null,
    quota: 10,
    ...settings,
  });
  const proof = await issue(challenge!, { by: ca });
  await authorities.prove('test', fleet.scope, name, proof.cert);
}
const urls = () => ({
  tcp: `mqtt://127.0.0.1:${fleet.port}`,
  tls: `mqtts://127.0.0.1:${secure.port}`,
  ws: `ws://127.0.0.1:${(http.address() as AddressInfo).port}/mqtt`,
});
function connect(clientId: string, options: IClientOptions = {}, url = urls().tcp): Promise<MqttClient> {
  const client = mqtt.connect(url, {
    clientId,
    username: clientId,
    ca: tls.authority,
    reconnectPeriod: 0,
    connectTimeout: 4_000,
    ...options,
  });
  clients.push(client);
  return new Promise((resolve, reject) => {
    client.once('connect', () => resolve(client));
    client.once('error', reject);
    client.once('close', () => reject(new Error('closed')));
  });
}
const withCertificate = (clientId: string, { cert, key }: { cert: string; key: string }, chain = '') =>
  connect(clientId, { cert: cert + '\n' + chain, key }, urls().tls);
const codes = () => [...new Set(refused.map(({ code }) => code))];
const closedOf = (client: MqttClient) =>
  new Promise<number>((resolve) => client.once('close', () => resolve(performance.now())));

describe('client certificates', () => {
  it('should register a device at its first connect, as the authority says, and know it afterwards', async () => {
    const leaf = await issue('demo/first', { by: factory });
    const client = await withCertificate('demo/first', leaf);
    await client.publishAsync('fleet/1/demo/first/up/state', 'x', { qos: 1 });
    const device = await fleet.stores.devices.get(fleet.scope, 'first');
    expect(device).toMatchObject({ type: 'wasm', tags: ['line-7'], state: 'claimed' });
    const gone = closedOf(client);
    await withCertificate('demo/first', leaf);
    await gone;
    const [credential, ...others] = await fleet.stores.credentials.list(fleet.scope, 'first');
    expect(credential).toMatchObject({ kind: 'certificate', authority: 'factory', state: 'active' });
    expect(others).toEqual([]);
    expect(refused).toEqual([]);
  });

  it('should register once when the device connects several times at once', async () => {
    const leaf = await issue('twice', { by: factory });
    await Promise.allSettled([1, 2, 3].map(async () => withCertificate('demo/twice', leaf)));
    await withCertificate('demo/twice', leaf);
    expect(await fleet.stores.credentials.list(fleet.scope, 'twice')).toHaveLength(1);
  });

  it('should take a chain of an authority in between', async () => {
    const between = await authority('Line 7', { by: factory });
    const leaf = await issue('chained', { by: between });
    await expect(withCertificate('demo/chained', leaf)).rejects.toThrow();
    expect(codes()).toEqual(['mqtt.certificate-authority-unknown']);
    await withCertificate('demo/chained', leaf, between.cert);
  });

  it('should register as many devices as the quota and refuse one more', async () => {
    // first, twice and chained were three.
    await expect(withCertificate('demo/fourth', await issue('fourth', { by: factory }))).rejects.toThrow();
    expect(codes()).toEqual(['mqtt.certificate-quota']);
    await authorities.update('test', fleet.scope, 'factory', { quota: 1_000 });
    await withCertificate('demo/fourth', await issue('fourth', { by: factory }));
  });

  it.each<[string, Refusal, (ca: Issued) => Promise<Issued>]>([
    [
      'of another authority',
      'mqtt.certificate-authority-unknown',
      async () => issue('bad', { by: await authority('Evil') }),
    ],
    [
      'of another authority with the same name',
      'mqtt.certificate-authority-unknown',
      async () => issue('bad', { by: await authority('Factory') }),
    ],
    ['signed by itself', 'mqtt.certificate-self-signed', async () => issue('bad')],
    [
      'that has ended',
      'mqtt.certificate-expired',
      async (ca) => issue('bad', { by: ca, notAfter: new Date(Date.now() - 400_000) }),
    ],
    [
      'that is not valid yet',
      'mqtt.certificate-not-yet-valid',
      async (ca) => issue('bad', { by: ca, notBefore: new Date(Date.now() + 400_000) }),
    ],
    ['of another device', 'mqtt.certificate-other-device', async (ca) => issue('a', { by: ca })],
    ['of another project', 'mqtt.certificate-other-device', async (ca) => issue('other/bad', { by: ca })],
    ['in other case', 'mqtt.certificate-other-device', async (ca) => issue('BAD', { by: ca })],
    ['with a look-alike name', 'mqtt.certificate-other-device', async (ca) => issue('bаd', { by: ca })],
    ['that is an authority', 'mqtt.certificate-unsuitable', async (ca) => authority('bad', { by: ca })],
    [
      'for servers only',
      'mqtt.certificate-unsuitable',
      async (ca) => issue('bad', { by: ca, usage: ['1.3.6.1.5.5.7.3.1'] }),
    ],
    [
      'with a short key',
      'mqtt.certificate-unsuitable',
      async (ca) =>
        issue('bad', {
          by: ca,
          algorithm: {
            name: 'RSASSA-PKCS1-v1_5',
            modulusLength: 1_024,
            publicExponent: new Uint8Array([1, 0, 1]),
            hash: 'SHA-256',
          },
        }),
    ],
  ])('should refuse a certificate %s', async (_what, code, make) => {
    await expect(withCertificate('demo/bad', await make(factory))).rejects.toThrow();
    expect(codes()).toEqual([code]);
    expect(fleet.edge.broker.refusals.count(code)).toBeGreaterThan(0);
    await expect(fleet.stores.devices.get(fleet.scope, 'bad')).rejects.toMatchObject({
      code: 'registry.device-not-found',
    });
  });

  it('should bear clocks that are wrong by the tolerance', async () => {
    const early = await issue('early', { by: factory, notBefore: new Date(Date.now() + 200_000) });
    await withCertificate('demo/early', early);
    const late = await issue('late', { by: factory, notAfter: new Date(Date.now() - 200_000) });
    await withCertificate('demo/late', late);
  });

  it('should refuse a serial number that was revoked, before and after its device came', async () => {
    const unseen = await issue('unseen', { by: factory, serial: '0abc01' });
    await authorities.revokeSerial('test', fleet.scope, 'factory', { serial: '0A:BC:01', reason: 'stolen' });
    await expect(withCertificate('demo/unseen', unseen)).rejects.toThrow();
    expect(codes()).toEqual(['mqtt.certificate-revoked']);
    const seen = await issue('seen', { by: factory, serial: '00abc02' });
    const client = await withCertificate('demo/seen', seen);
    const closed = closedOf(client);
    const started = performance.now();
    await authorities.revokeSerial('test', fleet.scope, 'factory', { serial: 'abc02', reason: '' });
    expect((await closed) - started).toBeLessThan(1_000);
    await expect(withCertificate('demo/seen', seen)).rejects.toThrow();
  });

  it('should not hand a device that holds a token over to a certificate', async () => {
    await expect(withCertificate('demo/held', await issue('held', { by: factory }))).rejects.toThrow();
    expect(codes()).toEqual(['mqtt.certificate-other-device']);
    await connect('demo/held', { password: tokens.get('held')! });
  });

  it('should drop the devices of an authority that is disabled, and take them again', async () => {
    const ca = await authority('Second factory');
    await prove('second', ca, { type: 'wasm' });
    const leaf = await issue('second-1', { by: ca });
    const client = await withCertificate('demo/second-1', leaf);
    const closed = closedOf(client);
    const started = performance.now();
    await authorities.update('test', fleet.scope, 'second', { state: 'disabled' });
    expect((await closed) - started).toBeLessThan(1_000);
    await expect(withCertificate('demo/second-1', leaf)).rejects.toThrow();
    await authorities.update('test', fleet.scope, 'second', { state: 'active' });
    await eventually(async () => {
      await withCertificate('demo/second-1', leaf);
    });
  });

  it('should believe nobody who does not prove that he holds the authority', async () => {
    const ca = await authority('Unproven');
    const { challenge } = await authorities.add('test', fleet.scope, {
      name: 'unproven',
      certificate: ca.cert,
      type: 'wasm',
      tags: [],
      site: null,
      quota: 10,
    });
    const leaf = await issue('claimed-by-nobody', { by: ca });
    await expect(withCertificate('demo/claimed-by-nobody', leaf)).rejects.toThrow();
    const tries = [
      await issue(challenge!, { by: factory }),
      await issue('another challenge', { by: ca }),
      await issue(challenge!),
      await issue(challenge!, { by: ca, notAfter: new Date(Date.now() - dayMs / 2) }),
    ];
    for (const proof of tries)
      await expect(authorities.prove('test', fleet.scope, 'unproven', proof.cert)).rejects.toMatchObject({
        code: 'provisioning.proof-invalid',
      });
    await expect(
      authorities.update('test', fleet.scope, 'unproven', { state: 'active' }),
    ).rejects.toMatchObject({ code: 'provisioning.proof-invalid' });
    await authorities.remove('test', fleet.scope, 'unproven');
    for (const bad of [leaf.cert, 'nonsense', ca.cert + ca.cert])
      await expect(
        authorities.add('test', fleet.scope, {
          name: 'bad',
          certificate: bad,
          type: null,
          tags: [],
          site: null,
          quota: 1,
        }),
      ).rejects.toMatchObject({ code: 'provisioning.certificate-invalid' });
  });

  it('should refuse for good what an authority revoked, though it is removed and comes back with another certificate', async () => {
    const ca = await authority('Third factory');
    await prove('third', ca, { type: 'wasm' });
    const [revoked, unseen, kept] = [
      await issue('third-1', { by: ca }),
      await issue('third-2', { by: ca }),
      await issue('third-3', { by: ca }),
    ];
    await withCertificate('demo/third-1', revoked);
    await withCertificate('demo/third-3', kept);
    for (const { serial } of [revoked, unseen])
      await authorities.revokeSerial('test', fleet.scope, 'third', { serial, reason: '' });
    await authorities.remove('test', fleet.scope, 'third');
    // Its key is the same, and so are those it signed.
    await prove('third-again', await authority('Third factory', { keys: ca.keys }), { type: 'wasm' });
    await eventually(async () => {
      await withCertificate('demo/third-3', kept);
    });
    for (const [name, leaf] of [
      ['demo/third-1', revoked],
      ['demo/third-2', unseen],
    ] as const) {
      refused.length = 0;
      await expect(withCertificate(name, leaf)).rejects.toThrow();
      expect(codes()).toEqual(['mqtt.certificate-revoked']);
    }
  });

  it('should not register a device again by the certificate of one that was removed', async () => {
    const leaf = await issue('removed', { by: factory });
    await withCertificate('demo/removed', leaf);
    const bulk = fleet.database.query('delete from device where project_id = $1 and name = $2', [
      fleet.projectId,
      'removed',
    ]);
    await bulk;
    await fleet.edge.broker.recheck('demo', 'removed');
    await expect(withCertificate('demo/removed', leaf)).rejects.toThrow();
    expect(codes()).toEqual(['mqtt.certificate-revoked']);
    // With a new certificate it is a new device.
    await withCertificate('demo/removed', await issue('removed', { by: factory }));
  });

  it('should drop devices below an authority in between that is revoked', async () => {
    const between = await authority('Line 8', { by: factory });
    const leaf = await issue('below', { by: between });
    const client = await withCertificate('demo/below', leaf, between.cert);
    const closed = closedOf(client);
    const started = performance.now();
    await authorities.revokeSerial('test', fleet.scope, 'factory', { serial: between.serial, reason: '' });
    expect((await closed) - started).toBeLessThan(1_000);
    const other = await issue('below-2', { by: between });
    await expect(withCertificate('demo/below-2', other, between.cert)).rejects.toThrow();
    expect(codes()).toEqual(['mqtt.certificate-revoked']);
  });

  it('should be commanded by the key of the project, and not at all without one', async () => {
    await fleet.keys.ensure('test', fleet.scope);
    const [key] = await fleet.keys.list(fleet.scope);
    const current = new Uint8Array(Buffer.from(key!.publicKeyHex, 'hex'));
    const join = async (name: string, keys?: { current: Uint8Array }) => {
      const { cert, key: own } = await issue(name, { by: factory });
      const client = { protocol: 'mqtts', port: secure.port, ca: tls.authority, cert, key: own } as const;
      const options = { port: secure.port, name, token: '', client, ...(keys ? { keys } : {}) };
      const device = await ScriptedDevice.connect(options);
      clients.push(device.client);
      await device.hello();
      await device.nextDesired();
      return device;
    };
    const send = async (name: string) =>
      fleet.commands.send('test', fleet.scope, name, { command: 'reboot', expiresInSeconds: 60 });
    const device = await join('keyed', { current });
    await send('keyed');
    await eventually(() => expect(device.asks).toMatchObject([{ command: 'reboot', counter: 1 }]));
    expect(device.refusedAsks).toBe(0);
    await join('keyless');
    await expect(send('keyless')).rejects.toMatchObject({ code: 'registry.command-unsigned' });
  });

  it('should come over WebSocket where the port asks for certificates, and be told where it does not', async () => {
    const leaf = await issue('web', { by: factory });
    const asking = createHttpsServer({ ...tls, requestCert: true, rejectUnauthorized: false });
    attachWebSocket(asking, fleet.edge.broker, {
      path: '/mqtt',
      maxFrameBytes: 65_536,
      addressOf: () => '127.0.0.1',
    });
    await new Promise<void>((resolve) => asking.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = asking.address() as AddressInfo;
      const pair = { cert: leaf.cert, key: leaf.key };
      const client = await connect('demo/web', pair, `wss://127.0.0.1:${port}/mqtt`);
      await client.publishAsync('fleet/1/demo/web/up/state', 'x', { qos: 1 });
      const closed = closedOf(client);
      client.end(true);
      await closed;
      await expect(connect('demo/web', {}, urls().ws)).rejects.toThrow();
      expect(codes()).toEqual(['mqtt.websocket-without-token']);
    } finally {
      asking.closeAllConnections();
      asking.close();
    }
  });

  describe('revocation lists', () => {
    let ca: Issued;
    beforeAll(async () => {
      ca = await authority('Lists');
      await prove('lists', ca, { type: 'wasm' });
    });
    const take = async (crl: string) => authorities.takeRevocationList('test', fleet.scope, 'lists', crl);

    it('should revoke what they name and drop the connections, and keep it revoked when a later one does not', async () => {
      const [one, two] = [await issue('listed-1', { by: ca }), await issue('listed-2', { by: ca })];
      const client = await withCertificate('demo/listed-1', one);
      const closed = closedOf(client);
      const list = await revocations(ca, [one.serial, two.serial]);
      const started = performance.now();
      const shown = await take(list);
      expect((await closed) - started).toBeLessThan(1_000);
      expect(shown.crl).toMatchObject({ entries: 2 });
      await take(await revocations(ca, [], { thisUpdate: new Date(Date.now() + 2_000) }));
      for (const leaf of [one, two])
        await expect(withCertificate(`demo/${leaf.x509.subject.slice(3)}`, leaf)).rejects.toThrow();
      expect(codes()).toEqual(['mqtt.certificate-revoked']);
    });

    it('should still let devices in when the next list is overdue', async () => {
      await fleet.database.query(`update device_authority set crl_next_update = now() where name = 'lists'`);
      await withCertificate('demo/listed-3', await issue('listed-3', { by: ca }));
    });

    it('should name as many certificates as the limit, and not one more', async () => {
      const soon = { thisUpdate: new Date(Date.now() + 4_000) };
      expect((await take(await revocations(ca, ['0c01', '0c02', '0c03'], soon))).crl?.entries).toBe(3);
      await expect(take(await revocations(ca, ['0c01', '0c02', '0c03', '0c04'], soon))).rejects.toMatchObject(
        { code: 'provisioning.crl-invalid', data: { reason: expect.stringContaining('names 4') } },
      );
    });

    it.each<[string, RegExp, () => Promise<string>]>([
      ['nonsense', /one list in PEM/, async () => 'nonsense'],
      [
        'that is broken',
        /cannot be read|not signed/,
        async () => (await revocations(ca, ['0d'])).replace(/\n[A-Za-z0-9+/]{8}/, '\nAAAAAAAA'),
      ],
      ['of another authority', /another authority/, async () => revocations(factory, ['0d'])],
      [
        'of another authority with its name',
        /not signed/,
        async () => revocations(await authority('Lists'), ['0d']),
      ],
      [
        'that has ended',
        /it ended/,
        async () =>
          revocations(ca, ['0d'], {
            thisUpdate: new Date(Date.now() - 2 * dayMs),
            nextUpdate: new Date(Date.now() - dayMs),
          }),
      ],
      [
        'of the future',
        /not valid before/,
        async () => revocations(ca, ['0d'], { thisUpdate: new Date(Date.now() + dayMs / 2) }),
      ],
      [
        'that is older than the last',
        /newer one/,
        async () => revocations(ca, ['0d'], { thisUpdate: new Date(Date.now() - 60_000) }),
      ],
      [
        'that is a delta',
        /2\.5\.29\.27/,
        async () => revocations(ca, ['0d'], { extensions: [constraint('2.5.29.27', '020101')] }),
      ],
    ])('should refuse one %s', async (_what, reason, make) => {
      await expect(take(await make())).rejects.toMatchObject({
        code: 'provisioning.crl-invalid',
        data: { reason: expect.stringMatching(reason) },
      });
    });

    it('should be of authorities that may sign them', async () => {
      const no = await authority('No lists', { keyUsage: certificatesOnly });
      await prove('no-lists', no);
      await expect(
        authorities.takeRevocationList('test', fleet.scope, 'no-lists', await revocations(no, ['0d'])),
      ).rejects.toMatchObject({ data: { reason: expect.stringContaining('key usage') } });
      await authorities.remove('test', fleet.scope, 'no-lists');
    });
  });

  describe('what authorities allow', () => {
    const line = (options: object) => async () => {
      const between = await authority('Line', { by: factory, ...options });
      return { leaf: await issue('path', { by: between }), chain: [between] };
    };
    it.each<[string, RegExp, () => Promise<{ leaf: Issued; chain: Issued[] }>]>([
      [
        'more authorities in between than one allows',
        /path length is 0/,
        async () => {
          const upper = await authority('Upper', { by: factory, pathLength: 0 });
          const lower = await authority('Lower', { by: upper });
          return { leaf: await issue('path', { by: lower }), chain: [lower, upper] };
        },
      ],
      [
        'an authority for servers only',
        /client authentication/,
        line({ extensions: [constraint('server')] }),
      ],
      ['an authority whose key signs no certificates', /./, line({ keyUsage: 2 })],
      [
        'an authority with an extension that nobody understands',
        /1\.2\.3\.4/,
        line({ extensions: [constraint('1.2.3.4', '0500')] }),
      ],
      [
        'a name that is excluded',
        /excluded/,
        line({ extensions: [nameConstraints({ excluded: [{ CN: ['path'] }] })] }),
      ],
      [
        'a name that is not permitted',
        /not among those permitted/,
        line({ extensions: [nameConstraints({ permitted: [{ CN: ['other'] }] })] }),
      ],
      [
        'a name of a form that is constrained and not understood',
        /rfc822Name are not understood/,
        async () => {
          const between = await authority('Mail', {
            by: factory,
            extensions: [nameConstraints({ permitted: [{ mail: 'example.org' }] })],
          });
          const subject: JsonName = [{ CN: ['path'] }, { E: ['x@example.org'] }];
          return { leaf: await issue('path', { by: between, subject }), chain: [between] };
        },
      ],
      [
        'a critical extension of its own that nobody understands',
        /1\.2\.3\.4/,
        async () => ({
          leaf: await issue('path', { by: factory, extensions: [constraint('1.2.3.4', '0500')] }),
          chain: [],
        }),
      ],
    ])('should refuse %s', async (_what, reason, make) => {
      const { leaf, chain } = await make();
      const pem = chain.map(({ cert }) => cert).join('\n');
      await expect(withCertificate('demo/path', leaf, pem)).rejects.toThrow();
      expect(refused.at(-1)?.reason ?? codes()[0]).toMatch(reason);
    });

    it('should be kept by devices that they allow', async () => {
      const upper = await authority('Plant', {
        by: factory,
        pathLength: 1,
        extensions: [nameConstraints({ permitted: [{ O: ['Plant'] }], excluded: [{ CN: ['x'] }] })],
      });
      const lower = await authority('Plant line', {
        by: upper,
        pathLength: 0,
        subject: [{ O: ['PLANT'] }, { CN: ['line'] }] as JsonName,
      });
      const subject: JsonName = [{ O: ['plant '] }, { CN: ['kept'] }];
      const leaf = await issue('kept', { by: lower, subject });
      await withCertificate('demo/kept', leaf, `${lower.cert}\n${upper.cert}`);
    });

    it.each([
      ['whose key signs no certificates', { keyUsage: 2 }],
      ['for servers only', { extensions: [constraint('server')] }],
      ['with an extension that nobody understands', { extensions: [constraint('1.2.3.4', '0500')] }],
      ['with constraints that cannot be read', { extensions: [constraint('2.5.29.30', '0500')] }],
    ])('should be refused at the upload %s', async (_what, options) => {
      const { cert } = await authority('Unfit', options);
      const settings = { name: 'unfit', type: null, tags: [], site: null, quota: 1 };
      await expect(
        authorities.add('test', fleet.scope, { ...settings, certificate: cert }),
      ).rejects.toMatchObject({ code: 'provisioning.certificate-invalid' });
    });
  });

  it('should connect with a certificate that the own authority signed, and be told of once before it ends', async () => {
    await authorities.add('test', fleet.scope, { name: 'own', type: null, tags: [], site: null, quota: 0 });
    await fleet.register(['signed']);
    const { csr, keyPem } = await request();
    const { certificate } = await authorities.signFor('test', fleet.scope, 'signed', { csr, days: 20 });
    await withCertificate('demo/signed', { cert: certificate, key: keyPem });
    // It ends within the 30 days that are warned of: told once.
    await fleet.edge.warnOfCertificates();
    await fleet.edge.warnOfCertificates();
    expect(fleet.edge.certificatesEnding).toBeGreaterThan(0);
    const told = (await fleet.stores.eventReader.after(fleet.scope, 0, 10_000)).filter(
      ({ name, data }) =>
        name === 'credential.changed' &&
        JSON.stringify(data).includes('"signed"') &&
        JSON.stringify(data).includes('expiring'),
    );
    expect(told).toHaveLength(1);
  });
});

describe.each(['tcp', 'tls', 'ws'] as const)('abuse over %s', (transport) => {
  const open = (clientId: string, options: IClientOptions = {}) =>
    connect(clientId, { password: tokens.get('a')!, ...options }, urls()[transport]);

  it.each([
    ['+ as device', 'demo/+', 'mqtt.client-id-invalid'],
    ['# as device', 'demo/#', 'mqtt.client-id-invalid'],
    ['+ as project', '+/a', 'mqtt.client-id-invalid'],
    ['$SYS', '$SYS/a', 'mqtt.client-id-invalid'],
    ['a topic', 'demo/a/up', 'mqtt.client-id-invalid'],
    ['another case', 'demo/A', 'mqtt.client-id-invalid'],
    ['a look-alike', 'demo/а', 'mqtt.client-id-invalid'],
    ['a blank', 'demo/a ', 'mqtt.client-id-invalid'],
    ['NUL', 'demo/a\u0000', 'mqtt.client-id-invalid'],
    ['500 characters', 'demo/' + 'x'.repeat(500), 'mqtt.client-id-invalid'],
    ['64 KB', 'demo/a' + 'x'.repeat(65_000), 'mqtt.packet-too-large'],
    ['another device', 'demo/b', 'mqtt.credentials-wrong'],
    ['another project', 'other/a', 'mqtt.credentials-wrong'],
  ])('should refuse a client id with %s', async (_what, clientId, code) => {
    await expect(open(clientId)).rejects.toThrow();
    await eventually(() => expect(codes()).toEqual([code]));
  });

  it.each([
    ['as another device', 'fleet/1/demo/b/up/hello', {}],
    ['into another project', 'fleet/1/other/a/up/hello', {}],
    ['to its own down', 'fleet/1/demo/a/down/desired', {}],
    ['to $SYS', '$SYS/broker/x', {}],
    ['below its leaf', 'fleet/1/demo/a/up/hello/x', {}],
    ['with QoS 2', 'fleet/1/demo/a/up/hello', { qos: 2 as const }],
  ])('should drop who publishes %s', async (_what, topic, options) => {
    const client = await open('demo/a');
    const closed = closedOf(client);
    client.publish(topic, 'x', { qos: 1, ...options });
    await closed;
    expect(codes()).toEqual(['mqtt.topic-refused']);
  });

  it('should grant a subscription to its own down only, and never QoS 2', async () => {
    const client = await open('demo/a');
    for (const [topic, qos] of [
      ['fleet/1/demo/b/down/#', 1],
      ['fleet/1/demo/+/down/desired', 1],
      ['#', 0],
      ['+/+', 0],
      ['$SYS/#', 0],
      ['$share/g/fleet/1/demo/a/down/desired', 1],
      ['fleet/1/demo/a/down/desired', 2],
    ] as const) {
      const granted = await client.subscribeAsync(topic, { qos }).catch(() => 'refused');
      expect(granted).toBe('refused');
    }
    expect(codes()).toEqual(['mqtt.subscription-refused']);
    await client.subscribeAsync('fleet/1/demo/a/down/#', { qos: 1 });
    expect(client.connected).toBe(true);
  });

  it('should refuse a will outside its topics, and retain nothing', async () => {
    const will = { topic: 'fleet/1/demo/b/up/state', payload: Buffer.of(1), qos: 1 as const, retain: true };
    await expect(open('demo/a', { will })).rejects.toThrow();
    expect(codes()).toEqual(['mqtt.will-refused']);
    const client = await open('demo/a');
    await client.publishAsync('fleet/1/demo/a/up/state', 'x', { qos: 1, retain: true });
    const got: string[] = [];
    client.on('message', (topic) => got.push(topic));
    await client.subscribeAsync('fleet/1/demo/a/down/#');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(got).toEqual([]);
  });
});

describe('raw bytes', () => {
  it('should drop a topic with NUL, and packets that lie about themselves', async () => {
    const text = (s: string) => Buffer.concat([Buffer.of(s.length >> 8, s.length & 255), Buffer.from(s)]);
    const packet = (first: number, ...parts: Buffer[]) => {
      const body = Buffer.concat(parts);
      return Buffer.concat([Buffer.of(first, (body.length & 127) | 128, body.length >> 7), body]);
    };
    const login = packet(
      0x10,
      text('MQTT'),
      Buffer.of(4, 0xc2, 0, 60),
      text('demo/a'),
      text('demo/a'),
      text(tokens.get('a')!),
    );
    const nul = packet(0x30, text('fleet/1/demo/a/up/hel\0lo'), Buffer.from('x'));
    const hash = packet(0x30, text('fleet/1/demo/a/up/#'), Buffer.from('x'));
    for (const bytes of [
      nul,
      hash,
      Buffer.of(0xf0, 0xff, 0xff, 0xff, 0xff),
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    ]) {
      const socket = connectTcp(fleet.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.resume();
      socket.write(bytes[0] === 0x30 ? Buffer.concat([login, bytes]) : bytes);
      await new Promise<void>((resolve) => socket.once('close', () => resolve()));
    }
  });
});

describe('failed attempts', () => {
  const answerAfterMs = 150;
  let own: FleetHarness;
  let mine: Map<string, string>;
  beforeAll(async () => {
    own = await FleetHarness.start();
    mine = await own.register(['good', 'new', 'bad', 'fixed']);
  });
  afterEach(async () => own.stopEdge());
  afterAll(async () => own?.stop());

  const start = async (limits: { addressFailures: number; clientFailures: number }) =>
    own.startEdge({
      broker: {
        throttle: {
          ...throttleDefaults,
          addressFailuresPerMinute: 0.001,
          clientFailuresPerMinute: 0.001,
          answerAfterMs,
          ...limits,
        },
      },
    });
  const attempt = async (name: string, token = mine.get(name)!) =>
    await ScriptedDevice.connect({ port: own.port, name, token }).then(
      (device) => (device.end(), 'in'),
      (error: unknown) => (/unavailable/i.test(String(error)) ? 'held' : 'refused'),
    );

  it('should be refused up to the limit of their address and held up beyond it, and never who has a right token', async () => {
    await start({ addressFailures: 3, clientFailures: 0 });
    for (const name of ['bad', 'nobody', 'bad']) expect(await attempt(name, 'x')).toBe('refused');
    const started = performance.now();
    expect(await attempt('bad', 'x')).toBe('held');
    expect(performance.now() - started).toBeGreaterThanOrEqual(answerAfterMs);
    // This process has never seen it: as after a restart, behind a gateway where another one hammers.
    expect(await attempt('new')).toBe('in');
    expect(await attempt('good')).toBe('in');
    expect(await attempt('nobody-else', 'x')).toBe('held');
    expect(own.edge.broker.refusals.count('mqtt.too-many-failures')).toBe(2);
  });

  it('should be refused up to the limit of their client id, and leave others alone', async () => {
    await start({ addressFailures: 0, clientFailures: 2 });
    expect([await attempt('fixed', 'x'), await attempt('fixed', 'x')]).toEqual(['refused', 'refused']);
    expect(await attempt('fixed', 'x')).toBe('held');
    expect(await attempt('bad', 'x')).toBe('refused');
    // Somebody has given it the right token meanwhile.
    expect(await attempt('fixed')).toBe('in');
  });

  it('should not starve a fleet whose neighbour hammers', async () => {
    await start({ addressFailures: 3, clientFailures: 3 });
    let hammering = true;
    let held = 0;
    const hammer = Promise.all(
      Array.from({ length: 8 }, async (_, i) => {
        for (let n = 0; hammering && n < 500; n++)
          if ((await attempt(`hammer-${i}-${n}`, 'x')) === 'held') held++;
      }),
    );
    const names = Array.from({ length: 40 }, (_, i) => `fleet-${i}`);
    mine = new Map([...mine, ...(await own.register(names))]);
    expect(await Promise.all(names.map(async (name) => attempt(name)))).toEqual(names.map(() => 'in'));
    hammering = false;
    await hammer;
    expect(held).toBeGreaterThan(0);
  });
});

describeWith(['mosquitto_pub'], 'a client that is not ours', () => {
  const run = async (tool: 'mosquitto_pub' | 'mosquitto_sub', args: string[]) =>
    await new Promise<{ code: number; text: string }>((resolve) => {
      const path = toolPath('mosquitto_pub').replace(/mosquitto_pub$/, tool);
      execFile(path, args, { timeout: 8_000 }, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code ?? 1) : 0, text: stdout + stderr }),
      );
    });
  const as = (name: string, token: string) => ['-i', name, '-u', name, '-P', token];
  const at = () => ['-h', '127.0.0.1', '-p', String(fleet.port)];

  it('should publish as itself over TCP and TLS, and with a certificate', async () => {
    const topic = ['-t', 'fleet/1/demo/a/up/state', '-m', 'x', '-q', '1'];
    expect((await run('mosquitto_pub', [...at(), ...as('demo/a', tokens.get('a')!), ...topic])).code).toBe(0);
    const ca = join(folder, 'ca.pem');
    await writeFile(ca, tls.authority);
    const tlsAt = ['-h', 'localhost', '-p', String(secure.port), '--cafile', ca];
    expect((await run('mosquitto_pub', [...tlsAt, ...as('demo/a', tokens.get('a')!), ...topic])).code).toBe(
      0,
    );
    const leaf = await issue('mosquitto', { by: factory });
    await writeFile(join(folder, 'leaf.pem'), leaf.cert);
    await writeFile(join(folder, 'leaf-key.pem'), leaf.key);
    const certificate = ['--cert', join(folder, 'leaf.pem'), '--key', join(folder, 'leaf-key.pem')];
    const own = ['-i', 'demo/mosquitto', '-u', 'demo/mosquitto', '-t', 'fleet/1/demo/mosquitto/up/state'];
    expect((await run('mosquitto_pub', [...tlsAt, ...certificate, ...own, '-m', 'x', '-q', '1'])).code).toBe(
      0,
    );
    expect(codes()).toEqual([]);
  });

  it('should be refused as anybody would be', async () => {
    const publish = async (name: string, token: string, ...rest: string[]) =>
      await run('mosquitto_pub', [...at(), ...as(name, token), '-m', 'x', '-q', '1', ...rest]);
    const token = tokens.get('a')!;
    expect((await publish('demo/a', 'wrong', '-t', 'fleet/1/demo/a/up/state')).code).not.toBe(0);
    expect((await publish('demo/#', token, '-t', 'fleet/1/demo/a/up/state')).code).not.toBe(0);
    await publish('demo/a', token, '-t', 'fleet/1/demo/b/up/state', '--retain');
    await publish('demo/a', token, '-t', '$SYS/x');
    await run('mosquitto_sub', [...at(), ...as('demo/a', token), '-t', '#', '-W', '1']);
    expect(codes().sort()).toEqual([
      'mqtt.client-id-invalid',
      'mqtt.credentials-wrong',
      'mqtt.subscription-refused',
      'mqtt.topic-refused',
    ]);
  });
});
