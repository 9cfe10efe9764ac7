/**
 * A real edge on a real Postgres for medium tests and the benchmark: registers devices and releases by SQL, because
 * what is under test starts behind the API. Bundles are random bytes; scripted devices check digests, nothing else.
 */
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectScope, type ProjectScope } from '@tinyfleet/contracts';
import { CATALOGUE, CommandService } from '@tinyfleet/registry';
import {
  KeyRotationService,
  PayloadService,
  ReleaseService,
  SecretSealer,
  SigningKeyService,
  type PayloadKey,
  type PayloadOutcome,
} from '@tinyfleet/releases';
import {
  Conductor,
  conductorDefaults,
  type ConductorOptions,
  RolloutOperator,
  StepGates,
  RolloutService,
  UpdateRuleService,
} from '@tinyfleet/rollouts';
import * as storage from '@tinyfleet/storage';
import {
  Database,
  DirectoryBlobStore,
  EventListener,
  PgOpenRollouts,
  PgStores,
  startEmbeddedPostgres,
  transactAsLeader,
  transactOn,
  type EmbeddedPostgres,
} from '@tinyfleet/storage';
import { NO_FLUSH, copyCluster } from '@tinyfleet/testing';
import {
  RetentionSweep,
  defaultWindowPolicy,
  sweepDefaults,
  type RemovedRows,
  type SweepOptions,
} from '@tinyfleet/telemetry';
import { uuidv7 } from 'uuidv7';
import { listenMqtt, type MqttListener } from '../src/mqtt/broker/listen.js';
import { Edge, type EdgeOptions } from '../src/mqtt/edge.js';
import { encodePayload } from '../src/compiler/encode-payload.js';
import { Conducting, conductingDefaults, type ConductingOptions } from '../src/rollout/conducting.js';
import { Leader } from '@tinyfleet/storage';
import { FakeClock } from './fake-clock.js';

export interface SeededRelease {
  readonly ref: string;
  readonly digest: Buffer;
  readonly bytes: Buffer;
}

interface NewBuild {
  readonly versionId: string;
  readonly releaseId: string;
  readonly digest: Buffer;
  readonly size: number;
  readonly classes: number;
  readonly report: object;
}

export class FleetHarness {
  readonly errors: string[] = [];
  readonly projectId = uuidv7();
  readonly typeId = uuidv7();
  readonly scope: ProjectScope = projectScope(this.projectId, 'demo');
  readonly stores: PgStores;
  readonly rollouts: RolloutService;
  readonly operator: RolloutOperator;
  readonly updateRules: UpdateRuleService;
  readonly keys: SigningKeyService;
  readonly releases: ReleaseService;
  readonly rotation: KeyRotationService;
  readonly commands: CommandService;
  edge!: Edge;
  private listener: MqttListener | undefined;
  private conducting: Conducting | undefined;
  private events: EventListener | undefined;
  private versions = 0;
  /** The rollout engine's clock is ahead of the database's by so much. */
  clockSkewS = 0;
  clock: FakeClock | undefined;
  readonly sealer = new SecretSealer(randomBytes(32));

  private constructor(
    private readonly folder: string,
    public postgres: EmbeddedPostgres,
    readonly database: Database,
    readonly blobs: DirectoryBlobStore,
  ) {
    this.stores = new PgStores(database);
    this.rollouts = new RolloutService(this.stores, transactOn(database), uuidv7);
    this.operator = new RolloutOperator(this.stores, transactOn(database));
    this.updateRules = new UpdateRuleService(transactOn(database));
    this.keys = new SigningKeyService(this.stores, transactOn(database), this.sealer, uuidv7);
    this.releases = new ReleaseService(this.stores, transactOn(database), this.keys);
    this.rotation = new KeyRotationService(this.stores, transactOn(database), this.keys);
    this.commands = new CommandService(transactOn(database), uuidv7);
  }

  /** @param withClock the clock of the database and of this process is `clock`'s */
  static async start({ withClock = false } = {}): Promise<FleetHarness> {
    const folder = mkdtempSync(join(tmpdir(), 'tinyfleet-edge-'));
    // Root runs Postgres as another user, who has to get in.
    chmodSync(folder, 0o755);
    await copyCluster(storage, join(folder, 'postgres'));
    const postgres = await startPostgres(folder);
    let database = await Database.connect({ target: postgres.connection });
    if (withClock) {
      await FakeClock.install(database);
      await database.close();
      database = await Database.connect({ target: postgres.connection });
    }
    await mkdir(join(folder, 'blobs'));
    const harness = new FleetHarness(
      folder,
      postgres,
      database,
      new DirectoryBlobStore(join(folder, 'blobs')),
    );
    await database.query(`insert into project (id, name, window_s, pick_every) values ($1, 'demo', 10, 50)`, [
      harness.projectId,
    ]);
    await database.query(
      `insert into device_type (project_id, id, name, builtin, spec) values ($1, $2, 'wasm', true, $3)`,
      [harness.projectId, harness.typeId, CATALOGUE.find(({ name }) => name === 'wasm')],
    );
    if (withClock) harness.clock = FakeClock.on(database);
    return harness;
  }

