/**
 * Windows that did not come from a device: from a file, by who may administer the project. They go the way of all others, so a
 * window that is known changes nothing, what is too old or ahead of time is refused, and sums follow within seconds. Each part is
 * one request; one that was cut off is sent again.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AuditLog, ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError, isFleetError } from '@tinyfleet/errors';
import type { DeviceDirectory, DeviceRecord } from './directory.js';
import { windowOfLine } from './exchange.js';
import type { IngestStore, RollupStore } from './ports.js';
import type { WindowSource } from './window.js';

export const backfillLimits = {
  /** Of one request. */
  bytes: 8_388_608,
  lines: 10_000,
  /** Wrong lines that are named; all are counted. */
  errors: 100,
  /** Windows of one transaction. */
  batch: 1_000,
};
export type BackfillLimits = typeof backfillLimits;
/** Lines read in one go, some milliseconds: the process serves devices meanwhile. */
const linesPerTurn = 200;

type Result = Resource<'BackfillResult'>;
type LineError = Result['errors'][number];
interface Line {
  readonly number: number;
  readonly device: string;
  readonly source: WindowSource;
}

export class BackfillService {
  constructor(
    private readonly stores: {
      readonly directory: DeviceDirectory;
      readonly ingest: IngestStore;
      readonly rollups: RollupStore;
    },
    private readonly transact: Transact<{ readonly audit: AuditLog }>,
    private readonly limits: BackfillLimits = backfillLimits,
  ) {}

  /** @throws telemetry.backfill-too-large */
  async add(actor: string, scope: ProjectScope, body: AsyncIterable<Uint8Array>): Promise<Result> {
    const lines = await this.linesOf(body);
    const errors: LineError[] = [];
    const read = await this.read(scope, lines, errors);
    const result = { lines: lines.filter((line) => line !== '').length, stored: 0, duplicates: 0 };
    for (let at = 0; at < read.length; at += this.limits.batch) {
      const part = read.slice(at, at + this.limits.batch);
      const done = await this.stores.ingest.commit({
        ...{ hellos: [], states: [], refusals: [], isBackfill: true },
        windows: part.map(({ source }) => source),
      });
      result.stored += done.stored;
      result.duplicates += done.duplicates;
      const lineOf = new Map(part.map((line) => [line.source, line]));
      for (const { source, error } of done.refusedWindows) {
        const { number, device } = lineOf.get(source)!;
        errors.push(errorOf(number, device, error));
      }
    }
    errors.sort((a, b) => a.line - b.line);
    await this.transact(async ({ audit }) => {
      await audit.append(scope, {
        ...{ actor, action: 'telemetry.backfilled', target: scope.name },
        detail: { ...result, refused: errors.length },
      });
    });
    return { ...result, refused: errors.length, errors: errors.slice(0, this.limits.errors) };
  }

  /** Sums of one day (UTC) anew, from its windows. @throws telemetry.day-incomplete */
  async rebuild(actor: string, scope: ProjectScope, day: string): Promise<Resource<'RollupRebuild'>> {
    const made = await this.stores.rollups.rebuild(scope, Date.parse(`${day}T00:00:00Z`));
    await this.transact(async ({ audit }) => {
      await audit.append(scope, {
        ...{ actor, action: 'telemetry.rebuilt', target: day },
        detail: { ...made },
      });
    });
    return { day, ...made };
  }

  private async linesOf(body: AsyncIterable<Uint8Array>): Promise<string[]> {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > this.limits.bytes) throw tooLarge('bytes', this.limits.bytes);
      chunks.push(chunk);
    }
    const lines = Buffer.concat(chunks)
      .toString('utf8')
      .split('\n')
      .map((line) => line.trim());
    if (lines.length > this.limits.lines + 1 || (lines.length > this.limits.lines && lines.at(-1) !== ''))
      throw tooLarge('lines', this.limits.lines);
    return lines;
  }

  private async read(scope: ProjectScope, lines: readonly string[], errors: LineError[]): Promise<Line[]> {
    const parsed: ({ readonly number: number } & ReturnType<typeof windowOfLine>)[] = [];
    for (const [i, line] of lines.entries()) {
      if (i > 0 && i % linesPerTurn === 0) await nextTurn();
      if (line === '') continue;
      try {
        parsed.push({ number: i + 1, ...windowOfLine(line) });
      } catch (error) {
        if (!isFleetError(error)) throw error;
        errors.push(errorOf(i + 1, null, error));
      }
    }
    const devices = await this.devices(scope, [...new Set(parsed.map(({ device }) => device))]);
    const receivedAtMs = Date.now();
    return parsed.flatMap(({ number, device: name, message, features }) => {
      const device = devices.get(name);
      if (!device) {
        errors.push(errorOf(number, name, new FleetError('registry.device-not-found', { device: name })));
        return [];
      }
      return [{ number, device: name, source: { device, message, features, receivedAtMs } }];
    });
  }

  private async devices(scope: ProjectScope, names: readonly string[]): Promise<Map<string, DeviceRecord>> {
    const found = await this.stores.directory.find(names.map((device) => ({ project: scope.name, device })));
    return new Map(
      found.flatMap((record) => (record?.projectId === scope.id ? [[record.device, record]] : [])),
    );
  }
}

const errorOf = (line: number, device: string | null, { code, message }: FleetError): LineError => ({
  ...{ line, device, code, message },
});
const tooLarge = (what: string, limit: number): FleetError =>
  new FleetError('telemetry.backfill-too-large', { what, limit });
