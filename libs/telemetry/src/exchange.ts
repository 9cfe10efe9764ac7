/**
 * Windows as lines of a file: one JSON object each, the fields of `up/telemetry.json` and the name of the device
 * (docs/telemetry-sources.md). What is exported can be taken back, by this server or another, and is the same window then:
 * its boot, its number and its start are in the line.
 */
import { FleetError } from '@tinyfleet/errors';
import { bootIdToHex, isName, packPicks, type Pick } from '@tinyfleet/wire';
import { readTelemetry, unpackFeatures } from './features.js';
import { cborOfTelemetry } from './json.js';
import type { WindowRow } from './window.js';

/** A window that is stored, and what the device kept of its predictions. */
export interface ExportedWindow {
  readonly device: string;
  readonly row: Omit<
    WindowRow,
    'projectId' | 'deviceId' | 'modelVersionId' | 'typeId' | 'site' | 'receivedAtMs'
  >;
  /** Unix ms = offset + device ms of its boot; null: not known, or not any more. */
  readonly bootOffsetMs: number | null;
  readonly picks: readonly Pick[];
}

export function lineOf({ device, row, bootOffsetMs, picks }: ExportedWindow): string {
  // Of unknown time is what lies on the first day by its uptime (placeWindow).
  const startMs = row.timeKnown
    ? Math.max(0, row.windowStartMs - (bootOffsetMs || row.windowStartMs))
    : row.windowStartMs;
  return JSON.stringify({
    device,
    bootId: bootIdToHex(row.bootId),
    sequence: row.sequence,
    uptimeMs: startMs + row.windowMs,
    ...(row.component === 1 && { component: 'firmware' }),
    build: base64(row.buildPrefix),
    schema: row.schemaCrc,
    startMs,
    lengthMs: row.windowMs,
    ...(row.timeKnown && { startUnixMs: row.windowStartMs }),
    n: row.n,
    confidenceBins: row.confidenceBins,
    classes: base64(row.classes),
    ...(row.features && {
      features: unpackFeatures(row.features).map(({ histogram, ...one }) => ({
        histogram: base64(histogram),
        ...one,
      })),
    }),
    ...(row.ood && { ood: base64(row.ood) }),
    ...present({
      switches: row.switches,
      saturated: row.saturated,
      stuck: row.stuck,
      droppedFrames: row.droppedFrames,
      invalid: row.invalid,
      cyclesMean: row.cyclesMean,
      cyclesMax: row.cyclesMax,
      arenaBytes: row.arenaBytes,
      stackBytes: row.stackBytes,
      batteryPercent: row.batteryPercent,
      resets: row.resets,
      firstIndex: row.firstIndex,
    }),
    ...(picks.length > 0 && { picks: base64(packPicks(picks)) }),
  });
}

/** @throws telemetry.json-invalid, and what the codec throws for values out of range */
export function windowOfLine(line: string): { readonly device: string } & ReturnType<typeof readTelemetry> {
  const invalid = (field: string, reason: string): FleetError =>
    new FleetError('telemetry.json-invalid', { message: 'the line', field, reason });
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (error) {
    throw invalid('the document', (error as Error).message.slice(0, 120));
  }
  const { device, ...fields } = (json ?? {}) as Record<string, unknown>;
  if (typeof device !== 'string' || !isName(device))
    throw invalid('device', 'it is not the name of a device');
  return { device, ...readTelemetry(cborOfTelemetry(fields)) };
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const present = (fields: Readonly<Record<string, number | null>>) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
