/** Reads of telemetry for people. */
import type { Page, PageRequest, ProjectScope, Resource } from '@tinyfleet/contracts';
import { describeDeviceError, errorEntry, FleetError, isErrorCode } from '@tinyfleet/errors';
import { connectionSpans, type Span } from '@tinyfleet/telemetry';
import { unpackHistogram } from '@tinyfleet/wire';
import type { Db } from '../database.js';
import { namedQuery } from '../queries/index.js';
import { cursorKey, cursorOf, isIso, isNumber, isUuid, iso, isoOrNull, toPage } from '../stores/page.js';
import { exportWindows } from './window-export.js';

const DAY_MS = 86_400_000;
/** More are no timeline. */
const MOST_CONNECTIONS = 2_000;

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
interface LogRow {
  readonly day: string;
  readonly by: 'device' | 'server';
  /** Number or registered code. */
  readonly key: string;
  readonly number: number | null;
  readonly count: number;
  readonly firstAt: Date | null;
  readonly lastAt: Date;
  readonly rollout: number | null;
  readonly release: string | null;
}
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

  /** Registered errors of one device, newest day first. @throws registry.device-not-found */
  async log(
    scope: ProjectScope,
    device: string,
    request: PageRequest,
  ): Promise<Page<Resource<'DeviceLogEntry'>>> {
    const after = cursorOf(request, (day) => isIso(`${day}T00:00:00.000Z`), Boolean, Boolean);
    const rows = await this.db.query<LogRow>(namedQuery('telemetry/device-log'), [
      scope.id,
      device,
      ...(after ?? [null, null, null]),
      request.limit + 1,
    ]);
    if (rows.length === 0) await this.mustExist(scope, device);
    return toPage(
      rows,
      request.limit,
      ({ day, by, key }) => [day, by, key],
      ({ day, by, key, number, count, firstAt, lastAt, rollout, release }) => ({
        ...{ day, by, count, firstAt: isoOrNull(firstAt), lastAt: iso(lastAt) },
        ...(number === null ? { code: key, title: titleOf(key), number } : describedOf(number)),
        deployment: rollout === null || release === null ? null : { rollout, release },
      }),
    );
  }

  private async mustExist(scope: ProjectScope, device: string): Promise<void> {
    const [found] = await this.db.query('select 1 from device where project_id = $1 and name = $2', [
      scope.id,
      device,
    ]);
    if (!found) throw new FleetError('registry.device-not-found', { device });
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

  /** @throws registry.device-not-found */
  async connections(
    scope: ProjectScope,
    device: string,
    days: number,
  ): Promise<Resource<'DeviceConnections'>> {
    const [state] = await this.db.query<{ at: Date; connected: boolean; lastSeenAt: Date | null }>(
      `select now() as at, coalesce(p.connected, false) as connected, p.last_seen_at as "lastSeenAt"
       from device d left join presence p on p.project_id = d.project_id and p.device_id = d.id
       where d.project_id = $1 and d.name = $2`,
      [scope.id, device],
    );
    if (!state) throw new FleetError('registry.device-not-found', { device });
    const range = { fromMs: state.at.getTime() - days * DAY_MS, toMs: state.at.getTime() };
    const from = new Date(range.fromMs);
    const rows = await this.db.query<{ beganAt: Date; endedAt: Date | null }>(
      namedQuery('presence/connections'),
      [scope.id, device, from, MOST_CONNECTIONS],
    );
    // The connection before the range may have ended by an outage before it.
    const since = new Date(Math.min(range.fromMs, rows.at(-1)?.beganAt.getTime() ?? range.fromMs));
    const outages = await this.db.query<{ fromMs: number; toMs: number }>(
      `select (extract(epoch from started_at) * 1000)::float8 as "fromMs", (extract(epoch from ended_at) * 1000)::float8 as "toMs"
       from outage where reason = 'edge' and ended_at > $1 order by started_at`,
      [since],
    );
    const stored = rows.map(({ beganAt, endedAt }) => ({
      beganAtMs: beganAt.getTime(),
      endedAtMs: endedAt?.getTime() ?? null,
    }));
    const now = {
      ...{ outages, isConnected: state.connected, lastContactMs: state.lastSeenAt?.getTime() ?? null },
    };
    const between = ({ fromMs, toMs }: Span) => ({
      from: iso(new Date(Math.max(fromMs, range.fromMs))),
      to: iso(new Date(Math.min(toMs, range.toMs))),
    });
    const oldest = stored.at(-1)?.beganAtMs;
    return {
      ...{ device, ...between(range), isConnected: state.connected },
      connections: connectionSpans(stored, range, now).map(between),
      recordedFrom: oldest === undefined ? null : between({ ...range, fromMs: oldest }).from,
      outages: outages.filter(({ toMs }) => toMs > range.fromMs).map(between),
    };
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

/** A code of an earlier version may be registered no more. */
const titleOf = (code: string): string => (isErrorCode(code) ? errorEntry(code).title : code);

function describedOf(number: number): { code: string; title: string; number: number } {
  const { code, title } = describeDeviceError(number);
  return { code, title, number };
}
