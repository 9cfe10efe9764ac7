/** Reads of telemetry for people. */
import type { Page, PageRequest, ProjectScope, Resource } from '@tinyfleet/contracts';
import { unpackHistogram } from '@tinyfleet/wire';
import type { Db } from '../database.js';
import { namedQuery } from '../queries/index.js';
import { cursorKey, iso, toPage } from '../stores/page.js';

type Window = Resource<'TelemetryWindow'>;
type Row = Omit<Window, 'bootId' | 'startAt' | 'classCounts' | 'confidence'> & {
  readonly bootId: string;
  readonly startAt: Date;
  readonly confidenceBins: number;
  readonly classes: Buffer;
  readonly classCount: number | null;
};

export class PgTelemetryReader {
  constructor(private readonly db: Db) {}

  /** Windows of one device, newest first. */
  async windows(
    scope: ProjectScope,
    device: string,
    request: PageRequest & { readonly from?: string | undefined; readonly to?: string | undefined },
  ): Promise<Page<Window>> {
    const after = cursorKey(request, 2);
    const rows = await this.db.query<Row>(namedQuery('telemetry/device-windows'), [
      scope.id,
      device,
      request.from ?? '1971-01-01T00:00:00Z',
      request.to ?? '9999-01-01T00:00:00Z',
      after?.[0] ?? null,
      after?.[1] ?? null,
      request.limit + 1,
    ]);
    return toPage(rows, request.limit, (row) => [iso(row.startAt), String(row.sequence)], toWindow);
  }
}

function toWindow({ classCount, classes, confidenceBins, bootId, startAt, ...rest }: Row): Window {
  // A model that names no classes has one nameless cell per bin: nothing to show by class.
  const counts =
    classCount === null || classCount === 0
      ? []
      : unpackHistogram(classes, classCount * confidenceBins, 'classes');
  const confidence: number[][] = [];
  for (let at = 0; at < counts.length; at += confidenceBins)
    confidence.push(counts.slice(at, at + confidenceBins));
  return {
    ...rest,
    bootId: BigInt.asUintN(64, BigInt(bootId)).toString(16).padStart(16, '0'),
    startAt: iso(startAt),
    classCounts: confidence.map((bins) => bins.reduce((sum, n) => sum + n, 0)),
    confidence,
  };
}
