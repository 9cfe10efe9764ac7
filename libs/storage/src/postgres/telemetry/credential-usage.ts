/** What the edge learns of credentials when they are used, for many devices in one statement. */
import type { CredentialUsage, CredentialUse } from '@tinyfleet/registry';
import type { Database } from '../database.js';
import { namedQuery } from '../queries/index.js';
import { Outbox } from './outbox.js';

export class PgCredentialUsage implements CredentialUsage {
  constructor(private readonly db: Database) {}

  async note(
    uses: readonly CredentialUse[],
    graceSeconds: number,
  ): Promise<{ project: string; device: string }[]> {
    return await this.db.query(namedQuery('telemetry/note-credential-uses'), [
      uses.map(({ projectId }) => projectId),
      uses.map(({ credentialId }) => credentialId),
      uses.map(({ at }) => at),
      uses.map(({ sealedKey }) => sealedKey ?? null),
      graceSeconds,
    ]);
  }

  async warn(withinDays: number): Promise<number> {
    return await this.db.transaction(async (tx) => {
      const rows = await tx.query<{ projectId: string; device: string; isNew: boolean }>(
        namedQuery('telemetry/warn-certificates'),
        [withinDays],
      );
      const outbox = new Outbox();
      for (const { projectId, device, isNew } of rows)
        if (isNew) outbox.add(projectId, 'credential.changed', { device, change: 'expiring' });
      await outbox.write(tx);
      // A clock may be wrong; by this much none is.
      await tx.execute(`delete from removed_certificate where ends_at < now() - interval '30 days'`);
      return rows.length;
    });
  }
}
