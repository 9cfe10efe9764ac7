import { createHash, randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { PgDesiredStore } from '@tinyfleet/storage';
import { eventually } from '@tinyfleet/testing';
import { decode, encode, type Hello } from '@tinyfleet/wire';
import { FleetHarness, type SeededRelease } from '../../../test/fleet-harness.js';
import { ScriptedDevice, type Behaviour, type ScriptedOptions } from '../../../test/scripted-device.js';

const patience = { timeoutMs: 20_000 };
const everyMethod: Partial<Hello> = { methods: ['full', 'compressed', 'delta'] };

/** Bytes that compress, like weights do a little: few values are frequent. */
function weights(bytes: number): Buffer {
  return Buffer.from(randomBytes(bytes).map((byte) => (byte < 200 ? byte & 7 : byte)));
}
/** The same with a few bytes changed, as after fine-tuning. */
function tuned(of: Buffer, share = 0.02): Buffer {
  const noise = randomBytes(of.length * 2);
  return Buffer.from(
    of.map((byte, i) => (noise.readUInt16LE(i * 2) < share * 65_536 ? (byte + 1) & 255 : byte)),
  );
}

describe('transfers on Postgres', () => {
  let fleet: FleetHarness;
  let group = 0;
  const devices: ScriptedDevice[] = [];

  beforeAll(async () => {
    fleet = await FleetHarness.start();
    await fleet.startEdge();
    fleet.startConducting();
    await fleet.keys.ensure('test', fleet.scope);
  });
  afterEach(async () => {
    for (const device of devices.splice(0)) device.end();
    // Plans are made for all devices of the project: each test has its own.
    await fleet.database.query(`update device set state = 'suspended'`);
    await fleet.database.query(`update transfer_payload set state = 'failed' where state = 'queued'`);
  });
  afterAll(async () => {
    await fleet?.stop();
    expect(fleet.errors).toEqual([]);
  });

  interface Group {
    readonly tag: string;
    readonly members: ScriptedDevice[];
    /** Another connection of a member. */
    again(i: number, options?: Partial<ScriptedOptions>): Promise<ScriptedDevice>;
  }
  /** Devices that run `base` by their hello, each behaving as it is told. */
  async function makeFleet(
    base: SeededRelease | undefined,
    behaviours: readonly Behaviour[],
    hello: ScriptedOptions['hello'] = everyMethod,
  ): Promise<Group> {
    const tag = `group-${++group}`;
    const names = behaviours.map((_, i) => `${tag}-${i}`);
    const tokens = await fleet.register(names, [tag]);
    const connect = async (i: number, options: Partial<ScriptedOptions> = {}): Promise<ScriptedDevice> => {
      const name = names[i]!;
      const device = await ScriptedDevice.connect({
        port: fleet.port,
        name,
        token: tokens.get(name)!,
        behaviour: behaviours[i]!,
        ...(hello && { hello }),
        ...options,
      });
      devices.push(device);
      device.active = base?.bytes;
      await device.hello();
      await device.nextDesired();
      return device;
    };
    const members: ScriptedDevice[] = [];
    for (const i of behaviours.keys()) members.push(await connect(i));
    return { tag, members, again: connect };
  }
  const start = async (release: SeededRelease, { tag }: Group) => {
    const { number } = await fleet.rollouts.start('person:t', fleet.scope, {
      release: release.ref,
      filter: `tag = "${tag}"`,
      steps: [100],
      maxFailurePercent: 0,
      deviceTimeoutSeconds: 600,
    });
    return number;
  };
  const succeed = async (number: number) =>
    await eventually(
      async () => expect((await fleet.stores.rollouts.get(fleet.scope, number)).state).toBe('succeeded'),
      patience,
    );
  const offered = (device: ScriptedDevice, release: SeededRelease) =>
    device.nextDesired(
      ({ transfer, deployment }) =>
        deployment > 0 && Buffer.from(transfer?.resultDigest ?? []).equals(release.digest),
    );
  const first = async (content: number | Buffer) => await fleet.release(content, {}, { sign: true });

  it('should send a delta to devices that hold its base, and count what it saved', async () => {
    const base = await first(weights(24_000));
    const all = await makeFleet(base, ['good', 'good', 'good', 'good']);
    const next = await first(tuned(base.bytes));
    const outcomes = await fleet.makePayloads();
    expect(outcomes.map(({ state }) => state)).toEqual(['ready', 'ready']);
    const before = { ...fleet.edge.ota.counters };
    await succeed(await start(next, all));
    for (const device of all.members) {
      expect(device.active?.equals(next.bytes)).toBe(true);
      expect(device.payloadBytes).toBeLessThan(24_000 * 0.1);
      const { transfer } = await offered(device, next);
      expect(transfer).toMatchObject({ method: 'delta', resultBytes: 24_000 });
      expect(Buffer.from(transfer!.baseDigest!).equals(base.digest)).toBe(true);
    }
    const { deltaTransfers, fullTransfers, chunkBytes, savedBytes } = fleet.edge.ota.counters;
    expect(deltaTransfers - before.deltaTransfers).toBe(4);
    expect(fullTransfers).toBe(before.fullTransfers);
    expect(chunkBytes - before.chunkBytes).toBeLessThan(4 * 24_000 * 0.1);
    expect(savedBytes - before.savedBytes).toBeGreaterThan(4 * 24_000 * 0.9);
  });

  it('should compress for devices that hold no base, and send the bundle to those that cannot decode', async () => {
    const nothing = await makeFleet(undefined, ['good']);
    const plain = await makeFleet(undefined, ['good'], { methods: ['full'] });
    const release = await first(weights(16_000));
    expect((await fleet.makePayloads()).map(({ state }) => state)).toEqual(['ready']);
    await succeed(await start(release, nothing));
    await succeed(await start(release, plain));
    expect((await offered(nothing.members[0]!, release)).transfer!.method).toBe('compressed');
    expect(nothing.members[0]!.payloadBytes).toBeLessThan(15_200);
    expect((await offered(plain.members[0]!, release)).transfer).toMatchObject({
      method: 'full',
      payloadBytes: 16_000,
    });
    expect(plain.members[0]!.active?.equals(release.bytes)).toBe(true);
  });

  it('should offer nothing that saves less than a twentieth', async () => {
    const all = await makeFleet(undefined, ['good']);
    const release = await first(20_000);
    expect(await fleet.makePayloads()).toMatchObject([{ state: 'useless' }]);
    await succeed(await start(release, all));
    expect((await offered(all.members[0]!, release)).transfer!.method).toBe('full');
  });

  it('should offer the bundle at once when no payload is ready, and stay with it in the middle', async () => {
    const base = await first(weights(24_000));
    const all = await makeFleet(base, ['mute']);
    const next = await first(tuned(base.bytes));
    const number = await start(next, all);
    const [device] = all.members;
    expect((await offered(device!, next)).transfer!.method).toBe('full');
    const want = (digest: Uint8Array, offset: number, from = device!) =>
      from.publish(
        'want',
        encode('want', { ...from.envelope(), transfer: digest.subarray(0, 8), offset, count: 2 }),
      );
    await want(next.digest, 0);
    await eventually(() => expect(device!.chunksReceived).toBe(0));
    await fleet.makePayloads();
    await eventually(async () => {
      const [row] = await fleet.database.query<{ digest: Buffer | null }>(
        'select transfer_digest as digest from desired_state where digest = $1',
        [next.digest],
      );
      expect(row?.digest?.equals(next.digest)).toBe(true);
    });
    device!.end();
    const back = await all.again(0);
    expect((await offered(back, next)).transfer!.method).toBe('full');
    await fleet.operator.abort('person:t', fleet.scope, number);

    // Given again from the start, it gets the delta; and what has begun as a delta stays one.
    const another = await start(next, all);
    const offer = await back.nextDesired(({ transfer }) => transfer?.method === 'delta');
    await want(offer.transfer!.payloadDigest, 0, back);
    await eventually(() => expect(fleet.edge.ota.counters.deltaTransfers).toBeGreaterThan(4), patience);
    await fleet.operator.abort('person:t', fleet.scope, another);
  });

  it.each<[string, Behaviour]>([
    ['does not hold the base', 'no-base'],
    ['gets something else out of it', 'no-decode'],
  ])('should send the bundle as it is to a device that %s, which is no failure', async (_what, behaviour) => {
    const base = await first(weights(12_000));
    const all = await makeFleet(base, ['good', behaviour]);
    const next = await first(tuned(base.bytes));
    await fleet.makePayloads();
    const number = await start(next, all);
    await succeed(number);
    expect((await fleet.stores.rollouts.get(fleet.scope, number)).counts).toEqual({ active: 2 });
    const [good, odd] = all.members;
    expect(good!.active?.equals(next.bytes) && odd!.active?.equals(next.bytes)).toBe(true);
    const offers = odd!.desired.filter(({ transfer }) =>
      Buffer.from(transfer?.resultDigest ?? []).equals(next.digest),
    );
    expect(offers.map(({ transfer }) => transfer!.method)).toEqual(['delta', 'full']);
    expect(offers[1]!.revision).toBeGreaterThan(offers[0]!.revision);
    expect(offers[1]!.deployment).toBe(offers[0]!.deployment);
  });

  it('should count a failure of the bundle itself as one, delta or not', async () => {
    const base = await first(weights(12_000));
    const all = await makeFleet(base, ['fail']);
    const next = await first(tuned(base.bytes));
    await fleet.makePayloads();
    const number = await start(next, all);
    await eventually(
      async () =>
        expect((await fleet.stores.rollouts.get(fleet.scope, number)).counts).toEqual({ failed: 1 }),
      patience,
    );
    await fleet.operator.abort('person:t', fleet.scope, number).catch(() => {});
  });

  it('should serve a payload to nobody but the devices it is offered to', async () => {
    const base = await first(weights(12_000));
    const all = await makeFleet(base, ['good']);
    const next = await first(tuned(base.bytes));
    await fleet.makePayloads();
    const [row] = await fleet.database.query<{ digest: Buffer }>(
      `select payload_digest as digest from transfer_payload where target_digest = $1 and method = 'delta'`,
      [next.digest],
    );
    const stranger = (await makeFleet(base, ['mute'])).members[0]!;
    const got: number[] = [];
    stranger.client.on('message', (topic, payload) => {
      if (topic.endsWith('/chunk')) got.push(decode('chunk', payload).offset);
    });
    const refused = fleet.edge.ota.counters.refusedWants;
    await stranger.publish(
      'want',
      encode('want', {
        ...stranger.envelope(),
        transfer: row!.digest.subarray(0, 8),
        offset: 0,
        count: 4,
      }),
    );
    await eventually(() => expect(fleet.edge.ota.counters.refusedWants).toBe(refused + 1), patience);
    expect(got).toEqual([]);
    await succeed(await start(next, all));
  });

  it('should plan deltas against the bases that most devices hold, once per sector size, and none for one slot', async () => {
    const bases: SeededRelease[] = [];
    for (let i = 0; i < 3; i++) bases.push(await first(weights(6_000)));
    await makeFleet(bases[0], ['mute', 'mute', 'mute']);
    await makeFleet(bases[1], ['mute', 'mute'], { ...everyMethod, sectorBytes: 1_024 });
    await makeFleet(bases[1], ['mute'], { ...everyMethod, sectorBytes: 131_072 });
    await makeFleet(bases[2], ['mute'], everyMethod);
    await makeFleet(bases[2], ['mute', 'mute', 'mute', 'mute'], { ...everyMethod, capabilities: 64 });
    const next = await fleet.release(tuned(bases[0]!.bytes));
    const [row] = await fleet.database.query<{ id: string }>(
      `select id from release order by sequence desc limit 1`,
    );
    const planned = await fleet.stores.payloads.plan(fleet.scope, { releaseId: row!.id, maxBases: 2 });
    const hex = (release: SeededRelease | undefined) => release!.digest.toString('hex');
    const key = (method: string, blockBytes: number, base = '') => ({
      target: hex(next),
      base,
      method,
      blockBytes,
    });
    const order = (a: object, b: object) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
    expect([...planned].sort(order)).toEqual(
      [
        key('compressed', 4_096),
        key('compressed', 131_072),
        key('delta', 4_096, hex(bases[0])),
        key('delta', 4_096, hex(bases[1])),
        key('delta', 131_072, hex(bases[1])),
      ].sort(order),
    );
    const again = { releaseId: row!.id, maxBases: 2 };
    expect(await fleet.stores.payloads.plan(fleet.scope, again)).toEqual([]);
    // Their jobs are lost.
    await fleet.database.query(`update transfer_payload set created_at = now() - interval '2 days'`);
    expect((await fleet.stores.payloads.plan(fleet.scope, again)).length).toBe(5);
    // Without deltas bundles are compressed all the same.
    await fleet.database.query(`delete from transfer_payload where target_digest = $1`, [next.digest]);
    const none = await fleet.stores.payloads.plan(fleet.scope, { ...again, maxBases: 0 });
    expect(none.map(({ method }) => method)).toEqual(['compressed', 'compressed']);
  });

  it('should not note a transfer under another desired state than its own', async () => {
    const all = await makeFleet(await first(weights(4_000)), ['mute']);
    const number = await start(await first(weights(4_000)), all);
    await eventually(() => expect(all.members[0]!.desired.at(-1)!.deployment).toBeGreaterThan(0), patience);
    const { projectId } = fleet;
    const [state] = await fleet.database.query<{ id: string; revision: number }>(
      `select d.id, ds.revision::int as revision from device d join desired_state ds on ds.device_id = d.id where d.name = $1`,
      [`${all.tag}-0`],
    );
    const { id: deviceId, revision } = state!;
    const digest = randomBytes(32);
    const store = new PgDesiredStore(fleet.database);
    const noted = async () =>
      (await store.load([{ projectId, deviceId, credentialId: deviceId }]))[0]!.bundle!.begunDigest;
    await store.begin([{ projectId, deviceId, revision: revision - 1, digest }]);
    expect(await noted()).toBeUndefined();
    await store.begin([{ projectId, deviceId, revision, digest }]);
    expect(await noted()).toEqual(digest);
    await fleet.operator.abort('person:t', fleet.scope, number);
  });

  it('should keep payloads that are needed and collect the others with their bytes', async () => {
    const base = await first(weights(10_000));
    const all = await makeFleet(base, ['mute']);
    const next = await first(tuned(base.bytes));
    await fleet.makePayloads();
    const digests = async () =>
      (
        await fleet.database.query<{ digest: string }>(
          `select encode(payload_digest, 'hex') as digest from transfer_payload where target_digest = $1 and state = 'ready'`,
          [next.digest],
        )
      ).map(({ digest }) => digest);
    const made = await digests();
    expect(made.length).toBeGreaterThan(0);
    await fleet.database.query(`update transfer_payload set created_at = now() - interval '31 days'`);
    const number = await start(next, all);
    await fleet.stores.payloads.prune(fleet.scope, 30);
    expect(await digests()).toEqual(made);
    await fleet.operator.abort('person:t', fleet.scope, number);
    const orphans = await fleet.stores.payloads.prune(fleet.scope, 30);
    expect(orphans.map((blob) => blob.digest)).toEqual(expect.arrayContaining(made));
    expect(await digests()).toEqual([]);
    for (const digest of made)
      expect(
        createHash('sha256')
          .update(await fleet.blobs.read(digest))
          .digest('hex'),
      ).toBe(digest);
  });

  it('should offer no release after its time', async () => {
    const all = await makeFleet(undefined, ['mute']);
    const release = await first(4_000);
    await fleet.database.query(
      `update release set not_after = now() + interval '1 hour' where sequence = (select max(sequence) from release)`,
    );
    const number = await start(release, all);
    await offered(all.members[0]!, release);
    await fleet.database.query(
      `update release set not_after = now() where sequence = (select max(sequence) from release)`,
    );
    all.members[0]!.end();
    const back = await all.again(0);
    expect(await back.nextDesired()).toMatchObject({ deployment: 0 });
    expect(back.desired[0]!.manifest).toBeUndefined();
    await fleet.operator.abort('person:t', fleet.scope, number);
    await expect(start(release, all)).rejects.toMatchObject({ code: 'releases.expired' });
  });
});
