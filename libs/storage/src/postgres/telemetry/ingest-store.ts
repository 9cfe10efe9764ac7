/** One ingest batch, one transaction: reports, windows by binary COPY, picks, refusals, and the events that tell. */
import { setTimeout as pause } from 'node:timers/promises';
import { FleetError, isFleetError } from '@tinyfleet/errors';
import {
  acceptWindow,
  defaultWindowPolicy,
  type IngestBatch,
  type IngestOutcome,
  type IngestStore,
  type PickRow,
  type Refusal,
  type RefusedWindow,
  type WindowPolicy,
  type WindowRow,
  type WindowSource,
} from '@tinyfleet/telemetry';
import type pg from 'pg';
import type { Database, Tx } from '../database.js';
import { namedQuery } from '../queries/index.js';
import { BootClocks } from './boot-clocks.js';
import { BundleNames, type FindBundle } from './bundle-names.js';
import { DoubtedDevices } from './doubted-devices.js';
import { withLiterals, type Statement } from '../literals.js';
import { BatchIds } from './batch-ids.js';
import { Outbox } from './outbox.js';
import type { RecentBatches } from './recent-batches.js';
import { ReportedAttributes } from './reported-attributes.js';
import { storeReports } from './reports.js';
import { storeSamples } from './samples.js';
import { isLockTimeout } from './window-days.js';
import { copyIn } from '../binary-copy.js';
import { copyWindowsInto, encodeWindows } from './window-copy.js';
import { WindowPolicies } from './window-policies.js';

const dayMs = 86_400_000;
/** Of a refused payload, as evidence. */
const sampleBytes = 512;
/** Of making a day's partition; each waits a second, and the writers behind it no longer than that. */
const dayAttempts = 10;
const dayPauseMs = 1_000;

const isEmpty = ({ hellos, states, windows, refusals, samples = [] }: IngestBatch): boolean =>
  [hellos, states, windows, refusals, samples].every(({ length }) => length === 0);

/** What a transaction answers to before it goes on. */
const hasQuestions = ({ hellos, states, samples = [], isBackfill }: IngestBatch): boolean =>
  isBackfill === true || [hellos, states, samples].some(({ length }) => length > 0);

/** The other rows need not outlive their bytes: a garbage collector that meets them twice keeps them. */
const haveBattery = (rows: readonly WindowRow[]): WindowRow[] =>
  rows.filter(({ batteryPercent }) => batteryPercent !== null);

interface Fresh {
  readonly projectId: string;
  readonly windows: number;
  readonly devices: number;
  readonly inferences: number;
}

interface Accepted {
  readonly fresh: WindowRow[];
  readonly doubtful: readonly WindowRow[];
  readonly picks: readonly PickRow[];
  readonly refusedWindows: RefusedWindow[];
}
interface Inserted {
  readonly batchId: string;
  readonly stored: number;
  /** As they were sent. */
  readonly parts: readonly Buffer[];
}

export class PgIngestStore implements IngestStore {
  private readonly clocks = new BootClocks();
  private readonly bundles = new BundleNames();
  private readonly policies: WindowPolicies;
  private readonly days = new Set<number>();
  private readonly doubted = new DoubtedDevices();
  private readonly reported: ReportedAttributes;
  private readonly batchIds: BatchIds;
  /** Connections that have the stage. */
  private readonly staged = new WeakSet<pg.ClientBase>();

  constructor(
    private readonly database: Database,
    policy: WindowPolicy = defaultWindowPolicy,
    private readonly recent?: Pick<RecentBatches, 'keep'>,
    /** Who sends a batch that is one round trip. */
    private readonly copier: Pick<Database, 'copyIn'> = database,
  ) {
    this.policies = new WindowPolicies(policy);
    this.reported = new ReportedAttributes(database);
    this.batchIds = new BatchIds(database);
  }

