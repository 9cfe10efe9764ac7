/** Samples that devices sent, and what a project allows of them. */
import type { Page, PageRequest, ProjectScope, Resource } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { SampleStore } from '@tinyfleet/quality';
import type { Db } from '../database.js';
import { namedQuery } from '../queries/index.js';
import { cursorId, iso, toPage } from './page.js';

interface SampleRow {
  id: string;
  device: string;
  boot_id: string;
  inference_index: number;
  release: string | null;
  bytes: number;
  encoding: number;
  predicted: number | null;
  confidence: number | null;
  asked: boolean;
  complete: boolean;
  received_at: Date;
  deleted_after: Date;
}

export class PgSampleStore implements SampleStore {
  constructor(private readonly db: Db) {}

  async settings(scope: ProjectScope): Promise<Resource<'SampleSettings'> | undefined> {
    const [row] = await this.db.query<Resource<'SampleSettings'>>(
      `select enabled, retention_days as "retentionDays", bytes_per_device_day::float8 as "bytesPerDeviceDay"
       from sample_settings where project_id = $1`,
      [scope.id],
    );
    return row;
  }

  async setSettings(scope: ProjectScope, settings: Resource<'SampleSettings'>): Promise<void> {
    await this.db.execute(
      `insert into sample_settings (project_id, enabled, retention_days, bytes_per_device_day) values ($1, $2, $3, $4)
       on conflict (project_id) do update set enabled = excluded.enabled, retention_days = excluded.retention_days,
         bytes_per_device_day = excluded.bytes_per_device_day`,
      [scope.id, settings.enabled, settings.retentionDays, settings.bytesPerDeviceDay],
    );
  }

  async list(
    scope: ProjectScope,
    { device }: { readonly device?: string | undefined },
    page: PageRequest,
  ): Promise<Page<Resource<'Sample'>>> {
    const rows = await this.db.query<SampleRow>(namedQuery('quality/samples'), [
      scope.id,
      cursorId(page) ?? null,
      device ?? null,
      page.limit + 1,
    ]);
    return toPage(rows, page.limit, (row) => [row.id], toSample);
  }

  async read(
    scope: ProjectScope,
    id: string,
  ): Promise<{ bytes: number; encoding: 'int8' | 'int16'; data: Uint8Array | null }> {
    const [row] = await this.db.query<{ bytes: number; encoding: number; data: Buffer | null }>(
      'select bytes, encoding, data from sample where project_id = $1 and id = $2',
      [scope.id, id],
    );
    if (!row) throw new FleetError('telemetry.sample-not-found', { sample: id });
    return { ...row, encoding: encodingOf(row.encoding) };
  }

  async remove(scope: ProjectScope, id: string): Promise<void> {
    await this.db.execute('delete from sample where project_id = $1 and id = $2', [scope.id, id]);
  }
}

const encodingOf = (encoding: number) => (encoding === 1 ? 'int16' : 'int8');

const toSample = (row: SampleRow): Resource<'Sample'> => ({
  id: row.id,
  device: row.device,
  bootId: BigInt.asUintN(64, BigInt(row.boot_id)).toString(16).padStart(16, '0'),
  inferenceIndex: row.inference_index,
  release: row.release,
  bytes: row.bytes,
  encoding: encodingOf(row.encoding),
  predicted: row.predicted,
  confidence: row.confidence === null ? null : row.confidence / 255,
  asked: row.asked,
  complete: row.complete,
  receivedAt: iso(row.received_at),
  deletedAfter: iso(row.deleted_after),
});
