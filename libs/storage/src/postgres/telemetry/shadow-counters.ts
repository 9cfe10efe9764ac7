/** Counters of shadow runs that state messages carry, inside the transaction of their batch. */
import { addShadowReport, type ShadowSums } from '@tinyfleet/rollouts';
import type { StateReport } from '@tinyfleet/telemetry';
import type { Tx } from '../database.js';
import { namedQuery } from '../queries/index.js';

interface Row extends ShadowSums {
  readonly projectId: string;
  readonly rolloutId: string;
  readonly deviceId: string;
  readonly deployment: number;
}

/** The deployments that they speak of are locked. */
export async function countShadows(tx: Tx, states: readonly StateReport[]): Promise<void> {
  const told = states.filter(({ message }) => message.shadow !== undefined);
  if (told.length === 0) return;
  const rows = await tx.query<Row & object>(namedQuery('rollouts/find-shadow-counts'), [
    told.map(({ device }) => device.projectId),
    told.map(({ device }) => device.deviceId),
    told.map(({ message }) => message.deployment),
  ]);
  const known = new Map(rows.map((row) => [keyOf(row.deviceId, row.deployment), row]));
  const changed = new Map<string, Row>();
  for (const { device, message } of told) {
    const key = keyOf(device.deviceId, message.deployment);
    const row = changed.get(key) ?? known.get(key);
    if (!row || !message.shadow) continue;
    const { runs, agreed, skipped = 0, disagreed } = message.shadow;
    const sums = addShadowReport(row, {
      bootId: BigInt.asIntN(64, message.bootId).toString(),
      sequence: message.sequence,
      ...{ runs, agreed: Math.min(agreed, runs), skipped },
      disagreed: (disagreed && matrixOf(disagreed)) ?? null,
    });
    if (sums !== row) changed.set(key, { ...row, ...sums });
  }
  if (changed.size === 0) return;
  await tx.query(namedQuery('rollouts/count-shadow'), [JSON.stringify([...changed.values()])]);
}

const keyOf = (deviceId: string, deployment: number): string => `${deviceId}/${deployment}`;

/** uint16, little-endian, of a square matrix; undefined where it is none. */
function matrixOf(bytes: Uint8Array): number[] | undefined {
  const cells = bytes.length / 2;
  if (!Number.isInteger(Math.sqrt(cells))) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: cells }, (_, i) => view.getUint16(2 * i, true));
}