  async commit(batch: IngestBatch): Promise<IngestOutcome> {
    const { windows } = batch;
    let bundleOf: FindBundle = () => undefined;
    if (windows.length > 0) {
      await this.policies.refresh(this.database, Date.now());
      bundleOf = await this.bundles.load(
        this.database,
        windows.map(({ device, message }) => ({ projectId: device.projectId, prefix: message.build })),
      );
    }
    if (isEmpty(batch)) {
      await this.database.transaction((tx) => tx.query('lock table telemetry_batch in row exclusive mode'));
      return { stored: 0, duplicates: 0, refusedWindows: [] };
    }
    try {
      const nowMs = performance.now();
      const isNew = (source: WindowSource): boolean =>
        source.isNew === true && !this.doubted.has(source.device.deviceId, nowMs);
      return await this.store(batch, { bundleOf, isNew });
    } catch (error) {
      // What a former process had stored, or another edge: then each window is asked about.
      if (!isStoredWindow(error)) throw error;
      this.doubted.note(error, performance.now());
      return await this.store(batch, { bundleOf, isNew: () => false });
    }
  }

  /** @param given `isNew`: windows that go straight into their partition; one of them that is there already fails the batch */
  private async store(
    batch: IngestBatch,
    given: { readonly bundleOf: FindBundle; readonly isNew: (source: WindowSource) => boolean },
  ): Promise<IngestOutcome> {
    const { windows } = batch;
    const known = hasQuestions(batch) ? undefined : this.clocks.known(windows);
    if (known !== undefined) {
      const accepted = this.accept(batch, { ...given, clockOf: known });
      if (accepted.fresh.length > 0 && accepted.doubtful.length === 0)
        return await this.storeAtOnce(batch, accepted);
    }
    const outbox = new Outbox();
    const refusals = [...batch.refusals];
    const { outcome, clockOf, kept, withBattery } = await this.database.transaction(async (tx) => {
      const clockOf = await this.clocks.resolve(tx, batch.hellos, windows);
      await storeReports(tx, batch, outbox);
      const accepted = this.accept(batch, { ...given, clockOf });
      const { fresh, doubtful, picks, refusedWindows } = accepted;
      if (batch.isBackfill !== true) refusals.push(...refusedWindows.map(refusalOf));
      const kept = await this.insert(tx, accepted, outbox);
      await run(tx, insertPicks(picks));
      if (batch.samples && batch.samples.length > 0) await storeSamples(tx, batch.samples);
      await run(tx, insertRefusals(refusals));
      await outbox.write(tx);
      const outcome: IngestOutcome = {
        stored: kept.stored,
        duplicates: fresh.length + doubtful.length - kept.stored,
        refusedWindows,
      };
      return { outcome, clockOf, kept, withBattery: haveBattery([...fresh, ...doubtful]) };
    });
    this.clocks.remember(windows, clockOf);
    if (outcome.stored > 0 && outcome.duplicates === 0) this.recent?.keep(kept.batchId, kept.parts);
    if (batch.isBackfill !== true) void this.reported.note(withBattery);
    return outcome;
  }

  /**
   * In one round trip: each would wait for the thread of ingest, and others for the number of the project's next event, which a
   * transaction holds until its end.
   */
  private async storeAtOnce(
    { windows, refusals }: IngestBatch,
    { fresh, picks, refusedWindows }: Accepted,
  ): Promise<IngestOutcome> {
    await this.ensureDays([fresh]);
    const batchId = await this.batchIds.next();
    const encoded = encodeWindows(fresh, batchId);
    const outbox = new Outbox();
    for (const { projectId, ...counts } of countByProject(fresh))
      outbox.add(projectId, 'telemetry.committed', counts);
    const behind = [
      ...insertPicks(picks),
      ...insertRefusals([...refusals, ...refusedWindows.map(refusalOf)]),
      ...outbox.statements(),
    ];
    const sql = [
      withLiterals(insertBatch(batchId, [fresh])),
      copyWindowsInto('telemetry_window'),
      ...behind.map(withLiterals),
    ];
    const withBattery = haveBattery(fresh);
    const stored = fresh.length;
    // Who waits for the commit holds the lists, and the collector of young objects would copy what is in them.
    fresh.length = 0;
    for (const source of windows) source.release?.();
    const bytes = await this.copier.copyIn(sql.join(';\n'), encoded);
    this.recent?.keep(batchId, [bytes]);
    void this.reported.note(withBattery);
    return { stored, duplicates: 0, refusedWindows };
  }

