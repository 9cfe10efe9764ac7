/**
 * Firmware over the air against the whole server: a gateway (the POSIX port) gets new programs of itself, alone and before a
 * model, with SIGKILL for a power cut, and goes back: from one that crashes, from one that rotted, and by a message.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { CallOutput, Client } from '@tinyfleet/contracts';
import { describeWith, eventually } from '@tinyfleet/testing';
import { buildPosixAgent, FirmwareProject, hardware } from './firmware-project.js';
import { Link, PosixDevice } from './posix-device.js';
import { buildWorkspace, startTestServer, type TestServer } from './test-server.js';

const params = { project: 'plant' };

let server: TestServer;
let client: Client;
let project: FirmwareProject;
let link: Link;
let device: PosixDevice;
const images: Record<string, Buffer> = {};
/** The rollout of the first release that brings firmware. */
let first: number;

const detail = async (): Promise<CallOutput<'deviceGet'>> =>
  client.call('deviceGet', { params: { ...params, device: 'gateway' } });

const model = (version: string, weight: number) => project.model(version, weight);
const image = (version: string) => project.image(version, images[version]!);
const ship = (name: string, version: string, firmware?: string, soakSeconds?: number) =>
  project.ship(name, version, firmware, soakSeconds);

/** One bit of the image that the boot loader would run. */
async function rot(): Promise<void> {
  const at = (name: string): string => join(device.folder, 'firmware', name);
  const slot = (await readFile(at('boot'), 'latin1'))[0]!;
  const bytes = await readFile(at(`slot-${slot}`));
  bytes[bytes.length >> 1]! ^= 4;
  await device.kill();
  await writeFile(at(`slot-${slot}`), bytes);
  await device.start();
}

const deployment = async (number: number) =>
  (await client.call('rolloutDeployments', { params: { ...params, number } })).items[0]!;
const ends = async (number: number, state: string) =>
  eventually(async () => expect(await deployment(number)).toMatchObject({ state }), { timeoutMs: 60_000 });

