/** The way back of a release with firmware before its model: both parts, in the order in which every pair has run before. */
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { FirmwareService } from '@tinyfleet/releases';
import { transactOn } from '@tinyfleet/storage';
import { eventually } from '@tinyfleet/testing';
import { verifyManifest, type Desired, type Slot, type UpdateState } from '@tinyfleet/wire';
import { FleetHarness, type SeededRelease } from '../../test/fleet-harness.js';
import { ScriptedDevice } from '../../test/scripted-device.js';

const me = 'person:me@example.org';
const patience = { timeoutMs: 20_000 };
const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** A device of which this test says every word. */
class Gateway {
  private told = 0;
  constructor(
    readonly device: ScriptedDevice,
    readonly name: string,
    readonly filter: string,
  ) {}

  /** `images`: digest and state, the one that runs first. */
  async greet(model: Buffer, images: readonly (readonly [Buffer, Slot['state']])[]): Promise<void> {
    const slot = (digest: Buffer, state: Slot['state']): Slot => ({
      digest,
      state,
      releaseSequence: 2,
      bytes: 9,
    });
    const firmwareSlots = images.map(([digest, state]) => slot(digest, state));
    await this.device.hello({ slots: [slot(model, 'active')], firmwareSlots, firmwareSlotBytes: 1 << 20 });
  }

  /** The next message that names these bytes. */
  async wanted(digest: Buffer): Promise<Desired> {
    const { desired } = this.device;
    return await eventually(() => {
      const at = desired.findIndex(
        (one, i) => i >= this.told && one.transfer && digest.equals(one.transfer.resultDigest),
      );
      if (at < 0) throw new Error(`${digest.toString('hex')} is not desired`);
      this.told = at + 1;
      return desired[at]!;
    }, patience);
  }

  async says(
    desired: Desired,
    component: 'model' | 'firmware',
    state: UpdateState,
    error?: number,
  ): Promise<void> {
    const digest = Buffer.from(desired.transfer!.resultDigest);
    await this.device.state(desired, state, { component, digest, ...(error !== undefined && { error }) });
  }
}

