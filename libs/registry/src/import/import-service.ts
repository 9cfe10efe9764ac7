/**
 * Imports of devices: the file is staged as it arrives, checked as a whole and written in one transaction. Tokens are
 * HMACs of the names under a secret of the import, so none is kept: who imported fetches them once, computed again.
 */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { csvLine, type CsvCell, type AuditLog, type ProjectScope } from '@tinyfleet/contracts';
import { FleetError, isFleetError } from '@tinyfleet/errors';
import type { Filter } from '@tinyfleet/filter';
import { attributeCell, DEVICE_COLUMNS, type RowError } from './columns.js';
import type { DeviceImport, DeviceImportStore, ImportProgress, ImportStage, OnConflict } from './ports.js';
import { readDeviceCsv, type CsvLimits } from './read-csv.js';

export interface ImportLimits extends CsvLimits {
  /** Row errors that are kept. */
  readonly maxErrors: number;
  /** Imports at a time in this process; each holds a connection to the database. */
  readonly maxAtOnce: number;
  readonly tokensSeconds: number;
}

export interface DeviceImportRequest {
  readonly id?: string | undefined;
  readonly dryRun: boolean;
  readonly onConflict: OnConflict;
  readonly tokens: boolean;
}

interface ImportSealer {
  seal(plain: Uint8Array, context: string): Buffer;
  open(sealed: Uint8Array, context: string): Buffer;
}

const SECRET_BYTES = 32;
const REPORT_MS = 1_000;
const tokenOf = (secret: Uint8Array, name: string): string =>
  createHmac('sha256', secret).update(name).digest('base64url');
const hashOf = (token: string): Buffer => createHash('sha256').update(token, 'utf8').digest();
const contextOf = (scope: ProjectScope, id: string): string => `device import ${scope.id} ${id}`;

export class DeviceImportService {
  private atWork = 0;

  constructor(
    private readonly store: DeviceImportStore,
    private readonly audit: AuditLog,
    private readonly sealer: ImportSealer,
    private readonly newId: () => string,
    private readonly limits: ImportLimits,
  ) {}

  /** @throws registry.import-refused with the rows that are wrong, registry.import-busy, and what reading the file throws */
  async run(
    actor: string,
    scope: ProjectScope,
    source: AsyncIterable<Uint8Array>,
    request: DeviceImportRequest,
  ): Promise<DeviceImport> {
    if (this.atWork >= this.limits.maxAtOnce)
      throw new FleetError('registry.import-busy', { limit: this.limits.maxAtOnce });
    this.atWork++;
    try {
      const id = request.id ?? this.newId();
      await this.store.add(scope, { ...request, id, createdBy: actor });
      return await this.attempt({ actor, scope, id, request }, source);
    } finally {
      this.atWork--;
    }
  }

  private async attempt(job: Job, source: AsyncIterable<Uint8Array>): Promise<DeviceImport> {
    const { scope, id, request } = job;
    const secret = request.tokens && !request.dryRun ? randomBytes(SECRET_BYTES) : undefined;
    const errors = new RowErrors(this.limits.maxErrors);
    const now: Mutable<ImportProgress> = { state: 'reading', rows: 0, added: 0, updated: 0, skipped: 0 };
    const timer = setInterval(() => void this.store.report(scope, id, now).catch(() => {}), REPORT_MS);
    try {
      await this.store.staged(scope, job.actor, async (stage) => {
        now.rows = await this.read(stage, source, { secret, errors, now });
        now.state = 'checking';
        await this.settle(stage, job, errors, now);
      });
      const done = errors.count === 0;
      now.state = request.dryRun ? 'checked' : done ? 'applied' : 'refused';
      const tokens =
        secret && done && now.added > 0
          ? {
              sealedSecret: this.sealer.seal(secret, contextOf(scope, id)),
              until: new Date(Date.now() + this.limits.tokensSeconds * 1_000),
            }
          : undefined;
      clearInterval(timer);
      if (request.dryRun) {
        await this.audit.append(scope, {
          actor: job.actor,
          action: 'device.import-checked',
          target: id,
          detail: { rows: now.rows, errors: errors.count },
        });
      }
      await this.store.finish(scope, id, {
        ...now,
        errorCount: errors.count,
        errors: errors.first,
        problem: null,
        tokens,
      });
    } catch (error) {
      clearInterval(timer);
      const known = isFleetError(error) ? error : new FleetError('registry.import-interrupted');
      const ended = { ...now, state: 'failed' as const, added: 0, updated: 0, skipped: 0 };
      await this.store
        .finish(scope, id, {
          ...ended,
          errorCount: errors.count,
          errors: errors.first,
          problem: known.toProblem(),
          tokens: undefined,
        })
        .catch(() => {});
      throw error;
    }
    if (now.state === 'refused') {
      throw new FleetError('registry.import-refused', {
        count: errors.count,
        rows: now.rows,
        import: id,
        errors: errors.first,
      });
    }
    return await this.store.get(scope, id);
  }

