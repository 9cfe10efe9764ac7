/** What the comparison of new devices reads, beside what watching reads. */
import type { ProjectScope } from '@tinyfleet/contracts';
import type { PeerDeviceWindow, PeerReader, PeerRecord, WatchSchema } from '@tinyfleet/quality';
import { unpackFeatures } from '@tinyfleet/telemetry';
import { unpackHistogram } from '@tinyfleet/wire';
import { namedQuery } from '../queries/index.js';
import { PgWatchReader } from './watch-reader.js';

interface WindowRow {
  readonly device: string;
  readonly atMs: number;
  readonly n: number;
  readonly classes: Buffer;
  readonly features: Buffer;
  readonly counters: readonly number[];
}

const keyOf = (scope: ProjectScope, schema: WatchSchema): [string, string, number, number, number] => [
  scope.id,
  schema.modelId,
  schema.schemaCrc,
  schema.confidenceBins,
  schema.classCount,
];

export class PgPeerReader extends PgWatchReader implements PeerReader {
  async record(scope: ProjectScope, schema: WatchSchema): Promise<PeerRecord | undefined> {
    const [row] = await this.db.query<PeerRecord & object>(
      `select id, looks from quality_peers
       where project_id = $1 and model_id = $2 and schema_crc = $3 and confidence_bins = $4 and class_count = $5`,
      keyOf(scope, schema),
    );
    return row;
  }

  async windowCounts(
    scope: ProjectScope,
    schema: WatchSchema,
    { fromMs, leastN }: Parameters<PeerReader['windowCounts']>[2],
  ): Promise<{ device: string; windows: number }[]> {
    return await this.db.query(namedQuery('quality/peer-counts'), [
      ...keyOf(scope, schema),
      ...[new Date(fromMs), leastN],
    ]);
  }

  async newest(
    scope: ProjectScope,
    schema: WatchSchema,
    { fromMs, leastN, count, devices }: Parameters<PeerReader['newest']>[2],
  ): Promise<PeerDeviceWindow[]> {
    const rows = await this.db.query<WindowRow & object>(namedQuery('quality/peer-windows'), [
      ...keyOf(scope, schema),
      ...[new Date(fromMs), leastN, count, devices],
    ]);
    const { classCount, confidenceBins } = schema;
    return rows.map(({ classes, features, ...rest }) => {
      const cells = unpackHistogram(classes, classCount * confidenceBins, 'classes');
      const counts = new Array<number>(classCount).fill(0);
      cells.forEach((cell, i) => (counts[Math.floor(i / confidenceBins)]! += cell));
      return { ...rest, classes: counts, features: unpackFeatures(features) };
    });
  }
}
