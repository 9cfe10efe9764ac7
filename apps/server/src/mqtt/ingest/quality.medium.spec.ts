/** From messages of devices to what the quality pages say: estimates without labels, labels by file and by queue, samples. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  DriftMapService,
  EstimateService,
  LabelQueueService,
  QualityService,
  SampleService,
  parseLabelFile,
} from '@tinyfleet/quality';
import {
  PgAuditLog,
  PgEstimateStore,
  PgLabelQueueStore,
  PgQualityStore,
  PgRollupStore,
  PgSampleStore,
} from '@tinyfleet/storage';
import { eventually } from '@tinyfleet/testing';
import { encode, packHistogram, packPicks, type Sample } from '@tinyfleet/wire';
import { FleetHarness, type SeededRelease } from '../../../test/fleet-harness.js';
import { ScriptedDevice } from '../../../test/scripted-device.js';

/** By class: how often each bin of confidence came in validation data, and how often rightly. */
const ROW = [0, 0, 0, 0, 100, 100, 100, 200];
const RIGHT = [0, 0, 0, 0, 55, 65, 80, 190];
const ACCURACY = 0.78;

describe('quality over the edge', () => {
  let fleet: FleetHarness;
  let release: SeededRelease;
  let device: ScriptedDevice;
  let estimates: EstimateService;
  let quality: QualityService;
  let queue: LabelQueueService;
  let samples: SampleService;
  let bootId: bigint;
  const bootHex = () => BigInt.asUintN(64, bootId).toString(16).padStart(16, '0');

  beforeAll(async () => {
    fleet = await FleetHarness.start();
    const tokens = await fleet.register(['q']);
    release = await fleet.release(1_000);
    await fleet.startEdge();
    const { database } = fleet;
    estimates = new EstimateService(new PgEstimateStore(database));
    quality = new QualityService(new PgQualityStore(database), async (work) =>
      database.transaction(async (tx) => work({ labels: new PgQualityStore(tx), audit: new PgAuditLog(tx) })),
    );
    queue = new LabelQueueService(new PgLabelQueueStore(database), async (work) =>
      database.transaction(async (tx) =>
        work({ queue: new PgLabelQueueStore(tx), audit: new PgAuditLog(tx) }),
      ),
    );
    samples = new SampleService(new PgSampleStore(database), async (work) =>
      database.transaction(async (tx) => work({ samples: new PgSampleStore(tx), audit: new PgAuditLog(tx) })),
    );
    device = await ScriptedDevice.connect({ port: fleet.port, name: 'q', token: tokens.get('q')! });
    await device.hello();
    bootId = device.envelope().bootId;
  });
  afterAll(async () => {
    device?.end();
    await fleet?.stop();
    expect(fleet.errors).toEqual([]);
  });

  /** A thousand predictions as validation data had them. */
  const window = (changes: Parameters<ScriptedDevice['window']>[1] = {}) =>
    device.window(release.digest, {
      n: 1_000,
      classes: packHistogram([...ROW, ...ROW]),
      startUnixMs: Date.now(),
      ...changes,
    });
  const folded = () =>
    eventually(async () => {
      const [open] = await fleet.database.query<{ n: number }>(
        'select count(*)::int as n from telemetry_batch where folded_at is null',
      );
      expect(open!.n).toBe(0);
    });
  const series = async () => (await estimates.series(fleet.scope, {})).totals;

  it('should abstain without validation data, and say how to add it', async () => {
    await window();
    await folded();
    const [total] = await series();
    expect(total).toMatchObject({
      release: release.ref,
      n: 1_000,
      value: null,
      low: null,
      basis: 'predictions',
    });
    expect(total!.abstains).toMatchObject({ reason: 'no-validation-data' });
    expect(total!.abstains!.words).toContain('--validation');
  });

  it('should estimate with the baseline of the build, for the fleet and for each device', async () => {
    const baseline = { samples: 1_000, accuracy: ACCURACY, histogram: [ROW, ROW], correct: [RIGHT, RIGHT] };
    await fleet.database.query(
      `insert into build_baseline (project_id, build_id, model_version_id, schema_crc, data)
       select project_id, id, model_version_id, 0, $2 from build where project_id = $1`,
      [fleet.projectId, JSON.stringify({ ...baseline, features: [], ood: null })],
    );
    const { points, totals, bucketSeconds } = await estimates.series(fleet.scope, {});
    expect(bucketSeconds).toBeGreaterThanOrEqual(3_600);
    expect(points).toHaveLength(1);
    expect(totals[0]).toMatchObject({ abstains: null, labels: 0, basis: 'predictions' });
    expect(totals[0]!.value).toBeCloseTo(ACCURACY, 2);
    expect(totals[0]!.low!).toBeLessThan(ACCURACY);
    expect(totals[0]!.high!).toBeGreaterThan(ACCURACY);
    // Confident is right more often: better than by chance.
    expect(totals[0]!.auc!).toBeGreaterThan(0.6);
    const { group, items } = await estimates.devices(fleet.scope, {
      release: release.ref,
      days: 2,
      limit: 10,
    });
    expect(items).toMatchObject([{ device: 'q', n: 1_000, abstains: null }]);
    expect(group).toMatchObject({ devices: 1 });
    await expect(
      estimates.devices(fleet.scope, { release: 'kws@9.9.9', days: 2, limit: 10 }),
    ).rejects.toMatchObject({ code: 'models.version-not-found' });
    const compare = (filter: string) =>
      estimates.compare(fleet.scope, {
        ...{ release: release.ref, filter, againstFilter: 'not name = "q"', days: 2 },
      });
    const { cohorts, difference, words } = await compare('name = "q"');
    expect(cohorts).toMatchObject([
      { devices: 1, n: 1_000, value: null, abstains: { reason: 'too-few-devices' } },
      { devices: 0, n: 0, value: null },
    ]);
    expect(difference).toBeNull();
    expect(words).toEqual([expect.stringMatching(/^No device of the second predicted/)]);
    await expect(compare('name =')).rejects.toMatchObject({ code: 'registry.filter-invalid' });
    const drift = new DriftMapService(new PgEstimateStore(fleet.database));
    const own = await drift.device(fleet.scope, { device: 'q', days: 2 });
    expect(own).toMatchObject({ release: release.ref, n: 1_000, without: 0 });
    expect(own.features).toMatchObject([
      {
        feature: 'confidence',
        counts: ROW.map((count) => 2 * count),
        baseline: ROW.map((count) => 2 * count),
      },
      { feature: 'predicted classes', counts: [500, 500], share: 0, isFar: false },
    ]);
    expect(await drift.device(fleet.scope, { device: 'other', days: 2 })).toMatchObject({ releases: [] });
  });

  it('should give out predictions half by chance, once each, and count what was picked apart', async () => {
    for (let at = 0; at < 64; at += 16) {
      const picks = Array.from({ length: 16 }, (_, i) => ({
        offset: i,
        predicted: 1,
        confidence: 100 + at + i,
      }));
      await window({ firstIndex: 5_000 + at, picks: packPicks(picks) });
    }
    const first = (await queue.claim('a', fleet.scope, { count: 10 })).items;
    const second = (await queue.claim('b', fleet.scope, { count: 10 })).items;
    const indexes = [...first, ...second].map(({ inferenceIndex }) => inferenceIndex);
    expect(new Set(indexes).size).toBe(20);
    expect(first.filter(({ reason }) => reason === 'chance')).toHaveLength(5);
    const unsure = first.filter(({ reason }) => reason === 'unsure');
    expect(unsure).toHaveLength(5);
    // Of the half that is not kept for chance these are the least sure.
    expect(Math.max(...unsure.map(({ confidence }) => confidence))).toBeLessThan(
      Math.min(...second.filter(({ reason }) => reason === 'unsure').map(({ confidence }) => confidence)),
    );
    expect(first[0]).toMatchObject({
      device: 'q',
      bootId: bootHex(),
      release: release.ref,
      classes: ['a', 'b'],
    });
    await quality.addLabels('a', fleet.scope, {
      source: 'test',
      labels: first.map(({ inferenceIndex }) => ({
        device: 'q',
        bootId: bootHex(),
        inferenceIndex,
        label: 'b',
      })),
    });
    const labelled = await estimates.labelled(fleet.scope, { release: release.ref });
    expect(labelled).toMatchObject({ asked: 5, accuracy: { n: 5, correct: 5 }, classes: ['a', 'b'] });
    expect(labelled.confusion).toEqual([
      [0, 0],
      [0, 5],
    ]);
    expect(await queue.counts(fleet.scope)).toMatchObject({ claimed: 10, labelled: 10, unlabelled: 54 });
    expect((await series())[0]).toMatchObject({ labels: 5 });
  });

  it('should hold what labels show of two sets of devices against each other', async () => {
    const compare = async (filter: string) =>
      estimates.compare(fleet.scope, {
        release: release.ref,
        filter,
        againstFilter: 'not name = "q"',
        days: 2,
      });
    const { accuracy } = await estimates.labelled(fleet.scope, { release: release.ref });
    const { cohorts } = await compare('name = "q"');
    expect(accuracy.n).toBeGreaterThan(0);
    expect(cohorts[0].labelled).toMatchObject({ devices: 1, n: accuracy.n, correct: accuracy.correct });
    expect(cohorts[1].labelled).toBeNull();
  });

  it('should free what was not labelled in time, keep what was skipped, and put first what was asked for', async () => {
    await fleet.database.query(`update label_task set claimed_until = now() where state = 'claimed'`);
    const [one] = (await queue.claim('c', fleet.scope, { count: 1 })).items;
    const item = { device: 'q', bootId: bootHex(), inferenceIndex: one!.inferenceIndex };
    expect(await queue.skip('c', fleet.scope, [item], 'cannot tell')).toEqual({ skipped: 1 });
    const { opened } = await queue.open('c', fleet.scope, { devices: ['q'], perDevice: 3, note: 'alert 1' });
    expect(opened).toBe(3);
    const { items } = await queue.claim('d', fleet.scope, { count: 8 });
    expect(items.filter(({ reason }) => reason === 'asked')).toHaveLength(3);
    expect(items[0]).toMatchObject({ reason: 'asked', note: 'alert 1' });
    expect(items.map(({ inferenceIndex }) => inferenceIndex)).not.toContain(item.inferenceIndex);
    // Enough for all there are: those that were asked for are free again as that alone, and once.
    await fleet.database.query(`update label_task set claimed_until = now() where state = 'claimed'`);
    const all = (await queue.claim('d', fleet.scope, { count: 100 })).items;
    expect(all.filter(({ reason }) => reason === 'asked')).toHaveLength(3);
    expect(new Set(all.map(({ inferenceIndex }) => inferenceIndex)).size).toBe(all.length);
    await expect(
      queue.open('c', fleet.scope, { devices: ['nobody'], perDevice: 1, note: '' }),
    ).rejects.toMatchObject({ code: 'registry.device-not-found' });
  });

  it('should go on where a page was, give back what is left, and take back a label out of all sums', async () => {
    await fleet.database.query(`update label_task set claimed_until = now() where state = 'claimed'`);
    const claim = async (by: string, count: number, resume = true) =>
      (await queue.claim(by, fleet.scope, { count, resume })).items.map(
        ({ device: name, bootId: boot, inferenceIndex }) => ({
          ...{ device: name, bootId: boot, inferenceIndex },
        }),
      );
    const first = await claim('e', 4);
    // Loaded again, with room for two more; without `resume` others, and nobody else gets them.
    const again = await claim('e', 6);
    expect(again).toHaveLength(6);
    expect(again).toEqual(expect.arrayContaining(first));
    const indexes = (items: typeof first) => items.map(({ inferenceIndex }) => inferenceIndex);
    const others = [...(await claim('e', 2, false)), ...(await claim('f', 4))];
    expect(indexes(others).filter((one) => indexes(again).includes(one))).toEqual([]);

    const [one, two] = again as [(typeof again)[0], (typeof again)[0]];
    const state = async () => ({
      labelled: (await estimates.labelled(fleet.scope, { release: release.ref })).accuracy.n,
      asked: (await estimates.labelled(fleet.scope, { release: release.ref })).asked,
      all: (await queue.counts(fleet.scope)).labelled,
    });
    const before = await state();
    const label = async (by: string, item: typeof one, value: string) =>
      await quality.addLabels(by, fleet.scope, { source: 'ui', labels: [{ ...item, label: value }] });
    await label('e', one, 'a');
    expect((await state()).all).toBe(before.all + 1);
    await queue.skip('e', fleet.scope, [two], 'unclear');
    // Not of somebody else, and not twice.
    expect((await queue.undo('f', fleet.scope, [one, two])).items).toEqual([]);
    const undone = await queue.undo('e', fleet.scope, [one, two]);
    expect(undone.items.map(({ inferenceIndex }) => inferenceIndex).sort()).toEqual(
      indexes([one, two]).sort(),
    );
    expect((await queue.undo('e', fleet.scope, [one])).items).toEqual([]);
    expect(await state()).toEqual(before);
    // The other label counts now, once.
    expect(await label('e', one, 'b')).toEqual({ accepted: 1, duplicates: 0 });
    expect((await state()).all).toBe(before.all + 1);

    const held = (await queue.counts(fleet.scope)).claimed;
    expect(await queue.giveBack('f', fleet.scope, [two])).toEqual({ returned: 0 });
    expect(await queue.giveBack('e', fleet.scope, [two])).toEqual({ returned: 1 });
    const { returned } = await queue.giveBack('e', fleet.scope, undefined);
    expect(returned).toBe(6);
    expect((await queue.counts(fleet.scope)).claimed).toBe(held - 7);
    expect(indexes(await claim('g', 20))).toEqual(expect.arrayContaining(indexes([two])));
  });

  it('should score an old hour again when its labels come late', async () => {
    const hourAgo = Math.floor(Date.now() / 3_600_000 - 5) * 3_600_000;
    const picks = Array.from({ length: 8 }, (_, i) => ({ offset: i, predicted: 0, confidence: 200 }));
    await window({ startUnixMs: hourAgo, firstIndex: 20_000, picks: packPicks(picks) });
    await folded();
    const at = async () =>
      (await quality.accuracy(fleet.scope, { from: new Date(hourAgo).toISOString() })).points.find(
        (point) => Date.parse(point.at) === hourAgo,
      );
    expect(await at()).toBeUndefined();
    await quality.addLabels('late', fleet.scope, {
      source: 'api',
      labels: picks.map(({ offset }) => ({
        ...{ device: 'q', bootId: bootHex(), inferenceIndex: 20_000 + offset },
        label: offset < 2 ? 'b' : 'a',
      })),
    });
    expect(await at()).toMatchObject({ release: release.ref, labels: 8, correct: 6 });
    const point = (
      await estimates.series(fleet.scope, { from: new Date(hourAgo).toISOString() })
    ).points.find((one) => Date.parse(one.at) === hourAgo);
    expect(point).toMatchObject({ labels: 8 });
  });

  it('should complete sums of labels from the labels that are kept when a day is made anew', async () => {
    const { database, projectId } = fleet;
    const tables = ['accuracy_hour', 'accuracy_span', 'accuracy_cell', 'confusion_day'];
    const stored = async () =>
      await Promise.all(
        tables.map(async (table) => {
          // What was taken back leaves a row of none.
          const none = table === 'accuracy_span' ? 'labels + asked' : 'n';
          return await database.query(
            `select to_jsonb(t)::text as row from ${table} t where project_id = $1 and ${none} > 0 order by 1`,
            [projectId],
          );
        }),
      );
    const day = 86_400_000;
    const today = Math.floor(Date.now() / day) * day;
    const rebuild = async (): Promise<number> => {
      const rollups = new PgRollupStore(database);
      const made = [today - day, today].map(async (ms) => await rollups.rebuild(fleet.scope, ms));
      return (await Promise.all(made)).reduce((sum, { labels }) => sum + labels, 0);
    };
    const before = await stored();
    expect(before.every((rows) => rows.length > 0)).toBe(true);
    expect(before[0]!.some(({ row }) => String(row).includes('"by_chance": false'))).toBe(true);
    expect(await rebuild()).toBe(0);
    expect(await stored()).toEqual(before);
    for (const table of tables)
      await database.query(`delete from ${table} where project_id = $1`, [projectId]);
    expect(await rebuild()).toBeGreaterThan(8);
    expect(await stored()).toEqual(before);
    // Of a removed device, whose predictions are gone.
    await database.query('update accuracy_hour set n = n + 1 where project_id = $1 and by_chance', [
      projectId,
    ]);
    const [hours] = await stored();
    expect(await rebuild()).toBe(0);
    expect((await stored())[0]).toEqual(hours);
    await database.query('update accuracy_hour set n = n - 1 where project_id = $1 and by_chance', [
      projectId,
    ]);
  });

  it('should import labels from a file all or none, name wrong rows by line, and take the same file again', async () => {
    const file = (...rows: string[]) =>
      Buffer.from(['label,device,bootId,inferenceIndex', ...rows, ''].join('\n'));
    const good = [`1,q,${bootHex()},9000`, `"0",q,${bootHex()},9001`];
    const run = (rows: string[], dryRun = false) =>
      quality.importLabels('a', fleet.scope, file(...rows), { dryRun, source: 'csv' });
    await expect(run([...good, `1,nobody,${bootHex()},1`, `z,q,${bootHex()},9002`])).rejects.toMatchObject({
      code: 'telemetry.labels-refused',
      data: {
        count: 2,
        errors: [
          { line: 4, column: 'device', code: 'registry.device-not-found' },
          { line: 5, column: 'label', code: 'telemetry.label-unknown' },
        ],
      },
    });
    expect(await run(good, true)).toEqual({ rows: 2, accepted: 2, duplicates: 0, dryRun: true });
    expect(await run(good)).toEqual({ rows: 2, accepted: 2, duplicates: 0, dryRun: false });
    expect(await run(good)).toEqual({ rows: 2, accepted: 0, duplicates: 2, dryRun: false });
  });

  it('should say what is wrong with a file by itself', () => {
    const parse = (text: string) => () =>
      parseLabelFile(Buffer.from(text), { rows: 2, bytes: 200, errors: 1 });
    const head = 'device,bootId,inferenceIndex,label\n';
    expect(parse('device,label\n')).toThrow(/no column bootId/);
    expect(parse('')).toThrow(/it has nothing/);
    expect(parse(`${head}q,xyz,1,2\nq,0000000100000001,-1,2\n`)).toThrow(
      expect.objectContaining({ data: { count: 2, errors: [expect.objectContaining({ line: 2 })] } }),
    );
    expect(parse(`${head}${'q,0000000100000001,1,2\n'.repeat(2)}`)()).toHaveLength(2);
    expect(parse(`${head}${'q,0000000100000001,1,2\n'.repeat(3)}`)).toThrow(/more than 2 rows/);
    // What comes behind the row that is one too many is not looked at.
    expect(parse(`${head}${'q,0000000100000001,1,2\n'.repeat(3)}"`)).toThrow(/more than 2 rows/);
    expect(parse('x'.repeat(201))).toThrow(/more than 200 bytes/);
  });

  it('should keep samples only where the project allows it, whole, within the budget, for their time', async () => {
    const data = Uint8Array.from({ length: 1_000 }, (_, i) => i & 255);
    const part = (
      index: number,
      offset: number,
      to: number,
      changes: Partial<Sample> = {},
    ): Promise<void> => {
      const whole = { build: release.digest.subarray(0, 8), index, ask: 1, bytes: data.length };
      const message = { ...device.envelope(), ...whole, offset, data: data.subarray(offset, to), ...changes };
      return device.publish('sample', encode('sample', message));
    };
    const list = async () =>
      (await new PgSampleStore(fleet.database).list(fleet.scope, {}, { limit: 10 })).items;
    await part(1, 0, 512);
    expect(await list()).toEqual([]);

    await samples.setSettings('a', fleet.scope, {
      enabled: true,
      retentionDays: 3,
      bytesPerDeviceDay: 2_000,
    });
    // The second part first, and one of them twice.
    await part(2, 512, 1_000, { predicted: 1, confidence: 51, encoding: 'int16-le' });
    const [open] = await list();
    expect(open).toMatchObject({ complete: false, bytes: 1_000 });
    await expect(samples.file('a', fleet.scope, open!.id)).rejects.toMatchObject({
      code: 'telemetry.sample-incomplete',
    });
    await part(2, 0, 512);
    await part(2, 0, 512);
    await part(3, 0, 1_000);
    // A third one has no room.
    await part(4, 0, 1_000);
    const kept = await list();
    expect(kept.map(({ inferenceIndex, complete }) => [inferenceIndex, complete])).toEqual([
      [3, true],
      [2, true],
    ]);
    expect(kept[1]).toMatchObject({ device: 'q', release: release.ref, confidence: 0.2, encoding: 'int16' });
    const file = await samples.file('a', fleet.scope, kept[1]!.id);
    expect([file.length % 64, Buffer.from(file.subarray(128)).equals(data)]).toEqual([1_000 % 64, true]);
    expect(Buffer.from(file.subarray(0, 128)).toString('latin1')).toContain('(1, 500)');
    const [day] = await fleet.database.query('select bytes::int, refused from sample_day');
    expect(day).toEqual({ bytes: 2_000, refused: 1 });

    await fleet.database.query(
      `update sample set received_at = now() - interval '73 hours' where inference_index = 2`,
    );
    expect(await fleet.sweep()).toEqual({ samples: 1 });
    expect((await list()).map(({ inferenceIndex }) => inferenceIndex)).toEqual([3]);
    await samples.remove('a', fleet.scope, kept[0]!.id);
    expect(await list()).toEqual([]);
    // Parts that overlap take no more room than the whole.
    await samples.setSettings('a', fleet.scope, {
      ...{ enabled: true, retentionDays: 3, bytesPerDeviceDay: 3_000 },
    });
    for (const offset of [1, 2, 3, 4]) await part(5, offset, offset + 400);
    const [room] = await fleet.database.query(
      'select sum(octet_length(data))::int as bytes from sample_part',
    );
    expect(room).toEqual({ bytes: 800 });
    const refused = async (changes: Partial<Sample>) => {
      await part(9, 0, 10, changes);
      const [row] = await fleet.database.query<{ count: number; kept: number }>(
        `select count::int, octet_length(sample) as kept from ingest_refusal where code = 'telemetry.sample-invalid'`,
      );
      // What a device measured is not kept as evidence, whatever was wrong with its message.
      expect(row?.kept ?? 0).toBe(0);
      return row?.count ?? 0;
    };
    expect(await refused({ bytes: 65_536 })).toBe(0);
    expect(await refused({ bytes: 65_537 })).toBe(1);
    expect(await refused({ bytes: 10, offset: 1 })).toBe(2);
  });
});
