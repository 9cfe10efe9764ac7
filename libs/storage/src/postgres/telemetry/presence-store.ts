/** Presence and sequence counts: narrow updates in batches, outside the audit log and outside ingest's transactions. */
import type { EventData } from '@tinyfleet/contracts';
import type { PresenceChange, PresencePolicy, PresenceStore, SequenceReport } from '@tinyfleet/telemetry';
import type { Database, Db } from '../database.js';
import { namedQuery } from '../queries/index.js';
import { Outbox } from './outbox.js';

/** One event names at most so many devices. */
const devicesPerEvent = 1_000;
/** Devices looked at in one step of moving clocks. */
const shiftStep = 5_000;
const FOREIGN_KEY_VIOLATION = '23503';
const orNull = (ms: number | undefined) => (ms === undefined ? null : new Date(ms));

type Announced = EventData<'presence.changed'>['devices'];

export class PgPresenceStore implements PresenceStore {
  constructor(private readonly database: Database) {}

  async write(changes: readonly PresenceChange[], policy: PresencePolicy): Promise<void> {
    if (changes.length === 0) return;
    try {
      await this.writeAll(changes, policy);
    } catch (error) {
      // A device was removed in the middle of it; seen anew it is left out. Locking all of them would write all of them.
      if ((error as { code?: unknown }).code !== FOREIGN_KEY_VIOLATION) throw error;
      await this.writeAll(changes, policy);
    }
  }

  private async writeAll(changes: readonly PresenceChange[], policy: PresencePolicy): Promise<void> {
    await this.database.transaction(async (tx) => {
      await tx.query(namedQuery('presence/write-contacts'), [
        changes.map((one) => one.projectId),
        changes.map((one) => one.deviceId),
        changes.map((one) => one.connected),
        changes.map((one) => orNull(one.beganAtMs)),
        changes.map((one) => new Date(one.lastSeenMs)),
        changes.map((one) => one.dutyCycleS ?? null),
        changes.map((one) => one.defaultWaitS),
        JSON.stringify(policy),
      ]);
      const turned = changes.filter((one) => one.announce);
      await tx.query(namedQuery('presence/write-connections'), [
        turned.map((one) => one.projectId),
        turned.map((one) => one.deviceId),
        turned.map((one) => new Date(one.connectedAtMs)),
        turned.map((one) => (one.connected ? null : new Date(one.lastSeenMs))),
      ]);
      const announced = new Map<string, Announced>();
      for (const { projectId, device, connected, dutyCycleS } of turned) {
        const devices = announced.get(projectId) ?? [];
        announced.set(projectId, devices);
        const away = dutyCycleS === undefined || dutyCycleS === 0 ? 'pending' : 'sleeping';
        devices.push({ device, presence: connected ? 'connected' : away });
      }
      const projects = await tx.query<{ id: string }>('select id from project where id = any($1::uuid[])', [
        [...announced.keys()],
      ]);
      const outbox = new Outbox();
      for (const { id } of projects) announce(outbox, id, announced.get(id)!);
      await outbox.write(tx);
    });
  }

  async writeSequences(reports: readonly SequenceReport[]): Promise<void> {
    if (reports.length === 0) return;
    await this.database.query(namedQuery('telemetry/update-sequences'), [
      reports.map((one) => one.projectId),
      reports.map((one) => one.deviceId),
      reports.map((one) => BigInt.asIntN(64, one.bootId)),
      reports.map((one) => one.last),
      reports.map((one) => one.gaps),
    ]);
  }

  async begin(outageSeconds: number): Promise<void> {
    await this.database.transaction(async (tx) => {
      await beat(tx, [1, 'edge', outageSeconds]);
      await tx.query(namedQuery('presence/disconnect-all'));
    });
  }

  async pulse(outageSeconds: number): Promise<void> {
    await this.database.transaction(async (tx) => await beat(tx, [outageSeconds, 'database', outageSeconds]));
  }

  async applyOutages(): Promise<void> {
    const open = await this.database.query<{ number: string }>(
      'select number from outage where applied_at is null order by number',
    );
    for (const { number } of open) {
      let last: { projectId: string; deviceId: string } | undefined;
      do {
        [last] = await this.database.query<{ projectId: string; deviceId: string }>(
          namedQuery('presence/shift-clocks'),
          [number, last?.projectId ?? null, last?.deviceId ?? null, shiftStep],
        );
      } while (last);
      await this.database.query('update outage set applied_at = now() where number = $1', [number]);
    }
  }

  async announceSilence(limit: number): Promise<number> {
    return this.database.transaction(async (tx) => {
      const due = await tx.query<{ projectId: string; names: string[] }>(
        namedQuery('presence/fallen-silent'),
        [limit],
      );
      if (due.length === 0) return 0;
      const outbox = new Outbox();
      for (const { projectId, names } of due) {
        announce(
          outbox,
          projectId,
          names.map((device) => ({ device, presence: 'silent' as const })),
        );
      }
      await outbox.write(tx);
      return due.reduce((sum, { names }) => sum + names.length, 0);
    });
  }
}

/** Clocks are corrected by less all the time, and then nothing is to be done. */
const LEAST_BACK_S = 1;

async function beat(tx: Db, values: readonly [number, string, number]): Promise<void> {
  const [row] = await tx.query<{ backS: number }>(namedQuery('presence/pulse'), values);
  if (!row || row.backS < LEAST_BACK_S) return;
  await tx.query(namedQuery('presence/set-back'), [row.backS]);
  await tx.query(namedQuery('rollouts/set-back'), [row.backS]);
}

function announce(outbox: Outbox, projectId: string, devices: Announced): void {
  for (let at = 0; at < devices.length; at += devicesPerEvent) {
    outbox.add(projectId, 'presence.changed', { devices: devices.slice(at, at + devicesPerEvent) });
  }
}
