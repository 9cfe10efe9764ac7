/** Windows as lines, day by day and page by page: one page is in memory, and the next is read when the socket has drained. */
import type { ProjectScope, Resource } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { lineOf, type ExportedWindow } from '@tinyfleet/telemetry';
import type { Db } from '../database.js';
import { namedQuery } from '../queries/index.js';
import { windowDays } from './window-days.js';

const pageRows = 1_000;
const dayMs = 86_400_000;

type Row = Omit<ExportedWindow['row'], 'bootId' | 'windowStartMs'> &
  Pick<ExportedWindow, 'device' | 'bootOffsetMs' | 'picks'> & {
    readonly deviceId: string;
    readonly storedBoot: string;
    readonly windowStart: Date;
  };

/** @throws registry.device-not-found, telemetry.range-invalid, before the first line */
export async function exportWindows(
  db: Db,
  scope: ProjectScope,
  { device, from, to }: Resource<'TelemetryExportQuery'>,
): Promise<AsyncGenerator<string>> {
  const fromMs = from === undefined ? -Infinity : Date.parse(from);
  const toMs = to === undefined ? Infinity : Date.parse(to);
  if (fromMs >= toMs)
    throw new FleetError('telemetry.range-invalid', { reason: 'from is not before to', limit: 3_650 });
  const [row] =
    device === undefined
      ? []
      : await db.query<{ id: string }>('select id from device where project_id = $1 and name = $2', [
          scope.id,
          device,
        ]);
  if (device !== undefined && !row) throw new FleetError('registry.device-not-found', { device });
  const days = (await windowDays(db)).filter((day) => day < toMs && day + dayMs > fromMs);
  return linesOf(days.map((day) => [Math.max(day, fromMs), Math.min(day + dayMs, toMs)] as const));

  async function* linesOf(ranges: ReadonlyArray<readonly [number, number]>): AsyncGenerator<string> {
    for (const [begin, end] of ranges) {
      let after: readonly unknown[] = [null, null, null, null];
      for (;;) {
        const rows = await db.query<Row>(namedQuery('telemetry/export-windows'), [
          ...[scope.id, new Date(begin), new Date(end), row?.id ?? null],
          ...[...after, pageRows],
        ]);
        // One string a page: a write for each line costs more than the line.
        if (rows.length > 0) yield rows.map((one) => `${lineOf(windowOf(one))}\n`).join('');
        const last = rows.at(-1);
        if (!last || rows.length < pageRows) break;
        after = [last.deviceId, last.storedBoot, last.sequence, last.windowStart];
      }
    }
  }
}

const windowOf = ({ device, bootOffsetMs, picks, storedBoot, windowStart, ...row }: Row): ExportedWindow => ({
  ...{ device, bootOffsetMs, picks },
  row: { ...row, bootId: BigInt.asUintN(64, BigInt(storedBoot)), windowStartMs: windowStart.getTime() },
});
