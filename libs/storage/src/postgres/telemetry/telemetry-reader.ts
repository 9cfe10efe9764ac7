/** Reads of telemetry for people. */
import type { Page, PageRequest, ProjectScope, Resource } from '@tinyfleet/contracts';
import { unpackHistogram } from '@tinyfleet/wire';
import type { Db } from '../database.js';
import { namedQuery } from '../queries/index.js';
import { cursorKey, cursorOf, isIso, isNumber, isUuid, iso, isoOrNull, toPage } from '../stores/page.js';
import { exportWindows } from './window-export.js';

type Window = Resource<'TelemetryWindow'>;
type Row = Omit<Window, 'bootId' | 'startAt' | 'classCounts' | 'confidence'> & {
  readonly bootId: string;
  readonly startAt: Date;
  readonly confidenceBins: number;
  readonly classes: Buffer;
  readonly classCount: number | null;
};

type RefusalRow = Omit<Resource<'TelemetryRefusal'>, 'lastAt'> & {
  readonly deviceId: string;
  readonly lastAt: Date;
};
type GapRow = Omit<Resource<'TelemetryGap'>, 'helloAt'> & { readonly helloAt: Date | null };

export class PgTelemetryReader {
  constructor(private readonly db: Db) {}

  /** Refused messages, newest day first. */
  async refusals(
    scope: ProjectScope,
    request: PageRequest & { readonly device?: string | undefined },
  ): Promise<Page<Resource<'TelemetryRefusal'>>> {
    const after = cursorOf(request, (day) => isIso(`${day}T00:00:00.000Z`), isUuid, Boolean);
    const rows = await this.db.query<RefusalRow>(namedQuery('telemetry/list-refusals'), [
      scope.id,
      request.device ?? null,
      ...(after ?? [null, null, null]),
      request.limit + 1,
    ]);
    const key = ({ day, deviceId, code }: RefusalRow) => [day, deviceId, code];
    return toPage(rows, request.limit, key, ({ deviceId: _, lastAt, ...rest }) => ({
      ...rest,
      lastAt: iso(lastAt),
    }));
  }

  /** Devices of which messages never came, by name. */
  async gaps(
    scope: ProjectScope,
    request: PageRequest & { readonly device?: string | undefined },
  ): Promise<Page<Resource<'TelemetryGap'>>> {
    const rows = await this.db.query<GapRow>(namedQuery('telemetry/list-gaps'), [
      scope.id,
      cursorKey(request)?.[0] ?? null,
      request.limit + 1,
      request.device ?? null,
    ]);
    return toPage(
      rows,
      request.limit,
      ({ device }) => [device],
      ({ bootId, helloAt, ...rest }) => ({ ...rest, bootId: bootIdOf(bootId), helloAt: isoOrNull(helloAt) }),
    );
  }

  /** Windows as lines. @throws registry.device-not-found, telemetry.range-invalid */
  async exportLines(
    scope: ProjectScope,
    query: Resource<'TelemetryExportQuery'>,
  ): Promise<AsyncGenerator<string>> {
    return await exportWindows(this.db, scope, query);
  }

  /** Windows of one device, newest first. */
  async windows(
    scope: ProjectScope,
    device: string,
    request: PageRequest & { readonly from?: string | undefined; readonly to?: string | undefined },
  ): Promise<Page<Window>> {
    const after = cursorOf(request, isIso, isNumber);
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
    bootId: bootIdOf(bootId),
    startAt: iso(startAt),
    classCounts: confidence.map((bins) => bins.reduce((sum, n) => sum + n, 0)),
    confidence,
  };
}

const bootIdOf = (stored: string): string =>
  BigInt.asUintN(64, BigInt(stored)).toString(16).padStart(16, '0');
