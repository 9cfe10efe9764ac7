/** Firmware in the database: images, and releases of it alone or before a model. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { versionOrder, type ProjectScope } from '@tinyfleet/contracts';
import { CATALOGUE } from '@tinyfleet/registry';
import { FirmwareService, ReleaseService, SecretSealer, SigningKeyService } from '@tinyfleet/releases';
import { DirectoryBlobStore, PgStores, transactOn } from '@tinyfleet/storage';
import { verifyManifest } from '@tinyfleet/wire';
import { uuidv7 } from 'uuidv7';
import { startTestDatabase, temporaryDirectory, type TestDatabase } from './test-database.js';

let test: TestDatabase;
let stores: PgStores;
let scope: ProjectScope;
let firmware: FirmwareService;
let releases: ReleaseService;

const bytesOf = async function* (text: string): AsyncIterable<Uint8Array> {
  yield await Promise.resolve(new TextEncoder().encode(text));
};
const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');

async function image(version: string, text = `gateway ${version}`, more: object = {}): Promise<void> {
  await firmware.import('test', scope, {
    firmware: 'gateway',
    version,
    type: await stores.types.get(scope, 'posix'),
    fileName: 'gateway.elf',
    provides: {},
    from: null,
    content: bytesOf(text),
    ...more,
  });
}

const needs = {
  abi: 65_536,
  opSet: '08',
  ownOpSet: '',
  arenaBytes: 100,
  stateBytes: 0,
  classes: 2,
  schemaCrc: 9,
};
async function model(version: string, arenaBytes = 100): Promise<void> {
  const source = { digest: digestOf(version), bytes: 10 };
  await stores.models.lock(scope, 'kws');
  await stores.models.addVersion(scope, {
    ...{
      model: 'kws',
      version,
      versionOrder: versionOrder(version),
      format: 'tflite',
      fileName: 'kws.tflite',
    },
    ...{ source, contract: { inputs: [], outputs: [], operators: {}, macs: 1 }, inspection: {} },
    ...{ labels: ['yes', 'no'], createdBy: 'test' },
  });
  for (const type of ['posix', 'wasm']) {
    const ref = { model: 'kws', version, type };
    const request = { ...(await stores.builds.source(scope, ref)), options: {}, createdBy: 'test' };
    const { id } = await stores.builds.ensure(scope, { ...request, optionsDigest: '00'.repeat(32) });
    await stores.builds.begin(scope, id);
    await stores.builds.succeed(scope, id, {
      bundle: { digest: digestOf(`${version} ${type}`), bytes: 10 },
      report: { goldenVectors: 4 },
      needs: { ...needs, arenaBytes },
    });
  }
}

beforeAll(async () => {
  test = await startTestDatabase();
  stores = new PgStores(test.database);
  const transact = transactOn(test.database);
  const blobs = new DirectoryBlobStore(await temporaryDirectory());
  const keys = new SigningKeyService(stores, transact, new SecretSealer(Buffer.alloc(32)), uuidv7);
  firmware = new FirmwareService(transact, blobs, 100);
  releases = new ReleaseService(stores, transact, keys);
  const project = { title: '', simulated: false, windowSeconds: 60, pickEvery: 0, name: 'shop' };
  scope = await stores.projects.add(project, null);
  await stores.types.refreshBuiltIn(scope, CATALOGUE);
});
afterAll(async () => {
  await test.stop();
});

describe('firmware', () => {
  it('should keep an image once per version and type, with what the type says of it', async () => {
    await image('1.0.0');
    await image('1.0.0');
    await expect(image('1.0.0', 'other bytes')).rejects.toMatchObject({ code: 'firmware.image-exists' });
    const { items } = await stores.firmware.images(scope, 'gateway', { limit: 10 });
    const type = await stores.types.get(scope, 'posix');
    expect(items).toEqual([
      expect.objectContaining({
        version: '1.0.0',
        deviceType: 'posix',
        digest: digestOf('gateway 1.0.0'),
        provides: expect.objectContaining({ abi: type.abi, arenaBytes: type.arenaBytes, sensors: null }),
      }),
    ]);
  });

  it('should refuse what cannot be, by code', async () => {
    await expect(image('9.0.0', '')).rejects.toMatchObject({ code: 'firmware.invalid' });
    await expect(image('9.0.0', 'x', { provides: { ops: ['NO_OP'] } })).rejects.toMatchObject({
      code: 'firmware.invalid',
    });
    await expect(image('9.0.0', 'x', { provides: { sensors: ['nose'] } })).rejects.toMatchObject({
      code: 'firmware.invalid',
    });
    await image('8.0.0', 'x'.repeat(100));
    await expect(image('9.0.0', 'x'.repeat(101))).rejects.toMatchObject({ code: 'storage.blob-too-large' });
    await firmware.remove('test', scope, 'gateway', '8.0.0');
    await expect(firmware.remove('test', scope, 'gateway', '8.0.0')).rejects.toMatchObject({
      code: 'firmware.version-not-found',
    });
  });

  it('should keep names of models and firmware apart', async () => {
    await expect(stores.models.lock(scope, 'gateway')).rejects.toMatchObject({ code: 'firmware.name-taken' });
    expect((await stores.models.list(scope, { limit: 10 })).items.map(({ name }) => name)).toEqual([]);
    await expect(stores.models.version(scope, 'gateway', '1.0.0')).rejects.toMatchObject({
      code: 'models.not-found',
    });
    expect((await stores.builds.list(scope, {}, { limit: 10 })).items).toEqual([]);
  });

  it('should be a release of its own, whose fallback leads to the image before', async () => {
    await image('1.1.0');
    for (const version of ['1.0.0', '1.1.0'])
      await releases.add('test', scope, { model: 'gateway', version, notes: '', sign: true });
    const release = await stores.releases.get(scope, 'gateway@1.1.0');
    expect(release).toMatchObject({ component: 'firmware', state: 'approved', firmware: null });
    const { artifacts } = await stores.releases.toSign(scope, 'gateway@1.1.0');
    expect(artifacts[0]?.previous?.digest).toBe(digestOf('gateway 1.0.0'));
    await expect(firmware.remove('test', scope, 'gateway', '1.0.0')).rejects.toMatchObject({
      code: 'firmware.in-release',
    });
  });

  it('should come before a model, in the types that have an image, under the same sequence', async () => {
    await model('1.0.0');
    await image('1.2.0');
    const request = { model: 'kws', version: '1.0.0', firmware: 'gateway@1.2.0', notes: '', sign: true };
    const { sequence, firmware: carried } = await releases.add('test', scope, request);
    expect(carried).toMatchObject({ ref: 'gateway@1.2.0', images: [{ deviceType: 'posix' }] });
    const rows = await test.database.query<{ model: Buffer; image: Buffer; back: Buffer }>(
      `select a.manifest as model, f.manifest as image, f.fallback_manifest as back
       from release_firmware f join release_artifact a using (project_id, release_id, type_id)`,
    );
    expect(rows).toHaveLength(1);
    const keys = (await stores.keys.list(scope)).map(({ publicKey }) => new Uint8Array(publicKey));
    const { model: own, image: before, back } = rows[0]!;
    const contents = [own, before, back].map((bytes) =>
      verifyManifest(new Uint8Array(bytes), { keys, project: 'shop' }),
    );
    expect(contents).toMatchObject([
      { component: 'model', sequence, conditions: { firmwareMin: '1.2.0' } },
      { component: 'firmware', sequence },
      { component: 'firmware', sequence: sequence + 1 },
    ]);
    expect(Buffer.from(contents[2]!.digest).toString('hex')).toBe(digestOf('gateway 1.1.0'));
  });

  it('should not go before a model that it cannot run, nor before firmware', async () => {
    await model('2.0.0', 2 ** 31);
    const release = (name: string, version: string, before: string) =>
      releases.add('test', scope, { model: name, version, firmware: before, notes: '', sign: false });
    await expect(release('kws', '2.0.0', 'gateway@1.2.0')).rejects.toMatchObject({
      code: 'releases.firmware-unfit',
    });
    await expect(release('kws', '2.0.0', 'gateway@7.0.0')).rejects.toMatchObject({
      code: 'firmware.version-not-found',
    });
    await expect(release('kws', '2.0.0', 'nothing@7.0.0')).rejects.toMatchObject({
      code: 'firmware.not-found',
    });
    await expect(release('gateway', '1.2.0', 'gateway@1.1.0')).rejects.toMatchObject({
      code: 'releases.firmware-alone',
    });
    await image('3.0.0', 'for another type', { type: await stores.types.get(scope, 'qemu-m4') });
    await expect(release('kws', '2.0.0', 'gateway@3.0.0')).rejects.toMatchObject({
      code: 'releases.firmware-missing',
    });
  });
});
