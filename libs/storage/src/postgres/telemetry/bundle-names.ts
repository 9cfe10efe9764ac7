/** What the prefixes in telemetry stand for, cached: a name, once given, never changes. */
import type { BundleName } from '@tinyfleet/telemetry';
import type { Db } from '../database.js';
import { namedQuery } from '../queries/index.js';

/** An unknown prefix is asked again after this time: its build may have been made meanwhile. */
const unknownTtlMs = 5_000;
/** Beyond it the cache starts anew; a stranger cannot fill it faster than its rate limit. */
const maxEntries = 50_000;

interface PrefixKey {
  readonly projectId: string;
  readonly prefix: Uint8Array;
}
interface Entry {
  readonly prefix: Buffer;
  /** Undefined: not known at `askedAt`. */
  readonly name: BundleName | undefined;
  readonly askedAt: number;
}

export class BundleNames {
  /** By project, then by the first four bytes as a number: looked up for every window, so no text is made of them. */
  private projects = new Map<string, Map<number, Entry[]>>();
  private entries = 0;

  /** Loads those that are neither known nor recently found unknown. */
  async load(db: Pick<Db, 'query'>, keys: readonly PrefixKey[]): Promise<void> {
    const now = Date.now();
    const missing: PrefixKey[] = [];
    for (const key of keys) {
      const entry = this.find(key.projectId, key.prefix);
      if (entry && (entry.name || entry.askedAt + unknownTtlMs > now)) continue;
      if (!missing.some((one) => one.projectId === key.projectId && isSame(one.prefix, key.prefix)))
        missing.push(key);
    }
    if (missing.length === 0) return;
    const rows = await db.query<{
      projectId: string;
      prefix: Buffer;
      modelVersionId: string;
      classes: number;
    }>(namedQuery('telemetry/find-bundles'), [
      missing.map((one) => one.projectId),
      missing.map((one) => Buffer.from(one.prefix)),
    ]);
    for (const { projectId, prefix } of missing) {
      const row = rows.find((one) => one.projectId === projectId && isSame(one.prefix, prefix));
      const name = row && { modelVersionId: row.modelVersionId, classes: row.classes };
      this.keep(projectId, { prefix: Buffer.from(prefix), name, askedAt: now });
    }
  }

  get(projectId: string, prefix: Uint8Array): BundleName | undefined {
    return this.find(projectId, prefix)?.name;
  }

  private find(projectId: string, prefix: Uint8Array): Entry | undefined {
    return this.projects
      .get(projectId)
      ?.get(shortKey(prefix))
      ?.find((entry) => isSame(entry.prefix, prefix));
  }

  private keep(projectId: string, entry: Entry): void {
    if (++this.entries > maxEntries) {
      this.projects = new Map();
      this.entries = 1;
    }
    let project = this.projects.get(projectId);
    if (!project) this.projects.set(projectId, (project = new Map<number, Entry[]>()));
    const key = shortKey(entry.prefix);
    const others = (project.get(key) ?? []).filter(({ prefix }) => !isSame(prefix, entry.prefix));
    project.set(key, [...others, entry]);
  }
}

const shortKey = (prefix: Uint8Array): number =>
  (prefix[0]! | (prefix[1]! << 8) | (prefix[2]! << 16) | (prefix[3]! << 24)) >>> 0;

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
