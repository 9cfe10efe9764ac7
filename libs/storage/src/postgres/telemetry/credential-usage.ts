/** What the edge learns of credentials when they are used, for many devices in one statement. */
import type { CredentialUsage, CredentialUse } from '@tinyfleet/registry';
import type { Db } from '../database.js';
import { namedQuery } from '../queries/index.js';

export class PgCredentialUsage implements CredentialUsage {
  constructor(private readonly db: Db) {}

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
}