describeWith(['gcc'], 'the firmware of a device process', () => {
  beforeAll(async () => {
    const versions = [
      { name: 'tinyfleet-device-next', version: '0.2.0' },
      { name: 'tinyfleet-device-crashing', version: '0.3.0', folders: ['ports/posix/crashing'] },
      { name: 'tinyfleet-device-later', version: '0.4.0' },
    ];
    await Promise.all([buildWorkspace(), PosixDevice.build()]);
    for (const one of versions) images[one.version] = await readFile(await buildPosixAgent(one));
    server = await startTestServer();
    client = server.client;
    project = new FirmwareProject(client, params.project);
    await client.call('projectCreate', { body: { name: 'plant', windowSeconds: 1, pickEvery: 0 } });
    const body = { name: 'gateway', type: 'posix' };
    const registered = await client.call('deviceRegister', { params, body });
    const { items } = await client.call('signingKeyList', { params });
    const address = new URL(server.running.mqttUrl!);
    link = new Link({ host: address.hostname, port: Number(address.port) });
    const identity = {
      ...{ project: 'plant', device: 'gateway', token: registered.token },
      broker: { ...(await link.listen()), tls: false },
      publicKey: Buffer.from(items[0]!.publicKeyHex, 'hex'),
    };
    device = await PosixDevice.flash(hardware, identity, { inferencePeriodMs: 50 });
    await model('1.0.0', 3);
    await model('1.1.0', 5);
    await model('1.2.0', 6);
    await model('1.3.0', 8);
    await model('1.4.0', 9);
    await model('1.5.0', 10);
  }, 240_000);
  afterAll(async () => {
    await device?.remove();
    await link?.close();
    await server?.stop();
  });

  it('should come before the model that needs it, through a power cut in the middle', async () => {
    await device.start();
    await ends(await ship('dense', '1.0.0'), 'active');
    expect(await detail()).toMatchObject({ activeRelease: 'dense@1.0.0', firmwareVersion: '0.1.0' });

    await image('0.2.0');
    link.bytesDown = 0;
    link.limit = Math.floor(images['0.2.0']!.length / 2);
    const number = await ship('dense', '1.1.0', 'gateway@0.2.0');
    await link.stalled();
    await device.kill();
    link.limit = Number.POSITIVE_INFINITY;
    await device.start();
    await ends(number, 'active');
    expect(await detail()).toMatchObject({ activeRelease: 'dense@1.1.0', firmwareVersion: '0.2.0' });
    // It went on where it was cut: less than the whole image came once more.
    expect(link.bytesDown).toBeLessThan(1.4 * images['0.2.0']!.length);
    // A power cut later it is still what it was.
    await device.kill();
    const line = device.lines.length;
    await device.start();
    await device.says(/firmware 0\.2\.0/, line);
    first = number;
  }, 180_000);

  it('should stay, and say so, where no release leads to the image before', async () => {
    await client.call('rolloutRollback', { params: { ...params, number: first }, body: {} });
    await ends(first, 'failed');
    expect(await deployment(first)).toMatchObject({
      errorTitle: expect.stringMatching(/its firmware is not/),
    });
    expect(await detail()).toMatchObject({ activeRelease: 'dense@1.0.0', firmwareVersion: '0.2.0' });
  }, 90_000);

  it('should be left out where it runs already', async () => {
    const line = device.lines.length;
    await ends(await ship('dense', '1.2.0', 'gateway@0.2.0'), 'active');
    expect(await detail()).toMatchObject({ activeRelease: 'dense@1.2.0', firmwareVersion: '0.2.0' });
    expect(device.lines.slice(line).filter((text) => text.includes('firmware 0.'))).toEqual([]);
  }, 90_000);

  it('should be taken back from its soak, which nobody waits for', async () => {
    await image('0.4.0');
    const number = await ship('dense', '1.3.0', 'gateway@0.4.0', 3_600);
    await eventually(
      async () => expect(await deployment(number)).toMatchObject({ state: 'soak', component: 'firmware' }),
      { timeoutMs: 60_000 },
    );
    link.bytesDown = 0;
    await client.call('rolloutRollback', { params: { ...params, number }, body: {} });
    await ends(number, 'returned');
    const before = { activeRelease: 'dense@1.2.0', firmwareVersion: '0.2.0' };
    await eventually(async () => expect(await detail()).toMatchObject(before));
    expect(link.bytesDown).toBeLessThan(20_000);
  }, 120_000);

  it('should be taken back behind its model, both by messages', async () => {
    const number = await ship('dense', '1.4.0', 'gateway@0.4.0');
    await ends(number, 'active');
    expect(await detail()).toMatchObject({ activeRelease: 'dense@1.4.0', firmwareVersion: '0.4.0' });
    link.bytesDown = 0;
    await client.call('rolloutRollback', { params: { ...params, number }, body: {} });
    await ends(number, 'returned');
    const before = { activeRelease: 'dense@1.2.0', firmwareVersion: '0.2.0' };
    await eventually(async () => expect(await detail()).toMatchObject(before));
    expect(link.bytesDown).toBeLessThan(20_000);
    const over = { state: 'rolled-back', counts: { returned: 1 } };
    await eventually(async () =>
      expect(await client.call('rolloutGet', { params: { ...params, number } })).toMatchObject(over),
    );
  }, 120_000);

  it('should go back, and say why, when it crashes', async () => {
    await image('0.3.0');
    const number = await ship('gateway', '0.3.0');
    await ends(number, 'reverted');
    await eventually(async () => expect(await deployment(number)).toMatchObject({ errorCode: 724 }));
    const kept = { activeRelease: 'dense@1.2.0', firmwareVersion: '0.2.0', presence: 'connected' };
    await eventually(async () => expect(await detail()).toMatchObject(kept)); // presence is written behind the state
    expect(device.lines.filter((text) => text.includes('firmware 0.3.0')).length).toBeGreaterThan(0);
  }, 120_000);

  it('should be taken back by a message, not a download', async () => {
    const number = await ship('gateway', '0.4.0');
    await ends(number, 'active');
    await eventually(async () => expect(await detail()).toMatchObject({ firmwareVersion: '0.4.0' }));
    link.bytesDown = 0;
    await client.call('rolloutRollback', { params: { ...params, number }, body: {} });
    await ends(number, 'returned');
    await eventually(async () => expect(await detail()).toMatchObject({ firmwareVersion: '0.2.0' }));
    expect(link.bytesDown).toBeLessThan(20_000);
    expect(await detail()).toMatchObject({ activeRelease: 'dense@1.2.0' });
  }, 120_000);

  it('should go back by itself, with its model, when their release is revoked', async () => {
    const number = await ship('dense', '1.5.0', 'gateway@0.4.0', 3_600);
    await eventually(
      async () => expect(await deployment(number)).toMatchObject({ state: 'soak', component: 'model' }),
      { timeoutMs: 60_000 },
    );
    expect(await detail()).toMatchObject({ activeRelease: 'dense@1.5.0', firmwareVersion: '0.4.0' });
    link.bytesDown = 0;
    const body = { reason: 'reads another sensor' };
    await client.call('releaseRevoke', { params: { ...params, release: 'dense@1.5.0' }, body });
    await ends(number, 'returned');
    const before = { activeRelease: 'dense@1.2.0', firmwareVersion: '0.2.0' };
    await eventually(async () => expect(await detail()).toMatchObject(before));
    expect(link.bytesDown).toBeLessThan(20_000);
  }, 120_000);

  it('should give way to the image before when it rots, and that to the one from the factory', async () => {
    for (const version of ['0.4.0', '0.1.0']) {
      await rot();
      await eventually(async () => expect(await detail()).toMatchObject({ firmwareVersion: version }), {
        timeoutMs: 30_000,
      });
      expect(await detail()).toMatchObject({ activeRelease: 'dense@1.2.0' });
    }
  }, 90_000);
});