describe('a release of a model and its firmware', () => {
  let fleet: FleetHarness;
  let firmware: FirmwareService;
  let group = 0;
  let versions = 0;
  const devices: ScriptedDevice[] = [];

  beforeAll(async () => {
    fleet = await FleetHarness.start();
    await fleet.startEdge();
    fleet.startConducting();
    firmware = new FirmwareService(transactOn(fleet.database), fleet.blobs, 1 << 20);
    await fleet.keys.ensure(me, fleet.scope);
  });
  afterEach(() => {
    for (const device of devices.splice(0)) device.end();
  });
  afterAll(async () => {
    await fleet?.stop();
    expect(fleet.errors).toEqual([]);
  });

  async function image(name: string, released = false): Promise<{ ref: string; digest: Buffer }> {
    const version = `0.${++versions}.0`;
    const bytes = randomBytes(3_000);
    const content = (async function* () {
      yield await Promise.resolve(new Uint8Array(bytes));
    })();
    const type = await fleet.stores.types.get(fleet.scope, 'wasm');
    const rest = { fileName: 'gateway', provides: {}, from: null, content };
    await firmware.import(me, fleet.scope, { firmware: name, version, type, ...rest });
    if (released) await fleet.releases.add(me, fleet.scope, { model: name, version, notes: '', sign: true });
    return { ref: `${name}@${version}`, digest: sha256(bytes) };
  }

  /** A signed release of a model with this image before it. */
  async function combined(brings: string): Promise<SeededRelease> {
    const release = await fleet.release(2_000, {}, { draft: true });
    const ids = `select r.id as release, fv.id as image, r.project_id from release r
      join model_version v on v.id = r.model_version_id join model m on m.id = v.model_id and m.name || '@' || v.version = $1
      join model fm on fm.project_id = r.project_id join model_version fv on fv.model_id = fm.id and fm.name || '@' || fv.version = $2`;
    await fleet.database.query(
      `with ids as (${ids}), told as (update release set firmware_version_id = ids.image from ids where id = ids.release)
       insert into release_firmware (project_id, release_id, type_id, build_id, digest, bytes, version)
       select ids.project_id, ids.release, b.type_id, b.id, b.bundle_digest, b.bundle_bytes, '1.0.0' from ids
       join build b on b.model_version_id = ids.image`,
      [release.ref, brings],
    );
    await fleet.releases.sign(me, fleet.scope, release.ref);
    return release;
  }

  async function gateway(model: Buffer, runs: Buffer): Promise<Gateway> {
    const name = `gateway-${++group}`;
    const token = (await fleet.register([name], [name])).get(name)!;
    const device = await ScriptedDevice.connect({ port: fleet.port, name, token, behaviour: 'mute' });
    devices.push(device);
    const made = new Gateway(device, name, `tag = "${name}"`);
    await made.greet(model, [[runs, 'active']]);
    await eventually(async () => {
      const detail = await fleet.stores.devices.detail(fleet.scope, name);
      expect(detail.firmwareVersion).toBe('1.0.0');
    }, patience);
    return made;
  }

  const start = async (one: Gateway, release: SeededRelease): Promise<number> =>
    (await fleet.rollouts.start(me, fleet.scope, { filter: one.filter, steps: [100], release: release.ref }))
      .number;
  const deployment = async (number: number) =>
    (await fleet.stores.rollouts.deployments(fleet.scope, number, { limit: 1 })).items[0]!;
  const becomes = async (number: number, like: object): Promise<void> =>
    eventually(async () => expect(await deployment(number)).toMatchObject(like), patience);
  const rollout = (number: number) => fleet.stores.rollouts.get(fleet.scope, number);

  /** Through both parts, to the end. */
  async function install(
    one: Gateway,
    release: SeededRelease,
    { before, brings }: { before: Buffer; brings: Buffer },
  ) {
    const number = await start(one, release);
    await one.says(await one.wanted(brings), 'firmware', 'active');
    await becomes(number, { component: 'model' });
    const model = await one.wanted(release.digest);
    await one.greet(release.digest, [
      [brings, 'active'],
      [before, 'retained'],
    ]);
    await one.says(model, 'model', 'active');
    await becomes(number, { state: 'active' });
    return number;
  }

  it('should go back model first, then firmware, each by a manifest that leads to it', async () => {
    const [old, next] = [await image('up', true), await image('up')];
    const was = await fleet.release(1_000, {}, { sign: true });
    const release = await combined(next.ref);
    const one = await gateway(was.digest, old.digest);
    const number = await install(one, release, { before: old.digest, brings: next.digest });
    await fleet.operator.rollBack(me, fleet.scope, number, { reason: 'too slow' });
    const model = await one.wanted(was.digest);
    await becomes(number, { state: 'returning', component: 'model' });
    await one.says(model, 'model', 'active');
    await becomes(number, { state: 'returning', component: 'firmware' });
    expect((await rollout(number)).state).toBe('rolling-back');
    const back = await one.wanted(old.digest);
    const keys = (await fleet.stores.keys.list(fleet.scope)).map((key) => new Uint8Array(key.publicKey));
    expect(verifyManifest(back.manifest!, { keys, project: 'demo' })).toMatchObject({
      component: 'firmware',
    });
    // On trial: the image that runs is not kept yet, and the other one is still called active.
    await one.greet(was.digest, [
      [old.digest, 'trial'],
      [next.digest, 'active'],
    ]);
    await one.says(back, 'model', 'active');
    await one.says(back, 'firmware', 'trial');
    await expect(deployment(number)).resolves.toMatchObject({ state: 'returning', component: 'firmware' });
    await one.says(back, 'firmware', 'active');
    await becomes(number, { state: 'returned', component: 'firmware' });
    const { firmwareSlots } = await fleet.stores.devices.detail(fleet.scope, one.name);
    expect(firmwareSlots).toMatchObject([
      { digest: old.digest.toString('hex'), state: 'active', firmware: old.ref },
      { digest: next.digest.toString('hex'), state: 'retained', firmware: next.ref },
    ]);
    await eventually(async () =>
      expect(await rollout(number)).toMatchObject({
        state: 'rolled-back',
        reason: '1 devices are back on the version before',
        counts: { returned: 1 },
      }),
    );
  });

  it('should take back firmware alone while the model was not offered yet', async () => {
    const [old, next] = [await image('soak', true), await image('soak')];
    const was = await fleet.release(1_000, {}, { sign: true });
    const one = await gateway(was.digest, old.digest);
    const number = await start(one, await combined(next.ref));
    await one.says(await one.wanted(next.digest), 'firmware', 'soak');
    await becomes(number, { state: 'soak', component: 'firmware' });
    await fleet.operator.rollBack(me, fleet.scope, number);
    const back = await one.wanted(old.digest);
    await one.greet(was.digest, [
      [next.digest, 'trial'],
      [old.digest, 'active'],
    ]);
    await one.says(back, 'firmware', 'queued');
    await expect(deployment(number)).resolves.toMatchObject({ state: 'returning', component: 'firmware' });
    await one.greet(was.digest, [
      [old.digest, 'active'],
      [next.digest, 'staged'],
    ]);
    await becomes(number, { state: 'returned' });
  });

  it('should say so of a device whose old image nobody has', async () => {
    const next = await image('bare');
    const was = await fleet.release(1_000, {}, { sign: true });
    const byCable = randomBytes(32);
    const one = await gateway(was.digest, byCable);
    const number = await install(one, await combined(next.ref), { before: byCable, brings: next.digest });
    await fleet.operator.rollBack(me, fleet.scope, number);
    await one.says(await one.wanted(was.digest), 'model', 'active');
    await becomes(number, { state: 'failed', errorTitle: expect.stringMatching(/its firmware is not/) });
    await eventually(async () =>
      expect(await rollout(number)).toMatchObject({
        state: 'rolled-back',
        reason: '0 devices are back on the version before, 1 have failed',
      }),
    );
    await one.greet(was.digest, [[next.digest, 'active']]);
    await expect(deployment(number)).resolves.toMatchObject({ state: 'failed' });
  });

  it('should try the fallback where the device refuses the image that it ran', async () => {
    // It ran an image of other firmware, so the fallback leads elsewhere.
    const [other, fallback, next] = [
      await image('others', true),
      await image('own', true),
      await image('own'),
    ];
    const was = await fleet.release(1_000, {}, { sign: true });
    const one = await gateway(was.digest, other.digest);
    const number = await install(one, await combined(next.ref), {
      before: other.digest,
      brings: next.digest,
    });
    await fleet.operator.rollBack(me, fleet.scope, number);
    await one.says(await one.wanted(was.digest), 'model', 'active');
    await one.says(await one.wanted(other.digest), 'firmware', 'failed', 203);
    const last = await one.wanted(fallback.digest);
    await becomes(number, { state: 'returning', component: 'firmware' });
    await one.says(last, 'firmware', 'active');
    await becomes(number, { state: 'returned' });
  });

  it('should not call a device active whose boot loader has fallen back to other firmware', async () => {
    const [old, next] = [await image('rot', true), await image('rot')];
    const was = await fleet.release(1_000, {}, { sign: true });
    const release = await combined(next.ref);
    const one = await gateway(was.digest, old.digest);
    const number = await install(one, release, { before: old.digest, brings: next.digest });
    await one.greet(release.digest, [[old.digest, 'active']]);
    await becomes(number, { state: 'reverted', errorTitle: 'it was active and runs other firmware now' });
  });
});