  private accept(
    batch: IngestBatch,
    given: {
      readonly clockOf: Awaited<ReturnType<BootClocks['resolve']>>;
      readonly bundleOf: FindBundle;
      readonly isNew: (source: WindowSource) => boolean;
    },
  ): Accepted {
    const refusedWindows: RefusedWindow[] = [];
    const fresh: WindowRow[] = [];
    const doubtful: WindowRow[] = [];
    const picks: PickRow[] = [];
    const nowMs = Date.now();
    for (const source of batch.windows) {
      const { device, message } = source;
      try {
        const bundle = given.bundleOf(device.projectId, message.build);
        const policy = this.policies.of(device.projectId);
        const context = { bundle, clock: given.clockOf(source), nowMs, policy };
        const accepted = acceptWindow(source, context);
        (given.isNew(source) ? fresh : doubtful).push(accepted.row);
        if (accepted.picks.length > 0) picks.push(...accepted.picks);
      } catch (error) {
        if (!isFleetError(error)) throw error;
        refusedWindows.push({ source, error });
      }
    }
    return { ...apart(fresh, doubtful), picks, refusedWindows };
  }

  /** What is surely new goes into its partition by COPY; what may be there by way of a stage, each once. */
  private async insert(tx: Tx, { fresh, doubtful }: Accepted, outbox: Outbox): Promise<Inserted> {
    if (fresh.length + doubtful.length === 0) return { batchId: '', stored: 0, parts: [] };
    await this.ensureDays([fresh, doubtful]);
    const batchId = await this.batchIds.next();
    await run(tx, [insertBatch(batchId, [fresh, doubtful])]);
    const parts: Buffer[] = [];
    let stored = fresh.length;
    if (fresh.length > 0) {
      const bytes = encodeWindows(fresh, batchId);
      parts.push(bytes);
      await copyIn(tx.client, copyWindowsInto('telemetry_window'), bytes);
      for (const { projectId, ...counts } of countByProject(fresh))
        outbox.add(projectId, 'telemetry.committed', counts);
    }
    if (doubtful.length > 0) {
      if (!this.staged.has(tx.client)) {
        await tx.query(namedQuery('telemetry/create-stage'));
        this.staged.add(tx.client);
      }
      const bytes = encodeWindows(doubtful, batchId);
      parts.push(bytes);
      await copyIn(tx.client, copyWindowsInto('telemetry_stage'), bytes);
      for (const { projectId, ...counts } of await tx.query<Fresh>(namedQuery('telemetry/insert-windows'))) {
        stored += counts.windows;
        outbox.add(projectId, 'telemetry.committed', counts);
      }
    }
    return { batchId, stored, parts };
  }

  /** @throws storage.contention: somebody reads the windows of all days all the time */
  private async ensureDay(day: string): Promise<void> {
    for (let attempt = 1; ; attempt++)
      try {
        await this.database.query(
          `select set_config('lock_timeout', '1s', true), ensure_telemetry_day($1::date)`,
          [day],
        );
        return;
      } catch (error) {
        if (!isLockTimeout(error)) throw error;
        if (attempt === dayAttempts)
          throw new FleetError('storage.contention', { attempts: attempt }, { cause: error });
        await pause(dayPauseMs);
      }
  }

  /** On connections of their own: a partition is made outside the batch, whose locks it would wait for. */
  private async ensureDays(lists: readonly (readonly WindowRow[])[]): Promise<void> {
    const missing = new Set<number>();
    for (const rows of lists)
      for (const { windowStartMs } of rows) {
        const day = Math.floor(windowStartMs / dayMs);
        if (!this.days.has(day)) missing.add(day);
      }
    for (const day of missing) {
      await this.ensureDay(new Date(day * dayMs).toISOString().slice(0, 10));
      this.days.add(day);
    }
    // Maintenance drops old partitions; what is far from now is looked up again.
    if (this.days.size > 500) this.days.clear();
  }
}

