/** What the prefixes in telemetry stand for, cached: a name, once given, never changes. */
import type { BundleName } from '@tinyfleet/telemetry';
import type { Db } from '../database.js';
import { namedQuery } from '../queries/index.js';

/** An unknown prefix is asked again after this time: its build may have been made meanwhile. */
const unknownTtlMs = 5_000;
/** Where a load could go beyond it the cache starts anew; a stranger cannot fill it faster than its rate limit. */
const defaultMaxEntries = 50_000;

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

/** By project, then by the first four bytes as a number: looked up for every window, so no text is made of them. */
type Projects = Map<string, Map<number, Entry[]>>;
export type FindBundle = (projectId: string, prefix: Uint8Array) => BundleName | undefined;

export class BundleNames {
  private projects: Projects = new Map();
  private entries = 0;

  constructor(private readonly maxEntries = defaultMaxEntries) {}

  /**
   * Loads those that are neither known nor recently found unknown. Prefixes may be views that change.
   * @returns finds them also after another load, of somebody else, has begun the cache anew
   */
  async load(db: Pick<Db, 'query'>, keys: readonly PrefixKey[]): Promise<FindBundle> {
    const now = Date.now();
    // Before anything is taken for known: what a batch asks for is there afterwards.
    if (this.entries + keys.length > this.maxEntries) {
      this.projects = new Map();
      this.entries = 0;
    }
    const { projects } = this;
    const known: FindBundle = (projectId, prefix) => find(projects, projectId, prefix)?.name;
    const missing: (PrefixKey & { readonly prefix: Buffer })[] = [];
    for (const key of keys) {
      const entry = find(projects, key.projectId, key.prefix);
      if (entry && (entry.name || entry.askedAt + unknownTtlMs > now)) continue;
      if (!missing.some((one) => one.projectId === key.projectId && isSame(one.prefix, key.prefix)))
        missing.push({ projectId: key.projectId, prefix: Buffer.from(key.prefix) });
    }
    if (missing.length === 0) return known;
    const rows = await db.query<{
      projectId: string;
      prefix: Buffer;
      modelVersionId: string;
      classes: number;
    }>(namedQuery('telemetry/find-bundles'), [
      missing.map((one) => one.projectId),
      missing.map(({ prefix }) => prefix),
    ]);
    for (const { projectId, prefix } of missing) {
      const row = rows.find((one) => one.projectId === projectId && isSame(one.prefix, prefix));
      const name = row && { modelVersionId: row.modelVersionId, classes: row.classes };
      this.keep(projects, projectId, { prefix, name, askedAt: now });
    }
    return known;
  }

  get(projectId: string, prefix: Uint8Array): BundleName | undefined {
    return find(this.projects, projectId, prefix)?.name;
  }

  private keep(projects: Projects, projectId: string, entry: Entry): void {
    let project = projects.get(projectId);
    if (!project) projects.set(projectId, (project = new Map<number, Entry[]>()));
    const key = shortKey(entry.prefix);
    const before = project.get(key) ?? [];
    const others = before.filter(({ prefix }) => !isSame(prefix, entry.prefix));
    if (others.length === before.length && projects === this.projects) this.entries++;
    project.set(key, [...others, entry]);
  }
}

const find = (projects: Projects, projectId: string, prefix: Uint8Array): Entry | undefined =>
  projects
    .get(projectId)
    ?.get(shortKey(prefix))
    ?.find((entry) => isSame(entry.prefix, prefix));

const shortKey = (prefix: Uint8Array): number =>
  (prefix[0]! | (prefix[1]! << 8) | (prefix[2]! << 16) | (prefix[3]! << 24)) >>> 0;

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