  async startEdge(options: Partial<EdgeOptions> = {}): Promise<void> {
    this.edge = new Edge(this.database, this.blobs, {
      sealer: this.sealer,
      windows: defaultWindowPolicy,
      onError: (part, error) => this.errors.push(`${part}: ${(error as Error).message}`),
      ...options,
    });
    await this.edge.start();
    this.listener = await listenMqtt(this.edge.broker, { host: '127.0.0.1', port: 0 });
    this.events = new EventListener(this.database);
    await this.events.start();
    this.events.subscribe(() => this.edge.wake());
  }

  /** `options` of both of its clocks, in place of the quick ones of tests. */
  startConducting(options?: { conductor: ConductorOptions; conducting: ConductingOptions }): void {
    const leader = new Leader(this.database);
    const clock = { clockSkewS: () => this.clockSkewS };
    const rollouts = new PgOpenRollouts(this.database, clock.clockSkewS);
    const conductor = new Conductor(
      rollouts,
      transactAsLeader(this.database, leader, clock),
      options?.conductor ?? { ...conductorDefaults, clockMs: 100, joinMs: 100, gateMs: 100, denyMs: 1_000 },
      new StepGates(rollouts, new storage.PgCohortMetrics(this.database)),
    );
    const failed = (error: unknown): void => void this.errors.push(`rollout: ${(error as Error).message}`);
    const quick = { ...conductingDefaults, pollMs: 200, gatherMs: 20 };
    const conducting = new Conducting(leader, conductor, failed, options?.conducting ?? quick);
    this.conducting = conducting;
    this.events?.subscribe(() => conducting.wake());
    conducting.start();
  }

  /** Removes what is over, as the retention role does. */
  async sweep(options: Partial<SweepOptions> = {}): Promise<RemovedRows> {
    const leader = new Leader(this.database, 'retention');
    if (!(await leader.tryLead())) throw new Error('somebody else sweeps');
    const store = new storage.PgRemovalStore(this.database, leader);
    const parts = { now: Date.now, pause: () => Promise.resolve(), stopped: () => false };
    try {
      return await new RetentionSweep(store, { ...sweepDefaults, instanceDays: 31, ...options }, parts).run();
    } finally {
      await leader.resign();
    }
  }

  async stopConducting(): Promise<void> {
    await this.conducting?.stop();
    this.conducting = undefined;
  }

  get port(): number {
    return this.listener!.port;
  }

  /** @returns token by device name */
  async register(
    names: readonly string[],
    tags: readonly string[] = ['demo'],
    typeId = this.typeId,
  ): Promise<Map<string, string>> {
    const tokens = new Map(names.map((name) => [name, randomBytes(32).toString('base64url')]));
    await this.database.query(
      `with made as (
         insert into device (project_id, id, name, type_id, tags)
         select $1, id, name, $2, $3::text[] from unnest($4::uuid[], $5::text[]) as t (id, name) returning id, name
       )
       insert into device_credential (project_id, id, device_id, kind, hash, created_by)
       select $1, made.id, made.id, 'token', hash, 'test' from unnest($5::text[], $6::bytea[]) as t (name, hash) join made using (name)`,
      [
        this.projectId,
        typeId,
        tags,
        names.map(() => uuidv7()),
        names,
        names.map((name) => createHash('sha256').update(tokens.get(name)!).digest()),
      ],
    );
    return tokens;
  }