/**
 * A device's windows go all into one of the lists, so that two batches with the same windows of it wait for each other in one order.
 * Two that hold two devices the other way round may wait in a circle: one of them is tried again.
 */
function apart(
  fresh: readonly WindowRow[],
  doubtful: readonly WindowRow[],
): Pick<Accepted, 'fresh' | 'doubtful'> {
  const doubted = new Set(doubtful.map(({ deviceId }) => deviceId));
  const isDoubted = ({ deviceId }: WindowRow): boolean => doubted.has(deviceId);
  return {
    fresh: fresh.filter((row) => !isDoubted(row)).sort(byKey),
    doubtful: [...doubtful, ...fresh.filter(isDoubted)].sort(byKey),
  };
}

/** The order in which a list is inserted. */
function byKey(a: WindowRow, b: WindowRow): number {
  if (a.deviceId !== b.deviceId) return a.deviceId < b.deviceId ? -1 : 1;
  if (a.bootId !== b.bootId) return a.bootId < b.bootId ? -1 : 1;
  return a.sequence - b.sequence;
}

function insertBatch(batchId: string, lists: readonly (readonly WindowRow[])[]): Statement {
  let [rows, least, most] = [0, Infinity, -Infinity];
  for (const list of lists) {
    rows += list.length;
    for (const { windowStartMs } of list) {
      if (windowStartMs < least) least = windowStartMs;
      if (windowStartMs > most) most = windowStartMs;
    }
  }
  return {
    sql: 'insert into telemetry_batch (id, rows, window_min, window_max) overriding system value values ($1, $2, $3, $4)',
    values: [batchId, rows, new Date(Math.trunc(least)), new Date(Math.trunc(most))],
  };
}

/** Rows are in the order of their devices. */
function countByProject(rows: readonly WindowRow[]): Fresh[] {
  const projects = new Map<string, { -readonly [K in keyof Fresh]: Fresh[K] }>();
  let last: string | undefined;
  for (const { projectId, deviceId, n } of rows) {
    let counts = projects.get(projectId);
    if (!counts) projects.set(projectId, (counts = { projectId, windows: 0, devices: 0, inferences: 0 }));
    counts.windows++;
    counts.inferences += n;
    if (deviceId !== last) counts.devices++;
    last = deviceId;
  }
  return [...projects.values()];
}

/** unique_violation of a partition of telemetry_window. */
function isStoredWindow(error: unknown): boolean {
  const { code, table } = error as { code?: unknown; table?: unknown };
  return code === '23505' && typeof table === 'string' && table.startsWith('telemetry_window');
}

const refusalOf = ({ source: { device, message }, error }: RefusedWindow): Refusal => ({
  ...{ projectId: device.projectId, deviceId: device.deviceId, code: error.code },
  sample: message.classes,
});

async function run(tx: Tx, statements: readonly Statement[]): Promise<void> {
  for (const { sql, values } of statements) await tx.query(sql, values);
}

function insertPicks(picks: readonly PickRow[]): Statement[] {
  if (picks.length === 0) return [];
  return [
    {
      sql: namedQuery('telemetry/insert-picks'),
      values: [
        picks.map((one) => one.projectId),
        picks.map((one) => one.deviceId),
        picks.map((one) => BigInt.asIntN(64, one.bootId)),
        picks.map((one) => one.inferenceIndex),
        picks.map((one) => new Date(one.atMs)),
        picks.map((one) => one.modelVersionId),
        picks.map((one) => one.typeId),
        picks.map((one) => one.site),
        picks.map((one) => one.predicted),
        picks.map((one) => one.confidence),
      ],
    },
  ];
}

function insertRefusals(refusals: readonly Refusal[]): Statement[] {
  if (refusals.length === 0) return [];
  return [
    {
      sql: namedQuery('telemetry/upsert-refusals'),
      values: [
        refusals.map((one) => one.projectId),
        refusals.map((one) => one.deviceId),
        refusals.map((one) => one.code),
        refusals.map((one) => Buffer.from(one.sample.subarray(0, sampleBytes))),
      ],
    },
  ];
}
