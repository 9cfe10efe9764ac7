/** What imports need from storage: their log, and a stage that rows are copied to, checked in and written from. */
import type { AuditLog, EventSink, Page, PageRequest, ProjectScope, Resource } from '@tinyfleet/contracts';
import type { Filter } from '@tinyfleet/filter';
import type { AttributeValues } from '../attributes.js';
import type { ImportRow, RowError } from './columns.js';

export type DeviceImport = Resource<'DeviceImport'>;
export type OnConflict = DeviceImport['onConflict'];

export interface NewImport {
  readonly id: string;
  readonly dryRun: boolean;
  readonly onConflict: OnConflict;
  readonly createdBy: string;
}
export interface ImportProgress {
  readonly state: DeviceImport['state'];
  readonly rows: number;
  readonly added: number;
  readonly updated: number;
  readonly skipped: number;
}
export interface ImportOutcome extends ImportProgress {
  readonly errorCount: number;
  readonly errors: readonly RowError[];
  readonly problem: DeviceImport['problem'];
  readonly tokens: { readonly sealedSecret: Buffer; readonly until: Date } | undefined;
}

export interface StagedRow extends ImportRow {
  readonly id: string;
  /** SHA-256 of its token; undefined: it gets none. */
  readonly tokenHash: Buffer | undefined;
}
export interface Written {
  readonly added: number;
  readonly updated: number;
}
export interface StageErrors {
  readonly count: number;
  readonly errors: readonly RowError[];
}

/** The stage of one import, gone when `staged` ends. */
export interface ImportStage {
  append(rows: readonly StagedRow[]): Promise<void>;
  /** What the registry and the file as a whole say against rows; the first `most` by line. */
  check(onConflict: OnConflict, most: number): Promise<StageErrors>;
  /** How many rows name a device that is there, and how many do not. */
  count(): Promise<{ readonly known: number; readonly unknown: number }>;
  /**
   * Writes all rows in one transaction, which `settle` belongs to: a throw of it undoes everything.
   * @param progress told after each part
   */
  write(
    onConflict: OnConflict,
    progress: (written: Written) => void,
    settle: (
      stores: { readonly audit: AuditLog; readonly events: EventSink },
      written: Written,
    ) => Promise<void>,
  ): Promise<Written>;
}

export interface ExportRow {
  readonly name: string;
  readonly type: string;
  readonly tags: readonly string[];
  readonly site: string;
  readonly hardwareRevision: string;
  readonly notes: string;
  readonly attributes: AttributeValues;
}

export interface DeviceImportStore {
  /** @throws registry.import-exists */
  add(scope: ProjectScope, started: NewImport): Promise<void>;
  /** Also says that the import is alive. */
  report(scope: ProjectScope, id: string, progress: ImportProgress): Promise<void>;
  finish(scope: ProjectScope, id: string, outcome: ImportOutcome): Promise<void>;
  /** @throws registry.import-not-found */
  get(scope: ProjectScope, id: string): Promise<DeviceImport>;
  list(scope: ProjectScope, page: PageRequest): Promise<Page<DeviceImport>>;
  staged<T>(scope: ProjectScope, createdBy: string, work: (stage: ImportStage) => Promise<T>): Promise<T>;
  /** Undefined when they were fetched or their time is over. */
  sealedSecret(scope: ProjectScope, id: string): Promise<Buffer | undefined>;
  forgetSecret(scope: ProjectScope, id: string): Promise<void>;
  /** Token hashes of devices that were made while the import ran, page by page. */
  tokenHashes(
    scope: ProjectScope,
    id: string,
  ): AsyncIterable<readonly { readonly name: string; readonly hash: Buffer }[]>;
  /** Keys of desired attributes that devices of the filter have, sorted. */
  attributeKeys(scope: ProjectScope, filter: Filter): Promise<string[]>;
  /** By name, page by page. */
  export(scope: ProjectScope, filter: Filter): AsyncIterable<readonly ExportRow[]>;
}
