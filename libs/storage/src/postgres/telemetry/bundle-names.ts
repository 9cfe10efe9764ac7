/** What the prefixes in telemetry stand for, cached: a name, once given, never changes. */
import type { BundleName } from '@tinyfleet/telemetry';
import type { Db } from '../database.js';
import { namedQuery } from '../queries/index.js';

/** An unknown prefix is asked again after this time: its build may have been made meanwhile. */
const unknownTtlMs = 5_000;
const maxEntries = 50_000;

interface PrefixKey {
  readonly projectId: string;
  readonly prefix: Uint8Array;
}
/** Made for every window: the bytes as characters, not as hex. */
const keyOf = (projectId: string, prefix: Uint8Array): string => projectId + String.fromCharCode(...prefix);

export class BundleNames {
  private readonly known = new Map<string, BundleName>();
  private readonly unknown = new Map<string, number>();

  /** Loads those that are neither known nor recently found unknown. */
  async load(db: Pick<Db, 'query'>, keys: readonly PrefixKey[]): Promise<void> {
    const now = Date.now();
    const missing = new Map<string, PrefixKey>();
    for (const one of keys) {
      const key = keyOf(one.projectId, one.prefix);
      if (this.known.has(key) || (this.unknown.get(key) ?? 0) > now) continue;
      missing.set(key, one);
    }
    if (missing.size === 0) return;
    const rows = await db.query<{
      projectId: string;
      prefix: Buffer;
      modelVersionId: string;
      classes: number;
    }>(namedQuery('telemetry/find-bundles'), [
      [...missing.values()].map((one) => one.projectId),
      [...missing.values()].map((one) => Buffer.from(one.prefix)),
    ]);
    for (const { projectId, prefix, modelVersionId, classes } of rows) {
      const key = keyOf(projectId, prefix);
      this.known.set(key, { modelVersionId, classes });
      missing.delete(key);
    }
    if (this.unknown.size > maxEntries) this.unknown.clear();
    for (const key of missing.keys()) this.unknown.set(key, now + unknownTtlMs);
  }

  get(projectId: string, prefix: Uint8Array): BundleName | undefined {
    return this.known.get(keyOf(projectId, prefix));
  }
}