  private async read(
    stage: ImportStage,
    source: AsyncIterable<Uint8Array>,
    { secret, errors, now }: { secret: Buffer | undefined; errors: RowErrors; now: Mutable<ImportProgress> },
  ): Promise<number> {
    return await readDeviceCsv(
      untilItEnds(source),
      {
        rows: async (rows) => {
          await stage.append(
            rows.map((row) => ({
              ...row,
              id: this.newId(),
              tokenHash: secret && hashOf(tokenOf(secret, row.name)),
            })),
          );
        },
        error: (error) => errors.add(error),
        progress: (rows) => void (now.rows = rows),
      },
      this.limits,
    );
  }

  private async settle(
    stage: ImportStage,
    { actor, scope, id, request }: Job,
    errors: RowErrors,
    now: Mutable<ImportProgress>,
  ): Promise<void> {
    const { dryRun, onConflict } = request;
    const check = async () => errors.merge(await stage.check(onConflict, this.limits.maxErrors));
    // A new fleet is written at once: the constraints of the table find what is wrong with it, and only then it is asked.
    if (dryRun || onConflict !== 'fail' || errors.count > 0) await check();
    if (errors.count > 0) return;
    if (dryRun) {
      const { known, unknown } = await stage.count();
      now.added = unknown;
      if (onConflict === 'update') now.updated = known;
      else now.skipped = known;
      return;
    }
    now.state = 'writing';
    try {
      await stage.write(
        onConflict,
        (written) => Object.assign(now, written),
        async ({ audit, events }, written) => {
          if (onConflict !== 'skip' && written.added + written.updated !== now.rows)
            throw new FleetError('registry.import-conflict');
          Object.assign(now, written, { skipped: now.rows - written.added - written.updated });
          await audit.append(scope, {
            actor,
            action: 'device.imported',
            target: id,
            detail: { ...written, skipped: now.skipped, onConflict, tokens: request.tokens },
          });
          await events.emit(scope, 'device.imported', { import: id, ...written });
        },
      );
    } catch (error) {
      if (!isFleetError(error) || error.code !== 'registry.import-conflict') throw error;
      Object.assign(now, { added: 0, updated: 0, skipped: 0 });
      await check();
      if (errors.count === 0) throw error;
    }
  }

  /**
   * CSV of name and token, in chunks. The secret is forgotten when the last one was taken.
   * @throws registry.import-not-found, registry.import-tokens-gone
   */
  async tokens(actor: string, scope: ProjectScope, id: string): Promise<AsyncGenerator<string>> {
    const found = await this.store.get(scope, id);
    if (found.createdBy !== actor)
      throw new FleetError('registry.import-tokens-gone', { reason: 'they are for who imported only' });
    const sealed = await this.store.sealedSecret(scope, id);
    if (!sealed) {
      throw new FleetError('registry.import-tokens-gone', {
        reason: 'it made none, they were fetched, or their time is over',
      });
    }
    return this.tokenLines(scope, id, this.sealer.open(sealed, contextOf(scope, id)));
  }

  private async *tokenLines(scope: ProjectScope, id: string, secret: Buffer): AsyncGenerator<string> {
    yield 'name,token\r\n';
    for await (const devices of this.store.tokenHashes(scope, id)) {
      let chunk = '';
      for (const { name, hash } of devices) {
        const token = tokenOf(secret, name);
        // Others were registered meanwhile, or have a newer token.
        if (hashOf(token).equals(hash)) chunk += `${name},${token}\r\n`;
      }
      if (chunk !== '') yield chunk;
    }
    await this.store.forgetSecret(scope, id);
  }

  /** CSV in chunks, in the columns of an import. */
  async *export(scope: ProjectScope, filter: Filter): AsyncGenerator<string> {
    const keys = await this.store.attributeKeys(scope, filter);
    yield `${[...DEVICE_COLUMNS, ...keys.map((key) => `attr.${key}`)].join(',')}\r\n`;
    for await (const devices of this.store.export(scope, filter)) {
      let chunk = '';
      for (const { name, type, tags, site, hardwareRevision, notes, attributes } of devices) {
        const cells: CsvCell[] = [name, type, tags.join(' '), site, hardwareRevision, notes];
        for (const key of keys) {
          const value = attributes[key];
          cells.push(typeof value === 'string' ? attributeCell(value) : value);
        }
        chunk += `${csvLine(cells)}\r\n`;
      }
      yield chunk;
    }
  }
}

interface Job {
  readonly actor: string;
  readonly scope: ProjectScope;
  readonly id: string;
  readonly request: DeviceImportRequest;
}
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A connection that breaks is the sender's end, not the database's. */
async function* untilItEnds(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* source;
  } catch (error) {
    throw isFleetError(error) ? error : new FleetError('registry.import-interrupted', {}, { cause: error });
  }
}

/** The first errors by line, and how many there are. */
class RowErrors {
  count = 0;
  first: RowError[] = [];
  constructor(private readonly most: number) {}

  add(error: RowError): void {
    this.count++;
    if (this.first.length < this.most) this.first.push(error);
  }

  merge({ count, errors }: { readonly count: number; readonly errors: readonly RowError[] }): void {
    this.count += count;
    this.first = [...this.first, ...errors].sort((a, b) => a.line - b.line).slice(0, this.most);
  }
}