  /**
   * A signed release with one bundle for the one type: of so many random bytes, or of these. Its manifest is no real one; with
   * `sign` the project's key signs; a `draft` nobody has signed.
   */
  async release(
    content: number | Buffer,
    needs: Record<string, number> = {},
    { classes = 2, sign = false, draft = false, soakS = 0, typeIds = [this.typeId] } = {},
  ): Promise<SeededRelease> {
    const bytes = typeof content === 'number' ? randomBytes(content) : content;
    const size = bytes.length;
    const { digest: hex } = await this.blobs.put(bytes, size);
    const digest = Buffer.from(hex, 'hex');
    const version = `1.${++this.versions}.0`;
    const [modelId, versionId, releaseId] = [uuidv7(), uuidv7(), uuidv7()];
    const { projectId, database } = this;
    await database.query(
      `insert into blob (project_id, digest, kind, bytes) values ($1, $2, 'bundle', $3) on conflict do nothing`,
      [projectId, digest, size],
    );
    await database.query(
      `insert into model (project_id, id, name) values ($1, $2, 'kws') on conflict (project_id, name) do nothing`,
      [projectId, modelId],
    );
    await database.query(
      `insert into model_version (project_id, id, model_id, version, version_order, format, file_name, source_digest, source_bytes,
         contract, inspection, labels, created_by)
       select $1, $2, id, $3, $3, 'tflite', 'kws.tflite', $4, $5, '{}', '{}', '{a,b}', 'test' from model where project_id = $1 and name = 'kws'`,
      [projectId, versionId, version, digest, size],
    );
    const report = {
      goldenVectors: 1,
      needs: { abi: 0x1_0000, opSet: '', ownOpSet: '', arenaBytes: 1_000, stateBytes: 0, ...needs },
    };
    await database.query(
      `insert into release (project_id, id, model_version_id, sequence, state, signed_at, created_by, soak_s)
       values ($1, $2, $3, next_number($1, 'release', 2), $4, case $4 when 'approved' then now() end, 'test', $5)`,
      [projectId, releaseId, versionId, sign || draft ? 'draft' : 'approved', soakS],
    );
    for (const typeId of typeIds)
      await this.build(typeId, { versionId, releaseId, digest, size, classes, report });
    const ref = `kws@${version}`;
    if (sign) await this.releases.sign('test', this.scope, ref);
    return { ref, digest, bytes };
  }

  private async build(
    typeId: string,
    { versionId, releaseId, digest, size, classes, report }: NewBuild,
  ): Promise<void> {
    const { projectId, database } = this;
    const buildId = uuidv7();
    await database.query(
      `insert into build (project_id, id, model_version_id, type_id, state, source_digest, options_digest, bundle_digest, bundle_bytes, report, created_by)
       values ($1, $2, $3, $4, 'succeeded', $5, $5, $5, $6, $7, 'test')`,
      [projectId, buildId, versionId, typeId, digest, size, JSON.stringify(report)],
    );
    await database.query(
      `insert into bundle_name (project_id, prefix, digest, model_version_id, type_id, classes, schema_crc)
       values ($1, $2, $3, $4, $5, $6, 0) on conflict do nothing`,
      [projectId, digest.subarray(0, 8), digest, versionId, typeId, classes],
    );
    await database.query(
      `insert into release_artifact (project_id, release_id, type_id, build_id, bundle_digest, bundle_bytes, manifest)
       values ($1, $2, $3, $4, $5, $6, $7)`,
      [projectId, releaseId, typeId, buildId, digest, size, Buffer.concat([Buffer.from('manifest'), digest])],
    );
  }

  /** Makes the payloads that are planned, as the compiler role does, in this process. @returns outcomes */
  async makePayloads(): Promise<PayloadOutcome[]> {
    const keys = await this.database.query<PayloadKey & object>(
      `select encode(target_digest, 'hex') as target, encode(base_digest, 'hex') as base, method, block_bytes::int as "blockBytes"
       from transfer_payload where state = 'queued' order by method, base_digest`,
    );
    const service = new PayloadService(this.stores, transactOn(this.database), this.blobs);
    const outcomes: PayloadOutcome[] = [];
    for (const key of keys) outcomes.push(await service.compute(this.scope, key, { encode: encodePayload }));
    return outcomes;
  }

  /** SIGKILL, as a crash: nothing is flushed. */
  killPostgres(): void {
    process.kill(this.postgres.pid, 'SIGKILL');
  }

  /** Stops the database cleanly and starts it again on the same port after a pause. */
  async bouncePostgres(pauseMs: number): Promise<void> {
    await this.postgres.stop();
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    this.postgres = await startPostgres(this.folder, this.postgres.connection.port);
  }

  /** As a clean stop of the role does; `startEdge` starts it again. */
  async stopEdge(): Promise<void> {
    // It is closed when the last connection is, and the edge ends those.
    const closed = this.listener?.close();
    await this.edge?.stop();
    await closed;
    await this.events?.stop();
    this.listener = this.events = undefined;
  }

  async stop(): Promise<void> {
    this.clock?.restore();
    await this.conducting?.stop();
    await this.stopEdge();
    await this.database.close();
    await this.postgres.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function startPostgres(folder: string, port?: number): Promise<EmbeddedPostgres> {
  return await startEmbeddedPostgres({
    directory: join(folder, 'postgres'),
    logFile: join(folder, 'postgres.log'),
    settings: { ...NO_FLUSH, ...(port === undefined ? {} : { port: String(port) }) },
  });
}
