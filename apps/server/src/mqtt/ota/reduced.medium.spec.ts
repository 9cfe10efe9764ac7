import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@tinyfleet/testing';
import {
  deviceKey,
  encode,
  parseMacManifest,
  parseManifest,
  verifyMacManifest,
  type Hello,
} from '@tinyfleet/wire';
import { FleetHarness, type SeededRelease } from '../../../test/fleet-harness.js';
import { ScriptedDevice, type ScriptedOptions } from '../../../test/scripted-device.js';

const patience = { timeoutMs: 20_000 };
/** What an Arduino Uno says, docs/spec/wire.md. */
const uno: Partial<Hello> = {
  algorithms: ['hmac-sha256'],
  maxPacketBytes: 512,
  methods: ['full'],
  slotBytes: 2_048,
  sectorBytes: 128,
  programUnitBytes: 128,
  capabilities: 4,
};
const reduced = { hello: uno, reduced: true, chunks: 1, chunkBytes: 256 } as const;

describe('devices that can verify a MAC and nothing else, on Postgres', () => {
  let fleet: FleetHarness;
  let counter = 0;
  let release: SeededRelease;
  const devices: ScriptedDevice[] = [];
  const tokens = new Map<string, string>();

  beforeAll(async () => {
    fleet = await FleetHarness.start();
    await fleet.startEdge({ ota: { retryMs: 300 } });
    fleet.startConducting();
    await fleet.keys.ensure('test', fleet.scope);
    release = await fleet.release(1_600, {}, { sign: true });
  });
  afterEach(async () => {
    for (const device of devices.splice(0)) device.end();
    await fleet.database.query(`update device set state = 'suspended'`);
  });
  afterAll(async () => {
    await fleet?.stop();
    expect(fleet.errors).toEqual([]);
  });

  async function register(): Promise<string> {
    const name = `uno-${++counter}`;
    tokens.set(name, (await fleet.register([name], [name])).get(name)!);
    return name;
  }
  /** Greeted; the largest packet that it got is kept. */
  async function join(name: string, options: Partial<ScriptedOptions> = reduced) {
    const device = await ScriptedDevice.connect({
      port: fleet.port,
      name,
      token: tokens.get(name)!,
      ...options,
    });
    devices.push(device);
    const seen = { largest: 0 };
    device.client.on('packetreceive', ({ length = 0 }) => {
      seen.largest = Math.max(seen.largest, length + (length < 128 ? 2 : 3));
    });
    await device.hello();
    await device.nextDesired();
    return { device, seen };
  }
  async function rollOut(name: string, ref = release.ref): Promise<number> {
    const { number } = await fleet.rollouts.start('person:t', fleet.scope, {
      release: ref,
      filter: `tag = "${name}"`,
      steps: [100],
      maxFailurePercent: 0,
      deviceTimeoutSeconds: 600,
    });
    return number;
  }
  const deployment = async (number: number) =>
    (await fleet.stores.rollouts.deployments(fleet.scope, number, { limit: 1 })).items[0]!;
  const reaches = (number: number, state: string) =>
    eventually(async () => expect((await deployment(number)).state).toBe(state), patience);
  const offered = (device: ScriptedDevice) => device.nextDesired(({ manifest }) => manifest !== undefined);

  it('should install a signed release under a MAC made for this very device, in packets that it takes', async () => {
    const name = await register();
    const { device, seen } = await join(name);
    const number = await rollOut(name);
    await reaches(number, 'active');
    expect(device.active?.equals(release.bytes)).toBe(true);
    // It names no digest in its states: that of the deployment is meant.
    expect(await fleet.stores.devices.detail(fleet.scope, name)).toMatchObject({
      activeDigest: release.digest.toString('hex'),
      activeRelease: release.ref,
    });
    const { manifest } = await offered(device);
    // The same statement as the signed one: only the proof differs.
    const [signed] = await fleet.database.query<{ manifest: Buffer }>(
      'select manifest from release_artifact where bundle_digest = $1',
      [release.digest],
    );
    const { mac: _mac, authenticated: _digest, ...content } = parseMacManifest(manifest!);
    expect(parseManifest(new Uint8Array(signed!.manifest))).toMatchObject(content);
    expect(device.sequences).toEqual([content.sequence]);
    expect(() =>
      verifyMacManifest(manifest!, { clientId: 'demo/uno-0', key: deviceKey(tokens.get(name)!) }),
    ).toThrow(expect.objectContaining({ code: 'manifest.signature-invalid' }));
    expect(device.chunksReceived).toBe(Math.ceil(1_600 / 256));
    expect(seen.largest).toBeLessThanOrEqual(512);
    expect(seen.largest).toBeGreaterThan(300);
  });

  it('should give a device with public keys what the project signed, whatever else it can do', async () => {
    for (const hello of [
      { algorithms: ['hmac-sha256', 'ed25519'] },
      { algorithms: ['ed25519'] },
      {},
      { algorithms: ['hmac-sha256'], currentKey: new Uint8Array(8) },
    ] satisfies Partial<Hello>[]) {
      const name = await register();
      const { device } = await join(name, { behaviour: 'mute', hello });
      await rollOut(name);
      if ('currentKey' in hello) {
        // Its key is none of the project's: nothing is offered, least of all a MAC.
        await device.nextDesired(({ revision }) => revision > 0);
        expect(device.desired.every(({ manifest }) => manifest === undefined)).toBe(true);
        continue;
      }
      const { manifest } = await offered(device);
      expect(parseManifest(manifest!).algorithm).toBe('ed25519');
    }
  });

  it('should make the fallback of a release for it, too', async () => {
    const name = await register();
    const { device } = await join(name, { ...reduced, behaviour: 'mute' });
    const next = await fleet.release(1_500, {}, { sign: true });
    await fleet.database.query(
      `update release set previous_release_id = (select release_id from release_artifact where bundle_digest = $1),
         state = 'draft', signed_at = null where id = (select release_id from release_artifact where bundle_digest = $2)`,
      [release.digest, next.digest],
    );
    await fleet.releases.sign('test', fleet.scope, next.ref);
    await rollOut(name, next.ref);
    await offered(device);
    await fleet.database.query(
      `update desired_state set fallback = true, revision = next_number(project_id, 'desired', 1)
       where release_id = (select release_id from release_artifact where bundle_digest = $1)`,
      [next.digest],
    );
    fleet.edge.wake();
    await device.nextDesired(
      ({ transfer }) =>
        transfer?.payloadDigest !== undefined && release.digest.equals(transfer.payloadDigest),
    );
    expect(device.sequences).toHaveLength(0); // mute
    const manifests = device.desired.flatMap(({ manifest }) => (manifest ? [manifest] : []));
    const trust = { clientId: `demo/${name}`, key: deviceKey(tokens.get(name)!), deviceType: 'wasm' };
    const [newer, older] = manifests.map((manifest) => verifyMacManifest(manifest, trust));
    expect(older!.sequence).toBe(newer!.sequence + 1);
    expect(Buffer.from(older!.digest).equals(release.digest)).toBe(true);
  });

  it('should make it of the newest key after a rotation, without telling the device of keys', async () => {
    const name = await register();
    const { device } = await join(name);
    const next = await fleet.rotation.rotate('person:t', fleet.scope);
    await fleet.rotation.activate('person:t', fleet.scope, { keyId: next.keyId, force: true });
    const newer = await fleet.release(1_700, {}, { sign: true });
    await reaches(await rollOut(name, newer.ref), 'active');
    expect(device.active?.equals(newer.bytes)).toBe(true);
  });

  it('should show at the device that no key of it is kept, and offer when there is one', async () => {
    const name = await register();
    const { device } = await join(name);
    const keyed = async () =>
      (
        await fleet.database.query(
          `select 1 from device_credential c join device d on d.id = c.device_id where d.name = $1 and c.sealed_key is not null`,
          [name],
        )
      ).length;
    await eventually(async () => expect(await keyed()).toBe(1), patience);
    const drop = `update device_credential set sealed_key = null where device_id = (select id from device where name = $1)`;
    await fleet.database.query(drop, [name]);
    const number = await rollOut(name);
    await reaches(number, 'failed');
    expect(await deployment(number)).toMatchObject({ errorCode: 223 });
    const detail = await fleet.stores.devices.detail(fleet.scope, name);
    expect(detail.lastError).toMatchObject({ code: 223 });
    expect(device.desired.every(({ manifest }) => manifest === undefined)).toBe(true);
    expect(device.desired.at(-1)).toMatchObject({ deployment: 0 });
    // Its next connection shows the token, and the key comes with it while the offer waits.
    device.end();
    const again = await join(name, reduced);
    await reaches(await rollOut(name), 'active');
    expect(again.device.active?.equals(release.bytes)).toBe(true);
  });

  it('should take a key that another secret sealed for none', async () => {
    const name = await register();
    await join(name, { ...reduced, behaviour: 'mute' });
    await fleet.database.query(
      `update device_credential set sealed_key = $2 where device_id = (select id from device where name = $1)`,
      [name, Buffer.alloc(60, 1)],
    );
    const number = await rollOut(name);
    await reaches(number, 'failed');
    expect(await deployment(number)).toMatchObject({ errorCode: 223 });
  });

  it('should put no MAC on what the project has not signed', async () => {
    const name = await register();
    const { device } = await join(name);
    const unsigned = await fleet.release(1_000);
    const number = await rollOut(name, unsigned.ref);
    await reaches(number, 'failed');
    const { errorCode } = await deployment(number);
    expect(errorCode).toBeGreaterThanOrEqual(201);
    expect(errorCode).toBeLessThanOrEqual(207);
    // Signed by a key that is not the one the database names for it.
    const forged = await fleet.release(1_100, {}, { sign: true });
    await fleet.database.query(
      `update release_artifact set manifest = set_byte(manifest, 80, get_byte(manifest, 80) # 1) where bundle_digest = $1`,
      [forged.digest],
    );
    const second = await rollOut(name, forged.ref);
    await reaches(second, 'failed');
    expect((await deployment(second)).errorCode).toBeGreaterThanOrEqual(201);
    expect(device.desired.every(({ manifest }) => manifest === undefined)).toBe(true);
  });

  it('should say when the packets of a device are too small for any offer, and fit its smallest otherwise', async () => {
    const name = await register();
    const topic = `fleet/1/demo/${name}/down/desired`.length;
    const { device } = await join(name, {
      ...reduced,
      behaviour: 'mute',
      hello: { ...uno, maxPacketBytes: 4_096 },
    });
    await rollOut(name);
    const { windowS: _window, pickEvery: _picks, ...least } = await offered(device);
    device.end();
    // Fixed header, topic, packet id.
    const bytes = 4 + 2 + topic + 2 + encode('desired', least).length;
    const tight = await join(name, {
      ...reduced,
      behaviour: 'mute',
      hello: { ...uno, maxPacketBytes: bytes },
    });
    expect((await offered(tight.device)).pickEvery).toBeUndefined();
    expect(tight.seen.largest).toBeLessThanOrEqual(bytes);
    tight.device.end();
    const small = await join(name, {
      ...reduced,
      behaviour: 'mute',
      hello: { ...uno, maxPacketBytes: bytes - 1 },
    });
    expect(small.device.desired.at(-1)).toMatchObject({ deployment: 0 });
    await eventually(async () => {
      const detail = await fleet.stores.devices.detail(fleet.scope, name);
      expect(detail.lastError).toMatchObject({ code: 127 });
    }, patience);
  });

  it('should make so many MACs per second and let the next ones wait', async () => {
    const names = [await register(), await register(), await register()];
    for (const name of names) await join(name, { ...reduced, behaviour: 'mute' });
    for (const name of names) await rollOut(name);
    await eventually(
      async () =>
        expect(
          await fleet.database.query(
            `select 1 from desired_state ds join device d on d.id = ds.device_id where d.name = any($1)`,
            [names],
          ),
        ).toHaveLength(3),
      patience,
    );
    for (const device of devices.splice(0)) device.end();
    await fleet.stopEdge();
    await fleet.startEdge({ ota: { retryMs: 200, macsPerSecond: 2, macBurst: 2 } });
    const started = Date.now();
    const again = await Promise.all(names.map((name) => join(name, { ...reduced, behaviour: 'mute' })));
    await Promise.all(again.map(({ device }) => offered(device)));
    expect(fleet.edge.ota.counters).toMatchObject({ macs: 3 });
    expect(fleet.edge.ota.counters.macWaits).toBeGreaterThan(0);
    expect(Date.now() - started).toBeGreaterThan(190);
    // Another hello of the same connection costs none.
    await again[0]!.device.hello();
    await eventually(() => expect(again[0]!.device.desired).toHaveLength(2), patience);
    expect(fleet.edge.ota.counters.macs).toBe(3);
  });
});
