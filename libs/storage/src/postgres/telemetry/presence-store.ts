/** Presence and sequence counts: narrow updates in batches, outside the audit log and outside ingest's transactions. */
import type { PresenceChange, PresenceStore, SequenceReport } from '@tinyfleet/telemetry';
import type { Database } from '../database.js';
import { namedQuery } from '../queries/index.js';
import { Outbox } from './outbox.js';

export class PgPresenceStore implements PresenceStore {
  constructor(private readonly database: Database) {}

  async write(changes: readonly PresenceChange[]): Promise<void> {
    if (changes.length === 0) return;
    await this.database.transaction(async (tx) => {
      await tx.query(namedQuery('telemetry/upsert-presence'), [
        changes.map((one) => one.projectId),
        changes.map((one) => one.deviceId),
        changes.map((one) => one.connected),
        changes.map((one) => new Date(one.lastSeenMs)),
        changes.map((one) => new Date(one.nextContactByMs)),
      ]);
      const announced = new Map<string, { device: string; presence: string }[]>();
      for (const { projectId, device, connected, announce } of changes) {
        if (!announce) continue;
        const devices = announced.get(projectId) ?? [];
        announced.set(projectId, devices);
        devices.push({ device, presence: connected ? 'connected' : 'pending' });
      }
      const projects = await tx.query<{ id: string }>('select id from project where id = any($1::uuid[])', [
        [...announced.keys()],
      ]);
      const outbox = new Outbox();
      for (const { id } of projects) outbox.add(id, 'presence.changed', { devices: announced.get(id)! });
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

  async disconnectAll(): Promise<void> {
    await this.database.query('update presence set connected = false where connected');
  }
}
