/**
 * The POSIX device over TLS: the server's own listener and certificate authority, and authorities and names that are not
 * the broker's.
 */
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { CATALOGUE } from '@tinyfleet/registry';
import { describeWith, eventually } from '@tinyfleet/testing';
import { listenMqtt, type MqttListener } from '../src/mqtt/broker/listen.js';
import { ensureServerTls, type ServerTls } from '../src/tls/authority.js';
import { FleetHarness } from './fleet-harness.js';
import { PosixDevice } from './posix-device.js';

const hardware = { ...CATALOGUE.find(({ name }) => name === 'posix')!, slotBytes: 1 << 18, name: 'wasm' };
let folder = '';
let harness: FleetHarness;
let listener: MqttListener;
let own: ServerTls;
let token = '';
let device: PosixDevice | undefined;

async function flash(
  broker: { host: string; port: number; authority?: string },
  more = {},
): Promise<PosixDevice> {
  const identity = { project: 'demo', device: 'gateway', token, broker: { ...broker, tls: true } };
  device = await PosixDevice.flash(hardware, identity, more);
  await device.start();
  return device;
}

const hello = async (): Promise<unknown> =>
  (await harness.database.query<{ hello: unknown }>('select hello from device_report'))[0]?.hello;

describeWith(['gcc', 'openssl'], 'a device process over TLS', () => {
  beforeAll(async () => {
    await PosixDevice.build();
    folder = await mkdtemp(join(tmpdir(), 'tinyfleet-tls-'));
    own = await ensureServerTls(join(folder, 'tls'), { names: ['localhost', '127.0.0.1'] });
    harness = await FleetHarness.start();
    await harness.startEdge();
    listener = await listenMqtt(harness.edge.broker, { host: '127.0.0.1', port: 0, tls: own });
    token = (await harness.register(['gateway'])).get('gateway')!;
  }, 150_000);

  afterEach(async () => {
    await device?.remove();
    device = undefined;
  });

  afterAll(async () => {
    await listener.close();
    await harness.stop();
    await rm(folder, { recursive: true });
  }, 30_000);

  it.each(['127.0.0.1', 'localhost'])(
    "should say hello to %s, whose certificate is signed by the server's own authority",
    async (host) => {
      await harness.database.query('delete from device_report');
      await flash({ host, port: listener.port, authority: own.authority });
      await eventually(async () => expect(await hello()).toMatchObject({ deviceType: 'wasm' }), {
        timeoutMs: 15_000,
      });
    },
    40_000,
  );

  it('should refuse a broker whose certificate another authority has signed', async () => {
    const other = await ensureServerTls(join(folder, 'other'), { names: ['127.0.0.1'] });
    const gateway = await flash({ host: '127.0.0.1', port: listener.port, authority: other.authority });
    await gateway.says(/no connection to the broker: .*(certificate|signature)/);
    expect(gateway.lines.join('\n')).not.toContain('connected to');
  }, 30_000);

  it('should refuse a certificate that names another host', async () => {
    const elsewhere = await ensureServerTls(join(folder, 'tls'), { names: ['broker.example'] });
    const misnamed = await listenMqtt(harness.edge.broker, { host: '127.0.0.1', port: 0, tls: elsewhere });
    try {
      const gateway = await flash({ host: '127.0.0.1', port: misnamed.port, authority: own.authority });
      await gateway.says(/no connection to the broker: IP address mismatch/);
    } finally {
      await misnamed.close();
    }
  }, 30_000);

  it('should refuse a broker that only the system could vouch for when it does not', async () => {
    const gateway = await flash({ host: '127.0.0.1', port: listener.port });
    await gateway.says(/no connection to the broker: .*certificate/);
  }, 30_000);

  it('should show its client certificate to a broker that asks for one', async () => {
    // The certificate need not be good for this: what is looked at is that the key's owner sends it.
    const peer = await ensureServerTls(join(folder, 'client'), { names: ['gateway'] });
    let seen: string | undefined;
    const asking: Server = createServer(
      { ...own, requestCert: true, rejectUnauthorized: false },
      (socket: TLSSocket) => {
        seen = socket.getPeerCertificate().subjectaltname;
        socket.destroy();
      },
    );
    asking.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => asking.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = asking.address() as AddressInfo;
      const pair = { certificate: peer.cert, privateKey: peer.key };
      await flash({ host: '127.0.0.1', port, authority: own.authority }, pair);
      await eventually(() => expect(seen).toBe('DNS:gateway'), { timeoutMs: 15_000 });
    } finally {
      await new Promise((resolve) => asking.close(resolve));
    }
  }, 30_000);
});
