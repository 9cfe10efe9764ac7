/** One ingest batch, one transaction: reports, windows by binary COPY, picks, refusals, and the events that tell. */
import { isFleetError } from '@tinyfleet/errors';
import {
  acceptWindow,
  defaultWindowPolicy,
  type IngestBatch,
  type IngestOutcome,
  type IngestStore,
  type PickRow,
  type Refusal,
  type WindowPolicy,
  type WindowRow,
} from '@tinyfleet/telemetry';
import type pg from 'pg';
import type { Database, Tx } from '../database.js';
import { namedQuery } from '../queries/index.js';
import { BootClocks } from './boot-clocks.js';
import { BundleNames } from './bundle-names.js';
import { Outbox } from './outbox.js';
import type { RecentBatches } from './recent-batches.js';
import { ReportedAttributes } from './reported-attributes.js';
import { storeReports } from './reports.js';
import { windowCopy } from './window-copy.js';

const dayMs = 86_400_000;
/** Of a refused payload, as evidence. */
const sampleBytes = 512;

interface Fresh {
  readonly batchId: string;
  readonly projectId: string;
  readonly windows: number;
  readonly devices: number;
  readonly inferences: number;
}

export class PgIngestStore implements IngestStore {
  private readonly clocks = new BootClocks();
  private readonly bundles = new BundleNames();
  private readonly days = new Set<number>();
  /** Connections that have the stage. */
  private readonly reported: ReportedAttributes;
  private readonly staged = new WeakSet<pg.ClientBase>();
  /** Writers own a buffer each, so two batches may be under way. */
  private readonly idleWriters: ReturnType<typeof windowCopy>[] = [];

  constructor(
    private readonly database: Database,
    private readonly policy: WindowPolicy = defaultWindowPolicy,
    private readonly recent?: RecentBatches,
  ) {
    this.reported = new ReportedAttributes(database);
  }

  async commit(batch: IngestBatch): Promise<IngestOutcome> {
    const { windows } = batch;
    if (windows.length > 0) {
      await this.bundles.load(
        this.database,
        windows.map(({ device, message }) => ({ projectId: device.projectId, prefix: message.build })),
      );
    }
    const outbox = new Outbox();
    const refusals = [...batch.refusals];
    const writer = this.idleWriters.pop() ?? windowCopy();
    try {
      let accepted: readonly WindowRow[] = [];
      let whole: { batchId: string; rows: readonly WindowRow[] } | undefined;
      const outcome = await this.database.transaction(async (tx) => {
        const clockOf = await this.clocks.resolve(tx, batch.hellos, windows);
        await storeReports(tx, batch, outbox);
        const { rows, picks } = this.accept(batch, clockOf, refusals);
        accepted = rows;
        const { stored, batchId } = await this.insert(tx, writer, rows, outbox);
        if (batchId !== undefined && stored === rows.length) whole = { batchId, rows };
        if (picks.length > 0) await insertPicks(tx, picks);
        if (refusals.length > 0) await insertRefusals(tx, refusals);
        await outbox.write(tx);
        this.clocks.remember(windows, clockOf);
        return {
          stored,
          duplicates: rows.length - stored,
          refused: refusals.length - batch.refusals.length,
        };
      });
      if (whole) this.recent?.keep(whole.batchId, whole.rows);
      void this.reported.note(accepted);
      return outcome;
    } finally {
      this.idleWriters.push(writer);
    }
  }

  private accept(
    batch: IngestBatch,
    clockOf: Awaited<ReturnType<BootClocks['resolve']>>,
    refusals: Refusal[],
  ): { rows: WindowRow[]; picks: PickRow[] } {
    const rows: WindowRow[] = [];
    const picks: PickRow[] = [];
    const nowMs = Date.now();
    for (const source of batch.windows) {
      const { device, message } = source;
      try {
        const bundle = this.bundles.get(device.projectId, message.build);
        const accepted = acceptWindow(source, { bundle, clock: clockOf(source), nowMs, policy: this.policy });
        rows.push(accepted.row);
        picks.push(...accepted.picks);
      } catch (error) {
        if (!isFleetError(error)) throw error;
        const { projectId, deviceId } = device;
        refusals.push({ projectId, deviceId, code: error.code, sample: message.classes });
      }
    }
    return { rows, picks };
  }

  private async insert(
    tx: Tx,
    writer: ReturnType<typeof windowCopy>,
    rows: readonly WindowRow[],
    outbox: Outbox,
  ): Promise<{ stored: number; batchId: string | undefined }> {
    if (rows.length === 0) return { stored: 0, batchId: undefined };
    await this.ensureDays(rows);
    if (!this.staged.has(tx.client)) {
      await tx.query(namedQuery('telemetry/create-stage'));
      this.staged.add(tx.client);
    }
    await writer.write(tx.client, rows);
    const fresh = await tx.query<Fresh>(namedQuery('telemetry/insert-windows'));
    let stored = 0;
    for (const { projectId, batchId: _, ...counts } of fresh) {
      stored += counts.windows;
      outbox.add(projectId, 'telemetry.committed', counts);
    }
    return { stored, batchId: fresh[0]?.batchId };
  }

  /** On connections of their own: a partition is made outside the batch, whose locks it would wait for. */
  private async ensureDays(rows: readonly WindowRow[]): Promise<void> {
    const missing = new Set<number>();
    for (const { windowStartMs } of rows) {
      const day = Math.floor(windowStartMs / dayMs);
      if (!this.days.has(day)) missing.add(day);
    }
    for (const day of missing) {
      await this.database.query('select ensure_telemetry_day($1::date)', [
        new Date(day * dayMs).toISOString().slice(0, 10),
      ]);
      this.days.add(day);
    }
    // Maintenance drops old partitions; what is far from now is looked up again.
    if (this.days.size > 500) this.days.clear();
  }
}

async function insertPicks(tx: Tx, picks: readonly PickRow[]): Promise<void> {
  await tx.query(namedQuery('telemetry/insert-picks'), [
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
  ]);
}

async function insertRefusals(tx: Tx, refusals: readonly Refusal[]): Promise<void> {
  await tx.query(namedQuery('telemetry/upsert-refusals'), [
    refusals.map((one) => one.projectId),
    refusals.map((one) => one.deviceId),
    refusals.map((one) => one.code),
    refusals.map((one) => Buffer.from(one.sample.subarray(0, sampleBytes))),
  ]);
}
